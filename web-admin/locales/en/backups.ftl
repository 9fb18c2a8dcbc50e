backups-nothing = Nothing is backed up yet
backups-nothing-lead = If this box's disk fails, all that the apps keep is lost.
backups-nothing-words = Plug in a disk, tell the box which folder to save to, and it will do so every night: the apps, their databases, and the box itself. All of it is encrypted there.
backups-choose = Choose where backups go
backups-damaged = Some backups are damaged
backups-damaged-words = A file of this place is missing or is no longer the same: part of what was saved here may not be readable.
backups-damaged-next = The disk is probably worn out. Back up to another place now; leave this one as it is.
backups-failed = The backup of { $name } failed
backups-failed-many = { $n ->
    [one] One backup failed
    [2] Two backups failed
    [3] Three backups failed
   *[other] { $n } backups failed
}
backups-late = Some backups are late
backups-late-names = Without a backup for too long: { $names }.
backups-late-next = Check that the disk is plugged in, and that the box stays on at night. Or back up now.
backups-unchecked = The backups could not be checked
backups-away = The place “{ $id }” is not there.
backups-next-try = Back up again; if it comes back, ask for help and show this page.
backups-first-comes = The first backup comes tonight
backups-not-all = Not everything is backed up yet
backups-well-tonight = Everything was backed up last night
backups-well = Everything is backed up, since { $when }
backups-next = Next backup: { $when }.
backups-box = The box itself
backups-another = A second place
backups-another-words = One disk alone may fail, burn or be stolen. A second one, kept in another building, protects you from that.
backups-add = Add a place
round-saves = The box is saving { $name } to “{ $id }”
round-tidies = The box is tidying and checking “{ $id }”
round-begins = A backup to “{ $id }” begins
round-since = Begun
round-after = Then: { $names }.
round-waits = Waiting:
round-cancel = Stop this backup
round-cancel-words = Stopping it harms nothing: what is saved already stays.
nights-title = These last five weeks
nights-initials = M T W T F S S
nights-label = These last five weeks: { $counts }.
nights-saved = { $n ->
    [0] no night saved
    [one] one night saved
   *[other] { $n } nights saved
}
nights-partly = { $n ->
    [one] one in part
   *[other] { $n } in part
}
nights-missed = { $n ->
    [0] none missed
    [one] one missed
   *[other] { $n } missed
}
nights-night = Day
nights-became = Backup
night-none = nothing to save
night-saved = saved
night-partly = in part
night-missed = missed
night-rest = rest
night-waits = not yet
place-title = The place “{ $id }”
place-where = Where
place-there = It is there
place-room = It is there, { $free } free of { $total }
place-away = It is not there: is the disk plugged in?
place-busy = A backup is under way there
place-unknown = It did not answer just now
place-when = When
place-rhythm = { $n ->
    [one] Every night, between 2 and 3
   *[other] Every { $n } nights, between 2 and 3
}
place-next = Next time:
place-last = Last time:
place-keeps = What is kept
place-keeps-now = For now:
place-check = Check
place-checked = Nothing damaged was found
place-not-checked = Something is wrong
place-key = Key
place-key-words = Without it nobody will read these backups.
place-key-note = Note the key
place-saved = What lies there
place-now = Back up now
place-now-in = Back up now to “{ $id }”
place-settings = Settings
place-remove = Save here no more
saved-failed = Failed
saved-when = Saved { $when }
saved-never = Not saved yet
saved-size = { $size }, { $added } of it new
saved-held = app paused for { $held }
saved-before = the earlier backup stays: { $when }
keep-last = { $n ->
    [one] the last one
   *[other] the last { $n }
}
keep-daily = { $n ->
    [one] the last day's
   *[other] one a day for { $n } days
}
keep-weekly = { $n ->
    [one] the last week's
   *[other] one a week for { $n } weeks
}
keep-monthly = { $n ->
    [one] the last month's
   *[other] one a month for { $n } months
}
keep-yearly = { $n ->
    [one] the last year's
   *[other] one a year for { $n } years
}
gone-services = Deleted apps
gone-services-words = They are no longer on the box, but their backups are there.
gone-bring = Bring back “{ $name }”
gone-saved = Saved
add-title = Where do backups go?
add-lead = Plug in a disk that serves for this alone, and give an empty folder of that disk. A disk that can be unplugged and kept elsewhere is best.
add-path = Folder
add-path-hint = The whole path, from the root. For example: /media/backups/lavoir. The disk must be mounted; the folder need not exist yet.
add-name = Name of this place
add-name-hint = A short word, in small letters, to know it by. For example: disk.
add-name-example = disk
add-rhythm = When to back up
add-key = Key
add-key-hint = Only if there are backups in this folder already. Otherwise the box makes a new one.
add-what = The box saves the apps, their databases and itself there, encrypted. It keeps the last three, then one a day, a week, a month and a year, further and further apart. That can be changed afterwards.
add-button = Back up here
rhythm-nightly = Every night
rhythm-second = Every second night
rhythm-weekly = One night a week
wrong-path = Give the whole path, beginning with “/”.
wrong-place-name = Small letters, digits and hyphens, beginning with a letter.
wrong-keep = At least one backup must be kept.
key-title = The key of “{ $id }”
key-new = The place is ready. Now note its key, away from this box.
key-lead = This key opens all backups of this place.
key-why = If the box burns or disappears, the backups are read with this key and with nothing else. And whoever has it can read everything.
key-written = The ledger will note that you read it, never what it is.
key-button = Show the key
key-later = Later
key-note = Note this key away from this box.
key-by-fours = By fours, to copy it:
key-with = It opens
key-paper = Where to keep it
key-paper-words = On paper, with somebody you trust or in a safe; not with the disk.
key-once = It has no letter I, no letter O, no digit 0 and no digit 1. To see it again you will have to ask again, and the ledger will note it.
place-settings-title = Settings of “{ $id }”
place-settings-lead = What these settings leave aside is forgotten at the next backup of everything, and its room is given back.
settings-last = The last ones, whatever their day
settings-daily = Days
settings-weekly = Weeks
settings-monthly = Months
settings-yearly = Years
place-remove-title = Save to “{ $id }” no more?
place-remove-happens = The box writes nothing there any more. If there is no other place, nothing is backed up any more.
place-remove-kept = All that is in the folder already. It can be read with its key: note it first.
place-remove-back = Add the same folder again, with its key.
place-remove-button = Save here no more
snapshots-title = Backups of { $name }
snapshots-lead = The latest first. Open one to find a file in it.
snapshots-gone = This app is no longer on the box. Each of these backups can bring it back, with its data, its settings and its passwords.
snapshots-box = The ledger, the accounts, the settings and the secrets of the box. They serve to make it anew elsewhere; that is still done by hand.
snapshots-none = There is none yet.
snapshots-older = Older ones
snapshots-busy = A backup is under way.
snapshots-follow = Follow it
snapshot-restore = Put the app back to this
snapshot-bring = Bring the app back
snapshot-in = in “{ $id }”
snapshot-other-box = made by another box
snapshot-now = Back up now
snapshot-unnamed = Backup
folder-title = { $name }, { $when }
folder-back = Backups of { $name }
folder-root = What this backup holds. In “data” the files; in “dumps” the databases. The rest is for the box.
folder-lead = Choose a file to download it.
folder-path = Path
folder-top = All
folder-get = download
folder-further = More
folder-empty = This folder is empty.
folder-restore = Put the whole app back to this
restore-title = Put { $name } back to this backup?
restore-happens = Backup: { $when }. The app stops, the box puts back its data, settings and version of then, and starts it again. Meanwhile visitors read that it is coming back.
restore-lost = All that was done in it since this backup ({ $when }): messages, files, accounts, settings.
restore-kept = What it has now, until it answers again. If it does not come up well, the box puts it back as it was.
restore-back = By a later backup, if there is one.
restore-save-first = Save it as it is first
restore-button = Put the app back to this
bring-title = Bring { $name } back from this backup?
bring-happens = Backup: { $when }. The app is installed again with its data, settings, passwords and address of then.
bring-kept = The other apps, and all backups.
bring-back = You can remove or delete it again.
bring-button = Bring the app back
