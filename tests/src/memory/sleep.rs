//! Waiting in a world whose time goes on only when everybody waits.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use super::Memory;

pub(super) struct Sleep<'a> {
    memory: &'a Memory,
    deadline: u64,
    place: Option<u64>,
}

impl<'a> Sleep<'a> {
    pub(super) fn until(memory: &'a Memory, deadline: u64) -> Self {
        Self {
            memory,
            deadline,
            place: None,
        }
    }
}

impl Future for Sleep<'_> {
    type Output = ();
    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let mut inner = self.memory.lock();
        if let Some(place) = self.place {
            let waker = inner.timers.remove(&(self.deadline, place));
            if inner.now >= self.deadline {
                drop(inner);
                drop(waker);
                return Poll::Ready(());
            }
        }
        inner.timers_made += 1;
        inner.activity += 1;
        let place = inner.timers_made;
        inner
            .timers
            .insert((self.deadline, place), context.waker().clone());
        drop(inner);
        self.place = Some(place);
        Poll::Pending
    }
}

impl Drop for Sleep<'_> {
    fn drop(&mut self) {
        if let Some(place) = self.place {
            // A waker may hold the last of a task, which may hold a sleep: it goes after the lock.
            let waker = self.memory.lock().timers.remove(&(self.deadline, place));
            drop(waker);
        }
    }
}
