//! Plans, row by row: what stands in the world, and the steps that follow; and which doors are open meanwhile.
#![allow(clippy::unwrap_used, clippy::panic)]

mod saved;

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr};

use lavoir_core::app::{App, Doing, Intent, Phase, Previous};
use lavoir_core::backup::{RepositoryId, SnapshotId, Subject};
use lavoir_core::event::Event;
use lavoir_core::id::{PartId, Revision, Timestamp};
use lavoir_core::observed::{Observed, ObservedApp, ObservedContainer, Run, VolumeState};
use lavoir_core::plan::{Step, files_digest, plan_app, service_spec, volume_name};
use lavoir_core::release::{Release, Surroundings};
use lavoir_core::route::{Behind, doors};
use lavoir_core::state::State;
use lavoir_core::text::Language;
use lavoir_tests::shapes::{app, full_with_dump, host};

const HERE: IpAddr = IpAddr::V4(Ipv4Addr::new(172, 30, 0, 2));

/// A box whose one app is `blog`.
struct Blog {
    state: State,
    entries: u64,
    observed: ObservedApp,
    images: BTreeSet<String>,
}

impl Blog {
    fn installed() -> Self {
        let mut blog = Self {
            state: State::default(),
            entries: 0,
            observed: ObservedApp::default(),
            images: BTreeSet::new(),
        };
        blog.enter(Event::BoxPrepared {
            box_id: "b0".into(),
            domain: host("example.org"),
        });
        blog.enter(Event::InstallDecided {
            app: app("blog"),
            release: Box::new(release(1)),
        });
        blog
    }

    /// Installed, seen to agree, and entered as such.
    fn settled() -> Self {
        let mut blog = Self::installed();
        blog.carry_out();
        blog.settle();
        blog
    }

    fn enter(&mut self, event: Event) {
        self.state
            .apply(self.entries, Timestamp(self.entries), &[event]);
        self.entries += 1;
    }

    fn settle(&mut self) {
        let revision = self.app().revision;
        self.enter(Event::Settled {
            app: app("blog"),
            revision,
        });
    }

    fn app(&self) -> &App {
        &self.state.apps()[&app("blog")]
    }

    fn steps(&self) -> Vec<Step> {
        plan_app(
            self.app(),
            self.state.backups(),
            &self.observed,
            &self.images,
        )
        .steps
    }

    fn kinds(&self) -> Vec<&'static str> {
        self.steps().iter().map(Step::kind).collect()
    }

    /// Carries the plan out on the model.
    fn carry_out(&mut self) {
        for step in self.steps() {
            self.one(&step);
        }
    }

    fn one(&mut self, step: &Step) {
        let release = self.app().release.clone();
        let revision = self.app().revision;
        let run = |id: &PartId, run| match release.services[id].one_shot {
            true => Run::Exited(0),
            false => run,
        };
        match step {
            Step::GetImage { image } => {
                self.images.insert(image.reference().to_owned());
            }
            Step::RemoveContainer { service } => {
                self.observed.containers.remove(service);
            }
            Step::StopContainer { service } => {
                self.observed.containers.get_mut(service).unwrap().run = Run::Exited(0);
            }
            Step::MakeNetwork => self.observed.network = true,
            Step::RemoveNetwork => self.observed.network = false,
            Step::MakeVolume { name, .. } => {
                self.observed
                    .volumes
                    .insert(name.clone(), VolumeState::Complete);
            }
            Step::RemoveVolume { name } => {
                self.observed.volumes.remove(name);
            }
            Step::WriteFiles { digest } => self.observed.files = Some(digest.clone()),
            Step::StartContainer { service, spec, .. } => {
                let container = ObservedContainer {
                    spec: spec.clone(),
                    run: run(service, Run::Starting),
                    address: Some(HERE),
                };
                self.observed.containers.insert(service.clone(), container);
            }
            Step::AwaitHealth { service, .. } | Step::AwaitEnd { service, .. } => {
                let container = self.observed.containers.get_mut(service).unwrap();
                container.run = run(service, Run::Healthy);
            }
            Step::RunHook { index } => {
                self.observed.hooks_done.insert((revision, *index));
            }
            Step::RemoveFiles => self.observed.files = None,
            Step::ProbeHealth | Step::Settle => {}
            Step::LackVolume { .. } => panic!("data are lost"),
            Step::RestoreVolume { name, .. } => {
                self.observed
                    .volumes
                    .insert(name.clone(), VolumeState::Complete);
            }
            Step::LoadDump { database, .. } => {
                self.observed.loaded.insert((revision, database.clone()));
            }
            Step::RestoreSecrets { .. } => {}
            Step::BackUp { repository } => self.enter(Event::SnapshotTaken {
                repository: repository.clone(),
                of: Subject::App(app("blog")),
                snapshot: snapshot(),
                files: 1,
                bytes: 1,
                added: 1,
                held_ms: 1,
            }),
        }
    }

    fn open(&self) -> bool {
        let observed = Observed {
            apps: BTreeMap::from([(app("blog"), self.observed.clone())]),
            ..Observed::default()
        };
        let doors = doors(&self.state, &observed);
        doors
            .iter()
            .any(|door| matches!(door.behind, Behind::Container { .. }))
    }

    fn update(&mut self) {
        self.enter(Event::UpdateDecided {
            app: app("blog"),
            release: Box::new(release(2)),
        });
    }
}

