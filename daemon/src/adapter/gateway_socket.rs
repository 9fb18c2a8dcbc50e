//! The daemon's end of the gateway's socket: each new picture to whoever is connected.

use std::fs;
use std::io;
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, bail};
use nix::unistd::{Gid, Uid, User, chown, geteuid};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::{Semaphore, watch};
use zeroize::Zeroizing;

use crate::door::{Doorway, FromGateway, REPORT_BYTES_MAX};
use crate::visits::Visits;

/// Gateways at once: the one, and the one that takes its place.
const PEERS_MAX: usize = 4;
/// For a gateway to read a picture.
const SEND_S: Duration = Duration::from_secs(30);
/// Pause after the system refused a connection.
const ACCEPT_PAUSE_MS: Duration = Duration::from_millis(200);

/// The socket, bound.
#[derive(Debug)]
pub struct GatewaySocket {
    listener: UnixListener,
    gateway: Uid,
}

impl GatewaySocket {
    /// Binds the socket for this user: mode 0660, their group. A socket left by a daemon that is no more is replaced.
    /// Needs a runtime.
    pub fn bind(path: &Path, user: &str) -> anyhow::Result<Self> {
        let Some(user) =
            User::from_name(user).with_context(|| format!("looking for the user {user}"))?
        else {
            bail!("there is no user {user} for the gateway");
        };
        Self::bind_for(path, user.uid, user.gid)
            .with_context(|| format!("making the socket {}", path.display()))
    }

    fn bind_for(path: &Path, gateway: Uid, group: Gid) -> anyhow::Result<Self> {
        if let Ok(found) = fs::symlink_metadata(path) {
            if !found.file_type().is_socket() {
                bail!("something else is there");
            }
            if std::os::unix::net::UnixStream::connect(path).is_ok() {
                bail!("another daemon listens there");
            }
        }
        // Under its name only once it has its mode: nobody is early.
        let beside = path.with_extension("new");
        match fs::remove_file(&beside) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error.into()),
            _ => {}
        }
        let listener = UnixListener::bind(&beside)?;
        fs::set_permissions(&beside, fs::Permissions::from_mode(0o660))?;
        if geteuid().is_root() {
            chown(&beside, None, Some(group))?;
        }
        fs::rename(&beside, path)?;
        Ok(Self { listener, gateway })
    }

    /// The listener itself, and whose word is taken on it: for what speaks something else than pictures.
    pub fn into_parts(self) -> (UnixListener, u32) {
        (self.listener, self.gateway.as_raw())
    }

    /// Sends every picture to every gateway, for ever. `applied` gets the version that one has begun to serve,
    /// `visits` what was counted.
    pub async fn serve(
        self,
        doorways: watch::Receiver<Arc<Doorway>>,
        applied: watch::Sender<u64>,
        visits: Arc<Visits>,
    ) {
        let places = Arc::new(Semaphore::new(PEERS_MAX));
        loop {
            let stream = match self.listener.accept().await {
                Ok((stream, _)) => stream,
                Err(error) => {
                    tracing::warn!(%error, "a gateway was not accepted");
                    tokio::time::sleep(ACCEPT_PAUSE_MS).await;
                    continue;
                }
            };
            if !self.may_listen(&stream) {
                tracing::warn!("somebody who is not the gateway asked for its keys");
                continue;
            }
            let Ok(place) = Arc::clone(&places).try_acquire_owned() else {
                tracing::warn!("too many gateways");
                continue;
            };
            let (doorways, applied) = (doorways.clone(), applied.clone());
            let visits = Arc::clone(&visits);
            tokio::spawn(async move {
                let ended = talk(stream, doorways, applied, &visits).await;
                tracing::info!(?ended, "a gateway is gone");
                drop(place);
            });
        }
    }

    fn may_listen(&self, stream: &UnixStream) -> bool {
        stream
            .peer_cred()
            .is_ok_and(|peer| peer.uid() == self.gateway.as_raw() || peer.uid() == 0)
    }
}

