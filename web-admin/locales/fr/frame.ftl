skip = Aller au contenu
chapters = Rubriques
chapter-home = Accueil
chapter-catalogue = Catalogue
chapter-backups = Sauvegardes
chapter-machine = Machine
chapter-ledger = Registre
chapter-help = Aide
sign-out = Sortir
in-preparation = Machine en préparation
help-here = Aide sur cette page
trust-link = Reconnaître cette machine
free-software = logiciel libre
go-back = Revenir
go-home = Aller à l'accueil
back-home = Accueil
back-catalogue = Catalogue
back-recipe = { $name }
back-app = { $name }
do-nothing = Ne rien faire
optional = (facultatif)
yes = Oui
no = Non
search = Chercher
search-button = Chercher
version = version { $version }
code = Code : { $code }
operation = opération { $number }
unknown = –
wrong-mark = À revoir :
wrong-title = { $n ->
    [one] Une réponse est à revoir
   *[other] { $n } réponses sont à revoir
}