fn snapshot() -> SnapshotId {
    "0a".repeat(32).parse().unwrap()
}

fn repository() -> RepositoryId {
    "disk".parse().unwrap()
}

fn release(version: u32) -> Release {
    full_with_dump("notebook", version, "blog.example.org")
}

fn place(kinds: &[&str], kind: &str) -> usize {
    let found = kinds.iter().position(|other| *other == kind);
    found.unwrap_or_else(|| panic!("no {kind} in {kinds:?}"))
}

#[test]
fn an_install_goes_in_order_and_then_rests() {
    let mut blog = Blog::installed();
    let kinds = blog.kinds();
    let order = [
        "pull-image",
        "make-network",
        "make-volume",
        "write-files",
        "start-container",
        "settle",
    ];
    let places: Vec<usize> = order.iter().map(|kind| place(&kinds, kind)).collect();
    assert!(places.is_sorted(), "{kinds:?}");
    assert_eq!(kinds.last(), Some(&"settle"));
    assert!(!blog.open());
    blog.carry_out();
    assert!(!blog.open(), "open before it is entered as well");
    blog.settle();
    assert_eq!(blog.kinds(), [""; 0]);
    assert!(blog.open());
}

#[test]
fn after_a_crash_at_any_step_the_rest_is_done_and_no_hook_twice() {
    let whole = Blog::installed().steps().len();
    for cut in 0..whole {
        let mut blog = Blog::installed();
        for step in blog.steps().into_iter().take(cut) {
            blog.one(&step);
        }
        let done = blog.observed.hooks_done.clone();
        let again = blog.steps().into_iter().filter_map(|step| match step {
            Step::RunHook { index } => Some((blog.app().revision, index)),
            _ => None,
        });
        assert!(
            again.into_iter().all(|hook| !done.contains(&hook)),
            "cut at {cut}"
        );
        blog.carry_out();
        blog.settle();
        assert_eq!(blog.kinds(), [""; 0], "cut at {cut}");
    }
}

#[test]
fn visitors_stay_with_the_proven_release_until_its_containers_go() {
    let mut blog = Blog::settled();
    let old: Vec<String> = blog.observed.volumes.keys().cloned().collect();
    blog.update();
    assert!(blog.open(), "closed while the new image is fetched");
    let mut gone = false;
    for step in blog.steps() {
        blog.one(&step);
        gone |= matches!(step, Step::RemoveContainer { .. });
        if gone && !matches!(step, Step::RemoveContainer { .. }) {
            assert!(
                !blog.open(),
                "open to what is not proven, at {}",
                step.kind()
            );
        }
    }
    assert!(
        old.iter()
            .all(|name| blog.observed.volumes.contains_key(name)),
        "the way back is gone"
    );
    blog.settle();
    assert!(blog.open());
    blog.carry_out();
    assert_eq!(blog.kinds(), [""; 0]);
    let left: Vec<&String> = blog
        .observed
        .volumes
        .keys()
        .filter(|name| old.contains(name))
        .collect();
    assert!(left.is_empty(), "old generations stay for ever: {left:?}");
}