async fn talk(
    stream: UnixStream,
    mut doorways: watch::Receiver<Arc<Doorway>>,
    applied: watch::Sender<u64>,
    visits: &Visits,
) -> io::Result<()> {
    let (read, mut write) = stream.into_split();
    let shown = doorways.clone();
    let reports = async move {
        let mut read = BufReader::new(read);
        loop {
            let mut line = Vec::new();
            (&mut read)
                .take(REPORT_BYTES_MAX as u64)
                .read_until(b'\n', &mut line)
                .await?;
            if line.last() != Some(&b'\n') {
                return Ok(());
            }
            match serde_json::from_slice(&line) {
                Ok(FromGateway::Applied { version }) => {
                    applied.send_replace(version);
                }
                Ok(FromGateway::Counted { host, count }) => {
                    let ours = shown.borrow().routes.iter().any(|route| route.host == host);
                    if ours {
                        visits.add(host, &count);
                    }
                }
                Err(_) => return Err(io::ErrorKind::InvalidData.into()),
            }
        }
    };
    let pictures = async move {
        doorways.mark_changed();
        while doorways.changed().await.is_ok() {
            let doorway = Arc::clone(&doorways.borrow_and_update());
            // The daemon has not looked at the world yet: the gateway goes on with what it was told before.
            if doorway.version == 0 {
                continue;
            }
            let mut line = Zeroizing::new(serde_json::to_vec(&*doorway)?);
            line.push(b'\n');
            tokio::time::timeout(SEND_S, write.write_all(&line)).await??;
        }
        Ok(())
    };
    // Both are needed: a gateway that has gone is seen by the first, a daemon that ends by the second.
    tokio::select! {
        ended = reports => ended,
        ended = pictures => ended,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used)]
mod tests {
    use super::*;

    fn here() -> (Uid, Gid) {
        (geteuid(), nix::unistd::getegid())
    }

    #[tokio::test]
    async fn pictures_go_out_and_versions_come_back() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("gateway.sock");
        let socket = GatewaySocket::bind_for(&path, here().0, here().1).unwrap();
        assert_eq!(
            fs::metadata(&path).unwrap().permissions().mode() & 0o777,
            0o660
        );
        // Nothing is said before the first look.
        let (pictures, seen) = watch::channel(Arc::new(Doorway::default()));
        let (applied, mut versions) = watch::channel(0);
        let visits = Arc::new(Visits::default());
        let serving = tokio::spawn(socket.serve(seen, applied, Arc::clone(&visits)));

        let mut gateway = BufReader::new(UnixStream::connect(&path).await.unwrap());
        let mut line = String::new();
        gateway
            .write_all(b"{\"applied\":{\"version\":77}}\n")
            .await
            .unwrap();
        versions.wait_for(|version| *version == 77).await.unwrap();
        pictures.send_replace(Arc::new(Doorway::new(1, Vec::new(), Vec::new())));
        gateway.read_line(&mut line).await.unwrap();
        assert_eq!(line, "{\"version\":1,\"routes\":[],\"certificates\":[]}\n");
        pictures.send_replace(Arc::new(Doorway::new(2, Vec::new(), Vec::new())));
        line.clear();
        gateway.read_line(&mut line).await.unwrap();
        assert!(line.contains("\"version\":2"));
        gateway
            .write_all(b"{\"applied\":{\"version\":2}}\n")
            .await
            .unwrap();
        versions.wait_for(|version| *version == 2).await.unwrap();

        // Of a host of ours it is kept, of another it is not.
        let ours: lavoir_core::id::Hostname = "blog.example.org".parse().unwrap();
        let other = "other.example.org".parse().unwrap();
        let route = crate::door::Route {
            host: ours.clone(),
            path_prefix: "/".into(),
            target: crate::door::Target::Redirect {
                location: "/x".into(),
            },
        };
        pictures.send_replace(Arc::new(Doorway::new(3, vec![route], Vec::new())));
        line.clear();
        gateway.read_line(&mut line).await.unwrap();
        for host in [&ours, &other] {
            let words = format!(
                "{{\"counted\":{{\"host\":\"{host}\",\"count\":{{\"answers\":2,\"refused\":1,\"failed\":0,\"took_ms\":9,\"slow\":0}}}}}}\n"
            );
            assert!(words.len() < REPORT_BYTES_MAX);
            gateway.write_all(words.as_bytes()).await.unwrap();
        }
        gateway
            .write_all(b"{\"applied\":{\"version\":3}}\n")
            .await
            .unwrap();
        versions.wait_for(|version| *version == 3).await.unwrap();
        assert_eq!(visits.of([&ours]).answers, 2);
        assert_eq!(visits.of([&other]).answers, 0);

        gateway.write_all(b"nonsense\n").await.unwrap();
        line.clear();
        assert_eq!(
            gateway.read_line(&mut line).await.unwrap(),
            0,
            "who talks nonsense is left"
        );
        serving.abort();
    }

    #[tokio::test]
    async fn a_left_socket_is_replaced_a_living_one_is_not() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("gateway.sock");
        let first = GatewaySocket::bind_for(&path, here().0, here().1).unwrap();
        assert!(GatewaySocket::bind_for(&path, here().0, here().1).is_err());
        drop(first);
        assert!(path.exists());
        GatewaySocket::bind_for(&path, here().0, here().1).unwrap();
        fs::remove_file(&path).unwrap();
        fs::write(&path, "a file of somebody's").unwrap();
        assert!(GatewaySocket::bind_for(&path, here().0, here().1).is_err());
        assert!(GatewaySocket::bind(&path, "no-such-user-here").is_err());
    }
}
