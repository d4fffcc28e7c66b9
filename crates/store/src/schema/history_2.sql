-- Steps of jobs that have ended.
CREATE TABLE step (
    id INTEGER PRIMARY KEY,
    job INTEGER NOT NULL,
    submit INTEGER NOT NULL,    -- of the job; its number is used again one day
    attempt INTEGER NOT NULL,
    number INTEGER NOT NULL,
    name TEXT NOT NULL,
    nodes TEXT NOT NULL,
    tasks INTEGER NOT NULL,
    cpus INTEGER NOT NULL,
    memory INTEGER NOT NULL,    -- megabytes
    start INTEGER NOT NULL,
    "end" INTEGER NOT NULL,
    outcome INTEGER NOT NULL,
    exit_code INTEGER,
    exit_signal INTEGER,
    cpu_micros INTEGER NOT NULL,
    max_rss INTEGER NOT NULL,   -- kilobytes
    body BLOB NOT NULL
);
CREATE UNIQUE INDEX step_job ON step (job, submit, attempt, number);
