//! The DNS, as far as certificates need it: looking at our own names, writing a proof into a zone.

mod look;
mod update;

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use lavoir_core::limits;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

pub use look::Look;
pub use update::Zone;

/// One question and its answer, over TCP: no size to guess, no forged sender.
async fn exchange(server: SocketAddr, question: &[u8]) -> io::Result<Vec<u8>> {
    let whole = async {
        let mut stream = TcpStream::connect(server).await?;
        let length = u16::try_from(question.len()).map_err(io::Error::other)?;
        let mut framed = length.to_be_bytes().to_vec();
        framed.extend_from_slice(question);
        stream.write_all(&framed).await?;
        let mut answer = vec![0; usize::from(stream.read_u16().await?)];
        stream.read_exact(&mut answer).await?;
        Ok(answer)
    };
    let limit = Duration::from_millis(limits::NAME_LOOK_MS_MAX);
    tokio::time::timeout(limit, whole).await?
}
