-- The tables of burnlab.db as its migrations left them; their columns are explained there. Texts that are sorted are
-- compared by their bytes, as in SQLite. Never change a migration that was released: add the next number.

CREATE TABLE burnlab_schema (version BIGINT NOT NULL);
INSERT INTO burnlab_schema VALUES (0);

CREATE TABLE store (revision BIGINT NOT NULL);
INSERT INTO store VALUES (0);

CREATE TABLE run (
    number      BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    id          TEXT COLLATE "C" NOT NULL UNIQUE,
    started     TEXT COLLATE "C" NOT NULL,
    revision    BIGINT NOT NULL,
    record      TEXT NOT NULL,
    home        TEXT NOT NULL,            -- host:/absolute/artifacts
    heard       DOUBLE PRECISION NOT NULL,
    environment TEXT NOT NULL
);
CREATE INDEX run_by_started ON run (started, id);
CREATE INDEX run_by_revision ON run (revision);

CREATE TABLE removed (
    id       TEXT COLLATE "C" PRIMARY KEY,
    revision BIGINT NOT NULL,
    home     TEXT NOT NULL
);

CREATE TABLE metric (
    number     BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    run        BIGINT NOT NULL REFERENCES run (number) ON DELETE CASCADE,
    key        TEXT COLLATE "C" NOT NULL,
    points     BIGINT NOT NULL,
    last       DOUBLE PRECISION,
    last_epoch BIGINT NOT NULL,
    last_step  BIGINT NOT NULL,
    last_time  DOUBLE PRECISION NOT NULL,
    best       DOUBLE PRECISION,
    best_epoch BIGINT,
    UNIQUE (run, key)
);

CREATE TABLE point (
    metric BIGINT NOT NULL REFERENCES metric (number) ON DELETE CASCADE,
    epoch  BIGINT NOT NULL,
    step   BIGINT NOT NULL,
    time   DOUBLE PRECISION NOT NULL,
    value  DOUBLE PRECISION,
    PRIMARY KEY (metric, epoch, step)
);

CREATE TABLE sweep (
    number     BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    id         TEXT COLLATE "C" NOT NULL UNIQUE,
    experiment TEXT NOT NULL,
    started    TEXT COLLATE "C" NOT NULL,
    method     TEXT NOT NULL,
    metric     TEXT NOT NULL,
    params     TEXT NOT NULL,
    trials     BIGINT NOT NULL,
    config     TEXT NOT NULL
);

CREATE TABLE trial (
    sweep    BIGINT NOT NULL REFERENCES sweep (number) ON DELETE CASCADE,
    number   BIGINT NOT NULL,
    state    TEXT NOT NULL,
    claim    BIGINT NOT NULL DEFAULT 0,
    attempts BIGINT NOT NULL DEFAULT 0,
    lease    DOUBLE PRECISION NOT NULL DEFAULT 0,
    worker   TEXT,
    started  TEXT,
    ended    TEXT,
    value    DOUBLE PRECISION,
    reason   TEXT NOT NULL DEFAULT '',
    params   TEXT NOT NULL DEFAULT '{}',
    runs     TEXT NOT NULL DEFAULT '[]',
    rungs    TEXT NOT NULL DEFAULT '{}',
    PRIMARY KEY (sweep, number)
);
