backups-nothing = Rien n'est encore sauvegardé
backups-nothing-lead = Si le disque de cette machine tombe en panne, tout ce que gardent les services est perdu.
backups-nothing-words = Branchez un disque, dites à la machine dans quel dossier sauvegarder, et elle le fera chaque nuit : les services, leurs bases de données, et la machine elle-même. Tout y est chiffré.
backups-choose = Choisir où vont les sauvegardes
backups-damaged = Des sauvegardes sont abîmées
backups-damaged-words = Un fichier de cet endroit manque ou n'est plus le même : une partie de ce qui est sauvegardé ici ne se relira peut-être pas.
backups-damaged-next = Le disque est sans doute usé. Sauvegardez dès maintenant à un autre endroit ; gardez celui-ci tel qu'il est.
backups-failed = La sauvegarde de { $name } a échoué
backups-failed-many = { $n ->
    [one] Une sauvegarde a échoué
    [2] Deux sauvegardes ont échoué
    [3] Trois sauvegardes ont échoué
   *[other] { $n } sauvegardes ont échoué
}
backups-late = Des sauvegardes sont en retard
backups-late-names = Sans sauvegarde depuis trop longtemps : { $names }.
backups-late-next = Vérifiez que le disque est branché, et que la machine reste allumée la nuit. Ou sauvegardez maintenant.
backups-unchecked = Les sauvegardes n'ont pas pu être vérifiées
backups-away = L'endroit « { $id } » n'est pas là.
backups-next-try = Sauvegardez de nouveau ; si cela revient, demandez de l'aide en montrant cette page.
backups-first-comes = La première sauvegarde se fera cette nuit
backups-not-all = Tout n'est pas encore sauvegardé
backups-well-tonight = Tout est sauvegardé depuis cette nuit
backups-well = Tout est sauvegardé, depuis { $when }
backups-next = Prochaine sauvegarde : { $when }.
backups-box = La machine elle-même
backups-another = Un deuxième endroit
backups-another-words = Un seul disque peut tomber en panne, brûler ou être volé. Un deuxième, rangé dans un autre bâtiment, vous en protège.
backups-add = Ajouter un endroit
round-saves = La machine sauvegarde { $name } dans « { $id } »
round-tidies = La machine range et vérifie « { $id } »
round-begins = Une sauvegarde dans « { $id } » commence
round-since = Commencée
round-after = Ensuite : { $names }.
round-waits = En attente :
round-cancel = Arrêter cette sauvegarde
round-cancel-words = L'arrêter n'abîme rien : ce qui est déjà sauvegardé reste.
nights-title = Ces cinq dernières semaines
nights-initials = L M M J V S D
nights-label = Ces cinq dernières semaines : { $counts }.
nights-saved = { $n ->
    [0] aucune nuit sauvegardée
    [one] une nuit sauvegardée
   *[other] { $n } nuits sauvegardées
}
nights-partly = { $n ->
    [one] une en partie
   *[other] { $n } en partie
}
nights-missed = { $n ->
    [0] aucune manquée
    [one] une manquée
   *[other] { $n } manquées
}
nights-night = Jour
nights-became = Sauvegarde
night-none = rien à sauvegarder
night-saved = sauvegardé
night-partly = en partie
night-missed = manqué
night-rest = repos
night-waits = pas encore
place-title = L'endroit « { $id } »
place-where = Où
place-there = Il est là
place-room = Il est là, { $free } libres sur { $total }
place-away = Il n'est pas là : le disque est-il branché ?
place-busy = Une sauvegarde y est en cours
place-unknown = Il n'a pas répondu à l'instant
place-when = Quand
place-rhythm = { $n ->
    [one] Chaque nuit, entre 2 h et 3 h
   *[other] Toutes les { $n } nuits, entre 2 h et 3 h
}
place-next = Prochaine fois :
place-last = Dernière fois :
place-keeps = Ce qui est gardé
place-keeps-now = Pour l'instant :
place-check = Vérification
place-checked = Rien d'abîmé n'a été trouvé
place-not-checked = Quelque chose ne va pas
place-key = Clé
place-key-words = Sans elle, personne ne relira ces sauvegardes.
place-key-note = Noter la clé
place-saved = Ce qui s'y trouve
place-now = Sauvegarder maintenant
place-now-in = Sauvegarder maintenant dans « { $id } »
place-settings = Réglages
place-remove = Ne plus sauvegarder ici
saved-failed = A échoué
saved-when = Sauvegardé { $when }
saved-never = Pas encore sauvegardé
saved-size = { $size }, dont { $added } de nouveau
saved-held = service suspendu { $held }
saved-before = la sauvegarde d'avant reste : { $when }
keep-last = { $n ->
    [one] la dernière
   *[other] les { $n } dernières
}
keep-daily = { $n ->
    [one] celle du dernier jour
   *[other] une par jour pendant { $n } jours
}
keep-weekly = { $n ->
    [one] celle de la dernière semaine
   *[other] une par semaine pendant { $n } semaines
}
keep-monthly = { $n ->
    [one] celle du dernier mois
   *[other] une par mois pendant { $n } mois
}
keep-yearly = { $n ->
    [one] celle de la dernière année
   *[other] une par an pendant { $n } ans
}
gone-services = Services effacés
gone-services-words = Ils ne sont plus sur la machine, mais leurs sauvegardes sont là.
gone-bring = Ramener « { $name } »
gone-saved = Sauvegardé
add-title = Où vont les sauvegardes ?
add-lead = Branchez un disque qui ne sert qu'à cela, et donnez un dossier vide de ce disque. Un disque qui peut être débranché et rangé ailleurs est le mieux.
add-path = Dossier
add-path-hint = Le chemin entier, depuis la racine. Par exemple : /media/sauvegardes/lavoir. Le disque doit être monté ; le dossier peut ne pas exister encore.
add-name = Nom de cet endroit
add-name-hint = Un mot court, en petites lettres sans accent, pour le reconnaître. Par exemple : disque.
add-name-example = disque
add-rhythm = Quand sauvegarder
add-key = Clé
add-key-hint = Seulement si des sauvegardes sont déjà dans ce dossier. Sinon la machine en fait une nouvelle.
add-what = La machine y sauvegarde les services, leurs bases de données et elle-même, chiffrés. Elle garde les trois dernières, puis une par jour, par semaine, par mois et par an, de plus en plus espacées. Cela se change ensuite.
add-button = Sauvegarder ici
rhythm-nightly = Chaque nuit
rhythm-second = Une nuit sur deux
rhythm-weekly = Une nuit par semaine
wrong-path = Donnez le chemin entier, en commençant par « / ».
wrong-place-name = Des petites lettres sans accent, des chiffres et des tirets, en commençant par une lettre.
wrong-keep = Il faut garder au moins une sauvegarde.
key-title = La clé de « { $id } »
key-new = L'endroit est prêt. Notez maintenant sa clé, ailleurs que sur cette machine.
key-lead = Cette clé ouvre toutes les sauvegardes de cet endroit.
key-why = Si la machine brûle ou disparaît, c'est avec cette clé, et elle seule, que les sauvegardes se relisent. Et qui l'a peut tout lire.
key-written = Le registre notera que vous l'avez lue, jamais ce qu'elle est.
key-button = Montrer la clé
key-later = Plus tard
key-note = Notez cette clé ailleurs que sur cette machine.
key-by-fours = Par quatre, pour la recopier :
key-with = Elle ouvre
key-paper = Où la garder
key-paper-words = Sur papier, chez une personne de confiance ou dans un coffre ; pas avec le disque.
key-once = Elle ne contient ni la lettre I, ni la lettre O, ni les chiffres 0 et 1. Pour la revoir, il faudra la redemander, et le registre le notera.
place-settings-title = Réglages de « { $id } »
place-settings-lead = Ce que ces réglages laissent de côté est oublié à la prochaine sauvegarde de tout, et sa place est rendue.
settings-last = Les dernières, quel que soit leur jour
settings-daily = Jours
settings-weekly = Semaines
settings-monthly = Mois
settings-yearly = Années
place-remove-title = Ne plus sauvegarder dans « { $id } » ?
place-remove-happens = La machine n'y écrit plus rien. S'il n'y a pas d'autre endroit, plus rien n'est sauvegardé.
place-remove-kept = Tout ce qui est déjà dans le dossier. Il se relit avec sa clé : notez-la d'abord.
place-remove-back = Ajoutez de nouveau le même dossier, avec sa clé.
place-remove-button = Ne plus sauvegarder ici
snapshots-title = Sauvegardes de { $name }
snapshots-lead = La plus récente d'abord. Ouvrez-en une pour y retrouver un fichier.
snapshots-gone = Ce service n'est plus sur la machine. Chacune de ces sauvegardes peut le ramener, avec ses données, ses réglages et ses mots de passe.
snapshots-box = Le registre, les comptes, les réglages et les secrets de la machine. Ils servent à la refaire ailleurs ; cela se fait encore à la main.
snapshots-none = Il n'y en a pas encore.
snapshots-older = Plus anciennes
snapshots-busy = Une sauvegarde est en cours.
snapshots-follow = La suivre
snapshot-restore = Remettre le service ainsi
snapshot-bring = Ramener le service
snapshot-in = dans « { $id } »
snapshot-other-box = faite par une autre machine
snapshot-now = Sauvegarder maintenant
snapshot-unnamed = Sauvegarde
folder-title = { $name }, { $when }
folder-back = Sauvegardes de { $name }
folder-root = Ce que contient cette sauvegarde. Dans « data », les fichiers ; dans « dumps », les bases de données. Le reste sert à la machine.
folder-lead = Choisissez un fichier pour le télécharger.
folder-path = Chemin
folder-top = Tout
folder-get = télécharger
folder-further = La suite
folder-empty = Ce dossier est vide.
folder-restore = Remettre tout le service ainsi
restore-title = Revenir à cette sauvegarde de { $name } ?
restore-happens = Sauvegarde : { $when }. Le service s'arrête, la machine remet ses données, ses réglages et sa version d'alors, puis il redémarre. Les visiteurs lisent pendant ce temps qu'il revient.
restore-lost = Tout ce qui y a été fait depuis cette sauvegarde ({ $when }) : messages, fichiers, comptes, réglages.
restore-kept = Ce qu'il a maintenant, jusqu'à ce qu'il réponde de nouveau. S'il ne revient pas bien, la machine le remet comme il était.
restore-back = Par une sauvegarde plus récente, s'il y en a une.
restore-save-first = Le sauvegarder d'abord tel qu'il est
restore-button = Remettre le service ainsi
bring-title = Ramener { $name } de cette sauvegarde ?
bring-happens = Sauvegarde : { $when }. Le service s'installe de nouveau avec ses données, ses réglages, ses mots de passe et son adresse d'alors.
bring-kept = Les autres services, et toutes les sauvegardes.
bring-back = Vous pourrez le retirer ou l'effacer de nouveau.
bring-button = Ramener le service
