//! The gateway's end of the socket: pictures in, versions out, for ever.

use std::path::Path;
use std::sync::Arc;

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::UnixStream;
use tokio::sync::watch;
use zeroize::Zeroizing;

use super::count::Counts;
use super::picture::Picture;
use super::{limits, tls};
use crate::door::{Doorway, FromGateway, PICTURE_BYTES_MAX};

/// Follows the daemon. When it is gone the last picture stays, and it is called again and again.
pub(super) async fn follow(socket: &Path, pictures: &watch::Sender<Arc<Picture>>, counts: &Counts) {
    let mut pause = limits::RECONNECT_MS;
    let mut missed = false;
    loop {
        match UnixStream::connect(socket).await {
            Ok(stream) => {
                tracing::info!("the daemon is there");
                missed = false;
                if listen(stream, pictures, counts).await {
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

/// What was counted and not yet told, at the end.
pub(super) async fn last_words(socket: &Path, counts: &Counts) {
    let telling = async {
        let mut stream = UnixStream::connect(socket).await?;
        tell_counts(&mut stream, counts).await?;
        stream.shutdown().await?;
        // Until the daemon has read it: it would leave before, could it not tell its picture.
        tokio::io::copy(&mut stream, &mut tokio::io::sink()).await
    };
    if let Ok(Err(error)) = tokio::time::timeout(limits::LAST_WORDS_S, telling).await {
        tracing::debug!(%error, "what was counted last is lost");
    }
}

/// Takes pictures and tells counts until the connection ends. Whether one picture was good.
async fn listen(
    stream: UnixStream,
    pictures: &watch::Sender<Arc<Picture>>,
    counts: &Counts,
) -> bool {
    let (read, mut write) = stream.into_split();
    let mut read = BufReader::new(read);
    let mut good = false;
    let mut line = Zeroizing::new(Vec::new());
    let mut tell_at = tokio::time::Instant::now() + limits::COUNTS_EVERY_S;
    loop {
        // A line that has come in part stays where it is while counts are told.
        let max = (PICTURE_BYTES_MAX + 1).saturating_sub(line.len()) as u64;
        let mut rest = (&mut read).take(max);
        let whole = tokio::select! {
            whole = rest.read_until(b'\n', &mut line) => whole,
            () = tokio::time::sleep_until(tell_at) => {
                tell_at = tokio::time::Instant::now() + limits::COUNTS_EVERY_S;
                if tell_counts(&mut write, counts).await.is_err() {
                    return good;
                }
                continue;
            }
        };
        match whole {
            Ok(_) if line.last() == Some(&b'\n') => {}
            Ok(_) if line.is_empty() => return good,
            Ok(_) => {
                tracing::warn!("the daemon's line has no end");
                return good;
            }
            Err(error) => {
                tracing::debug!(%error, "reading from the daemon");
                return good;
            }
        }
        let words = std::mem::replace(&mut line, Zeroizing::new(Vec::new()));
        let Some(version) = show(&words, pictures) else {
            continue;
        };
        good = true;
        if tell(&mut write, &FromGateway::Applied { version })
            .await
            .is_err()
        {
            return good;
        }
    }
}

/// Makes a line of the daemon's the picture that is served; its version. What cannot be one changes nothing.
pub(super) fn show(line: &[u8], pictures: &watch::Sender<Arc<Picture>>) -> Option<u64> {
    let doorway: Doorway = match serde_json::from_slice(line) {
        Ok(doorway) => doorway,
        Err(error) => {
            // The kind of fault and its place only: the text may hold a key.
            tracing::warn!(kind = ?error.classify(), column = error.column(), "the daemon's words make no sense");
            return None;
        }
    };
    let before = Arc::clone(&pictures.borrow());
    let picture = match Picture::new(&doorway, &before, &tls::provider()) {
        Ok(picture) => picture,
        Err(why) => {
            tracing::warn!(%why, "a picture was not taken");
            return None;
        }
    };
    let version = picture.version();
    tracing::info!(version, hosts = picture.hosts(), "a new picture");
    pictures.send_replace(Arc::new(picture));
    Some(version)
}

async fn tell_counts<W: AsyncWriteExt + Unpin>(to: &mut W, counts: &Counts) -> std::io::Result<()> {
    for (host, count) in counts.take() {
        tell(to, &FromGateway::Counted { host, count }).await?;
    }
    Ok(())
}

async fn tell<W: AsyncWriteExt + Unpin>(to: &mut W, what: &FromGateway) -> std::io::Result<()> {
    let mut line = serde_json::to_vec(what)?;
    line.push(b'\n');
    to.write_all(&line).await
}
