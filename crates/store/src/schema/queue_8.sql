-- What an attempt held that its record does not name; NULL for nothing.
ALTER TABLE closed ADD COLUMN also BLOB;
