//! Backups: who is told no, what a round is, and when the next one is due.

use lavoir_core::app::Intent;
use lavoir_core::backup::{
    Concern, KeepRule, Place, Repository, RepositoryId, SnapshotId, Subject,
};
use lavoir_core::class::{Class, class_of};
use lavoir_core::command::{Action, Actor, Command, Report};
use lavoir_core::id::{PersonId, Revision, Timestamp};
use lavoir_core::limits;
use lavoir_tests::shapes::{app, bare, full_with_dump};

use super::{Box_, install, prepare};

fn id(name: &str) -> RepositoryId {
    name.parse().unwrap()
}

fn snapshot() -> SnapshotId {
    "ab".repeat(32).parse().unwrap()
}

fn add(name: &str, path: &str) -> Action {
    Action::AddRepository {
        repository: id(name),
        place: Place::Folder { path: path.into() },
        every_nights: 1,
        keep: KeepRule::default(),
    }
}

fn back_up(of: Option<Subject>) -> Action {
    Action::BackUp {
        repository: id("disk"),
        of,
    }
}

fn saved(of: Subject) -> Command {
    Command::Report(Report::Saved {
        repository: id("disk"),
        of,
        snapshot: snapshot(),
        files: 1,
        bytes: 10,
        added: 5,
        held_ms: 1,
    })
}

/// With one app, well, and one repository.
fn house() -> Box_ {
    let mut house = Box_::bare();
    house.ask(Actor::Installer, prepare());
    assert_eq!(
        house.act(install("blog", bare("notebook", 1, "blog.example.org"))),
        "yes"
    );
    assert_eq!(house.settle("blog"), "yes");
    assert_eq!(house.act(add("disk", "/media/disk/lavoir")), "yes");
    house
}

fn disk(house: &Box_) -> &Repository {
    &house.state.backups().repositories()[&id("disk")]
}

#[test]
fn a_repository_is_told_no_for_each_fault() {
    let mut house = house();
    assert_eq!(
        house.act(add("disk", "/media/other")),
        "repository-name-taken"
    );
    assert_eq!(
        house.act(add("second", "/media/disk/lavoir")),
        "repository-place-taken"
    );
    for path in [
        "", "media", "/", "/a/../b", "/a//b", "/a/./b", "/a\n/b", "/a/",
    ] {
        assert_eq!(
            house.act(add("second", path)),
            "repository-path",
            "{path:?}"
        );
    }
    let long = format!("/{}", "a".repeat(limits::PLACE_BYTES_MAX));
    assert_eq!(house.act(add("second", &long)), "repository-path");
    let rule = |every_nights, keep| Action::ChangeRepository {
        repository: id("disk"),
        every_nights,
        keep,
    };
    let none = KeepRule {
        last: 0,
        daily: 0,
        weekly: 0,
        monthly: 0,
        yearly: 0,
    };
    assert_eq!(house.act(rule(1, none)), "backup-keep");
    let many = KeepRule {
        daily: limits::SNAPSHOTS_KEPT_MAX + 1,
        ..none
    };
    assert_eq!(house.act(rule(1, many)), "backup-keep");
    assert_eq!(house.act(rule(0, KeepRule::default())), "backup-rhythm");
    assert_eq!(
        house.act(rule(1, KeepRule::default())),
        "repository-unchanged"
    );
    assert_eq!(house.act(rule(7, KeepRule::default())), "yes");
    assert_eq!(disk(&house).every_nights, 7);
    for n in 1..limits::REPOSITORIES_MAX {
        assert_eq!(house.act(add(&format!("r{n}"), &format!("/r/{n}"))), "yes");
    }
    assert_eq!(house.act(add("more", "/more")), "too-many-repositories");
    let nowhere = Action::RemoveRepository {
        repository: id("none"),
    };
    assert_eq!(house.act(nowhere), "no-such-repository");
    let stranger = Actor::Person(PersonId(9));
    assert_eq!(
        house.ask(stranger, Command::Act(back_up(None))),
        "not-yours"
    );
}

