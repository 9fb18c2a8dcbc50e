//! Speaking with the daemon: HTTP/1.1 over its unix socket, one conversation a question.

use std::path::{Path, PathBuf};
use std::time::Duration;

use bytes::{Buf as _, Bytes, BytesMut};
use http::{Method, Request, Response, header};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use lavoir_core::limits;
use lavoir_core::text::{Message, Text};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::net::UnixStream;
use tokio::time::timeout;

use super::end::End;
use crate::api::Written;

/// The daemon, as a client sees it.
pub struct Client {
    socket: PathBuf,
}

/// An answer, as it came and as it is understood.
pub struct Reply<T> {
    /// As it came.
    pub raw: Bytes,
    /// As it is understood.
    pub value: T,
}

/// A line of a stream may hold a whole picture, or a whole ledger entry in base64.
const LINE_BYTES_MAX: usize = 2 * limits::ENTRY_BYTES_MAX;

impl Client {
    /// On this socket; nothing is asked yet.
    pub fn new(socket: PathBuf) -> Self {
        Self { socket }
    }

    /// Asks for what is there.
    ///
    /// # Errors
    /// When the daemon is away or says no.
    pub async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<Reply<T>, End> {
        understood(self.bytes(Method::GET, path, Bytes::new()).await?)
    }

    /// Asks for what is there, as it is.
    ///
    /// # Errors
    /// When the daemon is away or says no.
    pub async fn get_raw(&self, path: &str) -> Result<Bytes, End> {
        self.bytes(Method::GET, path, Bytes::new()).await
    }

    /// Asks for something to be done.
    ///
    /// # Errors
    /// When the daemon is away or says no.
    pub async fn post<T: DeserializeOwned>(
        &self,
        path: &str,
        body: &impl Serialize,
    ) -> Result<Reply<T>, End> {
        let body = serde_json::to_vec(body).map_err(|error| strange(&error))?;
        understood(self.bytes(Method::POST, path, body.into()).await?)
    }

    /// Asks for something to be ended.
    ///
    /// # Errors
    /// When the daemon is away or says no.
    pub async fn delete(&self, path: &str) -> Result<(), End> {
        self.bytes(Method::DELETE, path, Bytes::new())
            .await
            .map(|_| ())
    }

    /// A stream of bytes, as it is; cut short it is an error.
    ///
    /// # Errors
    /// When the daemon is away or says no.
    pub async fn pieces(&self, path: &str) -> Result<Pieces, End> {
        let response = self.send(Method::GET, path, Bytes::new()).await?;
        Ok(Pieces(response.into_body()))
    }

    /// A stream of lines.
    ///
    /// # Errors
    /// When the daemon is away or says no.
    pub async fn lines(&self, path: &str) -> Result<Lines, End> {
        let response = self.send(Method::GET, path, Bytes::new()).await?;
        Ok(Lines {
            body: response.into_body(),
            buffer: BytesMut::new(),
        })
    }

    async fn bytes(&self, method: Method, path: &str, body: Bytes) -> Result<Bytes, End> {
        let response = self.send(method, path, body).await?;
        whole(response).await
    }

    async fn send(
        &self,
        method: Method,
        path: &str,
        body: Bytes,
    ) -> Result<Response<Incoming>, End> {
        let away = |error: &dyn std::fmt::Display| away(&self.socket, error);
        let stream = UnixStream::connect(&self.socket)
            .await
            .map_err(|error| unreachable_socket(&self.socket, &error))?;
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream))
            .await
            .map_err(|error| away(&error))?;
        // It ends with the conversation; what went wrong is seen by the question itself.
        tokio::spawn(connection);
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header(header::HOST, "lavoir")
            .header(header::CONTENT_TYPE, "application/json")
            .body(Full::new(body))
            .map_err(|error| strange(&error))?;
        let limit = Duration::from_secs(limits::API_ANSWER_S + 10);
        let response = timeout(limit, sender.send_request(request))
            .await
            .map_err(|error| away(&error))?
            .map_err(|error| away(&error))?;
        if response.status().is_success() {
            return Ok(response);
        }
        let raw = whole(response).await?;
        let text = String::from_utf8_lossy(&raw).into_owned();
        match serde_json::from_slice::<Written>(&raw) {
            Ok(written) => Err(End::problem(written, text)),
            Err(error) => Err(strange(&error)),
        }
    }
}

