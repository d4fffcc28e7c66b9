-- Whoever looks along the starts of records wants to know whose they are.
DROP INDEX record_start;
CREATE INDEX record_start ON record (start, grp);
