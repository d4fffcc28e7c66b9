-- What an attempt held that its record does not name: generic resources; NULL for nothing.
ALTER TABLE past ADD COLUMN also BLOB;

-- Who is charged.
CREATE TABLE charge (
    id INTEGER PRIMARY KEY,
    account TEXT NOT NULL,
    user TEXT NOT NULL,
    partition TEXT NOT NULL,
    qos TEXT NOT NULL,
    wckey TEXT NOT NULL,
    reservation TEXT NOT NULL,
    UNIQUE (account, user, partition, qos, wckey, reservation)
);

-- Sums of what was used. Kinds: 0, 1, 2 are hours, days and months by charge; 3, 4, 5 the same by account alone, 6, 7, 8
-- of everybody, charge 0.
CREATE TABLE usage (
    kind INTEGER NOT NULL,
    start INTEGER NOT NULL,     -- minutes since 1970
    charge INTEGER NOT NULL,
    cpu INTEGER NOT NULL,       -- CPU seconds
    memory INTEGER NOT NULL,    -- megabyte seconds
    node INTEGER NOT NULL,      -- node seconds
    extra INTEGER NOT NULL,     -- what was charged, less the CPU seconds
    others BLOB,                -- the rest by name
    PRIMARY KEY (kind, start, charge)
) WITHOUT ROWID;

-- How long CPUs were waited for.
CREATE TABLE waited (
    start INTEGER PRIMARY KEY,  -- of an hour, minutes since 1970
    cpu INTEGER NOT NULL        -- CPU seconds
);

-- Rows behind `upto` until `until` are still to be counted, since they are older than the sums.
CREATE TABLE counted (upto INTEGER NOT NULL, until INTEGER NOT NULL);
INSERT INTO counted SELECT 0, coalesce(max(id), 0) FROM past;
