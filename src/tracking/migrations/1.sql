-- Never change a migration that was released: add the next number.

CREATE TABLE runs (
    row INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    experiment TEXT NOT NULL,
    name TEXT,
    note TEXT,
    status TEXT NOT NULL,
    reason TEXT,
    seed INTEGER NOT NULL, -- the bits of a u64
    best_epoch INTEGER,
    parent TEXT,
    started TEXT NOT NULL, -- UTC, fixed width: sorts as the time does
    ended TEXT,
    archived INTEGER NOT NULL
) STRICT;
CREATE INDEX runs_started ON runs (started);

CREATE TABLE params (
    run INTEGER NOT NULL REFERENCES runs (row) ON DELETE CASCADE,
    key TEXT NOT NULL,
    value TEXT NOT NULL, -- JSON
    PRIMARY KEY (run, key)
) STRICT, WITHOUT ROWID;

CREATE TABLE tags (
    run INTEGER NOT NULL REFERENCES runs (row) ON DELETE CASCADE,
    tag TEXT NOT NULL,
    PRIMARY KEY (run, tag)
) STRICT, WITHOUT ROWID;

-- A row per metric of a run, so that a list of runs never touches the points. NULL = NaN, which SQLite cannot hold.
CREATE TABLE metrics (
    row INTEGER PRIMARY KEY,
    run INTEGER NOT NULL REFERENCES runs (row) ON DELETE CASCADE,
    key TEXT NOT NULL,
    last REAL,
    last_epoch INTEGER NOT NULL,
    best REAL,
    best_epoch INTEGER NOT NULL,
    num_points INTEGER NOT NULL,
    UNIQUE (run, key)
) STRICT;

-- Clustered by series, so that a curve is one range of one table.
CREATE TABLE points (
    metric INTEGER NOT NULL REFERENCES metrics (row) ON DELETE CASCADE,
    epoch INTEGER NOT NULL,
    step INTEGER NOT NULL,
    time REAL NOT NULL, -- seconds since the run's start
    value REAL, -- NULL = NaN
    PRIMARY KEY (metric, epoch, step)
) STRICT, WITHOUT ROWID;