#[test]
fn the_clock_asks_for_rounds_and_for_nothing_else() {
    let mut house = house();
    assert_eq!(
        house.ask(Actor::Clock, Command::Act(add("b", "/b"))),
        "not-yours"
    );
    let one = back_up(Some(Subject::Box));
    assert_eq!(house.ask(Actor::Clock, Command::Act(one)), "not-yours");
    let stop = Action::Stop { app: app("blog") };
    assert_eq!(house.ask(Actor::Clock, Command::Act(stop)), "not-yours");
    assert_eq!(house.ask(Actor::Clock, Command::Act(back_up(None))), "yes");
    assert_eq!(house.ask(Actor::Clock, saved(Subject::Box)), "not-yours");
}

#[test]
fn a_round_saves_each_once_and_then_tidies() {
    let mut house = house();
    assert_eq!(house.act(back_up(None)), "yes");
    assert_eq!(house.act(back_up(None)), "backup-under-way");
    let blog = Subject::App(app("blog"));
    let round = disk(&house).round.clone().unwrap();
    assert_eq!(
        round.left.iter().cloned().collect::<Vec<_>>(),
        [blog.clone(), Subject::Box]
    );
    assert!(round.tidy);
    assert_eq!(house.ask(Actor::Box, saved(blog.clone())), "yes");
    let failed = Command::Report(Report::NotSaved {
        repository: id("disk"),
        of: Subject::Box,
        code: "disk-full".into(),
    });
    assert_eq!(house.ask(Actor::Box, failed), "yes");
    assert!(disk(&house).round.as_ref().unwrap().left.is_empty());
    assert_eq!(disk(&house).troubles[&Subject::Box].code, "disk-full");
    let tidied = |revision| {
        Command::Report(Report::Tidied {
            repository: id("disk"),
            revision,
            forgotten: 0,
            freed: 0,
            code: None,
        })
    };
    assert_eq!(
        house.ask(Actor::Box, tidied(Revision(0))),
        "no-backup-under-way"
    );
    assert_eq!(house.ask(Actor::Box, tidied(round.revision)), "yes");
    assert_eq!(disk(&house).round, None);
    // One thing alone: no tidying, and it mends what went wrong.
    assert_eq!(house.act(back_up(Some(Subject::Box))), "yes");
    assert_eq!(house.ask(Actor::Box, saved(Subject::Box)), "yes");
    assert_eq!(disk(&house).round, None);
    assert!(disk(&house).troubles.is_empty());
    let cancel = Action::CancelBackup {
        repository: id("disk"),
    };
    assert_eq!(house.act(cancel.clone()), "no-backup-under-way");
    assert_eq!(house.act(back_up(None)), "yes");
    assert_eq!(house.act(cancel), "yes");
    assert_eq!(disk(&house).round, None);
}

#[test]
fn an_app_that_cannot_be_read_is_not_saved() {
    let mut house = house();
    let with_database = full_with_dump("notebook", 1, "map.example.org");
    assert_eq!(house.act(install("map", with_database)), "yes");
    let of = || back_up(Some(Subject::App(app("map"))));
    assert_eq!(house.act(of()), "not-well", "while it is installed");
    house.settle("map");
    house.act(Action::Stop { app: app("map") });
    house.settle("map");
    assert_eq!(house.act(of()), "not-well", "its database does not answer");
    assert_eq!(
        house.act(back_up(Some(Subject::App(app("none"))))),
        "no-such-app"
    );
    // Without a database its files can be read while it is stopped.
    house.act(Action::Stop { app: app("blog") });
    house.settle("blog");
    assert_eq!(house.act(back_up(Some(Subject::App(app("blog"))))), "yes");
    // An app that is to be away leaves the round.
    house.act(Action::Delete { app: app("blog") });
    assert_eq!(disk(&house).round, None);
}

