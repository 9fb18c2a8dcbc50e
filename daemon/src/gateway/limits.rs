//! Every maximum of the gateway (law L8). Units stand last in the names.
//!
//! Those that an operator may set for a box, or a test for itself, are gathered in [`Limits`]; the rest is fixed.

use std::time::Duration;

use serde::Deserialize;

/// What `[gateway.limits]` of the configuration file may say; what it does not say stays as it is here.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// Connections at once, all clients together. Less where the system allows fewer open files.
    pub connections_max: usize,
    /// Connections at once from one IPv4 address or one IPv6 /64: a whole office or school may stand behind one.
    pub connections_per_client_max: usize,
    /// Requests under way at once, all clients together: each holds a connection to a service.
    pub requests_max: usize,
    /// Requests under way at once from one IPv4 address or one IPv6 /64.
    pub requests_per_client_max: usize,
    /// TLS handshakes at once, from the client's first word on: each costs a signature. More wait for their turn.
    pub handshakes_max: usize,
    /// TLS handshakes at once from one IPv4 address or one IPv6 /64.
    pub handshakes_per_client_max: usize,

    /// For a TLS handshake, waiting for its turn included.
    pub handshake_ms: u64,
    /// For the head of a request, and between two requests of one HTTP/1.1 connection.
    pub head_ms: u64,
    /// Without a byte either way and without a request under way.
    pub idle_ms: u64,
    /// Without a byte either way while a request is under way (event streams send one now and then).
    pub exchange_idle_ms: u64,
    /// Without a byte of a request's body that is awaited.
    pub body_idle_ms: u64,
    /// Without a byte through a WebSocket.
    pub tunnel_idle_ms: u64,
    /// To reach a service.
    pub connect_ms: u64,
    /// For a service's answer to begin, counted anew from each piece of the request's body.
    pub answer_ms: u64,
    /// For requests under way when the gateway is told to end.
    pub drain_ms: u64,
    /// For what is under way when another gateway has taken its place: uploads, WebSockets, event streams.
    pub drain_replaced_ms: u64,
    /// For a key of session tickets; those made with the one before are taken for as long again.
    pub ticket_key_s: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections_max: CONNECTIONS_MAX,
            connections_per_client_max: 256,
            requests_max: REQUESTS_MAX,
            requests_per_client_max: 512,
            handshakes_max: 128,
            handshakes_per_client_max: 32,
            handshake_ms: 10_000,
            head_ms: 30_000,
            idle_ms: 75_000,
            exchange_idle_ms: 600_000,
            body_idle_ms: 60_000,
            tunnel_idle_ms: 3_600_000,
            connect_ms: 5_000,
            answer_ms: 300_000,
            drain_ms: 15_000,
            drain_replaced_ms: 3_600_000,
            ticket_key_s: 6 * 3_600,
        }
    }
}

impl Limits {
    /// The first value that is none: nothing may be without end, and nothing that is counted may be nothing.
    pub fn unsound(&self) -> Option<&'static str> {
        let counts = [
            ("connections_max", self.connections_max, CONNECTIONS_MAX),
            (
                "connections_per_client_max",
                self.connections_per_client_max,
                CONNECTIONS_MAX,
            ),
            ("requests_max", self.requests_max, REQUESTS_MAX),
            (
                "requests_per_client_max",
                self.requests_per_client_max,
                REQUESTS_MAX,
            ),
            ("handshakes_max", self.handshakes_max, CONNECTIONS_MAX),
            (
                "handshakes_per_client_max",
                self.handshakes_per_client_max,
                CONNECTIONS_MAX,
            ),
        ];
        let times = [
            ("handshake_ms", self.handshake_ms),
            ("head_ms", self.head_ms),
            ("idle_ms", self.idle_ms),
            ("exchange_idle_ms", self.exchange_idle_ms),
            ("body_idle_ms", self.body_idle_ms),
            ("tunnel_idle_ms", self.tunnel_idle_ms),
            ("connect_ms", self.connect_ms),
            ("answer_ms", self.answer_ms),
            ("drain_ms", self.drain_ms),
            ("drain_replaced_ms", self.drain_replaced_ms),
            ("ticket_key_s", u64::from(self.ticket_key_s) * 1_000),
        ];
        let count = counts
            .into_iter()
            .find(|(_, value, max)| *value == 0 || value > max);
        let time = times
            .into_iter()
            .find(|(_, value)| *value == 0 || *value > TIME_MS_MAX);
        count.map(|(name, ..)| name).or(time.map(|(name, _)| name))
    }
}

