//! A registry that can be cut off in the middle of an answer: a small TCP relay before it.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;

/// Not cut.
const WHOLE: u64 = u64::MAX;

/// The relay; it ends with the test.
pub struct Cut {
    pub host: String,
    line: Arc<Line>,
}

struct Line {
    target: String,
    /// Bytes that came from the registry.
    passed: AtomicU64,
    /// After how many of them the line is cut.
    cut_at: AtomicU64,
    over: AtomicBool,
}

impl Cut {
    /// Before a registry; whole at first.
    pub fn before(target: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let host = listener.local_addr().unwrap().to_string();
        let line = Arc::new(Line {
            target: target.to_owned(),
            passed: AtomicU64::new(0),
            cut_at: AtomicU64::new(WHOLE),
            over: AtomicBool::new(false),
        });
        let kept = line.clone();
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                if line.over.load(Ordering::Relaxed) {
                    return;
                }
                line.clone().relay(client);
            }
        });
        Self { host, line: kept }
    }

    /// From so many bytes on, counted from now, nothing passes any more and nobody is let in.
    pub fn after(&self, bytes: u64) {
        self.line.passed.store(0, Ordering::Relaxed);
        self.line.cut_at.store(bytes, Ordering::Relaxed);
    }

    /// Whole again.
    pub fn mend(&self) {
        self.line.cut_at.store(WHOLE, Ordering::Relaxed);
    }

    /// It was cut.
    pub fn is_cut(&self) -> bool {
        self.line.is_cut()
    }

    /// Bytes that came from the registry, those lost in the cut too.
    pub fn passed(&self) -> u64 {
        self.line.passed.load(Ordering::Relaxed)
    }
}

impl Line {
    fn is_cut(&self) -> bool {
        self.passed.load(Ordering::Relaxed) >= self.cut_at.load(Ordering::Relaxed)
    }

    fn relay(self: Arc<Self>, client: TcpStream) {
        if self.is_cut() {
            return;
        }
        let Ok(registry) = TcpStream::connect(&self.target) else {
            return;
        };
        let (asks, answers) = (client.try_clone().unwrap(), registry.try_clone().unwrap());
        let line = self.clone();
        thread::spawn(move || line.pump(asks, registry, false));
        thread::spawn(move || self.pump(answers, client, true));
    }

    fn pump(&self, mut from: TcpStream, mut to: TcpStream, counted: bool) {
        let mut piece = [0; 16 * 1024];
        while let Ok(read @ 1..) = from.read(&mut piece) {
            if counted {
                self.passed.fetch_add(read as u64, Ordering::Relaxed);
            }
            if self.is_cut() || to.write_all(&piece[..read]).is_err() {
                break;
            }
        }
        let _ = from.shutdown(Shutdown::Both);
        let _ = to.shutdown(Shutdown::Both);
    }
}

impl Drop for Cut {
    fn drop(&mut self) {
        self.line.over.store(true, Ordering::Relaxed);
        // Wakes the listener, which then ends.
        let _ = TcpStream::connect(&self.host);
    }
}
