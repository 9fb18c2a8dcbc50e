-- The keys that open repositories of backups, in restic's words their passwords. Without them nobody reads a snapshot.
CREATE TABLE repository (
    repository TEXT PRIMARY KEY,
    key TEXT NOT NULL
) STRICT;