async fn whole(response: Response<Incoming>) -> Result<Bytes, End> {
    let body = Limited::new(response.into_body(), limits::API_ANSWER_BYTES_MAX);
    let limit = Duration::from_secs(limits::API_ANSWER_S);
    timeout(limit, body.collect())
        .await
        .map_err(|error| strange(&error))?
        .map(|body| body.to_bytes())
        .map_err(|error| strange(&error))
}

fn understood<T: DeserializeOwned>(raw: Bytes) -> Result<Reply<T>, End> {
    let value = serde_json::from_slice(&raw).map_err(|error| strange(&error))?;
    Ok(Reply { raw, value })
}

/// Bytes as they come.
pub struct Pieces(Incoming);

impl Pieces {
    /// The next ones; none at the good end.
    ///
    /// # Errors
    /// When the stream breaks off.
    pub async fn next(&mut self) -> Result<Option<Bytes>, End> {
        loop {
            match self.0.frame().await {
                Some(Ok(frame)) => {
                    if let Ok(data) = frame.into_data() {
                        return Ok(Some(data));
                    }
                }
                Some(Err(error)) => return Err(strange(&error)),
                None => return Ok(None),
            }
        }
    }
}

/// Lines as they come.
pub struct Lines {
    body: Incoming,
    buffer: BytesMut,
}

impl Lines {
    /// The next line; none at the end, be it a good one or not: the last line tells.
    ///
    /// # Errors
    /// When a line has no end.
    pub async fn next(&mut self) -> Result<Option<Bytes>, End> {
        loop {
            if let Some(end) = self.buffer.iter().position(|byte| *byte == b'\n') {
                let line = self.buffer.split_to(end).freeze();
                self.buffer.advance(1);
                return Ok(Some(line));
            }
            if self.buffer.len() > LINE_BYTES_MAX {
                return Err(strange(&"a line without end"));
            }
            match self.body.frame().await {
                Some(Ok(frame)) => {
                    if let Some(data) = frame.data_ref() {
                        self.buffer.extend_from_slice(data);
                    }
                }
                Some(Err(_)) | None => return Ok(None),
            }
        }
    }
}

fn unreachable_socket(socket: &Path, error: &std::io::Error) -> End {
    if error.kind() == std::io::ErrorKind::PermissionDenied {
        return End::Away(Message {
            code: "socket-closed-to-you".to_owned(),
            sentence: Text::new(
                "Seul l'administrateur de la machine (root) parle avec le démon.",
                "Only the machine's root speaks with the daemon.",
            ),
            next_step: Text::new("Recommencez avec « sudo ».", "Try again with “sudo”."),
        });
    }
    away(socket, error)
}

pub(super) fn away(socket: &Path, error: &dyn std::fmt::Display) -> End {
    let socket = socket.display();
    End::Away(Message {
        code: "daemon-away".to_owned(),
        sentence: Text::new(
            format!("Le démon de Lavoir ne répond pas sur {socket} ({error})."),
            format!("Lavoir's daemon does not answer on {socket} ({error})."),
        ),
        next_step: Text::new(
            "Démarrez-le avec « systemctl start lavoir-daemon », ou voyez « journalctl -u lavoir-daemon ».",
            "Start it with “systemctl start lavoir-daemon”, or see “journalctl -u lavoir-daemon”.",
        ),
    })
}

fn strange(error: &dyn std::fmt::Display) -> End {
    End::refused(
        "answer-not-understood",
        Text::new(
            format!("La réponse du démon ne se comprend pas ({error})."),
            format!("The daemon's answer is not understood ({error})."),
        ),
        Text::new(
            "Vérifiez que la commande et le démon sont de la même version.",
            "Check that the command and the daemon have the same version.",
        ),
    )
}
