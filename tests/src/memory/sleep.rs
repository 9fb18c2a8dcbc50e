//! Waiting in a world whose time goes on only when everybody waits.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use super::Memory;

pub(super) struct Sleep<'a> {
    memory: &'a Memory,
    deadline: u64,
    turn: Option<u64>,
    place: Option<(u64, u64)>,
}

impl<'a> Sleep<'a> {
    pub(super) fn until(memory: &'a Memory, deadline: u64, turn: Option<u64>) -> Self {
        Self {
            memory,
            deadline,
            turn,
            place: None,
        }
    }
}

impl Future for Sleep<'_> {
    type Output = ();
    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let mut inner = self.memory.lock();
        if let Some(place) = self.place {
            // Its time has come when its turn was taken, not when the clock shows it: whether somebody looks twice in
            // between must make no difference.
            let key = (self.deadline, place);
            let Some(old) = inner.timers.get_mut(&key) else {
                return Poll::Ready(());
            };
            let old = std::mem::replace(old, context.waker().clone());
            drop(inner);
            drop(old);
            return Poll::Pending;
        }
        inner.timers_made += 1;
        inner.activity += 1;
        let made = inner.timers_made;
        let place = (self.turn.unwrap_or(u64::MAX), made);
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
