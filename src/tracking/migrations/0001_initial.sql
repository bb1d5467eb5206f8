-- Never change a migration that was released: add the next number.

-- One row. `revision` counts every change of the store; the dashboard asks "what changed since".
CREATE TABLE store (
    only     INTEGER PRIMARY KEY CHECK (only = 1),
    revision INTEGER NOT NULL
) STRICT;
INSERT INTO store VALUES (1, 0);

-- A run as its run.json says it. The unsigned 64-bit numbers are kept as their bits.
CREATE TABLE run (
    number      INTEGER PRIMARY KEY,
    id          TEXT NOT NULL UNIQUE,
    started     TEXT NOT NULL,            -- UTC, fixed width: sorts as time
    revision    INTEGER NOT NULL,         -- of the store, when this run last changed
    record      TEXT NOT NULL,            -- run.json, compact
    environment TEXT NOT NULL             -- environment.json, compact; last, so that lists skip its pages
) STRICT;
CREATE INDEX run_by_started ON run (started, id);
CREATE INDEX run_by_revision ON run (revision);

-- Runs that left `runs/`: a client that follows revisions learns of it here.
CREATE TABLE removed (
    id       TEXT PRIMARY KEY,
    revision INTEGER NOT NULL
) STRICT;

-- The summary of one metric of one run: lists never read the points.
CREATE TABLE metric (
    number     INTEGER PRIMARY KEY,
    run        INTEGER NOT NULL REFERENCES run (number) ON DELETE CASCADE,
    key        TEXT NOT NULL,             -- split/metric
    points     INTEGER NOT NULL,
    last       REAL,                      -- NULL is NaN
    last_epoch INTEGER NOT NULL,
    last_step  INTEGER NOT NULL,
    last_time  REAL NOT NULL,
    best       REAL,                      -- finite; NULL when no value was
    best_epoch INTEGER,
    UNIQUE (run, key)
) STRICT;

CREATE TABLE point (
    metric INTEGER NOT NULL REFERENCES metric (number) ON DELETE CASCADE,
    epoch  INTEGER NOT NULL,
    step   INTEGER NOT NULL,
    time   REAL NOT NULL,
    value  REAL,                          -- NULL is NaN; infinities are REAL
    PRIMARY KEY (metric, epoch, step)
) STRICT, WITHOUT ROWID;
