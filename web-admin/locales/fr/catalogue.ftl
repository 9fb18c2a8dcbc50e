catalogue-title = Que voulez-vous faire ensemble ?
catalogue-hint = Par exemple : écrire, agenda, carte
catalogue-found = { $n ->
    [0] Aucune recette ne correspond.
    [one] Une recette trouvée.
   *[other] { $n } recettes trouvées.
}
catalogue-see-all = Voir tout le catalogue
catalogue-none = Le catalogue est vide : aucune recette n'a pu être lue.
catalogue-room = Place libre pour les services : { $memory } de mémoire, { $disk } de disque.
catalogue-installed = { $n ->
    [one] Déjà installé
   *[other] Déjà installé { $n } fois
}
purpose-publish = Publier
purpose-share = Partager des fichiers, écrire ensemble
purpose-organise = S'organiser
purpose-map = Faire des cartes
purpose-talk = Échanger
purpose-decide = Décider
purpose-trade = Commander, vendre, troquer
purpose-other = Autres
fits = Tient sur cette machine
lacks-memory = Ne tient pas : il manque { $amount } de mémoire
lacks-disk = Ne tient pas : il manque { $amount } de disque
other-processor = Ne fonctionne pas sur ce processeur
fit-unknown = Place non mesurée
recipe-needs = { $memory } de mémoire, { $disk } de disque
recipe-installed = Déjà installé :
recipe-install = Installer { $name }
recipe-know = Bon à savoir
recipe-personal = Données personnelles
recipe-personal-none = Aucune.
recipe-kept = Conservation : { $words }
recipe-fixed = Ne pourra plus changer
recipe-fixed-address = L'adresse : d'autres serveurs la retiennent.
recipe-accounts = Comptes
recipe-roles = Ce qu'une personne peut y faire, selon son rôle :
sign-on-own = Le service a ses propres comptes.
sign-on-box = Le service peut se servir des comptes de la machine.
recipe-mail = Courriels
recipe-mail-yes = Le service peut envoyer des courriels.
recipe-mail-no = Le service n'envoie pas de courriels.
recipe-federation = Autres serveurs
recipe-federation-yes = Le service échange avec d'autres serveurs.
recipe-federation-no = Le service n'échange pas avec d'autres serveurs.
recipe-ports = Ports ouverts sur la machine
recipe-software = Logiciel
recipe-licence = licence { $licence }
recipe-source = Code source
recipe-website = Site du logiciel
install-title = Installer { $name }
install-lead = Aucun autre service ne s'arrête pendant l'installation. Vous pourrez fermer la page : la machine continue.
install-unfit = Vous pouvez préparer vos réponses, mais l'installation sera sans doute refusée.
install-host = Adresse du service
install-host-hint = Ce que les gens taperont dans leur navigateur. Des lettres sans accent, des chiffres, des tirets.
install-host-hint-permanent = Ce que les gens taperont dans leur navigateur. Des lettres sans accent, des chiffres, des tirets. Elle ne pourra plus jamais changer : d'autres serveurs la retiennent.
host-example = Par exemple, « { $word } » donne { $address }.
host-instead = « { $word } » irait, et donnerait { $address }.
host-result = L'adresse sera :
install-before = Avant d'installer
install-room = Place
install-written = Ce qui sera écrit au registre
install-written-words = La décision et les réponses publiques. Jamais un mot de passe, un nom de compte ni une adresse de courriel.
install-time = Durée
install-lasts = Prêt en { $about }, d'après les dernières fois.
install-lasts-unknown = Plusieurs minutes la première fois : la machine télécharge ou fabrique ce qu'il lui faut.
install-button = Installer
