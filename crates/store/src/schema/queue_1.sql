-- queue.db: the live jobs. Everything an acknowledged request needs to survive a power cut is here.

-- What was asked for; one row for all tasks of an array as long as they share it.
CREATE TABLE spec (
    id INTEGER PRIMARY KEY,
    body BLOB NOT NULL
);

-- Scripts, environments and arguments; one row for all jobs that were seen to have the same.
CREATE TABLE content (
    id INTEGER PRIMARY KEY,
    codec INTEGER NOT NULL,     -- 0 as it is, 1 zstd
    size INTEGER NOT NULL,      -- bytes before compression
    body BLOB NOT NULL
);

-- Live jobs. script, environment and arguments are of the array for its tasks; 0 for an empty one, NULL where
-- the job never had any.
CREATE TABLE job (
    id INTEGER PRIMARY KEY,
    array INTEGER,              -- for array tasks
    spec INTEGER NOT NULL,
    script INTEGER,
    environment INTEGER,
    arguments INTEGER,
    body BLOB NOT NULL
);
CREATE INDEX job_array ON job (array) WHERE array IS NOT NULL;

-- Attempts that have ended, until history.db is known to have them on disk.
CREATE TABLE closed (
    id INTEGER PRIMARY KEY,     -- counts up within a run of the service
    job INTEGER NOT NULL,
    array INTEGER,
    spec INTEGER NOT NULL,
    script INTEGER,
    environment INTEGER,
    arguments INTEGER,
    nodes TEXT NOT NULL,
    body BLOB NOT NULL
);

-- The feed of changes: one row a batch, under the number of its last change.
CREATE TABLE change (
    last INTEGER PRIMARY KEY,
    body BLOB NOT NULL
);

-- Users added at run time.
CREATE TABLE member (
    name TEXT PRIMARY KEY,
    body BLOB NOT NULL
) WITHOUT ROWID;

-- Single numbers.
CREATE TABLE number (
    name TEXT PRIMARY KEY,
    value INTEGER NOT NULL
) WITHOUT ROWID;
