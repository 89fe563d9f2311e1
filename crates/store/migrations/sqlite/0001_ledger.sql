-- Lines of the ledger as they were written; `upstream` is a hash of the upstream's id.
CREATE TABLE lines (
    seq INTEGER PRIMARY KEY,
    id BLOB NOT NULL,
    upstream INTEGER,
    line TEXT NOT NULL
);
CREATE UNIQUE INDEX lines_id ON lines (id);
CREATE INDEX lines_upstream ON lines (upstream) WHERE upstream IS NOT NULL;

-- Everything before this place of the journal is in `lines`.
CREATE TABLE position (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    file INTEGER NOT NULL,
    offset INTEGER NOT NULL
);
INSERT INTO position VALUES (1, 0, 0);

-- Sums of lines. `at` is the start of the hour or day, unix time in ms; `grouping` is numbered in rollup.rs.
CREATE TABLE rollups (
    grouping INTEGER NOT NULL,
    at INTEGER NOT NULL,
    a TEXT NOT NULL,
    b TEXT NOT NULL,
    requests INTEGER NOT NULL,
    errors INTEGER NOT NULL,
    input INTEGER NOT NULL,
    cache_read INTEGER NOT NULL,
    output INTEGER NOT NULL,
    nanos INTEGER NOT NULL,
    unpriced INTEGER NOT NULL,
    latency BLOB,
    PRIMARY KEY (grouping, at, a, b)
) WITHOUT ROWID;
