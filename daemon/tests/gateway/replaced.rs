//! The gateway's own replacement, and the daemon's: nobody is refused, what is under way goes on.

use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use super::house::*;
use super::process::copy;
use http_body_util::BodyExt;
use hyper_util::rt::TokioIo;
use nix::sys::signal::Signal;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// Puts another file of the same executable at its place, as an upgrade does.
fn upgrade(executable: &Path) {
    let beside = executable.with_extension("new");
    std::fs::copy(env!("CARGO_BIN_EXE_lavoir"), &beside).unwrap();
    std::fs::rename(beside, executable).unwrap();
}

/// Whether the keeper has become what now lies at the path.
fn has_become(house: &House) -> bool {
    let there = std::fs::metadata(&house.process().executable)
        .unwrap()
        .ino();
    let running = std::fs::metadata(format!("/proc/{}/exe", house.process().keeper()));
    running.is_ok_and(|running| running.ino() == there)
}

async fn until(what: &str, mut there: impl FnMut() -> bool) {
    let mut tries = 0;
    while !there() {
        tries += 1;
        assert!(tries < 6_000, "{what}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// A WebSocket, an event stream and an upload, all of them begun.
struct UnderWay {
    socket: TokioIo<hyper::upgrade::Upgraded>,
    events: hyper::body::Incoming,
    piece: tokio::sync::mpsc::Sender<u8>,
    upload: tokio::task::JoinHandle<String>,
    sent: usize,
}

impl UnderWay {
    async fn begin(house: &House) -> Self {
        let mut sender = house.http1(BLOG).await;
        let response = sender.send_request(websocket("/ws")).await.unwrap();
        let socket = TokioIo::new(hyper::upgrade::on(response).await.unwrap());
        let mut two = house.http2(BLOG).await;
        let ticks = http::Request::get(format!("https://{BLOG}/ticks"));
        let response = two
            .send_request(ticks.body(nothing()).unwrap())
            .await
            .unwrap();
        let events = response.into_body();
        let (piece, pieces) = tokio::sync::mpsc::channel::<u8>(1);
        let stream = futures_util::stream::unfold(pieces, |mut pieces| async {
            let piece = bytes::Bytes::from(vec![pieces.recv().await?; 1_000]);
            Some((Ok(hyper::body::Frame::data(piece)), pieces))
        });
        let body = http_body_util::StreamBody::new(stream).boxed_unsync();
        let mut sender = house.http1(BLOG).await;
        let upload = tokio::spawn(async move {
            let answer = sender.send_request(post(BLOG, "/count", body)).await;
            text(answer.unwrap().into_body()).await
        });
        let mut this = Self {
            socket,
            events,
            piece,
            upload,
            sent: 0,
        };
        this.go_on().await;
        this
    }

    async fn go_on(&mut self) {
        self.socket.write_all(b"hello").await.unwrap();
        let mut heard = [0; 5];
        self.socket.read_exact(&mut heard).await.unwrap();
        assert_eq!(&heard, b"hello");
        self.events.frame().await.unwrap().unwrap();
        self.piece.send(b'x').await.unwrap();
        self.sent += 1_000;
    }

    async fn end(self) {
        drop(self.piece);
        assert_eq!(self.upload.await.unwrap(), self.sent.to_string());
    }
}

/// Clients that come again and again, each with a new connection, and some that stay.
struct Visitors {
    over: Arc<AtomicBool>,
    served: Arc<AtomicUsize>,
    tasks: Vec<tokio::task::JoinHandle<()>>,
}

impl Visitors {
    fn come(house: &Arc<House>) -> Self {
        let over = Arc::new(AtomicBool::new(false));
        let served = Arc::new(AtomicUsize::new(0));
        let tasks = (0..8).map(|n| {
            let (house, over, served) = (Arc::clone(house), Arc::clone(&over), Arc::clone(&served));
            tokio::spawn(async move {
                let mut kept = None;
                while !over.load(Ordering::Relaxed) {
                    let asked = match kept.take() {
                        // Those who stay come anew once they have been told that it was the last answer.
                        Some(sender) if n < 3 => Some(sender),
                        _ => None,
                    };
                    let mut sender = match asked {
                        Some(sender) => sender,
                        None => house.http1(BLOG).await,
                    };
                    let response = sender.send_request(get(BLOG, "/x")).await.unwrap();
                    assert_eq!(response.status(), 200);
                    let last = response.headers().contains_key("connection");
                    assert_eq!(text(response.into_body()).await, "GET /x");
                    served.fetch_add(1, Ordering::Relaxed);
                    kept = (!last).then_some(sender);
                }
            })
        });
        Self {
            tasks: tasks.collect(),
            over,
            served,
        }
    }

    async fn more(&self, how_many: usize) {
        let before = self.served.load(Ordering::Relaxed);
        until("visitors are served", || {
            self.served.load(Ordering::Relaxed) >= before + how_many
        })
        .await;
    }

    async fn go(self) -> usize {
        self.over.store(true, Ordering::Relaxed);
        for task in self.tasks {
            task.await.unwrap();
        }
        self.served.load(Ordering::Relaxed)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_gateway_takes_over_and_nobody_is_refused() {
    let service = Service::start().await;
    let routes = vec![route(BLOG, "/", to(&service, 1_000_000_000))];
    let (house, _daemon) = House::real(routes, "").await;
    let house = Arc::new(house);
    let visitors = Visitors::come(&house);
    let mut under_way = UnderWay::begin(&house).await;
    for _ in 0..2 {
        visitors.more(100).await;
        upgrade(&house.process().executable);
        assert!(!has_become(&house));
        house.process().signal(Signal::SIGHUP);
        until("the new one takes over", || has_become(&house)).await;
        under_way.go_on().await;
    }
    visitors.more(100).await;
    let servers = house.process().servers().len();
    assert!(
        (2..=3).contains(&servers),
        "{servers}: the new one, and those that have something under way"
    );
    under_way.go_on().await;
    under_way.end().await;
    let served = visitors.go().await;
    assert!(served > 300);
    // Those that were replaced end with what they had begun.
    until("the old ones end", || house.process().servers().len() == 1).await;
    assert_eq!(house.ask(get(BLOG, "/last")).await.0, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_does_not_come_up_changes_nothing() {
    let service = Service::start().await;
    let (house, _daemon) = House::real(vec![route(BLOG, "/", to(&service, 1_000))], "").await;
    let before = house.process().servers();
    let executable = house.process().executable.clone();
    std::fs::copy("/bin/false", executable.with_extension("new")).unwrap();
    std::fs::rename(executable.with_extension("new"), &executable).unwrap();
    let mut sender = house.http1(BLOG).await;
    for _ in 0..20 {
        house.process().signal(Signal::SIGHUP);
        let response = sender.send_request(get(BLOG, "/a")).await.unwrap();
        assert_eq!(response.status(), 200);
        assert!(!response.headers().contains_key("connection"));
        sender.ready().await.unwrap();
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    until("the failed ones are gone", || {
        house.process().servers() == before
    })
    .await;
    // And once there is a sound one, it takes over.
    std::fs::remove_file(&executable).unwrap();
    copy(&executable);
    house.process().signal(Signal::SIGHUP);
    until("it takes over", || {
        has_become(&house) && house.process().servers() != before
    })
    .await;
    assert_eq!(house.ask(get(BLOG, "/b")).await.0, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_connects_while_it_has_fallen_over_is_served_by_the_next() {
    let service = Service::start().await;
    let (house, _daemon) = House::real(vec![route(BLOG, "/", to(&service, 1_000))], "").await;
    for _ in 0..3 {
        let fallen = house.process().servers()[0];
        nix::sys::signal::kill(fallen, Signal::SIGKILL).unwrap();
        until("it has fallen", || {
            !house.process().servers().contains(&fallen)
        })
        .await;
        assert_eq!(house.ask(get(BLOG, "/a")).await.0, 200);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_daemon_is_replaced_and_nobody_notices() {
    let service = Service::start().await;
    let routes = || vec![route(BLOG, "/", to(&service, 1_000_000_000))];
    let (house, daemon) = House::real(routes(), "").await;
    let house = Arc::new(house);
    let visitors = Visitors::come(&house);
    let mut under_way = UnderWay::begin(&house).await;
    daemon.die().await;
    visitors.more(50).await;
    under_way.go_on().await;
    let mut daemon = house.daemon(house.doorway(1, routes()));
    daemon.applied(1).await;
    visitors.more(50).await;
    under_way.go_on().await;
    under_way.end().await;
    visitors.go().await;
}

/// Puts a script at the executable's place: it notes its number and its words, and becomes the executable; in one
/// role only once it may. Bash, which leaves held back signals held back.
struct Slow {
    folder: std::path::PathBuf,
}

impl Slow {
    fn put(house: &House, role: &str) -> Self {
        use std::os::unix::fs::PermissionsExt;
        let executable = &house.process().executable;
        let folder = executable.with_extension("slow");
        std::fs::create_dir(&folder).unwrap();
        let open = std::fs::Permissions::from_mode(0o777);
        std::fs::set_permissions(&folder, open.clone()).unwrap();
        let real = folder.join("lavoir");
        let mode = nix::sys::stat::Mode::from_bits_truncate(0o644);
        nix::unistd::mkfifo(&folder.join("go"), mode).unwrap();
        copy(&real);
        let script = format!(
            "#!/bin/bash\ncd {folder:?}\necho $$ $* >>started\n\
             case \"$*\" in *{role}) read -r _ <go ;; esac\nexec ./lavoir \"$@\"\n"
        );
        let beside = executable.with_extension("new");
        std::fs::write(&beside, script).unwrap();
        std::fs::set_permissions(&beside, open).unwrap();
        std::fs::rename(beside, executable).unwrap();
        Self { folder }
    }

    /// The number of the process that was started in this role.
    async fn started(&self, role: &str) -> nix::unistd::Pid {
        let mut found = None;
        until(role, || {
            let started = std::fs::read_to_string(self.folder.join("started"));
            let started = started.unwrap_or_default();
            let line = started.lines().find(|line| line.ends_with(role));
            found = line.and_then(|line| line.split(' ').next()?.parse().ok());
            found.is_some()
        })
        .await;
        nix::unistd::Pid::from_raw(found.unwrap())
    }

    fn go(&self) {
        std::fs::write(self.folder.join("go"), "\n").unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn told_again_while_one_is_coming_it_replaces_again() {
    let service = Service::start().await;
    let (house, _daemon) = House::real(vec![route(BLOG, "/", to(&service, 1_000))], "").await;
    let first = house.process().servers()[0];
    let slow = Slow::put(&house, "server");
    house.process().signal(Signal::SIGHUP);
    let second = slow.started("server").await;
    house.process().signal(Signal::SIGHUP);
    slow.go();
    let mut third = None;
    until("a third one", || {
        let others = house.process().servers();
        third = others.into_iter().find(|id| ![first, second].contains(id));
        third.is_some()
    })
    .await;
    until("the third one serves alone", || {
        house.process().servers() == [third.unwrap()]
    })
    .await;
    assert_eq!(house.ask(get(BLOG, "/a")).await.0, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn told_to_end_while_it_becomes_another_it_ends() {
    for word in [Signal::SIGTERM, Signal::SIGINT] {
        let service = Service::start().await;
        let routes = vec![route(BLOG, "/", to(&service, 1_000))];
        let (mut house, _daemon) = House::real(routes, "").await;
        let slow = Slow::put(&house, "keeper");
        house.process().signal(Signal::SIGHUP);
        assert_eq!(slow.started("keeper").await, house.process().keeper());
        house.process().signal(word);
        slow.go();
        assert!(house.process_mut().ended().success());
        assert!(house.process().servers().is_empty());
    }
}
