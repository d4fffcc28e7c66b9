-- What a series is about. A series of a whole host has no job: both numbers are -1.
CREATE TABLE series (
    id INTEGER PRIMARY KEY,
    cluster TEXT NOT NULL,
    host TEXT NOT NULL,
    job INTEGER NOT NULL,
    attempt INTEGER NOT NULL,
    metric TEXT NOT NULL,
    scope INTEGER NOT NULL,
    part TEXT NOT NULL,
    sub_kind TEXT NOT NULL,
    sub TEXT NOT NULL,
    UNIQUE (cluster, host, job, attempt, metric, scope, part, sub_kind, sub)
) STRICT;

-- Stretches of series: times in seconds since 1970, `step` seconds from one value to the next or 0 for values as they
-- came. Of two values of the same second, that of the stretch written later counts.
CREATE TABLE chunk (
    series INTEGER NOT NULL,
    first INTEGER NOT NULL,
    written INTEGER NOT NULL,
    last INTEGER NOT NULL,
    step INTEGER NOT NULL,
    count INTEGER NOT NULL,
    points BLOB NOT NULL,
    PRIMARY KEY (series, first, written)
) STRICT, WITHOUT ROWID;

-- For what is too old to be kept as it is.
CREATE INDEX chunk_age ON chunk (step, last);
