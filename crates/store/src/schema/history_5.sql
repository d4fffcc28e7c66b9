-- Steps in little room, as attempts are: what many have in common stands elsewhere, and what nobody searches for is in
-- the record alone.
CREATE TABLE past_step (
    id INTEGER PRIMARY KEY,
    job INTEGER NOT NULL,
    attempt INTEGER NOT NULL,
    number INTEGER NOT NULL,
    "end" INTEGER NOT NULL,     -- microseconds since 1970; the other times are counted from it
    age INTEGER NOT NULL,       -- from the submission of its job, whose number is used again one day, to its end
    ran INTEGER NOT NULL,       -- from its start to its end
    name INTEGER NOT NULL,      -- word
    command INTEGER,            -- word; NULL if the record has it
    nodes INTEGER NOT NULL,     -- nodelist
    body BLOB NOT NULL          -- what is left of the record
);

INSERT OR IGNORE INTO word (text) SELECT DISTINCT name FROM step WHERE name <> '';
INSERT OR IGNORE INTO nodelist (text) SELECT DISTINCT nodes FROM step WHERE nodes <> '';
INSERT INTO past_step (id, job, attempt, number, "end", age, ran, name, nodes, body)
    SELECT s.id, s.job, s.attempt, s.number, s."end", s."end" - s.submit, s."end" - s.start, coalesce(n.id, 0),
        coalesce(l.id, 0), s.body
    FROM step s LEFT JOIN word n ON n.text = s.name LEFT JOIN nodelist l ON l.text = s.nodes
    ORDER BY s.id;
DROP TABLE step;
CREATE INDEX past_step_job ON past_step (job);

-- Most attempts end for no reason, and start in order: those have 0, and whoever wants them finds enough of them anywhere.
ALTER TABLE past ADD COLUMN way INTEGER; -- how its turn to start came; NULL if it never started
UPDATE past SET reason = CASE WHEN reason IN (SELECT id FROM word WHERE text = 'None') THEN 0 ELSE reason END,
    way = CASE WHEN ran IS NOT NULL THEN 0 END;
CREATE INDEX past_reason ON past (reason) WHERE reason <> 0;
CREATE INDEX past_way ON past (way) WHERE way <> 0;
