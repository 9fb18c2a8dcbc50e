//! Who is told no, and in which order the rules are asked: each row is the same request with one fault less.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod accounts;
mod backups;
mod elsewhere;
mod lasting;

use std::collections::{BTreeMap, BTreeSet};

use lavoir_core::class::{Class, class_of};
use lavoir_core::command::{Action, Actor, Command, Machine, Report, Request};
use lavoir_core::day::Day;
use lavoir_core::decide::decide;
use lavoir_core::event::Event;
use lavoir_core::id::{AppId, PersonId, Revision, Timestamp};
use lavoir_core::limits;
use lavoir_core::recipe::{Alphabet, Architecture, Protocol};
use lavoir_core::refusal::Refusal;
use lavoir_core::release::{Image, PublishedPort, Release, SecretShape};
use lavoir_core::state::State;
use lavoir_core::text::Text;
use lavoir_tests::shapes::{app, bare, host, made, part, service};

struct Box_ {
    state: State,
    next: u64,
    machine: Machine,
    met: BTreeMap<&'static str, Refusal>,
}

impl Box_ {
    fn bare() -> Self {
        let machine = Machine {
            architecture: Some(Architecture::Amd64),
            ram_mib: 4_000,
            disk_free_mib: 20_000,
            engine: true,
            ports_in_use: BTreeSet::new(),
            data_mib: BTreeMap::new(),
        };
        Self {
            state: State::default(),
            next: 0,
            machine,
            met: BTreeMap::new(),
        }
    }

    fn ask(&mut self, actor: Actor, command: Command) -> &'static str {
        let request = Request {
            actor,
            command,
            now: Timestamp(self.next),
            machine: self.machine.clone(),
        };
        match decide(&self.state, &request) {
            Ok(events) => {
                self.state.apply(self.next, Timestamp(self.next), &events);
                self.next += 1;
                "yes"
            }
            Err(refusal) => {
                let code = refusal.code();
                self.met.insert(code, refusal);
                code
            }
        }
    }

    fn act(&mut self, action: Action) -> &'static str {
        self.ask(Actor::Installer, Command::Act(action))
    }

    fn settle(&mut self, id: &str) -> &'static str {
        let revision = self.state.apps()[&app(id)].revision;
        self.ask(
            Actor::Box,
            Command::Report(Report::Settled {
                app: app(id),
                revision,
            }),
        )
    }

    fn fail(&mut self, id: &str) -> &'static str {
        let revision = self.state.apps()[&app(id)].revision;
        let report = Report::Failed {
            app: app(id),
            revision,
            step: "s".into(),
            code: "c".into(),
        };
        self.ask(Actor::Box, Command::Report(report))
    }
}

fn read_secret(id: &str, secret: &str) -> Action {
    Action::ReadSecret {
        app: app(id),
        secret: part(secret),
    }
}

fn prepare() -> Command {
    Command::Prepare {
        box_id: "b".into(),
        domain: host("example.org"),
    }
}

fn install(id: &str, release: Release) -> Action {
    Action::Install {
        app: app(id),
        release: Box::new(release),
    }
}

fn update(id: &str, release: Release) -> Action {
    Action::Update {
        app: app(id),
        release: Box::new(release),
    }
}

fn change(id: &str, release: Release) -> Action {
    Action::Change {
        app: app(id),
        release: Box::new(release),
    }
}

fn simple(id: &str, of: fn(AppId) -> Action) -> Action {
    of(app(id))
}

const START: fn(AppId) -> Action = |app| Action::Start { app };
const STOP: fn(AppId) -> Action = |app| Action::Stop { app };
const RESTART: fn(AppId) -> Action = |app| Action::Restart { app };
const REMOVE: fn(AppId) -> Action = |app| Action::Remove { app };
const REINSTALL: fn(AppId) -> Action = |app| Action::Reinstall { app };
const DELETE: fn(AppId) -> Action = |app| Action::Delete { app };

fn blog(version: u32) -> Release {
    bare("notebook", version, "blog.example.org")
}

