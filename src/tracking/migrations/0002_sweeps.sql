-- Two columns of the run, before `environment`, which stays last.
ALTER TABLE run ADD COLUMN home TEXT NOT NULL DEFAULT '';       -- where its folder is: '' for here
ALTER TABLE run ADD COLUMN heard REAL NOT NULL DEFAULT 0;       -- seconds since 1970: its last sign of life
ALTER TABLE run ADD COLUMN environment_last TEXT NOT NULL DEFAULT 'null';
UPDATE run SET environment_last = environment;
ALTER TABLE run DROP COLUMN environment;
ALTER TABLE run RENAME COLUMN environment_last TO environment;

ALTER TABLE removed ADD COLUMN home TEXT NOT NULL DEFAULT '';

CREATE TABLE sweep (
    number     INTEGER PRIMARY KEY,
    id         TEXT NOT NULL UNIQUE,
    experiment TEXT NOT NULL,
    started    TEXT NOT NULL,
    method     TEXT NOT NULL,
    metric     TEXT NOT NULL,
    params     TEXT NOT NULL,             -- JSON array: names
    trials     INTEGER NOT NULL,
    config     TEXT NOT NULL
) STRICT;

CREATE TABLE trial (
    sweep    INTEGER NOT NULL REFERENCES sweep (number) ON DELETE CASCADE,
    number   INTEGER NOT NULL,
    state    TEXT NOT NULL,
    claim    INTEGER NOT NULL DEFAULT 0,  -- grows whenever it is taken: fences the workers that had it before
    attempts INTEGER NOT NULL DEFAULT 0,  -- as `claim`, less the times that it was given back
    lease    REAL NOT NULL DEFAULT 0,     -- seconds since 1970; past it, another worker may take the trial
    worker   TEXT,
    started  TEXT,
    ended    TEXT,
    value    REAL,
    reason   TEXT NOT NULL DEFAULT '',
    params   TEXT NOT NULL DEFAULT '{}',  -- JSON, as are the next two
    runs     TEXT NOT NULL DEFAULT '[]',
    rungs    TEXT NOT NULL DEFAULT '{}',
    PRIMARY KEY (sweep, number)
) STRICT, WITHOUT ROWID;
