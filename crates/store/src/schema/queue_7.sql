-- What was used of accounting's limits and shares: read at start.
CREATE TABLE usage (
    kind INTEGER NOT NULL,      -- 1 by an association, 2 by a quality of service
    id INTEGER NOT NULL,
    body BLOB NOT NULL,
    PRIMARY KEY (kind, id)
) WITHOUT ROWID;