#[test]
fn a_restore_is_of_the_same_app_and_the_same_life() {
    let mut house = house();
    let life = house.state.apps()[&app("blog")].installed_at;
    let restore = |recipe: &str, host: &str, life| Action::Restore {
        app: app("blog"),
        release: Box::new(bare(recipe, 1, host)),
        installed_at: life,
        repository: id("disk"),
        snapshot: snapshot(),
    };
    let own = "blog.example.org";
    let mut elsewhere = restore("notebook", own, life);
    if let Action::Restore { repository, .. } = &mut elsewhere {
        *repository = id("none");
    }
    assert_eq!(house.act(elsewhere), "no-such-repository");
    assert_eq!(house.act(restore("other", own, life)), "other-recipe");
    assert_eq!(
        house.act(restore("notebook", own, Timestamp(life.0 + 1))),
        "other-life"
    );
    assert_eq!(
        house.act(restore("notebook", "blog.elsewhere.org", life)),
        "host-outside"
    );
    house.machine.disk_free_mib = 0;
    assert_eq!(house.act(restore("notebook", own, life)), "not-enough-disk");
    house.machine.disk_free_mib = 20_000;
    assert_eq!(house.act(restore("notebook", own, life)), "yes");
    assert_eq!(house.act(restore("notebook", own, life)), "busy");
    let remove = Action::RemoveRepository {
        repository: id("disk"),
    };
    assert_eq!(house.act(remove.clone()), "restore-under-way");
    house.settle("blog");
    house.act(Action::Remove { app: app("blog") });
    house.settle("blog");
    assert_eq!(house.act(restore("notebook", own, life)), "not-installed");
    assert_eq!(house.act(remove), "yes");
    assert_eq!(house.state.apps()[&app("blog")].intent, Intent::Removed);
}

#[test]
fn what_replaces_data_is_grave_and_what_saves_them_is_not() {
    assert_eq!(class_of(&back_up(None)), Class::A);
    assert_eq!(class_of(&add("disk", "/d")), Class::B);
    let repository = id("disk");
    assert_eq!(class_of(&Action::RemoveRepository { repository }), Class::C);
}

#[test]
fn rounds_come_in_the_quiet_hours_of_the_place() {
    const HOUR: u64 = 3_600_000;
    const DAY: u64 = 24 * HOUR;
    let mut house = house();
    let jitter = limits::BACKUPS_JITTER_MS / 2;
    let quiet = limits::BACKUPS_QUIET_MS + jitter;
    let mut repository = disk(&house).clone();
    let mut due = |added: u64, last: Option<u64>, nights: u32, offset_h: i64| {
        repository.added_at = Timestamp(added);
        repository.last_round = last.map(Timestamp);
        repository.every_nights = nights;
        repository.next_round(offset_h * 3_600, jitter).0
    };
    // Added in the afternoon: the next night. Added after midnight: this night still.
    assert_eq!(due(100 * DAY + 15 * HOUR, None, 1, 0), 101 * DAY + quiet);
    assert_eq!(due(100 * DAY + HOUR, None, 1, 0), 100 * DAY + quiet);
    // Each night; a week of nights; a round in the afternoon does not take the night's place.
    let last = 100 * DAY + quiet + 5 * 60_000;
    assert_eq!(due(0, Some(last), 1, 0), 101 * DAY + quiet);
    assert_eq!(due(0, Some(last), 7, 0), 107 * DAY + quiet);
    assert_eq!(due(0, Some(100 * DAY + 15 * HOUR), 1, 0), 101 * DAY + quiet);
    // Two in the morning is two in the morning in Paris and in Montréal.
    assert_eq!(
        due(0, Some(100 * DAY + 12 * HOUR), 1, 2),
        101 * DAY + quiet - 2 * HOUR
    );
    assert_eq!(
        due(0, Some(100 * DAY + 12 * HOUR), 1, -5),
        101 * DAY + quiet + 5 * HOUR
    );
    // Catches up: what was due long ago is due now.
    assert!(due(0, Some(100 * DAY), 1, 0) < 130 * DAY);
    // A clock out of its mind breaks nothing.
    let _ = due(u64::MAX, Some(u64::MAX), u32::MAX, 14);
    let _ = due(0, Some(0), 1, -12);
    assert_eq!(house.act(back_up(None)), "yes");
    assert_eq!(
        disk(&house).last_round,
        Some(disk(&house).round.as_ref().unwrap().since)
    );
}

