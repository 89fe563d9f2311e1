-- Objects that providers keep, by the provider's own id: whose, and under which of the provider's keys. Times are
-- unix time in ms; `seq` is the order in which they were made and is never given twice.
CREATE TABLE objects (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    kind TEXT NOT NULL,
    id TEXT NOT NULL,
    provider TEXT NOT NULL,
    owner TEXT NOT NULL,
    key TEXT NOT NULL,
    model TEXT,
    created INTEGER NOT NULL,
    expires INTEGER,
    state TEXT,
    data TEXT
);
CREATE UNIQUE INDEX objects_id ON objects (kind, id, provider);
CREATE INDEX objects_owner ON objects (owner, kind, seq);
CREATE INDEX objects_open ON objects (seq) WHERE state = 'open';
