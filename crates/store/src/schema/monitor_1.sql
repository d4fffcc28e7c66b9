-- Records of monitored jobs by whose they are, where they ran and where they stand, with how many there are: most lists
-- ask for one or some of these.
CREATE TABLE grp (
    id INTEGER PRIMARY KEY,
    cluster TEXT NOT NULL,
    user TEXT NOT NULL,
    project TEXT NOT NULL,
    state INTEGER NOT NULL,
    count INTEGER NOT NULL,
    UNIQUE (cluster, user, project, state)
) STRICT;

-- Numbers are never given again.
CREATE TABLE record (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    grp INTEGER NOT NULL,
    state INTEGER NOT NULL,
    start INTEGER NOT NULL,
    job INTEGER NOT NULL,
    -- Which attempt of one of the engine's jobs, or -1.
    attempt INTEGER NOT NULL,
    submitted INTEGER NOT NULL,
    version INTEGER NOT NULL,
    tagged INTEGER NOT NULL,
    -- It shall be written to the archive.
    due INTEGER NOT NULL,
    body BLOB NOT NULL,
    meta BLOB NOT NULL
) STRICT;

CREATE INDEX record_start ON record (start);
CREATE INDEX record_grp ON record (grp, start);
CREATE INDEX record_state ON record (state, start);
CREATE INDEX record_job ON record (job);
CREATE INDEX record_due ON record (id) WHERE due = 1;

CREATE TABLE tag (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    kind TEXT NOT NULL,
    name TEXT NOT NULL,
    -- 0 everybody, 1 administrators, 2 the owner.
    scope INTEGER NOT NULL,
    owner TEXT NOT NULL,
    UNIQUE (kind, name, scope, owner)
) STRICT;

CREATE TABLE record_tag (
    record INTEGER NOT NULL,
    tag INTEGER NOT NULL,
    PRIMARY KEY (record, tag)
) STRICT, WITHOUT ROWID;

CREATE INDEX record_tag_tag ON record_tag (tag);

CREATE TABLE viewer (
    name TEXT PRIMARY KEY,
    full_name TEXT NOT NULL,
    email TEXT NOT NULL,
    -- Lists as JSON.
    roles TEXT NOT NULL,
    projects TEXT NOT NULL,
    password TEXT NOT NULL
) STRICT, WITHOUT ROWID;
