//! Work on a repository: threads of their own, of low priority; measures; cancelling.

use std::future::Future;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Once};
use std::time::Duration;

use rustic_core::{Progress, ProgressBars, ProgressType, RusticProgress};
use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;

use super::fault;
use crate::ports::{Answer, Measure, OnMeasure, Unit};

/// How nice the threads are. Where the disk has a scheduler with priorities, it takes them from this.
const NICE: i32 = 15;
/// Threads of rustic's pool.
const THREADS_MAX: usize = 4;
/// How often measures are told.
const TELL_EVERY: Duration = Duration::from_millis(300);

/// One piece of work, as whoever asked for it and whoever does it see it.
#[derive(Debug, Default)]
pub(super) struct Work {
    /// Set when nobody waits for it any more.
    pub stop: CancellationToken,
    done: AtomicU64,
    total: AtomicU64,
    /// Whether rustic's own progress counts in this part of the work.
    counts: AtomicBool,
}

impl Work {
    pub fn new() -> Arc<Self> {
        Arc::new(Self::default())
    }

    pub fn is_cancelled(&self) -> bool {
        self.stop.is_cancelled()
    }

    /// An error as soon as nobody waits any more.
    pub fn go_on(&self) -> Answer<()> {
        if self.is_cancelled() {
            return Err(fault::cancelled());
        }
        Ok(())
    }

    pub fn add_done(&self, bytes: u64) {
        self.done.fetch_add(bytes, Ordering::Relaxed);
    }

    pub fn add_total(&self, bytes: u64) {
        self.total.fetch_add(bytes, Ordering::Relaxed);
    }

    /// Whether rustic's progress is part of the measure from here on.
    pub fn count(&self, counts: bool) {
        self.counts.store(counts, Ordering::Relaxed);
    }

    fn measure(&self) -> Measure {
        let done = self.done.load(Ordering::Relaxed);
        let total = self.total.load(Ordering::Relaxed);
        Measure {
            done,
            total: (total > 0).then_some(total.max(done)),
            unit: Unit::Bytes,
        }
    }
}

/// Cancels the work when it is dropped: with the future that waits for it.
pub(super) struct Waiting(pub Arc<Work>);

impl Drop for Waiting {
    fn drop(&mut self) {
        self.0.stop.cancel();
    }
}

/// Waits for it and tells its measures.
pub(super) async fn told<T>(
    work: &Arc<Work>,
    on_measure: Option<OnMeasure<'_>>,
    result: impl Future<Output = Answer<T>>,
) -> Answer<T> {
    let _waiting = Waiting(work.clone());
    let mut result = std::pin::pin!(result);
    let mut told = None;
    loop {
        tokio::select! {
            ended = &mut result => return ended,
            () = tokio::time::sleep(TELL_EVERY) => {}
        }
        let measure = work.measure();
        if let Some(on_measure) = on_measure
            && told != Some(measure)
        {
            on_measure(measure);
            told = Some(measure);
        }
    }
}

/// Does it on a thread of its own, of low priority: threads that it starts are as nice as it is.
pub(super) async fn on_thread<T: Send + 'static>(
    what: impl FnOnce() -> Answer<T> + Send + 'static,
) -> Answer<T> {
    let (sender, receiver) = oneshot::channel();
    let started = std::thread::Builder::new()
        .name("repository".to_owned())
        .spawn(move || {
            be_nice();
            let _ = sender.send(what());
        });
    if let Err(error) = started {
        return Err(fault::other(error.to_string()));
    }
    match receiver.await {
        Ok(answer) => answer,
        // It panicked: the panic is in the log.
        Err(_) => Err(fault::other("a thread ended before its work".to_owned())),
    }
}

/// On Linux a thread has a priority of its own; the system may refuse, and then it is as it was.
pub(super) fn be_nice() {
    let _ = rustix::process::setpriority_process(None, NICE);
}

/// rustic works in rayon's pool for all: its threads are bounded and nice too, whoever comes first.
pub(super) fn tame_the_pool() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let made = rayon::ThreadPoolBuilder::new()
            .num_threads(cores.clamp(1, THREADS_MAX))
            .thread_name(|n| format!("repository-{n}"))
            .start_handler(|_| be_nice())
            .build_global();
        if let Err(error) = made {
            tracing::debug!("the pool of threads was there already: {error}");
        }
    });
}

/// Takes rustic's progress over into the work's measures; nothing is drawn.
#[derive(Debug, Clone)]
pub(super) struct Bars(pub Arc<Work>);

impl ProgressBars for Bars {
    fn progress(&self, kind: ProgressType, _: &str) -> Progress {
        match kind {
            ProgressType::Bytes => Progress::new(Bar(self.0.clone())),
            _ => Progress::hidden(),
        }
    }
}

#[derive(Debug)]
struct Bar(Arc<Work>);

impl RusticProgress for Bar {
    fn is_hidden(&self) -> bool {
        !self.0.counts.load(Ordering::Relaxed)
    }
    fn set_length(&self, bytes: u64) {
        if !self.is_hidden() {
            self.0.add_total(bytes);
        }
    }
    fn set_title(&self, _: &str) {}
    fn inc(&self, bytes: u64) {
        if !self.is_hidden() {
            self.0.add_done(bytes);
        }
    }
    fn finish(&self) {}
}