/// All rows, in one story; the answers are checked on the way.
fn all_rows() -> Box_ {
    let mut b = Box_::bare();
    // Before the box has its name.
    assert_eq!(b.act(install("blog", blog(1))), "not-prepared");
    assert_eq!(b.ask(Actor::Installer, prepare()), "yes");
    assert_eq!(b.ask(Actor::Installer, prepare()), "already-prepared");
    assert_eq!(
        b.ask(
            Actor::Member(PersonId(1)),
            Command::Act(install("blog", blog(1)))
        ),
        "not-founded"
    );
    assert_eq!(
        b.ask(Actor::Box, Command::Act(install("blog", blog(1)))),
        "not-yours"
    );
    // An install with every fault; each row takes one away.
    let mut taken = bare("notebook", 1, "wiki.example.org");
    taken.ports.push(PublishedPort {
        service: part("web"),
        port: 10_000,
        protocol: Protocol::Udp,
    });
    assert_eq!(b.act(install("a-b", taken)), "yes");
    let mut all = bare("notebook", 1, "example.org");
    all.extra_hosts
        .insert(part("static"), host("wiki.example.org"));
    all.services.insert(part("b-web"), service("example.org/b"));
    all.architectures = vec![Architecture::Arm64];
    all.ram_mib = 1_000_000;
    all.disk_mib = 1_000_000;
    all.ports.push(PublishedPort {
        service: part("web"),
        port: 10_000,
        protocol: Protocol::Udp,
    });
    b.machine.engine = false;
    assert_eq!(b.act(install("a-b", all.clone())), "name-taken");
    assert_eq!(b.act(install("a", all.clone())), "host-is-panel");
    all.host = host("a.elsewhere.net");
    assert_eq!(b.act(install("a", all.clone())), "host-outside");
    all.host = host("notexample.org");
    assert_eq!(b.act(install("a", all.clone())), "host-outside");
    all.host = host("wiki.example.org");
    assert_eq!(b.act(install("a", all.clone())), "host-taken");
    all.host = host("a.example.org");
    all.extra_hosts
        .insert(part("static"), host("a.example.org"));
    assert_eq!(
        b.act(install("a", all.clone())),
        "host-taken",
        "twice the same"
    );
    all.extra_hosts.clear();
    assert_eq!(b.act(install("a", all.clone())), "container-name-taken");
    all.services.remove(&part("b-web"));
    assert_eq!(b.act(install("a", all.clone())), "engine-away");
    b.machine.engine = true;
    assert_eq!(b.act(install("a", all.clone())), "other-architecture");
    all.architectures.push(Architecture::Amd64);
    assert_eq!(b.act(install("a", all.clone())), "not-enough-memory");
    all.ram_mib = 100;
    assert_eq!(b.act(install("a", all.clone())), "not-enough-disk");
    all.disk_mib = 100;
    assert_eq!(b.act(install("a", all.clone())), "port-taken");
    all.ports[0].port = 10_001;
    b.machine.ports_in_use.insert((Protocol::Udp, 10_001));
    assert_eq!(
        b.act(install("a", all.clone())),
        "port-taken",
        "by a foreign program"
    );
    b.machine.ports_in_use.clear();
    assert_eq!(b.act(install("a", all)), "yes");
    // Too many apps.
    let mut full = Box_::bare();
    full.machine.ram_mib = 1 << 40;
    full.ask(Actor::Installer, prepare());
    for n in 0..limits::APPS_MAX {
        assert_eq!(
            full.act(install(
                &format!("x{n}"),
                bare("notebook", 1, &format!("x{n}.example.org"))
            )),
            "yes"
        );
    }
    assert_eq!(full.act(install("y", blog(1))), "too-many-apps");
    b.met.append(&mut full.met);
    // Nobody knows it.
    for of in [START, STOP, RESTART, REMOVE, REINSTALL, DELETE] {
        assert_eq!(b.act(simple("blog", of)), "no-such-app");
    }
    assert_eq!(b.act(update("blog", blog(2))), "no-such-app");
    assert_eq!(b.act(read_secret("blog", "db_password")), "no-such-app");
    assert_eq!(b.act(change("blog", blog(1))), "no-such-app");
    // Being installed.
    assert_eq!(b.act(install("blog", blog(1))), "yes");
    assert_eq!(b.act(update("blog", blog(2))), "busy");
    assert_eq!(b.act(change("blog", blog(1))), "busy");
    assert_eq!(b.act(simple("blog", RESTART)), "busy");
    assert_eq!(b.act(simple("blog", START)), "already-running");
    assert_eq!(b.act(simple("blog", REINSTALL)), "not-removed");
    let report = Report::Settled {
        app: app("blog"),
        revision: Revision(0),
    };
    assert_eq!(
        b.ask(Actor::Installer, Command::Report(report.clone())),
        "not-yours"
    );
    assert_eq!(b.ask(Actor::Box, Command::Report(report)), "stale-report");
    assert_eq!(b.settle("blog"), "yes");
    assert_eq!(b.settle("blog"), "stale-report");
    // Running. A secret that is not for people is never shown.
    let mut secretive = blog(1);
    let mut secret = |name: &str, readable_as| {
        let shape = SecretShape {
            alphabet: Alphabet::Hex,
            length: 32,
            readable_as,
        };
        secretive.secrets.insert(part(name), shape);
    };
    secret("for_the_app", None);
    secret("for_people", Some(Text::new("Mot de passe", "Password")));
    secretive.host = host("secretive.example.org");
    assert_eq!(b.act(install("secretive", secretive)), "yes");
    for hidden in ["nothing", "for_the_app"] {
        assert_eq!(b.act(read_secret("secretive", hidden)), "no-such-secret");
    }
    assert_eq!(b.act(read_secret("secretive", "for_people")), "yes");
    assert_eq!(
        b.act(update("blog", bare("other", 2, "blog.example.org"))),
        "other-recipe"
    );
    assert_eq!(b.act(update("blog", blog(1))), "up-to-date");
    let of_version = |version: &str, one_at_a_time| {
        let mut release = bare("notebook", 9, "wiki.example.org");
        release.recipe_version = version.into();
        release.one_at_a_time = one_at_a_time;
        update("blog", release)
    };
    // The same recipe again: only for images of a later month.
    let on_day = |day: &str| {
        let mut release = blog(1);
        let image = &mut release.services.get_mut(&part("web")).unwrap().image;
        *image = made(1);
        if let Image::Built { day: of, .. } = image {
            *of = Some(Day::try_from(day.to_owned()).unwrap());
        }
        release
    };
    let mut own = on_day("2026-11-22");
    own.host = host("own.example.org");
    assert_eq!(b.act(install("own", own)), "yes");
    assert_eq!(b.settle("own"), "yes");
    for (day, answer) in [
        ("2026-10-31", "up-to-date"),
        ("2026-11-30", "up-to-date"),
        ("2026-12-01", "host-taken"),
        ("2027-01-01", "host-taken"),
    ] {
        let mut release = on_day(day);
        release.host = host("wiki.example.org");
        assert_eq!(b.act(update("own", release)), answer, "{day}");
    }
    // Installed is 1.1-1. The next rule's answer, host-taken, says that the versions were found good.
    for (version, one_at_a_time, answer) in [
        ("1.0-7", false, "older-version"),
        ("1.1~rc1-7", true, "older-version"),
        ("main-2", false, "version-unordered"),
        ("3.0-1", true, "version-skipped"),
        ("3.0-1", false, "host-taken"),
        ("2.7-1", true, "host-taken"),
        ("1.10-1", true, "host-taken"),
        ("1.1-1", true, "host-taken"),
    ] {
        assert_eq!(
            b.act(of_version(version, one_at_a_time)),
            answer,
            "{version}"
        );
    }
    b.machine.data_mib.insert(app("blog"), 100_000);
    assert_eq!(
        b.act(update("blog", blog(2))),
        "not-enough-disk",
        "its data a second time"
    );
    b.machine.data_mib.clear();
    assert_eq!(b.act(change("blog", blog(2))), "other-recipe");
    assert_eq!(b.act(change("blog", blog(1))), "nothing-changed");
    // While an update is not proven, its way back is kept.
    assert_eq!(
        b.act(update("blog", bare("notebook", 2, "new.example.org"))),
        "yes"
    );
    for of in [STOP, RESTART, REMOVE] {
        assert_eq!(b.act(simple("blog", of)), "busy");
    }
    assert_eq!(
        b.act(install("old", blog(1))),
        "host-taken",
        "a roll back needs its address again"
    );
    assert_eq!(b.fail("blog"), "yes");
    assert_eq!(b.act(simple("blog", STOP)), "busy", "while it goes back");
    assert_eq!(b.settle("blog"), "yes");
    assert_eq!(*b.state.apps()[&app("blog")].release, blog(1));
    // Stopped.
    assert_eq!(b.act(simple("blog", STOP)), "yes");
    assert_eq!(b.act(simple("blog", STOP)), "already-stopped");
    for action in [
        update("blog", blog(2)),
        change("blog", blog(2)),
        simple("blog", RESTART),
    ] {
        assert_eq!(b.act(action), "not-running");
    }
    b.machine.engine = false;
    assert_eq!(b.act(simple("blog", START)), "engine-away");
    b.machine.engine = true;
    // Removed.
    assert_eq!(b.act(simple("blog", REMOVE)), "yes");
    assert_eq!(b.act(simple("blog", REINSTALL)), "busy");
    assert_eq!(b.settle("blog"), "yes");
    for of in [START, STOP, RESTART, REMOVE] {
        assert_eq!(b.act(simple("blog", of)), "not-installed");
    }
    assert_eq!(
        b.act(install("copy", blog(1))),
        "host-taken",
        "a removed app keeps its address"
    );
    // So many addresses that the gateway could not carry one more.
    let wide = |name: &str, hosts: usize| {
        let mut release = bare("notes", 1, &format!("{name}.example.org"));
        release.ram_mib = 1;
        let extra = |n| {
            (
                part(&format!("h{n}")),
                host(&format!("h{n}.{name}.example.org")),
            )
        };
        release.extra_hosts = (1..hosts).map(extra).collect();
        install(name, release)
    };
    let own: usize = b
        .state
        .apps()
        .values()
        .map(|app| app.release.hosts().len())
        .sum();
    assert_eq!(b.act(wide("wide", limits::HOSTS_MAX - own - 1)), "yes");
    assert_eq!(b.act(wide("wider", 2)), "too-many-addresses");
    assert_eq!(b.act(wide("narrow", 1)), "yes");
    assert_eq!(b.act(wide("last", 1)), "too-many-addresses");
    let mut many = bare("notes", 1, "paths.example.org");
    many.routes = vec![many.routes[0].clone(); limits::DOORS_MAX];
    let mut other = Box_::bare();
    assert_eq!(other.ask(Actor::Installer, prepare()), "yes");
    assert_eq!(other.act(install("paths", many)), "too-many-addresses");
    assert_eq!(b.act(simple("blog", REINSTALL)), "yes");
    // Deleted.
    assert_eq!(b.act(simple("blog", DELETE)), "yes");
    assert_eq!(b.act(simple("blog", DELETE)), "already-deleted");
    assert_eq!(b.act(simple("blog", START)), "already-deleted");
    assert_eq!(b.fail("blog"), "yes");
    assert_eq!(b.act(simple("blog", DELETE)), "yes", "tried again");
    assert_eq!(b.settle("blog"), "yes");
    assert!(!b.state.apps().contains_key(&app("blog")));
    b
}

