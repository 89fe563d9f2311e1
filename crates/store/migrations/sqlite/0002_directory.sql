-- Virtual keys made at run time. Ended ones stay, for the record; times are unix time in ms.
CREATE TABLE keys (
    hash BLOB PRIMARY KEY,
    id TEXT NOT NULL,
    name TEXT NOT NULL,
    team TEXT,
    user TEXT,
    models TEXT NOT NULL,
    expires INTEGER,
    admin INTEGER NOT NULL,
    created INTEGER NOT NULL,
    revoked INTEGER
) WITHOUT ROWID;
CREATE UNIQUE INDEX keys_id ON keys (id) WHERE revoked IS NULL;
CREATE UNIQUE INDEX keys_name ON keys (name) WHERE revoked IS NULL;

CREATE TABLE settings (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;

CREATE TABLE directory_version (one INTEGER PRIMARY KEY CHECK (one = 1), version INTEGER NOT NULL);
INSERT INTO directory_version VALUES (1, 0);
