-- What submissions with a client's key were answered, by number.
CREATE TABLE receipt (
    id INTEGER PRIMARY KEY,
    body BLOB NOT NULL
);