#[test]
fn each_refusal_is_met_in_the_order_of_the_rules_and_speaks_both_languages() {
    let mut b = all_rows();
    accounts::rows(&mut b);
    let met = b.met;
    let known: BTreeSet<&str> = include_str!("../../../daemon/core/src/refusal.rs")
        .lines()
        .chain(include_str!("../../../daemon/core/src/refusal/accounts.rs").lines())
        .filter_map(|line| {
            let line = line.trim();
            line.strip_prefix("AccountRefusal::")
                .or(line.strip_prefix("Refusal::"))?
                .split_once("=> \"")?
                .1
                .split_once('"')
        })
        .map(|(code, _)| code)
        .collect();
    assert_eq!(
        met.keys().copied().collect::<BTreeSet<_>>(),
        known,
        "every refusal has its row"
    );
    for (code, refusal) in met {
        let message = refusal.message();
        assert_eq!(message.code, code);
        for text in [message.sentence, message.next_step] {
            assert!(
                !text.fr.trim().is_empty() && !text.en.trim().is_empty(),
                "{code}"
            );
            assert_ne!(text.fr, text.en, "{code}");
        }
    }
}

#[test]
fn a_failed_delete_never_goes_back() {
    let mut b = Box_::bare();
    b.ask(Actor::Installer, prepare());
    b.act(install("blog", blog(1)));
    b.settle("blog");
    b.act(update("blog", blog(2)));
    b.act(simple("blog", DELETE));
    b.fail("blog");
    let there = &b.state.apps()[&app("blog")];
    assert_eq!(there.doing(), None, "{:?}", there.phase);
}

#[test]
fn each_act_has_its_class() {
    let table = [
        (simple("x", START), Class::A),
        (simple("x", STOP), Class::A),
        (simple("x", RESTART), Class::A),
        (install("x", blog(1)), Class::B),
        (update("x", blog(1)), Class::B),
        (change("x", blog(1)), Class::B),
        (simple("x", REMOVE), Class::B),
        (simple("x", REINSTALL), Class::B),
        (simple("x", DELETE), Class::D),
    ];
    for (action, class) in table {
        assert_eq!(class_of(&action), class, "{action:?}");
    }
}

#[test]
fn a_refused_request_makes_no_event() {
    let mut b = Box_::bare();
    b.ask(Actor::Installer, prepare());
    let before = b.state.clone();
    b.act(simple("blog", STOP));
    assert_eq!(b.state, before);
    let _ = Event::StartDecided { app: app("blog") };
}
