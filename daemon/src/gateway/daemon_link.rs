//! The gateway's end of the socket: pictures in, versions out, for ever.

use std::path::Path;
use std::sync::Arc;

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::UnixStream;
use tokio::sync::watch;
use zeroize::Zeroizing;

use super::picture::Picture;
use super::{limits, tls};
use crate::door::{Doorway, FromGateway, PICTURE_BYTES_MAX};

/// Follows the daemon. When it is gone the last picture stays, and it is called again and again.
pub(super) async fn follow(socket: &Path, pictures: &watch::Sender<Arc<Picture>>) {
    let mut pause = limits::RECONNECT_MS;
    let mut missed = false;
    loop {
        match UnixStream::connect(socket).await {
            Ok(stream) => {
                tracing::info!("the daemon is there");
                missed = false;
                if listen(stream, pictures).await {
                    pause = limits::RECONNECT_MS;
                }
                tracing::warn!("the daemon is gone; what was open stays open");
            }
            Err(error) => {
                // Once, not at each try: the journal is for people.
                if !missed {
                    tracing::warn!(%error, "the daemon cannot be reached; trying again");
                }
                missed = true;
            }
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(limits::RECONNECT_MS_MAX);
    }
}

/// Takes pictures until the connection ends. Whether one was good.
async fn listen(stream: UnixStream, pictures: &watch::Sender<Arc<Picture>>) -> bool {
    let (read, mut write) = stream.into_split();
    let mut read = BufReader::new(read);
    let provider = tls::provider();
    let mut good = false;
    loop {
        let mut line = Zeroizing::new(Vec::new());
        let max = PICTURE_BYTES_MAX as u64 + 1;
        match (&mut read).take(max).read_until(b'\n', &mut line).await {
            Ok(_) if line.last() == Some(&b'\n') => {}
            Ok(0) => return good,
            Ok(_) => {
                tracing::warn!("the daemon's line has no end");
                return good;
            }
            Err(error) => {
                tracing::debug!(%error, "reading from the daemon");
                return good;
            }
        }
        let doorway: Doorway = match serde_json::from_slice(&line) {
            Ok(doorway) => doorway,
            Err(error) => {
                // The kind of fault and its place only: the text may hold a key.
                tracing::warn!(kind = ?error.classify(), column = error.column(), "the daemon's words make no sense");
                continue;
            }
        };
        let before = Arc::clone(&pictures.borrow());
        let picture = match Picture::new(&doorway, &before, &provider) {
            Ok(picture) => picture,
            Err(why) => {
                tracing::warn!(%why, "a picture was not taken");
                continue;
            }
        };
        good = true;
        tracing::info!(
            version = picture.version(),
            hosts = picture.hosts(),
            "a new picture"
        );
        let applied = FromGateway::Applied {
            version: picture.version(),
        };
        pictures.send_replace(Arc::new(picture));
        let Ok(mut report) = serde_json::to_vec(&applied) else {
            continue;
        };
        report.push(b'\n');
        if write.write_all(&report).await.is_err() {
            return good;
        }
    }
}
