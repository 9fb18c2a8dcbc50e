//! What the keeper is told from outside, by signals, and how none of it gets lost while it becomes another executable.

use anyhow::Context;
use nix::sys::signal::{SigSet, Signal, raise};
use tokio::signal::unix::{Signal as Heard, SignalKind, signal};

/// Signals, each as a stream.
pub(super) struct Words {
    pub(super) term: Heard,
    pub(super) int: Heard,
    pub(super) hangup: Heard,
    pub(super) child: Heard,
}

/// What had come, and had not been done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Missed {
    /// Nothing that keeps this process from becoming another.
    Nothing,
    /// To end.
    End,
}

impl Words {
    /// Hears them from now on, and what was held back until now.
    pub(super) fn hear() -> anyhow::Result<Self> {
        let words = Self {
            term: signal(SignalKind::terminate())?,
            int: signal(SignalKind::interrupt())?,
            hangup: signal(SignalKind::hangup())?,
            child: signal(SignalKind::child())?,
        };
        words.let_go()?;
        Ok(words)
    }

    /// From here on all of them wait in the kernel, also for the executable that this process becomes. What had come
    /// before is told: that to end, by the answer; that to be replaced once more is put back to those that wait.
    pub(super) async fn hold(&mut self) -> anyhow::Result<Missed> {
        held()
            .thread_block()
            .context("holding back what is told from outside")?;
        // What the handlers took has been passed on once the runtime has looked around.
        tokio::time::sleep(std::time::Duration::from_millis(1)).await;
        let (mut end, mut again) = (false, false);
        tokio::select! {
            biased;
            _ = self.term.recv() => end = true,
            _ = self.int.recv() => end = true,
            () = std::future::ready(()) => {}
        }
        tokio::select! {
            biased;
            _ = self.hangup.recv() => again = true,
            () = std::future::ready(()) => {}
        }
        if again {
            raise(Signal::SIGHUP).context("asking for another replacement")?;
        }
        Ok(if end { Missed::End } else { Missed::Nothing })
    }

    /// They are heard again.
    pub(super) fn let_go(&self) -> anyhow::Result<()> {
        held()
            .thread_unblock()
            .context("hearing what is told from outside")
    }
}

/// Held back from before this process hears it: it would end it.
pub(super) fn hangups() -> SigSet {
    [Signal::SIGHUP].into_iter().collect()
}

fn held() -> SigSet {
    [Signal::SIGHUP, Signal::SIGTERM, Signal::SIGINT]
        .into_iter()
        .collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn waits(signal: Signal) -> bool {
        let status = std::fs::read_to_string("/proc/thread-self/status").unwrap();
        let pending = status
            .lines()
            .find_map(|line| line.strip_prefix("SigPnd:"))
            .unwrap();
        let pending = u64::from_str_radix(pending.trim(), 16).unwrap();
        pending & 1 << (signal as u64 - 1) != 0
    }

    /// One test: signals are the process's, and tests may share one.
    #[tokio::test]
    async fn nothing_that_was_told_is_lost() {
        let mut words = Words::hear().unwrap();
        assert_eq!(words.hold().await.unwrap(), Missed::Nothing);
        // While held back: waits for the next executable.
        raise(Signal::SIGTERM).unwrap();
        raise(Signal::SIGHUP).unwrap();
        assert!(waits(Signal::SIGTERM) && waits(Signal::SIGHUP));
        // Heard once they are let go.
        words.let_go().unwrap();
        words.term.recv().await.unwrap();
        words.hangup.recv().await.unwrap();
        // Taken by a handler, and not heard yet.
        for signal in [Signal::SIGTERM, Signal::SIGINT] {
            raise(signal).unwrap();
            assert_eq!(words.hold().await.unwrap(), Missed::End, "{signal}");
            words.let_go().unwrap();
        }
        raise(Signal::SIGHUP).unwrap();
        assert_eq!(words.hold().await.unwrap(), Missed::Nothing);
        assert!(waits(Signal::SIGHUP));
        words.let_go().unwrap();
        words.hangup.recv().await.unwrap();
    }
}
