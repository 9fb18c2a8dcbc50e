-- The ledger: one row an entry, its exact bytes and their leaf hash. Nothing is ever changed or taken out.
CREATE TABLE ledger (
    entry INTEGER PRIMARY KEY CHECK (entry >= 0),
    bytes BLOB NOT NULL,
    hash BLOB NOT NULL CHECK (length(hash) = 32)
) STRICT;

CREATE TRIGGER ledger_refuses_update BEFORE UPDATE ON ledger
BEGIN
    SELECT RAISE(ABORT, 'the ledger is never changed');
END;

CREATE TRIGGER ledger_refuses_delete BEFORE DELETE ON ledger
BEGIN
    SELECT RAISE(ABORT, 'nothing is taken out of the ledger');
END;

-- REPLACE would delete without firing the trigger above: an entry that is there refuses another one.
CREATE TRIGGER ledger_refuses_replace BEFORE INSERT ON ledger
WHEN EXISTS (SELECT 1 FROM ledger WHERE entry = NEW.entry)
  OR NEW.entry <> (SELECT coalesce(max(entry) + 1, 0) FROM ledger)
BEGIN
    SELECT RAISE(ABORT, 'an entry is only ever added at the end');
END;
