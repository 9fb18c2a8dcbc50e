//! How the machine does: measured from time to time, remembered for a day in memory, never entered.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use lavoir_core::id::{AppId, Timestamp};
use lavoir_core::limits;

use crate::api::wire::{Amount, Disk, Flow, Holds, Machine, Sample};
use crate::ports::{Clock as _, Containers as _, Gauges as _, MemoryTaken, Reading, World};

/// What was measured.
#[derive(Default)]
pub struct Measures {
    kept: Mutex<Kept>,
}

#[derive(Default)]
struct Kept {
    last: Option<(Timestamp, Reading)>,
    now: Sample,
    history: VecDeque<Sample>,
    memory: MemoryTaken,
    data_mib: BTreeMap<AppId, u64>,
    engine: bool,
}

impl Measures {
    fn lock(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes a reading. Rates are those since the one before.
    pub fn note(&self, at: Timestamp, reading: Reading) {
        let mut kept = self.lock();
        let before = kept.last.take();
        let rates = before.as_ref().map(|(then, before)| {
            let ms = at.0.saturating_sub(then.0).max(1);
            (busy(before, &reading), flow(before, &reading, ms))
        });
        let (busy_permille, network) = rates.unwrap_or_default();
        kept.now = Sample {
            at,
            memory_used: reading.memory.map(|(used, _)| used),
            busy_permille,
            temperature_m: reading.temperature_m,
            network,
        };
        let now = kept.now;
        // The first one knows no rates.
        if before.is_some() {
            kept.history.push_back(now);
        }
        while kept.history.len() > limits::MEASURES_MAX {
            kept.history.pop_front();
        }
        kept.last = Some((at, reading));
    }

    /// The machine as it was measured last.
    pub fn machine(&self) -> Machine {
        let kept = self.lock();
        let Some((_, reading)) = &kept.last else {
            return Machine::default();
        };
        Machine {
            model: reading.model.clone(),
            system: reading.system.clone(),
            processor: reading.processor.clone(),
            cores: reading.cores,
            up_s: reading.up_s,
            memory: reading.memory.map(|(used, total)| Amount { used, total }),
            disks: disks(reading),
            busy_permille: kept.now.busy_permille,
            temperature_m: kept.now.temperature_m,
            network: kept.now.network,
            history: kept.history.iter().copied().collect(),
        }
    }

    /// Memory, and the disk of the data: for one line.
    pub fn in_one_line(&self) -> (Option<Amount>, Option<Amount>) {
        let kept = self.lock();
        let Some((_, reading)) = &kept.last else {
            return (None, None);
        };
        let memory = reading.memory.map(|(used, total)| Amount { used, total });
        (memory, disks(reading).last().map(|disk| disk.amount))
    }

    /// Memory that containers take.
    pub fn memory(&self) -> MemoryTaken {
        self.lock().memory.clone()
    }

    /// Disk that an app's volumes take, MiB.
    pub fn data_mib(&self, app: &AppId) -> Option<u64> {
        self.lock().data_mib.get(app).copied()
    }

    /// Whether the engine answered, the last time it was asked.
    pub fn engine(&self) -> bool {
        self.lock().engine
    }
}

fn disks(reading: &Reading) -> Vec<Disk> {
    let disk = |holds, (_, used, total): (u64, u64, u64)| Disk {
        holds,
        amount: Amount { used, total },
    };
    match (reading.system_disk, reading.data_disk) {
        (Some(system), Some(data)) if system.0 == data.0 => vec![disk(Holds::Everything, data)],
        (system, data) => {
            let system = system.map(|system| disk(Holds::System, system));
            let data = data.map(|data| disk(Holds::Data, data));
            system.into_iter().chain(data).collect()
        }
    }
}

fn busy(before: &Reading, now: &Reading) -> Option<u32> {
    let ((busy_before, all_before), (busy, all)) = (before.ticks?, now.ticks?);
    let all = all.checked_sub(all_before).filter(|all| *all > 0)?;
    let busy = busy.saturating_sub(busy_before).min(all);
    u32::try_from(busy.saturating_mul(1_000) / all).ok()
}

fn flow(before: &Reading, now: &Reading, ms: u64) -> Option<Flow> {
    let (before, now) = (before.network?, now.network?);
    // An interface that went away takes its count along.
    let rate = |before: u64, now: u64| now.saturating_sub(before).saturating_mul(1_000) / ms;
    Some(Flow {
        come: rate(before.0, now.0),
        gone: rate(before.1, now.1),
    })
}

/// Measures for ever.
pub async fn keep<W: World>(world: Arc<W>, measures: Arc<Measures>) {
    let every = Duration::from_millis(limits::ENGINE_ASKED_EVERY_MS);
    let (mut measured, mut weighed): (Option<Duration>, Option<Duration>) = (None, None);
    loop {
        let engine = world.containers().is_there().await;
        measures.lock().engine = engine;
        let now = world.clock().running();
        let due = |last: Option<Duration>, every: u64| {
            last.is_none_or(|last| now >= last + Duration::from_millis(every))
        };
        // Soon once more after the first: rates need two.
        let second = measures.lock().history.is_empty();
        if second || due(measured, limits::MEASURE_EVERY_MS) {
            measured = Some(now);
            let data = world.containers().data_root().await;
            let reading = world.gauges().read(data.as_deref()).await;
            measures.note(world.clock().now(), reading);
            if engine && let Ok(memory) = world.containers().memory().await {
                measures.lock().memory = memory;
            }
        }
        if engine && due(weighed, limits::DATA_WEIGHED_EVERY_MS) {
            weighed = Some(now);
            if let Ok(data_mib) = world.containers().data_mib().await {
                measures.lock().data_mib = data_mib;
            }
        }
        world.clock().sleep(every).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_come_from_two_readings_and_the_past_is_bounded() {
        let measures = Measures::default();
        assert_eq!(measures.machine().memory, None);
        for turn in 0..=(limits::MEASURES_MAX as u64 + 5) {
            let reading = Reading {
                memory: Some((turn, 100)),
                ticks: Some((turn * 250, turn * 1_000)),
                network: Some((turn * 6_000, 0)),
                system_disk: Some((1, 5, 9)),
                data_disk: Some((2, 6, 9)),
                ..Reading::default()
            };
            measures.note(Timestamp(turn * 60_000), reading);
        }
        let machine = measures.machine();
        assert_eq!(machine.busy_permille, Some(250));
        assert_eq!(machine.network, Some(Flow { come: 100, gone: 0 }));
        assert_eq!(machine.history.len(), limits::MEASURES_MAX);
        let holds: Vec<Holds> = machine.disks.iter().map(|disk| disk.holds).collect();
        assert_eq!(holds, [Holds::System, Holds::Data]);
    }
}
