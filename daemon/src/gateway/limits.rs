//! Every maximum of the gateway (law L8). Units stand last in the names.

use std::time::Duration;

/// Connections at once, all clients together. Less where the system allows fewer open files.
pub const CONNECTIONS_MAX: usize = 4_096;
/// Connections at once from one IPv4 address or one IPv6 /64: a whole office or school may stand behind one.
pub const CONNECTIONS_PER_CLIENT_MAX: usize = 256;
/// TLS handshakes at once: each costs a signature.
pub const HANDSHAKES_MAX: usize = 128;
/// Open files asked of the system: two for each connection, one to the client and one to the service, and some.
pub const OPEN_FILES_MAX: u64 = 2 * CONNECTIONS_MAX as u64 + 256;
/// Open files kept for listeners, the daemon's socket and the runtime.
pub const OPEN_FILES_RESERVE: u64 = 64;

/// For a TLS handshake.
pub const HANDSHAKE_S: Duration = Duration::from_secs(10);
/// For the head of a request, and between two requests of one HTTP/1.1 connection.
pub const HEAD_S: Duration = Duration::from_secs(30);
/// Without a byte either way and without a request under way.
pub const IDLE_S: Duration = Duration::from_secs(75);
/// Without a byte either way while a request is under way (event streams send one now and then).
pub const EXCHANGE_IDLE_S: Duration = Duration::from_secs(600);
/// Without a byte of a request's body that is awaited.
pub const BODY_IDLE_S: Duration = Duration::from_secs(60);
/// Without a byte through a WebSocket.
pub const TUNNEL_IDLE_S: Duration = Duration::from_secs(3_600);
/// To reach a service.
pub const CONNECT_S: Duration = Duration::from_secs(5);
/// For a service's answer to begin, counted anew from each piece of the request's body.
pub const ANSWER_S: Duration = Duration::from_secs(300);
/// A connection to a service that nobody uses: shorter than the two seconds after which common servers close.
pub const UPSTREAM_IDLE_MS: Duration = Duration::from_millis(1_500);
/// Such connections for each service.
pub const UPSTREAM_IDLE_MAX: usize = 32;
/// For requests under way when the gateway is told to end.
pub const DRAIN_S: Duration = Duration::from_secs(15);

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

/// Pause after the daemon could not be reached; each next one is twice as long.
pub const RECONNECT_MS: Duration = Duration::from_millis(100);
/// Such a pause at the most.
pub const RECONNECT_MS_MAX: Duration = Duration::from_millis(5_000);
/// Pause after the system refused a connection (no open files left).
pub const ACCEPT_PAUSE_MS: Duration = Duration::from_millis(50);

const _: () = assert!(HEAD_BYTES_MAX <= BUFFER_BYTES_MAX);
const _: () = assert!(TARGET_BYTES_MAX <= HEAD_BYTES_MAX);
