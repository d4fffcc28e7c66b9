-- history.db: finished attempts, for years. Times are microseconds since 1970, memory is megabytes.

-- Scripts, environments, arguments, and what requests have in common; each stored once.
CREATE TABLE content (
    id INTEGER PRIMARY KEY,
    codec INTEGER NOT NULL,     -- 0 as it is, 1 zstd
    size INTEGER NOT NULL,      -- bytes before compression
    mark INTEGER NOT NULL,      -- a hash of the body; equal ones may still differ
    body BLOB NOT NULL
);
CREATE INDEX content_mark ON content (mark);

CREATE TABLE attempt (
    id INTEGER PRIMARY KEY,
    job INTEGER NOT NULL,
    attempt INTEGER NOT NULL,
    array INTEGER,
    task INTEGER,
    user INTEGER NOT NULL,
    user_name TEXT NOT NULL,
    group_id INTEGER NOT NULL,
    group_name TEXT NOT NULL,
    account TEXT NOT NULL,
    partition TEXT NOT NULL,
    qos TEXT NOT NULL,
    wckey TEXT NOT NULL,
    name TEXT NOT NULL,
    nodes TEXT NOT NULL,
    node_count INTEGER NOT NULL,
    cpus INTEGER NOT NULL,
    memory INTEGER NOT NULL,
    submit INTEGER NOT NULL,
    eligible INTEGER,           -- NULL if it never was
    start INTEGER,              -- NULL if it never ran
    "end" INTEGER NOT NULL,
    outcome INTEGER NOT NULL,
    exit_code INTEGER,
    exit_signal INTEGER,
    reason TEXT NOT NULL,
    time_limit INTEGER,         -- minutes; NULL for none
    priority INTEGER NOT NULL,
    cpu_micros INTEGER NOT NULL,
    max_rss INTEGER NOT NULL,   -- kilobytes
    work_dir TEXT NOT NULL,
    spec INTEGER NOT NULL,      -- content; the request without what stands in columns
    boot INTEGER NOT NULL,      -- content; the boot of the machine it ran in, 0 if it did not
    script INTEGER,             -- content; 0 for an empty one, NULL where there never was any
    environment INTEGER,
    arguments INTEGER,
    body BLOB NOT NULL          -- what is left of the record
);

-- A number is used again after 67 million jobs, so the time of submission belongs to the key.
CREATE UNIQUE INDEX attempt_job ON attempt (job, submit, attempt);
CREATE INDEX attempt_array ON attempt (array) WHERE array IS NOT NULL;
-- Pages go on by (end, job); the last columns let rows be passed over without being read.
CREATE INDEX attempt_end ON attempt ("end", job, outcome);
CREATE INDEX attempt_user ON attempt (user, "end", job, outcome);
CREATE INDEX attempt_account ON attempt (account, "end", job, outcome, cpus, start);
-- Most attempts have outcome 0, completed: for those attempt_end does.
CREATE INDEX attempt_outcome ON attempt (outcome, "end", job) WHERE outcome <> 0;
CREATE INDEX attempt_name ON attempt (name, "end", job, user);
CREATE INDEX attempt_partition ON attempt (partition, "end", job, outcome);

-- Written to when everything before shall be on disk.
CREATE TABLE mark (syncs INTEGER NOT NULL);
INSERT INTO mark (syncs) VALUES (0);
