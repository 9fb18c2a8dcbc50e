machine-title = La machine
machine-up = en marche depuis { $time }
machine-unknown = La machine n'a pas encore été mesurée. Revenez dans une minute.
memory = Mémoire
used-of = { $used } occupés sur { $all }
disk-everything = Disque
disk-system = Disque du système
disk-data = Disque des données
busy = Processeur
busy-words = Occupé à { $share }
cores = { $n ->
    [one] un cœur
   *[other] { $n } cœurs
}
temperature = Température
network = Réseau
network-words = { $come } reçus et { $gone } envoyés par seconde
network-come = Reçu par seconde
network-gone = Envoyé par seconde
system = Système
parts-title = La mémoire, service par service
parts-label = Mémoire occupée :
parts-who = Service
memory-system = La machine elle-même
memory-free = Libre
lately = Ces dernières heures
picture-memory-title = Mémoire
picture-memory = Entre { $least } et { $most }
picture-busy-title = Processeur
picture-busy = Occupé entre { $least } et { $most }
picture-temperature-title = Température
picture-temperature = Entre { $least } et { $most }
picture-network-title = Réseau, données reçues par seconde
picture-network = Entre { $least } et { $most }
as-table = Les mêmes chiffres en tableau
when = Quand
measure-again = Mesurer de nouveau
