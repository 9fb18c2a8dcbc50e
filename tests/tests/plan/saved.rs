//! Saved before an update, brought back beside what is there.

use lavoir_core::backup::{KeepRule, Place};
use lavoir_core::event::Event;
use lavoir_core::id::Timestamp;
use lavoir_core::plan::Step;
use lavoir_tests::shapes::app;

use super::{Blog, place, release, repository, snapshot};

#[test]
fn once_there_is_a_repository_an_update_is_saved_first_and_once() {
    let mut blog = Blog::settled();
    blog.enter(Event::RepositoryAdded {
        repository: repository(),
        place: Place::Folder { path: "/d".into() },
        every_nights: 1,
        keep: KeepRule::default(),
    });
    assert!(
        blog.kinds().is_empty(),
        "a repository alone changes nothing"
    );
    blog.update();
    let kinds = blog.kinds();
    let first = place(&kinds, "back-up");
    assert!(first < place(&kinds, "remove-container"), "{kinds:?}");
    assert!(first < place(&kinds, "copy-volume"), "{kinds:?}");
    assert!(blog.open(), "it is saved while visitors are served");
    for step in blog.steps().into_iter().take(first + 1) {
        blog.one(&step);
    }
    assert!(!blog.kinds().contains(&"back-up"), "saved twice");
    blog.carry_out();
    blog.settle();
    blog.carry_out();
    assert_eq!(blog.kinds(), [""; 0]);
    // A change of answers lays nothing new down.
    blog.enter(Event::ChangeDecided {
        app: app("blog"),
        release: Box::new(release(2)),
    });
    assert!(!blog.kinds().contains(&"back-up"));
}

#[test]
fn a_restore_fills_new_volumes_and_keeps_the_old_until_it_is_well() {
    let restored = || {
        let mut blog = Blog::settled();
        blog.enter(Event::RestoreDecided {
            app: app("blog"),
            release: Box::new(release(1)),
            installed_at: blog.app().installed_at,
            repository: repository(),
            snapshot: snapshot(),
        });
        blog
    };
    let mut blog = restored();
    let old: Vec<String> = blog.observed.volumes.keys().cloned().collect();
    let kinds = blog.kinds();
    // Files from the snapshot; the database from its dump, once it answers and before anybody asks it.
    let steps = blog.steps();
    let load = place(&kinds, "load-dump");
    let started = |name: &str| {
        let found = steps.iter().position(
            |step| matches!(step, Step::StartContainer { service, .. } if service.as_str() == name),
        );
        found.unwrap()
    };
    assert!(place(&kinds, "restore-volume") < started("db"), "{kinds:?}");
    assert!(started("db") < load && load < started("job"), "{kinds:?}");
    let awaited = steps[..load]
        .iter()
        .any(|step| matches!(step, Step::AwaitHealth { service, .. } if service.as_str() == "db"));
    assert!(awaited, "loaded before it answers");
    assert!(!kinds.contains(&"copy-volume") && !kinds.contains(&"lack-volume"));
    assert!(!kinds.contains(&"run-hook"), "set up a second time");
    assert!(!kinds.contains(&"restore-secrets"), "its secrets are there");
    // After a crash at any step the rest is done, and no dump twice.
    for cut in 0..kinds.len() {
        let mut blog = restored();
        for step in blog.steps().into_iter().take(cut) {
            blog.one(&step);
        }
        let loaded = !blog.observed.loaded.is_empty();
        assert_eq!(loaded, !blog.kinds().contains(&"load-dump"), "cut at {cut}");
        assert!(
            old.iter()
                .all(|name| blog.observed.volumes.contains_key(name))
        );
        blog.carry_out();
        blog.settle();
        blog.carry_out();
        assert_eq!(blog.kinds(), [""; 0], "cut at {cut}");
        assert!(!blog.observed.volumes.keys().any(|name| old.contains(name)));
    }
    // One that does not come up leaves what was.
    blog.carry_out();
    let revision = blog.app().revision;
    blog.enter(Event::Failed {
        app: app("blog"),
        revision,
        step: "probe-health".into(),
        code: "no-good-answer".into(),
    });
    blog.carry_out();
    blog.settle();
    blog.carry_out();
    assert!(blog.open());
    assert_eq!(
        blog.observed.volumes.keys().collect::<Vec<_>>(),
        old.iter().collect::<Vec<_>>()
    );
}

#[test]
fn what_was_deleted_comes_back_with_its_secrets() {
    let mut blog = Blog::settled();
    blog.enter(Event::DeleteDecided { app: app("blog") });
    blog.carry_out();
    blog.settle();
    assert!(blog.state.apps().is_empty());
    let life = Timestamp(1);
    let decide = |blog: &mut Blog| {
        blog.enter(Event::RestoreDecided {
            app: app("blog"),
            release: Box::new(release(1)),
            installed_at: life,
            repository: repository(),
            snapshot: snapshot(),
        });
    };
    decide(&mut blog);
    let kinds = blog.kinds();
    assert!(place(&kinds, "restore-secrets") < place(&kinds, "write-files"));
    assert_eq!(blog.app().known_secrets().len(), 1, "made anew");
    // It did not come up: it waits, and is tried again from the snapshot.
    let revision = blog.app().revision;
    blog.enter(Event::Failed {
        app: app("blog"),
        revision,
        step: "restore-volume".into(),
        code: "c".into(),
    });
    assert_eq!(blog.kinds(), [""; 0]);
    blog.enter(Event::StartDecided { app: app("blog") });
    assert!(blog.kinds().contains(&"restore-volume"));
    blog.carry_out();
    blog.settle();
    assert!(blog.open());
    assert_eq!(blog.app().installed_at, life);
}
