-- What is too old is found by its end.
CREATE INDEX episode_end ON episode ("end") WHERE "end" IS NOT NULL;
CREATE INDEX booking_end ON booking ("end");

-- Contents to which nothing may refer any more, since something that did has gone.
CREATE TABLE loose (
    id INTEGER PRIMARY KEY      -- content
);
INSERT INTO loose SELECT id FROM content WHERE coalesce((SELECT min(id) FROM past), 0) <> 1;

-- How often attempts have gone, and contents: whoever remembers rows of them remembers these numbers as well.
CREATE TABLE left_behind (attempts INTEGER NOT NULL, contents INTEGER NOT NULL);
INSERT INTO left_behind VALUES (0, 0);