#[test]
fn a_failed_update_goes_back_to_the_volumes_it_had() {
    let mut blog = Blog::settled();
    let before = blog.observed.volumes.clone();
    blog.update();
    for step in blog
        .steps()
        .into_iter()
        .take_while(|step| !matches!(step, Step::AwaitHealth { .. }))
    {
        blog.one(&step);
    }
    let revision = blog.app().revision;
    blog.enter(Event::Failed {
        app: app("blog"),
        revision,
        step: "await-health".into(),
        code: "not-healthy".into(),
    });
    assert_eq!(blog.app().phase, Phase::UnderWay(Doing::RollBack));
    assert!(!blog.kinds().contains(&"copy-volume"));
    blog.carry_out();
    blog.settle();
    blog.carry_out();
    assert_eq!(blog.observed.volumes, before);
    assert_eq!(blog.app().release.recipe_version, release(1).recipe_version);
    assert!(blog.open());
}

#[test]
fn lost_data_are_never_replaced_by_nothing() {
    for event in [
        Event::RestartDecided { app: app("blog") },
        Event::ReinstallDecided { app: app("blog") },
        Event::StartDecided { app: app("blog") },
    ] {
        let mut blog = Blog::settled();
        blog.observed = ObservedApp::default();
        blog.enter(event);
        assert!(blog.kinds().contains(&"lack-volume"), "{:?}", blog.kinds());
    }
    let mut blog = Blog::settled();
    blog.observed.volumes.clear();
    blog.update();
    let copies = blog.steps().into_iter().filter_map(|step| match step {
        Step::MakeVolume { copy_of, .. } => Some(copy_of.is_some()),
        _ => None,
    });
    // A copy of what is not there fails, and the app goes back. Caches alone begin empty.
    assert!(copies.into_iter().any(|copy| copy));
}

#[test]
fn what_is_removed_keeps_its_data_and_what_is_deleted_does_not() {
    let mut blog = Blog::settled();
    let data = blog.observed.volumes.clone();
    blog.enter(Event::RemoveDecided { app: app("blog") });
    assert_eq!(blog.app().intent, Intent::Removed);
    assert!(!blog.open());
    blog.carry_out();
    blog.settle();
    assert_eq!(blog.observed.volumes, data);
    assert!(blog.observed.containers.is_empty() && !blog.observed.network);
    blog.enter(Event::DeleteDecided { app: app("blog") });
    blog.carry_out();
    assert_eq!(blog.observed.volumes, BTreeMap::new());
    assert_eq!(blog.observed.files, None);
}

#[test]
fn digests_move_with_what_they_stand_for() {
    let blog = Blog::settled();
    let web: PartId = "web".parse().unwrap();
    let spec = service_spec(blog.app(), &web);
    let mut restarted = blog.app().clone();
    restarted.restarts += 1;
    assert_ne!(service_spec(&restarted, &web), spec);
    let mut other = (*blog.app().release).clone();
    other.host = host("other.example.org");
    assert_ne!(files_digest(&other), files_digest(&blog.app().release));
    // What files say of the box counts too; not for releases of before it was kept.
    let mut moved = (*blog.app().release).clone();
    assert_eq!(moved.surroundings, None);
    let mut seen = BTreeSet::from([files_digest(&moved)]);
    for (language, timezone, proxy) in [
        (Language::Fr, "Europe/Paris", "10.0.0.0/8"),
        (Language::En, "Europe/Paris", "10.0.0.0/8"),
        (Language::Fr, "Indian/Reunion", "10.0.0.0/8"),
        (Language::Fr, "Europe/Paris", "172.16.0.0/12"),
    ] {
        moved.surroundings = Some(Surroundings {
            language,
            timezone: timezone.into(),
            proxies: vec![proxy.into()],
        });
        assert!(seen.insert(files_digest(&moved)), "{moved:?}");
    }
    assert_eq!(
        volume_name(&app("a"), &web, Revision(7).0),
        "lavoir-a-web-g7"
    );
}

