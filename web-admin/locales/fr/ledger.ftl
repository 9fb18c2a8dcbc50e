ledger-title = Le registre
ledger-lead = { $n ->
    [0] Rien n'y est encore écrit.
    [one] Tout ce qui a été décidé sur cette machine, en une ligne. Rien ne s'y efface.
   *[other] Tout ce qui a été décidé sur cette machine, en { $n } lignes. Rien ne s'y efface.
}
ledger-filter = Filtrer
ledger-app = Service
ledger-all-apps = Tous
ledger-kind = Sorte de ligne
ledger-all-kinds = Toutes
ledger-by = Par qui
ledger-by-all = Tout le monde
kind-decisions = Décisions
kind-settled = Ce qui a abouti
kind-failed = Ce qui a échoué
kind-secrets = Secrets lus
kind-backups = Sauvegardes
kind-people = Comptes
by-people = Des personnes
by-box = La machine
ledger-see-all = Tout voir
ledger-entry = ligne { $number }
ledger-nothing = Aucune ligne ne correspond.
ledger-empty = Rien n'y est encore écrit.
ledger-pages = Pages du registre
ledger-older = Lignes plus anciennes
ledger-latest = Les plus récentes
ledger-proof = Comment vérifier
ledger-proof-words = Chaque ligne porte l'empreinte de toutes celles d'avant. Notez celle-ci : si une seule lettre du passé changeait, elle ne serait plus la même.
