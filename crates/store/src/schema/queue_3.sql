-- Crontabs of users, with the jobs that stand for their entries.
CREATE TABLE crontab (
    user INTEGER PRIMARY KEY,
    body BLOB NOT NULL
);
