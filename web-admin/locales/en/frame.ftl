skip = Skip to content
chapters = Chapters
chapter-home = Home
chapter-catalogue = Catalogue
chapter-backups = Backups
chapter-machine = Machine
chapter-ledger = Ledger
chapter-help = Help
sign-out = Sign out
in-preparation = Box in preparation
help-here = Help on this page
trust-link = Recognise this box
free-software = free software
go-back = Go back
go-home = Go to the first page
back-home = Home
back-catalogue = Catalogue
back-recipe = { $name }
back-app = { $name }
do-nothing = Do nothing
optional = (optional)
yes = Yes
no = No
search = Search
search-button = Search
version = version { $version }
code = Code: { $code }
operation = operation { $number }
unknown = –
wrong-mark = Needs another look:
wrong-title = { $n ->
    [one] One answer needs another look
   *[other] { $n } answers need another look
}
