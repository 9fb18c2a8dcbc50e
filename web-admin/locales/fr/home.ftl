home-well = Tout va bien
home-busy = { $n ->
    [one] Un changement est en cours
    [2] Deux changements sont en cours
    [3] Trois changements sont en cours
    [4] Quatre changements sont en cours
    [5] Cinq changements sont en cours
    [6] Six changements sont en cours
    [7] Sept changements sont en cours
    [8] Huit changements sont en cours
    [9] Neuf changements sont en cours
   *[other] { $n } changements sont en cours
}
home-waiting = { $n ->
    [one] Une chose vous attend
    [2] Deux choses vous attendent
    [3] Trois choses vous attendent
    [4] Quatre choses vous attendent
    [5] Cinq choses vous attendent
    [6] Six choses vous attendent
    [7] Sept choses vous attendent
    [8] Huit choses vous attendent
    [9] Neuf choses vous attendent
   *[other] { $n } choses vous attendent
}
home-none = Aucun service n'est encore installé.
home-open = { $n ->
    [0] Aucun service n'est ouvert.
    [one] Un service est ouvert.
    [2] Deux services sont ouverts.
    [3] Trois services sont ouverts.
    [4] Quatre services sont ouverts.
    [5] Cinq services sont ouverts.
    [6] Six services sont ouverts.
    [7] Sept services sont ouverts.
    [8] Huit services sont ouverts.
    [9] Neuf services sont ouverts.
   *[other] { $n } services sont ouverts.
}
home-waiting-title = À voir
home-services = Services
home-add = Ajouter un service
home-start = Un blog, un agenda partagé, une carte du quartier : le catalogue dit ce que cette machine peut faire pour vous, et s'il y a assez de place.
home-choose = Choisir un premier service
home-removed = Services retirés
home-removed-words = Leurs données sont toujours sur la machine. Vous pouvez rétablir ces services, ou les effacer.
home-broken = « { $name } » est en panne.
home-went-back = « { $name } » fonctionne, mais son dernier changement n'a pas abouti.
home-unwell = « { $name } » ne répond pas comme il le devrait.
home-update = « { $name } » peut passer de la version { $from } à la version { $to }.
home-see-app = Voir « { $name } »
home-backups-many = { $n } sauvegardes ont échoué ou sont en retard.
home-see-backups = Voir les sauvegardes
home-see-machine = Voir la machine
home-no-engine = Docker, qui fait tourner les services, ne répond pas.
home-disk-full = Le disque est presque plein.
home-machine = { $memory } de mémoire libres sur { $memory-all } ; { $disk } de disque libres sur { $disk-all }.
home-machine-unknown = La machine n'a pas encore été mesurée.
preparation-title = Cette machine est en préparation
preparation-words = Jusqu'à l'assemblée de fondation, la personne qui installe décide seule. Tout ce qu'elle fait est écrit dans le registre, que les membres pourront relire.
preparation-read = Lire le registre
state-step = { $doing }, étape { $step } sur { $all }
state-unwell = Répond mal
state-starting = Démarre