/// An app that was well has data that know its secrets; an update may bring new ones, and only these are made.
#[test]
fn secrets_that_data_know_are_named() {
    let mut blog = Blog::settled().app().clone();
    let (old, new): (PartId, PartId) = ("db_password".parse().unwrap(), "new".parse().unwrap());
    assert_eq!(blog.known_secrets(), BTreeSet::from([&old]));
    let mut release = blog.release.clone();
    let shape = release.secrets[&old].clone();
    release.secrets.insert(new.clone(), shape);
    let before = std::mem::replace(&mut blog.release, release);
    blog.previous = Some(Box::new(Previous {
        release: before,
        generation: 1,
    }));
    assert_eq!(blog.known_secrets(), BTreeSet::from([&old]));
    blog.previous = None;
    assert_eq!(blog.known_secrets(), BTreeSet::from([&new, &old]));
    blog.set_up = false;
    assert_eq!(blog.known_secrets(), BTreeSet::new());
}

/// A repair of the ledger set aside what came after the settled installation: an update, say.
fn repaired() -> Blog {
    let mut blog = Blog::settled();
    let kept = blog.entries;
    blog.enter(Event::LedgerRepaired {
        kept,
        root: String::new(),
        set_aside: 4,
        code: "ledger-hash-differs".into(),
        numbers_from: kept + 4,
    });
    blog
}

/// A generation that was made by what is set aside.
fn lost(blog: &mut Blog) -> Vec<String> {
    let volumes = blog.app().release.volumes.keys();
    let names: Vec<_> = volumes
        .map(|volume| volume_name(&app("blog"), volume, 5))
        .collect();
    for name in &names {
        let there = VolumeState::Complete;
        blog.observed.volumes.insert(name.clone(), there);
    }
    names
}

#[test]
fn what_a_repair_lost_sight_of_is_never_removed_nor_its_number_used_again() {
    let mut blog = repaired();
    let lost = lost(&mut blog);
    assert_eq!(blog.kinds(), Vec::<&str>::new());
    let before = blog.app().generation;
    for version in 2..9 {
        blog.enter(Event::UpdateDecided {
            app: app("blog"),
            release: Box::new(release(version)),
        });
        assert!(blog.app().generation >= 7, "above all that was given");
        // What runs now is what is copied, not what was lost.
        let copied = blog.steps().into_iter().find_map(|step| match step {
            Step::MakeVolume { copy_of, .. } => copy_of,
            _ => None,
        });
        assert!(copied.is_some_and(|from| !lost.contains(&from)));
        blog.carry_out();
        blog.settle();
        blog.carry_out();
        assert!(
            lost.iter()
                .all(|name| blog.observed.volumes.contains_key(name))
        );
    }
    assert!(blog.app().generation > before);
    // A decided delete takes them too.
    blog.enter(Event::DeleteDecided { app: app("blog") });
    blog.carry_out();
    assert!(blog.observed.volumes.is_empty());
}

#[test]
fn what_a_repair_lost_sight_of_comes_back_when_it_is_decided_again() {
    // An update whose old generation is gone.
    let mut blog = repaired();
    let lost_names = lost(&mut blog);
    blog.observed
        .volumes
        .retain(|name, _| lost_names.contains(name));
    blog.enter(Event::UpdateDecided {
        app: app("blog"),
        release: Box::new(release(2)),
    });
    let copies = |blog: &Blog| -> BTreeSet<String> {
        let copied = |step| match step {
            Step::MakeVolume { copy_of, .. } => copy_of,
            _ => None,
        };
        blog.steps().into_iter().filter_map(copied).collect()
    };
    let data: BTreeSet<String> = (blog.app().release.volumes.iter())
        .filter(|(_, shape)| shape.keep != lavoir_core::recipe::Keep::Cache)
        .map(|(volume, _)| volume_name(&app("blog"), volume, 5))
        .collect();
    assert_eq!(copies(&blog), data);
    // A whole installation.
    let mut blog = Blog::installed();
    blog.state = State::default();
    blog.entries = 0;
    blog.enter(Event::LedgerRepaired {
        kept: 0,
        root: String::new(),
        set_aside: 9,
        code: String::new(),
        numbers_from: 9,
    });
    blog.enter(Event::InstallDecided {
        app: app("blog"),
        release: Box::new(release(1)),
    });
    assert!(copies(&blog).is_empty());
    lost(&mut blog);
    assert_eq!(copies(&blog), data);
}
