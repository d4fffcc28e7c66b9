-- A stretch fills its last page with what is left of it, where rows have numbers; else that takes a page of its own.
DROP INDEX chunk_age;
ALTER TABLE chunk RENAME TO former;
CREATE TABLE chunk (
    id INTEGER PRIMARY KEY,
    series INTEGER NOT NULL,
    first INTEGER NOT NULL,
    written INTEGER NOT NULL,
    last INTEGER NOT NULL,
    step INTEGER NOT NULL,
    count INTEGER NOT NULL,
    points BLOB NOT NULL,
    UNIQUE (series, first, written)
) STRICT;
INSERT INTO chunk (series, first, written, last, step, count, points)
    SELECT series, first, written, last, step, count, points FROM former;
DROP TABLE former;
CREATE INDEX chunk_age ON chunk (step, last);
