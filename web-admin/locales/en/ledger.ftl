ledger-title = The ledger
ledger-lead = { $n ->
    [0] Nothing is written in it yet.
    [one] All that was decided on this box, in one line. Nothing in it is erased.
   *[other] All that was decided on this box, in { $n } lines. Nothing in it is erased.
}
ledger-filter = Filter
ledger-app = App
ledger-all-apps = All
ledger-kind = Kind of line
ledger-all-kinds = All
ledger-by = By whom
ledger-by-all = Everybody
kind-decisions = Decisions
kind-settled = What succeeded
kind-failed = What failed
kind-secrets = Secrets read
kind-backups = Backups
kind-people = Accounts
by-people = People
by-box = The box
ledger-see-all = See everything
ledger-entry = line { $number }
ledger-nothing = No line matches.
ledger-empty = Nothing is written in it yet.
ledger-pages = Pages of the ledger
ledger-older = Older lines
ledger-latest = The latest ones
ledger-proof = How to verify
ledger-proof-words = Each line carries the fingerprint of all those before it. Write this one down: if a single letter of the past changed, it would no longer be the same.
