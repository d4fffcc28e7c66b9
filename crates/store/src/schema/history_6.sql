-- What happened beside jobs: nodes out of service, what the cluster had when, reservations, changes of the books. Times are
-- microseconds since 1970.

CREATE TABLE episode (
    id INTEGER PRIMARY KEY,
    node TEXT NOT NULL,         -- empty for the cluster
    start INTEGER NOT NULL,
    "end" INTEGER,              -- NULL while it goes on
    body BLOB NOT NULL,
    UNIQUE (node, start)
);

CREATE TABLE booking (
    id INTEGER PRIMARY KEY,
    number INTEGER NOT NULL,
    start INTEGER NOT NULL,
    "end" INTEGER NOT NULL,
    told INTEGER NOT NULL,      -- when this was the last to be told of it
    body BLOB NOT NULL,
    UNIQUE (number, start)
);

CREATE TABLE deed (
    id INTEGER PRIMARY KEY,
    at INTEGER NOT NULL,
    actor TEXT NOT NULL,
    action TEXT NOT NULL,
    place TEXT NOT NULL,
    UNIQUE (at, actor, action, place)
);
