machine-title = The machine
machine-up = up for { $time }
machine-unknown = The machine has not been measured yet. Come back in a minute.
memory = Memory
used-of = { $used } taken of { $all }
disk-everything = Disk
disk-system = The system's disk
disk-data = The data's disk
busy = Processor
busy-words = { $share } busy
cores = { $n ->
    [one] one core
   *[other] { $n } cores
}
temperature = Temperature
network = Network
network-words = { $come } received and { $gone } sent each second
network-come = Received per second
network-gone = Sent per second
system = System
parts-title = Memory, app by app
parts-label = Memory taken:
parts-who = App
memory-system = The box itself
memory-free = Free
lately = These last hours
picture-memory-title = Memory
picture-memory = Between { $least } and { $most }
picture-busy-title = Processor
picture-busy = Between { $least } and { $most } busy
picture-temperature-title = Temperature
picture-temperature = Between { $least } and { $most }
picture-network-title = Network, data received each second
picture-network = Between { $least } and { $most }
as-table = The same figures as a table
when = When
measure-again = Measure again
