//! The moment, as a test sees it.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use lavoir::ports::{Bytes, Moment, Pending};
use tokio::sync::Notify;

type Hook = Box<dyn Fn() + Send + Sync>;

/// Counts what is asked of it, and does what a test wants to happen then.
#[derive(Default)]
pub struct Still {
    pub dumps: Mutex<Vec<(String, Bytes)>>,
    pub begun: AtomicUsize,
    pub ended: AtomicUsize,
    pub over: Arc<Notify>,
    pub at_begin: Option<Hook>,
    pub at_end: Option<Hook>,
}

impl Still {
    pub fn new() -> Arc<Self> {
        Arc::new(Self::default())
    }

    pub fn with_dump(inside: &str, bytes: Bytes) -> Self {
        Self {
            dumps: Mutex::new(vec![(inside.to_owned(), bytes)]),
            ..Self::default()
        }
    }

    pub fn counts(&self) -> (usize, usize) {
        (
            self.begun.load(Ordering::SeqCst),
            self.ended.load(Ordering::SeqCst),
        )
    }
}

impl Moment for Still {
    fn begin(&self) -> Pending<'_, Vec<(String, Bytes)>> {
        Box::pin(async {
            self.begun.fetch_add(1, Ordering::SeqCst);
            if let Some(hook) = &self.at_begin {
                hook();
            }
            Ok(std::mem::take(&mut *self.dumps.lock().unwrap()))
        })
    }

    fn end(&self) -> Pending<'_, ()> {
        Box::pin(async {
            self.ended.fetch_add(1, Ordering::SeqCst);
            if let Some(hook) = &self.at_end {
                hook();
            }
            self.over.notify_one();
            Ok(())
        })
    }
}
