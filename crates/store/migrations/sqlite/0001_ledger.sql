-- Lines of the ledger as they were written. A number is never given twice, so an index that is behind never
-- points at another line.
CREATE TABLE lines (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    id BLOB NOT NULL,
    line TEXT NOT NULL
);
CREATE UNIQUE INDEX lines_id ON lines (id);

-- Lines by a hash of the upstream's id, cut by the day of arrival (unix days). Lines behind
-- position.upstream_seq are not in it yet.
CREATE TABLE upstream (
    day INTEGER NOT NULL,
    hash INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    PRIMARY KEY (day, hash, seq)
) WITHOUT ROWID;

-- Everything before this place of the journal is in `lines`.
CREATE TABLE position (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    file INTEGER NOT NULL,
    offset INTEGER NOT NULL,
    upstream_seq INTEGER NOT NULL
);
INSERT INTO position VALUES (1, 0, 0, 0);

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
