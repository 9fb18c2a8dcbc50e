//! How long acts took: what counts, and what does not.

use lavoir_core::app::Doing;
use lavoir_core::event::Event;
use lavoir_core::id::{Revision, Timestamp};
use lavoir_core::lasting::{Lasting, Times};
use lavoir_core::limits;
use lavoir_tests::shapes::{app, bare};

#[derive(Default)]
struct Book {
    lasting: Lasting,
    entries: u64,
    now_ms: u64,
}

impl Book {
    /// Writes an event down, so many seconds later; its revision.
    fn write(&mut self, after_s: u64, event: Event) -> Revision {
        let index = self.entries;
        self.now_ms += after_s * 1_000;
        self.lasting.apply(index, Timestamp(self.now_ms), &[event]);
        self.entries += 1;
        Revision(index)
    }

    fn install(&mut self, id: &str) -> Revision {
        let release = Box::new(bare("wordpress", 1, "blog.box.test"));
        let app = app(id);
        self.write(5, Event::InstallDecided { app, release })
    }

    fn settle(&mut self, id: &str, after_s: u64, revision: Revision) {
        let app = app(id);
        self.write(after_s, Event::Settled { app, revision });
    }

    fn fail(&mut self, id: &str, revision: Revision) -> Revision {
        let (step, code) = ("probe-health".into(), "no-answer".into());
        let app = app(id);
        self.write(
            60,
            Event::Failed {
                app,
                revision,
                step,
                code,
            },
        )
    }

    fn restart(&mut self, id: &str, took_s: u64) {
        let revision = self.write(100, Event::RestartDecided { app: app(id) });
        self.settle(id, took_s, revision);
    }

    fn of(&self, id: &str) -> Times {
        self.lasting.of_app(&app(id))
    }
}

#[test]
fn the_middle_of_the_last_times_is_told() {
    let mut book = Book::default();
    let installed = book.install("blog");
    assert_eq!(book.of("blog").likely(Doing::Install), None);
    book.settle("blog", 190, installed);
    assert_eq!(book.of("blog").likely(Doing::Install), Some(190_000));
    assert_eq!(book.of("blog").likely(Doing::Restart), None);
    for took_s in [20, 400, 22] {
        book.restart("blog", took_s);
    }
    assert_eq!(book.of("blog").likely(Doing::Restart), Some(22_000));
    // The first ones are forgotten.
    for _ in 0..limits::LASTING_KEPT_MAX {
        book.restart("blog", 7);
    }
    assert_eq!(book.of("blog").likely(Doing::Restart), Some(7_000));
}

#[test]
fn only_what_began_at_rest_and_ended_well_counts() {
    let mut book = Book::default();
    let installed = book.install("blog");
    // It did not come up, and is tried again: that start is half an installation.
    book.fail("blog", installed);
    let tried = book.write(10, Event::StartDecided { app: app("blog") });
    book.settle("blog", 500, tried);
    assert_eq!(book.of("blog"), Times::default());
    // A stop overtakes a restart.
    book.write(10, Event::RestartDecided { app: app("blog") });
    let stopped = book.write(1, Event::StopDecided { app: app("blog") });
    book.settle("blog", 30, stopped);
    assert_eq!(book.of("blog"), Times::default());
    // What was reported of an older decision says nothing.
    let started = book.write(10, Event::StartDecided { app: app("blog") });
    book.settle("blog", 3, stopped);
    book.settle("blog", 12, started);
    assert_eq!(book.of("blog").likely(Doing::Start), Some(15_000));
    // A change that failed, and the return from it.
    let release = Box::new(bare("wordpress", 1, "blog.box.test"));
    let changed = book.write(
        10,
        Event::ChangeDecided {
            app: app("blog"),
            release,
        },
    );
    let failed = book.fail("blog", changed);
    book.settle("blog", 20, failed);
    assert_eq!(book.of("blog").likely(Doing::Change), None);
    // The box was off for a night.
    let removed = book.write(10, Event::RemoveDecided { app: app("blog") });
    book.settle("blog", 9 * 3_600, removed);
    assert_eq!(book.of("blog").likely(Doing::Remove), None);
}

#[test]
fn what_an_app_never_did_is_told_of_others_of_its_recipe() {
    let mut book = Book::default();
    let installed = book.install("blog");
    book.settle("blog", 190, installed);
    book.restart("blog", 20);
    let deleted = book.write(10, Event::DeleteDecided { app: app("blog") });
    book.settle("blog", 4, deleted);
    assert_eq!(book.of("blog"), Times::default(), "it is gone");
    let recipe = bare("wordpress", 1, "blog.box.test").recipe;
    assert_eq!(
        book.lasting.of_recipe(&recipe).likely(Doing::Install),
        Some(190_000)
    );
    // Another one from the same recipe.
    let again = book.install("blog");
    assert_eq!(book.of("blog").likely(Doing::Restart), Some(20_000));
    book.settle("blog", 40, again);
    assert_eq!(
        book.of("blog").likely(Doing::Install),
        Some(40_000),
        "its own comes first"
    );
}
