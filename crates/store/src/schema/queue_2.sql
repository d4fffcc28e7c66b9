-- Administrative states of nodes, as far as they were changed at run time.
CREATE TABLE node (
    name TEXT PRIMARY KEY,
    body BLOB NOT NULL
) WITHOUT ROWID;
