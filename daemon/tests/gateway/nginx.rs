//! A table of smuggling with a real server behind: Debian's nginx, which reads what the gateway passes on in its own way.

use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use super::frames::*;
use super::house::*;
use super::smuggling::ambiguous;
use lavoir::door::Target;

/// nginx with a log of the requests that it understood.
struct Nginx {
    process: Child,
    dir: tempfile::TempDir,
    address: SocketAddr,
}

impl Nginx {
    /// Where there is one: `./test` installs it, run as root.
    async fn start() -> Option<Self> {
        let there = Path::new("/usr/sbin/nginx").exists();
        if !there && !nix::unistd::geteuid().is_root() {
            return None;
        }
        assert!(there, "nginx is missing: ./test installs it");
        let dir = tempfile::tempdir().unwrap();
        let place = dir.path().display();
        let address = free_address();
        let config = format!(
            "worker_processes 1; pid {place}/pid; error_log {place}/error.log; events {{}}\n\
             http {{ client_body_temp_path {place}/body; proxy_temp_path {place}/proxy; fastcgi_temp_path {place}/fastcgi;\n\
             uwsgi_temp_path {place}/uwsgi; scgi_temp_path {place}/scgi;\n\
             log_format lines '$request_uri'; access_log {place}/seen.log lines;\n\
             server {{ listen {address}; location / {{ return 200 'seen'; }} }} }}\n"
        );
        std::fs::write(dir.path().join("nginx.conf"), config).unwrap();
        let process = Command::new("/usr/sbin/nginx")
            .arg("-p")
            .arg(dir.path())
            .arg("-c")
            .arg(dir.path().join("nginx.conf"))
            .args(["-g", "daemon off;"])
            .stdin(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut tries = 0;
        while tokio::net::TcpStream::connect(address).await.is_err() {
            tries += 1;
            assert!(tries < 1_000, "nginx does not come");
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
        Some(Self {
            process,
            dir,
            address,
        })
    }

    /// What it has understood since the last time. It has one process: once it has seen the mark, all before is there.
    async fn seen(&self, house: &House) -> Vec<String> {
        assert_eq!(house.ask(get(BLOG, "/mark")).await.0, 200);
        let log = self.dir.path().join("seen.log");
        loop {
            let text = std::fs::read_to_string(&log).unwrap();
            if let Some(before) = text.strip_suffix("/mark\n") {
                std::fs::write(&log, "").unwrap();
                return before.lines().map(str::to_owned).collect();
            }
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        // Its worker ends with it when it is asked, not when it is killed.
        let id = nix::unistd::Pid::from_raw(self.process.id() as i32);
        let _ = nix::sys::signal::kill(id, nix::sys::signal::Signal::SIGTERM);
        let _ = self.process.wait();
    }
}

const HIDDEN: &str = "GET /hidden HTTP/1.1\r\nHost: x\r\n\r\n";

/// A head for HTTP/2 with fields that HTTP/1.1 would read otherwise.
fn strange(fields: &[(&str, &str)]) -> Vec<u8> {
    let mut all = vec![
        (":method", "POST"),
        (":scheme", "https"),
        (":authority", BLOG),
        (":path", "/two"),
    ];
    for (name, value) in fields {
        match all.iter().position(|(there, _)| there == name) {
            Some(place) => all[place].1 = value,
            None => all.push((name, value)),
        }
    }
    all.iter()
        .flat_map(|(name, value)| field(name, value, false))
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_hidden_reaches_nginx() {
    let Some(nginx) = Nginx::start().await else {
        return;
    };
    let target = Target::Upstream {
        address: nginx.address,
        body_max_bytes: 1_000_000,
    };
    let (house, _daemon) = House::real(vec![route(BLOG, "/", target)], "").await;
    for (what, request) in ambiguous() {
        let answer = house
            .raw(BLOG, format!("{request}{HIDDEN}").as_bytes())
            .await;
        assert!(!answer.contains("seen"), "{what}: {answer}");
        assert_eq!(nginx.seen(&house).await, Vec::<String>::new(), "{what}");
    }

    // Sound for the gateway: it may pass them on, as one request each, whatever nginx makes of their insides.
    let head = format!("POST /one HTTP/1.1\r\nHost: {BLOG}\r\nConnection: close\r\n");
    let length = HIDDEN.len();
    let sound = [
        ("a request inside a body", format!("{head}Content-Length: {length}\r\n\r\n{HIDDEN}")),
        ("a request inside a chunk", format!("{head}Transfer-Encoding: chunked\r\n\r\n{length:x}\r\n{HIDDEN}\r\n0\r\n\r\n")),
        ("a request in a chunk's extension", format!("{head}Transfer-Encoding: chunked\r\n\r\n1;{}\r\nx\r\n0\r\n\r\n", "GET /hidden HTTP/1.1")),
        ("a request in trailers", format!("{head}Transfer-Encoding: chunked\r\nTrailer: x\r\n\r\n1\r\nx\r\n0\r\nx: GET /hidden HTTP/1.1\r\n\r\n")),
        ("a length in trailers", format!("{head}Transfer-Encoding: chunked\r\nTrailer: content-length\r\n\r\n1\r\nx\r\n0\r\nContent-Length: 0\r\n\r\n")),
        ("chunks in capitals", format!("{head}TRANSFER-ENCODING: CHUNKED\r\n\r\n1\r\nx\r\n0\r\n\r\n")),
        ("a length that Connection names", format!("POST /one HTTP/1.1\r\nHost: {BLOG}\r\nConnection: close, content-length\r\nContent-Length: {length}\r\n\r\n{HIDDEN}")),
        ("a coding that Connection names", format!("POST /one HTTP/1.1\r\nHost: {BLOG}\r\nConnection: close, transfer-encoding\r\nTransfer-Encoding: chunked\r\n\r\n{length:x}\r\n{HIDDEN}\r\n0\r\n\r\n")),
        ("a field with an underscore", format!("{head}Content_Length: 0\r\nContent-Length: {length}\r\n\r\n{HIDDEN}")),
        ("a path with percent signs", "GET /one%0d%0aHost:%20x HTTP/1.1\r\nHost: blog.verger.example\r\nConnection: close\r\n\r\n".to_owned()),
    ];
    for (what, request) in sound {
        let answer = house.raw(BLOG, request.as_bytes()).await;
        let seen = nginx.seen(&house).await;
        assert!(
            seen.len() <= 1 && seen.iter().all(|uri| uri.starts_with("/one")),
            "{what}: {seen:?}"
        );
        assert!(answer.matches("HTTP/1.1").count() <= 1, "{what}: {answer}");
    }

    let short = length.to_string();
    let broken_path = format!("/two HTTP/1.1\r\nHost: x\r\n\r\n{HIDDEN}");
    let broken_value = format!("x\r\n\r\n{HIDDEN}");
    let two: &[(&str, Vec<(&str, &str)>)] = &[
        (
            "a shorter length than the data",
            vec![("content-length", "0")],
        ),
        (
            "a longer length than the data",
            vec![("content-length", "9999")],
        ),
        (
            "two lengths",
            vec![("content-length", &short), ("Content-Length", "0")],
        ),
        ("a coding", vec![("transfer-encoding", "chunked")]),
        (
            "a coding beside a length",
            vec![("transfer-encoding", "chunked"), ("content-length", &short)],
        ),
        ("a line break in a value", vec![("x", &broken_value)]),
        (
            "a line feed in a value",
            vec![("x", "a\nTransfer-Encoding: chunked")],
        ),
        (
            "a line break in a name",
            vec![("x\r\nTransfer-Encoding", "chunked")],
        ),
        (
            "a colon in a name",
            vec![("transfer-encoding: chunked\r\nx", "y")],
        ),
        ("a name in capitals", vec![("Transfer-Encoding", "chunked")]),
        ("a line break in the path", vec![(":path", &broken_path)]),
        ("a space in the path", vec![(":path", "/two HTTP/1.1")]),
        (
            "a whole address as path",
            vec![(":path", "http://x/hidden")],
        ),
        ("an empty path", vec![(":path", "")]),
        (
            "a line break in the method",
            vec![(":method", "GET /hidden HTTP/1.1\r\nHost: x\r\n\r\nPOST")],
        ),
        (
            "a space in the method",
            vec![(":method", "GET /hidden HTTP/1.1")],
        ),
        ("a tunnel", vec![(":method", "CONNECT")]),
        (
            "a user in the name",
            vec![(":authority", "x@blog.verger.example")],
        ),
        (
            "a path in the name",
            vec![(":authority", "blog.verger.example/hidden?")],
        ),
        ("another host", vec![("host", "other.example")]),
        (
            "a field of the connection",
            vec![("connection", "close, content-length")],
        ),
        (
            "an upgrade",
            vec![("upgrade", "h2c"), ("connection", "upgrade")],
        ),
    ];
    for (what, fields) in two {
        let mut attack = frame(HEADERS, END_HEADERS, 1, &strange(fields));
        attack.extend(frame(DATA, END_STREAM, 1, HIDDEN.as_bytes()));
        // And a decent end, so that the gateway closes.
        attack.extend(frame(GOAWAY, 0, 0, &[0; 8]));
        super::frames::attack(&house, &attack).await;
        let seen = nginx.seen(&house).await;
        assert!(
            seen.len() <= 1 && seen.iter().all(|uri| uri == "/two"),
            "{what}: {seen:?}"
        );
    }
}
