-- The private table and what goes with it: all that the ledger must not hold, because it must be erasable. Keys are
-- kept as hashes.
CREATE TABLE person (
    person INTEGER PRIMARY KEY CHECK (person > 0),
    name TEXT NOT NULL,
    salt TEXT NOT NULL,
    password TEXT NOT NULL
) STRICT;

CREATE TABLE setup_code (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    code TEXT NOT NULL
) STRICT;

-- Numbers are not given twice: two sessions of a person stay two.
CREATE TABLE session (
    session INTEGER PRIMARY KEY AUTOINCREMENT,
    key BLOB NOT NULL UNIQUE CHECK (length(key) = 32),
    person INTEGER NOT NULL REFERENCES person ON DELETE CASCADE,
    since INTEGER NOT NULL,
    last_used INTEGER NOT NULL,
    browser TEXT NOT NULL
) STRICT;

CREATE TABLE place (
    person INTEGER NOT NULL REFERENCES person ON DELETE CASCADE,
    place TEXT NOT NULL,
    last INTEGER NOT NULL,
    PRIMARY KEY (person, place)
) STRICT;

CREATE TABLE token (
    token INTEGER PRIMARY KEY CHECK (token > 0),
    key BLOB NOT NULL UNIQUE CHECK (length(key) = 32),
    label TEXT NOT NULL,
    last_used INTEGER
) STRICT;
