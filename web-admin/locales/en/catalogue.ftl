catalogue-title = What would you like to do together?
catalogue-hint = For example: write, calendar, map
catalogue-found = { $n ->
    [0] No recipe matches.
    [one] One recipe found.
   *[other] { $n } recipes found.
}
catalogue-see-all = See the whole catalogue
catalogue-none = The catalogue is empty: no recipe could be read.
catalogue-room = Room left for apps: { $memory } of memory, { $disk } of disk.
catalogue-installed = { $n ->
    [one] Installed already
   *[other] Installed { $n } times already
}
purpose-publish = Publish
purpose-share = Share files, write together
purpose-organise = Get organised
purpose-map = Make maps
purpose-talk = Talk
purpose-decide = Decide
purpose-trade = Order, sell, swap
purpose-other = Others
fits = Fits on this box
lacks-memory = Does not fit: { $amount } of memory missing
lacks-disk = Does not fit: { $amount } of disk missing
other-processor = Does not run on this processor
fit-unknown = Room not measured
recipe-needs = { $memory } of memory, { $disk } of disk
recipe-installed = Installed already:
recipe-install = Install { $name }
recipe-know = Good to know
recipe-personal = Personal data
recipe-personal-none = None.
recipe-kept = Kept: { $words }
recipe-fixed = Can never be changed later
recipe-fixed-address = The address: other servers remember it.
recipe-accounts = Accounts
recipe-roles = What a person may do there, by their role:
sign-on-own = The app has accounts of its own.
sign-on-box = The app can use the box's accounts.
recipe-mail = E-mail
recipe-mail-yes = The app can send e-mail.
recipe-mail-no = The app sends no e-mail.
recipe-federation = Other servers
recipe-federation-yes = The app talks to other servers.
recipe-federation-no = The app does not talk to other servers.
recipe-ports = Ports opened on the machine
recipe-software = Software
recipe-licence = licence { $licence }
recipe-source = Source code
recipe-website = The software's website
install-title = Install { $name }
install-lead = No other app stops during the installation. You can close the page meanwhile: the box goes on.
install-unfit = You can prepare your answers, but the installation will probably be refused.
install-host = The app's address
install-host-hint = What people will type into their browser. Unaccented letters, digits, hyphens.
install-host-hint-permanent = What people will type into their browser. Unaccented letters, digits, hyphens. It can never change afterwards: other servers remember it.
host-example = For example, “{ $word }” gives { $address }.
host-instead = “{ $word }” would do, and give { $address }.
host-result = The address will be:
install-before = Before you install
install-room = Room
install-written = What the ledger will say
install-written-words = The decision and the public answers. Never a password, an account's name or an e-mail address.
install-time = How long
install-lasts = Ready within { $about }, going by the last times.
install-lasts-unknown = Several minutes the first time: the box downloads or builds what it needs.
install-button = Install