fn concerns(house: &Box_, days: u64) -> Vec<Concern> {
    let now = Timestamp(house.state.backups().repositories()[&id("disk")].added_at.0);
    lavoir_core::backup::concerns(&house.state, Timestamp(now.0 + days * limits::DAY_MS))
}

#[test]
fn somebody_is_told_when_nothing_is_saved_anywhere() {
    let mut house = Box_::bare();
    house.ask(Actor::Installer, prepare());
    let told = |house: &Box_| lavoir_core::backup::concerns(&house.state, Timestamp(1));
    assert_eq!(told(&house), [], "nothing runs");
    house.act(install("blog", bare("notebook", 1, "blog.example.org")));
    house.settle("blog");
    assert_eq!(told(&house), [Concern::Nowhere]);
    assert!(told(&house)[0].is_grave());
    house.act(add("disk", "/media/disk/lavoir"));
    assert_eq!(told(&house), []);
}

#[test]
fn somebody_is_told_what_is_late_by_its_own_rhythm() {
    let mut house = house();
    let blog = || Subject::App(app("blog"));
    let late = |of: Subject, last| Concern::Late { of, last };
    assert_eq!(concerns(&house, 2), []);
    let never = [late(blog(), None), late(Subject::Box, None)];
    assert_eq!(concerns(&house, 3), never);
    house.act(back_up(None));
    house.ask(Actor::Box, saved(blog()));
    house.ask(Actor::Box, saved(Subject::Box));
    let last = disk(&house).saved[&blog()].at;
    assert_eq!(concerns(&house, 2), []);
    let told = concerns(&house, 4);
    assert_eq!(told[0], late(blog(), Some(last)));
    assert!(!told[0].is_grave());
    // Once a week is a choice.
    house.act(Action::CancelBackup {
        repository: id("disk"),
    });
    let weekly = Action::ChangeRepository {
        repository: id("disk"),
        every_nights: 7,
        keep: KeepRule::default(),
    };
    assert_eq!(house.act(weekly), "yes");
    assert_eq!(concerns(&house, 8), []);
    assert_eq!(concerns(&house, 9).len(), 2);
    // What is removed changes no more.
    house.act(Action::Remove { app: app("blog") });
    house.settle("blog");
    assert_eq!(concerns(&house, 9).len(), 1, "the box itself");
}

#[test]
fn somebody_is_told_once_what_failed_and_first_what_is_damaged() {
    let mut house = house();
    house.act(back_up(None));
    let round = disk(&house).round.clone().unwrap();
    let failed = Command::Report(Report::NotSaved {
        repository: id("disk"),
        of: Subject::App(app("blog")),
        code: "place-full".into(),
    });
    house.ask(Actor::Box, failed);
    house.ask(Actor::Box, saved(Subject::Box));
    let only = Concern::Failed {
        repository: id("disk"),
        of: Subject::App(app("blog")),
        code: "place-full".into(),
    };
    assert_eq!(concerns(&house, 0), std::slice::from_ref(&only));
    let told = concerns(&house, 5);
    assert_eq!(told[0], only);
    assert_eq!(told.len(), 2, "the box is late, the blog is told once");
    let tidied = |code: Option<&str>, revision| {
        Command::Report(Report::Tidied {
            repository: id("disk"),
            revision,
            forgotten: 0,
            freed: 0,
            code: code.map(str::to_owned),
        })
    };
    house.ask(
        Actor::Box,
        tidied(Some("repository-damaged"), round.revision),
    );
    let damaged = Concern::Damaged {
        repository: id("disk"),
    };
    assert_eq!(concerns(&house, 0), [damaged, only]);
    house.act(back_up(None));
    let round = disk(&house).round.clone().unwrap();
    house.ask(Actor::Box, saved(Subject::App(app("blog"))));
    house.ask(Actor::Box, tidied(Some("place-full"), round.revision));
    let untidy = Concern::Untidy {
        repository: id("disk"),
        code: "place-full".into(),
    };
    assert_eq!(concerns(&house, 0), [untidy]);
}
