//! Asking an app over plain HTTP, straight to its container.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use http_body_util::Empty;
use hyper_util::rt::TokioIo;
use lavoir_core::release::HttpHealth;
use lavoir_core::text::Text;

use crate::ports::{Answer, Fault, Probe};

const PATIENCE: Duration = Duration::from_secs(10);

/// One connection a question.
pub struct HttpProbe;

impl Probe for HttpProbe {
    async fn ask(&self, address: IpAddr, health: &HttpHealth, host: &str) -> Answer<u16> {
        let asked = tokio::time::timeout(
            PATIENCE,
            status(SocketAddr::new(address, health.port), &health.path, host),
        );
        match asked.await {
            Ok(Ok(status)) => Ok(status),
            Ok(Err(error)) => Err(no_answer(&error)),
            Err(_) => Err(no_answer(&"time-out")),
        }
    }
}

async fn status(address: SocketAddr, path: &str, host: &str) -> anyhow::Result<u16> {
    let stream = tokio::net::TcpStream::connect(address).await?;
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
    let connection = tokio::spawn(connection);
    let request = http::Request::get(path)
        .header("host", host)
        .header("x-forwarded-proto", "https")
        .header("user-agent", "lavoir-health")
        .body(Empty::<bytes::Bytes>::new())?;
    let answer = sender.send_request(request).await;
    connection.abort();
    Ok(answer?.status().as_u16())
}

fn no_answer(error: &dyn std::fmt::Display) -> Fault {
    Fault::passing(
        "no-answer",
        Text::new(
            format!("Le service ne répond pas ({error})."),
            format!("The app does not answer ({error})."),
        ),
        Text::new("Redemandez dans un moment.", "Ask again in a moment."),
    )
}