/// The most that a time may be set to: a day.
pub const TIME_MS_MAX: u64 = 86_400_000;
/// The most connections that may be set, and what is taken when nothing is.
pub const CONNECTIONS_MAX: usize = 4_096;
/// The most requests that may be set, and what is taken when nothing is.
pub const REQUESTS_MAX: usize = 4_096;
/// Open files asked of the system: one for each connection, one for each request's service, and some.
pub const OPEN_FILES_MAX: u64 = CONNECTIONS_MAX as u64 + REQUESTS_MAX as u64 + 256;
/// Open files kept for listeners, the daemon's socket and the runtime.
pub const OPEN_FILES_RESERVE: u64 = 64;

/// Pause before a handshake asks again whether it is its turn.
pub const TURN_MS: Duration = Duration::from_millis(20);
/// A connection to a service that nobody uses: shorter than the two seconds after which common servers close.
pub const UPSTREAM_IDLE_MS: Duration = Duration::from_millis(1_500);
/// Such connections for each service: fewer than are asked for at once, and each round of requests makes them anew.
pub const UPSTREAM_IDLE_MAX: usize = 256;
/// Heaps of the server's C library, by default eight for each core: each keeps what it once had.
pub const HEAPS_MAX: usize = 2;
/// Bytes at a heap's end that are given back to the system once they are free.
pub const HEAP_TRIM_BYTES: usize = 128 * 1024;
/// When another gateway takes over: for a client that has just connected, or is about to ask again, to do so.
pub const LINGER_MS: Duration = Duration::from_millis(5_000);
/// For a new gateway to serve its first picture; then it is given up, and the old one goes on.
pub const SUCCESSOR_S: Duration = Duration::from_secs(30);
/// Gateways that have been replaced and still have something under way; the oldest is told to end first.
pub const REPLACED_MAX: usize = 3;
/// Listening sockets.
pub const LISTENERS_MAX: usize = 16;
/// Pause before a gateway that fell over is started again; each next one is twice as long.
pub const AGAIN_MS: Duration = Duration::from_millis(100);
/// Such a pause at the most.
pub const AGAIN_MS_MAX: Duration = Duration::from_millis(5_000);

/// Header lines of a request.
pub const HEADERS_MAX: usize = 100;
/// Bytes of a request's head.
pub const HEAD_BYTES_MAX: usize = 32 * 1024;
/// Bytes of a request's path and query.
pub const TARGET_BYTES_MAX: usize = 8 * 1024;
/// Bytes of one line that tells a chunk's size.
pub const CHUNK_LINE_BYTES_MAX: usize = 256;
/// Bytes of the trailers of a request.
pub const TRAILER_BYTES_MAX: usize = 8 * 1024;
/// Bytes held of each direction of an HTTP/1.1 connection.
pub const BUFFER_BYTES_MAX: usize = 64 * 1024;

/// Requests at once on one HTTP/2 connection.
pub const STREAMS_MAX: u32 = 100;
/// Requests of an HTTP/2 connection that are taken back before they were looked at (rapid reset).
pub const STREAM_RESETS_MAX: usize = 20;
/// Faults of one HTTP/2 connection that are answered before it is closed.
pub const STREAM_FAULTS_MAX: usize = 64;
/// Bytes one HTTP/2 request may be ahead of its service.
pub const STREAM_WINDOW_BYTES: u32 = 256 * 1024;
/// Bytes one HTTP/2 connection may be ahead of its services.
pub const CONNECTION_WINDOW_BYTES: u32 = 1024 * 1024;
/// Bytes held for one slow HTTP/2 reader and request.
pub const STREAM_SEND_BYTES_MAX: usize = 128 * 1024;
/// An HTTP/2 connection is asked whether it still lives.
pub const PING_EVERY_S: Duration = Duration::from_secs(60);
/// For its answer.
pub const PING_S: Duration = Duration::from_secs(20);

/// HTTP/2 frames of one connection that carry nothing (settings, pings, resets, priorities, continuations, empty data),
/// at once.
pub const EMPTY_FRAMES_MAX: u32 = 1_000;
/// So many more of them each second.
pub const EMPTY_FRAMES_A_SECOND: u32 = 100;
/// One `WINDOW_UPDATE` more for so many bytes that were sent.
pub const WINDOW_UPDATE_BYTES: u64 = 512;

/// Pause after the daemon could not be reached; each next one is twice as long.
pub const RECONNECT_MS: Duration = Duration::from_millis(100);
/// Such a pause at the most.
pub const RECONNECT_MS_MAX: Duration = Duration::from_millis(5_000);
/// Between two times that the daemon is told what was counted.
pub const COUNTS_EVERY_S: Duration = Duration::from_secs(10);
/// For telling it the rest at the end.
pub const LAST_WORDS_S: Duration = Duration::from_secs(2);
/// Pause after the system refused a connection (no open files left).
pub const ACCEPT_PAUSE_MS: Duration = Duration::from_millis(50);

const _: () = assert!(HEAD_BYTES_MAX <= BUFFER_BYTES_MAX);
const _: () = assert!(TARGET_BYTES_MAX <= HEAD_BYTES_MAX);
