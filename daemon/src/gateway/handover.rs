//! Listening sockets on their way from one process to the next: as a message that waits on standard input.
//!
//! A socket that is handed over is the same socket with the same queue: whoever connects meanwhile waits in it and
//! is served by the next one. Nobody is refused.

use std::io;
use std::mem::MaybeUninit;
use std::net::TcpListener;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;

use nix::sys::socket::{AddressFamily, SockFlag, SockType, socketpair};
use rustix::cmsg_space;
use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags, recvmsg, sendmsg,
};
use serde::{Deserialize, Serialize};

use super::limits;

/// Sockets of one message: listeners, and the ways to speak with processes that go on.
const SOCKETS_MAX: usize = limits::LISTENERS_MAX + limits::REPLACED_MAX + 2;
const WORDS_BYTES_MAX: usize = 4_096;

/// Where is listened.
#[derive(Debug)]
pub(super) struct Listeners {
    pub(super) https: Vec<TcpListener>,
    pub(super) http: Vec<TcpListener>,
}

/// What comes with the sockets, which stand in this order: HTTPS, HTTP, one for each process.
#[derive(Debug, Serialize, Deserialize)]
struct Words {
    https: usize,
    http: usize,
    processes: Vec<Process>,
}

/// A process that serves on while its keeper becomes another executable.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Process {
    pub(super) id: i32,
    /// Whether it has been replaced.
    pub(super) replaced: bool,
}

/// What was handed over.
#[derive(Debug)]
pub(super) struct Handed {
    pub(super) listeners: Listeners,
    /// With the way to speak with each.
    pub(super) processes: Vec<(Process, OwnedFd)>,
}

/// A pair whose messages stay apart.
pub(super) fn pair() -> io::Result<(UnixStream, UnixStream)> {
    let flags = SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK;
    let (one, other) = socketpair(AddressFamily::Unix, SockType::SeqPacket, None, flags)?;
    Ok((one.into(), other.into()))
}

/// Puts the message into the socket; it waits there for whoever reads the other end.
pub(super) fn send(
    to: &UnixStream,
    listeners: &Listeners,
    processes: &[(Process, BorrowedFd<'_>)],
) -> io::Result<()> {
    let words = Words {
        https: listeners.https.len(),
        http: listeners.http.len(),
        processes: processes
            .iter()
            .map(|(process, _)| process.clone())
            .collect(),
    };
    let words = serde_json::to_vec(&words)?;
    let both = listeners.https.iter().chain(&listeners.http);
    let sockets: Vec<BorrowedFd<'_>> = both
        .map(AsFd::as_fd)
        .chain(processes.iter().map(|(_, control)| *control))
        .collect();
    let mut space = [MaybeUninit::uninit(); cmsg_space!(ScmRights(SOCKETS_MAX))];
    let mut rights = SendAncillaryBuffer::new(&mut space);
    if words.len() > WORDS_BYTES_MAX || !rights.push(SendAncillaryMessage::ScmRights(&sockets)) {
        return Err(io::Error::other("too many sockets to hand over"));
    }
    sendmsg(
        to,
        &[io::IoSlice::new(&words)],
        &mut rights,
        SendFlags::NOSIGNAL,
    )?;
    Ok(())
}

/// What waited on standard input, and that socket itself: the way to speak with the keeper.
pub(super) fn take() -> io::Result<(Handed, UnixStream)> {
    let from = UnixStream::from(io::stdin().as_fd().try_clone_to_owned()?);
    Ok((receive(&from)?, from))
}

fn receive(from: &UnixStream) -> io::Result<Handed> {
    let mut words = [0; WORDS_BYTES_MAX];
    let mut space = [MaybeUninit::uninit(); cmsg_space!(ScmRights(SOCKETS_MAX))];
    let mut rights = RecvAncillaryBuffer::new(&mut space);
    let read = recvmsg(
        from,
        &mut [io::IoSliceMut::new(&mut words)],
        &mut rights,
        RecvFlags::CMSG_CLOEXEC,
    )?;
    let mut sockets = Vec::new();
    for message in rights.drain() {
        if let RecvAncillaryMessage::ScmRights(some) = message {
            sockets.extend(some);
        }
    }
    let words: Words = serde_json::from_slice(&words[..read.bytes])?;
    if sockets.len() != words.https + words.http + words.processes.len() {
        return Err(io::Error::other("sockets were lost on the way"));
    }
    let mut sockets = sockets.into_iter();
    let mut listeners = |count| {
        sockets
            .by_ref()
            .take(count)
            .map(TcpListener::from)
            .collect()
    };
    let listeners = Listeners {
        https: listeners(words.https),
        http: listeners(words.http),
    };
    let processes = words.processes.into_iter().zip(sockets).collect();
    Ok(Handed {
        listeners,
        processes,
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used)]
mod tests {
    use super::*;
    use std::io::{Read, Write};
    use std::net::TcpStream;

    #[test]
    fn who_waits_in_the_queue_is_served_by_the_next() {
        let (keeper, next) = pair().unwrap();
        let (control, mut other_end) = pair().unwrap();
        let https = vec![TcpListener::bind("127.0.0.1:0").unwrap()];
        let http = vec![TcpListener::bind("127.0.0.1:0").unwrap()];
        let listeners = Listeners { https, http };
        let mut waiting = TcpStream::connect(listeners.https[0].local_addr().unwrap()).unwrap();
        let process = Process {
            id: 7,
            replaced: true,
        };
        send(&keeper, &listeners, &[(process.clone(), control.as_fd())]).unwrap();
        drop((listeners, control, keeper));

        let Handed {
            listeners: taken,
            processes,
        } = receive(&next).unwrap();
        assert_eq!((taken.https.len(), taken.http.len()), (1, 1));
        taken.https[0]
            .accept()
            .unwrap()
            .0
            .write_all(b"yes")
            .unwrap();
        let mut heard = String::new();
        waiting.read_to_string(&mut heard).unwrap();
        assert_eq!(heard, "yes");
        assert_eq!(processes[0].0, process);
        UnixStream::from(processes.into_iter().next().unwrap().1)
            .write_all(b"d")
            .unwrap();
        let mut word = [0; 4];
        assert_eq!(other_end.read(&mut word).unwrap(), 1);
    }

    #[test]
    fn nothing_and_nonsense_are_refused() {
        for words in [&b""[..], b"{}", br#"{"https":1,"http":0,"processes":[]}"#] {
            let (mut keeper, next) = pair().unwrap();
            keeper.write_all(words).unwrap();
            drop(keeper);
            assert!(receive(&next).is_err());
        }
    }
}
