-- Reservations, by their numbers.
CREATE TABLE reservation (
    id INTEGER PRIMARY KEY,
    body BLOB NOT NULL
);
