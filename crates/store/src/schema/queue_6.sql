-- The books of accounting: all of it is in memory, and read at start. What of each kind its name is, is written in row/book.rs.
CREATE TABLE book (
    kind INTEGER NOT NULL,      -- 1 account, 2 user, 3 association, 4 quality of service, 5 workload key, 6 cluster,
                                -- 7 something the configuration has brought in
    name TEXT NOT NULL,
    body BLOB NOT NULL,
    PRIMARY KEY (kind, name)
) WITHOUT ROWID;
