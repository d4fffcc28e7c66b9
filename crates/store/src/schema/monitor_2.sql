-- When a record ended, or far ahead if it has not. Records of the version before have the latter until they change again;
-- whoever looks along this column looks at the records themselves, too.
ALTER TABLE record ADD COLUMN ended INTEGER NOT NULL DEFAULT 9223372036854775807;

CREATE INDEX record_ended ON record (ended);

-- Nodes that other schedulers tell of, as they were told of last.
CREATE TABLE node (
    cluster TEXT NOT NULL,
    host TEXT NOT NULL,
    at INTEGER NOT NULL,
    body BLOB NOT NULL,
    PRIMARY KEY (cluster, host)
) STRICT, WITHOUT ROWID;
