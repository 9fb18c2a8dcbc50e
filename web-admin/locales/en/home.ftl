home-well = All is well
home-busy = { $n ->
    [one] A change is under way
    [2] Two changes are under way
    [3] Three changes are under way
    [4] Four changes are under way
    [5] Five changes are under way
    [6] Six changes are under way
    [7] Seven changes are under way
    [8] Eight changes are under way
    [9] Nine changes are under way
   *[other] { $n } changes are under way
}
home-waiting = { $n ->
    [one] One thing is waiting for you
    [2] Two things are waiting for you
    [3] Three things are waiting for you
    [4] Four things are waiting for you
    [5] Five things are waiting for you
    [6] Six things are waiting for you
    [7] Seven things are waiting for you
    [8] Eight things are waiting for you
    [9] Nine things are waiting for you
   *[other] { $n } things are waiting for you
}
home-none = No app is installed yet.
home-open = { $n ->
    [0] No app is open.
    [one] One app is open.
    [2] Two apps are open.
    [3] Three apps are open.
    [4] Four apps are open.
    [5] Five apps are open.
    [6] Six apps are open.
    [7] Seven apps are open.
    [8] Eight apps are open.
    [9] Nine apps are open.
   *[other] { $n } apps are open.
}
home-waiting-title = To look at
home-services = Apps
home-add = Add an app
home-start = A blog, a shared calendar, a map of the neighbourhood: the catalogue says what this box can do for you, and whether there is room for it.
home-choose = Choose a first app
home-removed = Removed apps
home-removed-words = Their data are still on the box. You can bring these apps back, or delete them.
home-broken = “{ $name }” is broken.
home-went-back = “{ $name }” works, but its last change did not succeed.
home-unwell = “{ $name }” does not answer as it should.
home-update = “{ $name }” can go from version { $from } to version { $to }.
home-see-app = See “{ $name }”
home-backups-many = { $n } backups failed or are late.
home-see-backups = See the backups
home-see-machine = See the machine
home-no-engine = Docker, which runs the apps, does not answer.
home-disk-full = The disk is nearly full.
home-machine = { $memory } of memory free out of { $memory-all }; { $disk } of disk free out of { $disk-all }.
home-machine-unknown = The machine has not been measured yet.
preparation-title = This box is in preparation
preparation-words = Until the founding assembly, the person who installs decides alone. Everything they do is written in the ledger, which the members will be able to read.
preparation-read = Read the ledger
state-step = { $doing }, step { $step } of { $all }
state-unwell = Does not answer well
state-starting = Starting
