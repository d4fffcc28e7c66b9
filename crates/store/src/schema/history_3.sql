-- Attempts in little room, for ten million of them. What many have in common stands in tables of its own; rows are
-- in the order in which attempts were recorded, which is nearly that in which they ended, and every search walks along
-- it. Row 0 of word and nodelist, which is not there, is the empty text.

CREATE TABLE word (
    id INTEGER PRIMARY KEY,
    text TEXT NOT NULL UNIQUE
);

-- Who ran it, and on what terms. A filter by any of these finds the few classes that fit, and then their attempts.
CREATE TABLE class (
    id INTEGER PRIMARY KEY,
    user INTEGER NOT NULL,
    user_name TEXT NOT NULL,
    group_id INTEGER NOT NULL,
    group_name TEXT NOT NULL,
    account TEXT NOT NULL,
    partition TEXT NOT NULL,
    qos TEXT NOT NULL,
    wckey TEXT NOT NULL,
    reservation TEXT NOT NULL,
    "constraint" TEXT NOT NULL,
    UNIQUE (user, account, partition, qos, wckey, reservation, "constraint", user_name, group_id, group_name)
);

-- Folded lists of node names, and which nodes are on which list.
CREATE TABLE nodelist (
    id INTEGER PRIMARY KEY,
    text TEXT NOT NULL UNIQUE,
    unfolded INTEGER NOT NULL DEFAULT 0
);
CREATE TABLE listed (
    node INTEGER NOT NULL,      -- word
    list INTEGER NOT NULL,
    PRIMARY KEY (node, list)
) WITHOUT ROWID;

CREATE TABLE past (
    id INTEGER PRIMARY KEY,
    job INTEGER NOT NULL,
    attempt INTEGER NOT NULL,
    class INTEGER NOT NULL,
    outcome INTEGER NOT NULL,
    exit INTEGER,               -- a code, or a signal below zero; NULL for none
    "end" INTEGER NOT NULL,     -- microseconds since 1970; the other times are counted from others
    age INTEGER NOT NULL,       -- from its submission to its end
    held INTEGER,               -- from its submission until it was eligible; NULL if it never was
    ran INTEGER,                -- from its start to its end; NULL if it never ran
    name INTEGER NOT NULL,      -- word
    nodes INTEGER NOT NULL,     -- nodelist
    reason INTEGER NOT NULL,    -- word
    array INTEGER,
    task INTEGER,
    time_limit INTEGER,         -- minutes; NULL for none
    work_dir INTEGER NOT NULL,  -- word
    spec INTEGER NOT NULL,      -- content; the request without what stands elsewhere
    boot INTEGER NOT NULL,      -- content; 0 if it never ran
    script INTEGER,             -- content; 0 for an empty one, NULL where there never was any
    environment INTEGER,
    arguments INTEGER,
    body BLOB NOT NULL          -- what is left of the record
);
CREATE INDEX past_job ON past (job);
CREATE INDEX past_array ON past (array) WHERE array IS NOT NULL;
CREATE INDEX past_class ON past (class);
CREATE INDEX past_name ON past (name);
CREATE INDEX past_nodes ON past (nodes);
-- Most have outcome 0, completed: whoever wants those finds enough of them anywhere.
CREATE INDEX past_outcome ON past (outcome) WHERE outcome <> 0;
CREATE INDEX past_exit ON past (exit) WHERE exit <> 0;

-- A search for times looks at the blocks of 1024 rows that can have such.
CREATE TABLE block (
    id INTEGER PRIMARY KEY,     -- row / 1024
    submit INTEGER NOT NULL,    -- the first
    "end" INTEGER NOT NULL,     -- the first
    last INTEGER NOT NULL       -- the last end
);

-- What was noted about attempts afterwards.
CREATE TABLE amendment (
    id INTEGER PRIMARY KEY,     -- row
    body BLOB NOT NULL
);

INSERT OR IGNORE INTO word (text)
    SELECT name FROM attempt WHERE name <> '' UNION SELECT work_dir FROM attempt WHERE work_dir <> ''
    UNION SELECT reason FROM attempt WHERE reason <> '';
INSERT OR IGNORE INTO nodelist (text) SELECT DISTINCT nodes FROM attempt WHERE nodes <> '';
INSERT OR IGNORE INTO class (user, user_name, group_id, group_name, account, partition, qos, wckey, reservation, "constraint")
    SELECT DISTINCT user, user_name, group_id, group_name, account, partition, qos, wckey, '', '' FROM attempt;
INSERT INTO past (job, attempt, class, outcome, exit, "end", age, held, ran, name, nodes, reason, array, task,
        time_limit, work_dir, spec, boot, script, environment, arguments, body)
    SELECT a.job, a.attempt, c.id, a.outcome, coalesce(a.exit_code, -a.exit_signal), a."end", a."end" - a.submit,
        a.eligible - a.submit, a."end" - a.start, coalesce(n.id, 0), coalesce(l.id, 0), coalesce(r.id, 0), a.array,
        a.task, a.time_limit, coalesce(w.id, 0), a.spec, a.boot, a.script, a.environment, a.arguments, a.body
    FROM attempt a
    JOIN class c ON c.user = a.user AND c.account = a.account AND c.partition = a.partition AND c.qos = a.qos
        AND c.wckey = a.wckey AND c.reservation = '' AND c."constraint" = '' AND c.user_name = a.user_name
        AND c.group_id = a.group_id AND c.group_name = a.group_name
    LEFT JOIN word n ON n.text = a.name LEFT JOIN word r ON r.text = a.reason LEFT JOIN word w ON w.text = a.work_dir
    LEFT JOIN nodelist l ON l.text = a.nodes
    ORDER BY a."end", a.id;
INSERT INTO block SELECT id / 1024, min("end" - age), min("end"), max("end") FROM past GROUP BY 1;
DROP TABLE attempt;
