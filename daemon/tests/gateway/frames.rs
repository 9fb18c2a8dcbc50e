//! HTTP/2 frames made by hand: what no decent client sends.

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::house::*;

pub const DATA: u8 = 0;
pub const HEADERS: u8 = 1;
pub const PRIORITY: u8 = 2;
pub const RST_STREAM: u8 = 3;
pub const SETTINGS: u8 = 4;
pub const PING: u8 = 6;
pub const GOAWAY: u8 = 7;
pub const WINDOW_UPDATE: u8 = 8;
pub const CONTINUATION: u8 = 9;

pub const END_STREAM: u8 = 1;
pub const END_HEADERS: u8 = 4;

pub fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let [_, a, b, c] = u32::try_from(payload.len()).unwrap().to_be_bytes();
    let mut frame = vec![a, b, c, kind, flags];
    frame.extend(stream.to_be_bytes());
    frame.extend(payload);
    frame
}

/// A field as HPACK has it when nothing is indexed or packed; `kept` adds it to the table.
pub fn field(name: &str, value: &str, kept: bool) -> Vec<u8> {
    let mut field = vec![if kept { 0x40 } else { 0 }];
    for text in [name, value] {
        // Lengths from 127 on go on in further bytes of seven bits.
        if text.len() < 127 {
            field.push(text.len() as u8);
        } else {
            field.push(127);
            let mut rest = text.len() - 127;
            while rest >= 128 {
                field.push(128 | (rest & 127) as u8);
                rest >>= 7;
            }
            field.push(rest as u8);
        }
        field.extend(text.as_bytes());
    }
    field
}

/// The head of a GET.
pub fn head(path: &str) -> Vec<u8> {
    let fields = [
        (":method", "GET"),
        (":scheme", "https"),
        (":authority", BLOG),
        (":path", path),
    ];
    fields
        .iter()
        .flat_map(|(name, value)| field(name, value, false))
        .collect()
}

/// Sends this after a decent beginning, and reads until the gateway closes. The frames that came back.
pub async fn attack(house: &House, frames: &[u8]) -> Vec<(u8, Vec<u8>)> {
    let stream = house.tls(BLOG, b"h2").await.unwrap();
    let (mut read, mut write) = tokio::io::split(stream);
    let mut all = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec();
    all.extend(frame(SETTINGS, 0, 0, &[]));
    all.extend(frames);
    let writing = tokio::spawn(async move {
        // Cut off on the way, as it should be.
        let _ = write.write_all(&all).await;
        let _ = write.flush().await;
        write
    });
    let mut heard = Vec::new();
    let _ = read.read_to_end(&mut heard).await;
    drop(writing.await);
    heard_frames(&heard)
}

/// Kind and content of each frame.
fn heard_frames(mut bytes: &[u8]) -> Vec<(u8, Vec<u8>)> {
    let mut frames = Vec::new();
    while let [a, b, c, kind, _, _, _, _, _, rest @ ..] = bytes {
        let length = usize::from(*a) << 16 | usize::from(*b) << 8 | usize::from(*c);
        let end = length.min(rest.len());
        frames.push((*kind, rest[..end].to_vec()));
        bytes = &rest[end..];
    }
    frames
}
