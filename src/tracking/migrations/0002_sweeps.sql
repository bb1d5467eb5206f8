-- A search over configs.
CREATE TABLE sweep (
    number     INTEGER PRIMARY KEY,
    id         TEXT NOT NULL UNIQUE,
    experiment TEXT NOT NULL,
    started    TEXT NOT NULL,             -- UTC, fixed width: sorts as time
    config     TEXT NOT NULL,             -- TOML
    method     TEXT NOT NULL,
    metric     TEXT NOT NULL,
    params     TEXT NOT NULL              -- names, a JSON list
) STRICT;

-- Its queue. A trial that is running belongs to its worker until the lease runs out.
CREATE TABLE trial (
    sweep    INTEGER NOT NULL REFERENCES sweep (number) ON DELETE CASCADE,
    number   INTEGER NOT NULL,
    state    TEXT NOT NULL,
    params   TEXT NOT NULL,               -- JSON, {} until it is taken
    attempts INTEGER NOT NULL,
    worker   TEXT,
    lease    REAL,                        -- seconds since 1970
    started  TEXT,
    ended    TEXT,
    runs     TEXT NOT NULL,               -- ids, a JSON list
    value    REAL,
    reason   TEXT NOT NULL,
    rungs    TEXT NOT NULL,               -- JSON: value by epoch
    PRIMARY KEY (sweep, number)
) STRICT, WITHOUT ROWID;
