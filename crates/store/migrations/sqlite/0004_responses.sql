-- Responses that the gateway keeps for their callers: content, and only where the configuration says so.
CREATE TABLE responses (
    id       TEXT NOT NULL PRIMARY KEY,
    owner    TEXT NOT NULL,
    previous TEXT,
    created  INTEGER NOT NULL,
    expires  INTEGER NOT NULL,
    bytes    INTEGER NOT NULL,
    input    TEXT NOT NULL,
    body     TEXT NOT NULL
);
CREATE INDEX responses_by_owner ON responses (owner, created);
CREATE INDEX responses_by_age ON responses (created);
CREATE INDEX responses_by_end ON responses (expires);

-- What each owner has, so that nothing is summed up at every response.
CREATE TABLE response_owners (
    owner TEXT NOT NULL PRIMARY KEY,
    count INTEGER NOT NULL,
    bytes INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TRIGGER response_kept AFTER INSERT ON responses BEGIN
    INSERT INTO response_owners VALUES (new.owner, 1, new.bytes)
    ON CONFLICT DO UPDATE SET count = count + 1, bytes = bytes + excluded.bytes;
END;
CREATE TRIGGER response_gone AFTER DELETE ON responses BEGIN
    UPDATE response_owners SET count = count - 1, bytes = bytes - old.bytes WHERE owner = old.owner;
    DELETE FROM response_owners WHERE owner = old.owner AND count <= 0;
END;
