//! The machine's gauges: `/proc`, `/sys` and file systems. What is not there is left out.

use std::fs;
use std::path::Path;

use crate::ports::{Gauges, Reading};

/// This machine's.
pub struct TheseGauges;

impl Gauges for TheseGauges {
    async fn read(&self, data: Option<&Path>) -> Reading {
        let data = data.map(Path::to_owned);
        // Files of the kernel: quick, but a sick sensor may take its time.
        let read = tokio::task::spawn_blocking(move || reading(data.as_deref()));
        read.await.unwrap_or_default()
    }
}

fn reading(data: Option<&Path>) -> Reading {
    Reading {
        model: model(),
        system: line("/etc/os-release", "PRETTY_NAME="),
        processor: processor(),
        cores: std::thread::available_parallelism()
            .ok()
            .and_then(|cores| u32::try_from(cores.get()).ok()),
        up_s: text("/proc/uptime").and_then(|text| whole(text.split('.').next()?)),
        memory: text("/proc/meminfo").and_then(|text| memory(&text)),
        system_disk: disk(Path::new("/")),
        data_disk: data.and_then(disk),
        ticks: text("/proc/stat").and_then(|text| ticks(&text)),
        temperature_m: temperature(),
        network: text("/proc/net/dev").map(|text| network(&text, leads_outside)),
    }
}

fn text(path: impl AsRef<Path>) -> Option<String> {
    fs::read_to_string(path).ok()
}

fn whole(text: &str) -> Option<u64> {
    text.trim().parse().ok()
}

/// A line of `NAME=value`, without quotes.
fn line(path: &str, name: &str) -> Option<String> {
    let text = text(path)?;
    let value = text.lines().find_map(|line| line.strip_prefix(name))?;
    Some(value.trim().trim_matches('"').to_owned())
}

/// Many makers leave the factory's stand-ins in.
fn model() -> Option<String> {
    let part = |name: &str| {
        let text = text(Path::new("/sys/class/dmi/id").join(name))?;
        let text = text.trim();
        let stand_in = [
            "",
            "to be filled by o.e.m.",
            "system manufacturer",
            "system product name",
            "default string",
        ];
        let real = !stand_in.contains(&text.to_ascii_lowercase().as_str());
        real.then(|| text.to_owned())
    };
    let parts: Vec<String> = [part("sys_vendor"), part("product_name")]
        .into_iter()
        .flatten()
        .collect();
    // A board without such tables says its name in the device tree.
    let board = || {
        let text = text("/proc/device-tree/model")?;
        Some(text.trim_end_matches('\0').to_owned())
    };
    match parts.is_empty() {
        false => Some(parts.join(" ")),
        true => board(),
    }
}

fn processor() -> Option<String> {
    let text = text("/proc/cpuinfo")?;
    let name = text
        .lines()
        .find_map(|line| line.strip_prefix("model name"))?;
    let name = name.split_once(':')?.1.trim();
    (!name.is_empty()).then(|| name.to_owned())
}

/// Taken is what is not available: the kernel's own word on what programs could still have.
fn memory(meminfo: &str) -> Option<(u64, u64)> {
    let bytes = |name: &str| {
        let line = meminfo.lines().find_map(|line| line.strip_prefix(name))?;
        whole(line.split_whitespace().next()?).map(|kib| kib * 1024)
    };
    let total = bytes("MemTotal:")?;
    let available = bytes("MemAvailable:")?;
    Some((total.saturating_sub(available), total))
}

fn disk(path: &Path) -> Option<(u64, u64, u64)> {
    use std::os::unix::fs::MetadataExt as _;
    let there = path.ancestors().find(|ancestor| ancestor.exists())?;
    let number = fs::metadata(there).ok()?.dev();
    let disk = nix::sys::statvfs::statvfs(there).ok()?;
    let bytes = |blocks: u64| blocks.saturating_mul(disk.fragment_size());
    let used = bytes(disk.blocks().saturating_sub(disk.blocks_free()));
    // As df does: what is kept for root is not anybody's to use.
    Some((number, used, used + bytes(disk.blocks_available())))
}

/// Time spent idle and waiting for disks is not busy (proc_stat(5)); a guest's time is counted in its host's already.
fn ticks(stat: &str) -> Option<(u64, u64)> {
    let line = stat.lines().find_map(|line| line.strip_prefix("cpu "))?;
    let spent: Vec<u64> = line.split_whitespace().take(8).filter_map(whole).collect();
    let all: u64 = spent.iter().sum();
    let idle = spent.get(3)? + spent.get(4)?;
    Some((all - idle, all))
}

/// The hottest of all sensors that show something likely.
fn temperature() -> Option<i32> {
    let likely = |value: &i32| (1_000..=125_000).contains(value);
    let mut found = Vec::new();
    for (folder, file) in [("/sys/class/thermal", "temp"), ("/sys/class/hwmon", "")] {
        for entry in fs::read_dir(folder).ok().into_iter().flatten().flatten() {
            if !file.is_empty() {
                found.push(entry.path().join(file));
                continue;
            }
            let sensors = fs::read_dir(entry.path())
                .ok()
                .into_iter()
                .flatten()
                .flatten();
            found.extend(sensors.map(|sensor| sensor.path()).filter(|path| {
                let name = path
                    .file_name()
                    .and_then(|name| name.to_str())
                    .unwrap_or("");
                name.starts_with("temp") && name.ends_with("_input")
            }));
        }
    }
    found
        .iter()
        .filter_map(|path| text(path)?.trim().parse().ok())
        .filter(likely)
        .max()
}

fn network(dev: &str, counts: impl Fn(&str) -> bool) -> (u64, u64) {
    let rows = dev.lines().filter_map(|line| {
        let (name, numbers) = line.split_once(':')?;
        let numbers: Vec<u64> = numbers.split_whitespace().filter_map(whole).collect();
        counts(name.trim()).then_some((*numbers.first()?, *numbers.get(8)?))
    });
    rows.fold((0, 0), |(come, gone), (c, g)| (come + c, gone + g))
}

/// Not the loopback, not what containers hang on: their bytes pass through an outer interface as well.
fn leads_outside(name: &str) -> bool {
    name != "lo"
        && !["veth", "br-", "docker", "virbr"]
            .iter()
            .any(|own| name.starts_with(own))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_kernels_tables() {
        let meminfo = "MemTotal:        2048 kB\nMemFree:  10 kB\nMemAvailable:    512 kB\n";
        assert_eq!(memory(meminfo), Some((1536 * 1024, 2048 * 1024)));
        assert_eq!(memory("MemTotal: 2048 kB\n"), None);
        assert_eq!(
            ticks("cpu  10 20 30 400 50 6 7 8 9 9\ncpu0 1 1\n"),
            Some((81, 531))
        );
        let dev = "Inter-| Receive\n face |bytes\n    lo: 5 0 0 0 0 0 0 0 5 0\n  eth0: 100 1 0 0 0 0 0 0 40 1\n veth1: 9 0 0 0 0 0 0 0 9 0\n";
        assert_eq!(network(dev, leads_outside), (100, 40));
    }

    #[test]
    fn reads_this_machine() {
        let seen = reading(Some(Path::new("/var/lib/not-there-yet")));
        let (used, total) = seen.memory.unwrap_or_default();
        assert!(0 < used && used < total);
        assert!(seen.system_disk.is_some() && seen.data_disk.is_some());
        assert!(seen.ticks.is_some() && seen.up_s.is_some());
    }
}
