//! Releases of many shapes, as a recipe would give them.
#![allow(clippy::expect_used)] // names written here are sound

use std::collections::BTreeMap;

use lavoir_core::id::{AppId, Hostname, PartId};
use lavoir_core::recipe::{Alphabet, Architecture, DatabaseEngine, HookMoment, Keep, Protocol};
use lavoir_core::release::{
    Answer, Condition, Database, FileTemplate, Healthcheck, Hook, HttpHealth, Image, Mount,
    MountSource, PublishedPort, Release, Route, SecretMount, SecretShape, Service, Volume,
    WellKnown, WellKnownAnswer,
};
use lavoir_core::text::Text;

use crate::chance::Chance;

/// How a container misbehaves: the memory world reads it in its environment.
pub const BAD: &str = "BAD";
/// The ways of [`BAD`].
pub const WAYS_TO_BE_BAD: [&str; 4] = ["exits", "unhealthy", "probe", "hook"];

/// A part's name.
pub fn part(name: &str) -> PartId {
    name.parse().expect("a part's name")
}

/// An app's name.
pub fn app(name: &str) -> AppId {
    name.parse().expect("an app's name")
}

/// A host name.
pub fn host(name: &str) -> Hostname {
    name.parse().expect("a host name")
}

/// A container that stays and has no health check.
pub fn service(image: &str) -> Service {
    Service {
        image: Image::Pulled {
            reference: format!("{image}@sha256:{}", "0".repeat(64)),
        },
        command: None,
        entrypoint: None,
        environment: BTreeMap::new(),
        user: None,
        working_dir: None,
        mounts: Vec::new(),
        tmpfs: BTreeMap::new(),
        secrets: Vec::new(),
        depends_on: BTreeMap::new(),
        healthcheck: None,
        one_shot: false,
        read_only: true,
        init: false,
        cap_add: Vec::new(),
        memory_bytes: 64 << 20,
        cpu_milli: 500,
        pids_max: 64,
        shm_bytes: None,
        stop_grace_s: 5,
        stop_signal: None,
    }
}

/// An image that the box makes.
pub fn made(version: u32) -> Image {
    Image::Built {
        name: format!("lavoir/notebook-web:{version}"),
        context: "image".into(),
        containerfile: "Containerfile".into(),
        target: None,
        day: None,
    }
}

/// A health check.
pub fn healthcheck() -> Healthcheck {
    Healthcheck {
        test: vec!["CMD".into(), "true".into()],
        interval_ms: 2_000,
        timeout_ms: 1_000,
        retries: 3,
        start_period_ms: 5_000,
    }
}

/// A volume mounted somewhere.
pub fn mount(volume: &str) -> Mount {
    Mount {
        source: MountSource::Volume(part(volume)),
        path: format!("/var/lib/{volume}"),
        read_only: false,
    }
}

/// A file mounted somewhere.
pub fn mount_file(name: &str) -> Mount {
    Mount {
        source: MountSource::File(name.into()),
        path: format!("/etc/{name}"),
        read_only: true,
    }
}

/// A hook.
pub fn hook(when: HookMoment, service: &str, word: &str) -> Hook {
    Hook {
        when,
        service: part(service),
        command: vec!["set-up".into(), word.into()],
        user: None,
        timeout_s: 60,
    }
}

/// The smallest app there is: one container, one route.
pub fn bare(recipe: &str, version: u32, address: &str) -> Release {
    Release {
        recipe: recipe.parse().expect("a recipe's name"),
        recipe_version: format!("1.{version}-1"),
        recipe_digest: format!("{version:064x}"),
        one_at_a_time: false,
        name: Text::new("Carnet", "Notebook"),
        ram_mib: 100,
        disk_mib: 200,
        architectures: vec![Architecture::Amd64],
        host: host(address),
        extra_hosts: BTreeMap::new(),
        surroundings: None,
        answers: BTreeMap::new(),
        services: BTreeMap::from([(part("web"), service(&format!("example.org/web-{version}")))]),
        contexts: BTreeMap::new(),
        volumes: BTreeMap::new(),
        files: BTreeMap::new(),
        secrets: BTreeMap::new(),
        databases: BTreeMap::new(),
        hooks: Vec::new(),
        routes: vec![Route {
            host: host(address),
            path: "/".into(),
            service: part("web"),
            port: 8080,
            body_max_mib: 16,
        }],
        well_known: Vec::new(),
        health: None,
        ports: Vec::new(),
    }
}

/// The same, and its database can be saved.
pub fn full_with_dump(recipe: &str, version: u32, address: &str) -> Release {
    let mut release = full(recipe, version, address);
    release.databases = BTreeMap::from([(
        part("main"),
        Database {
            engine: DatabaseEngine::Postgresql,
            service: part("db"),
            dump: vec!["dump".into()],
            restore: vec!["restore".into()],
        },
    )]);
    release
}

/// An app with all there is: web, database, one-shot migration, cache, files, secrets, hooks, health.
pub fn full(recipe: &str, version: u32, address: &str) -> Release {
    let mut release = bare(recipe, version, address);
    let mut db = service("example.org/db");
    db.mounts = vec![mount("db")];
    db.healthcheck = Some(healthcheck());
    db.secrets = vec![SecretMount {
        secret: part("db_password"),
        path: "/run/secrets/db_password".into(),
        uid: 0,
        gid: 0,
        mode: 0o400,
    }];
    let mut job = service(&format!("example.org/web-{version}"));
    job.one_shot = true;
    job.mounts = vec![mount("files")];
    job.depends_on = BTreeMap::from([(part("db"), Condition::ServiceHealthy)]);
    let mut web = service(&format!("example.org/web-{version}"));
    web.mounts = vec![mount("files"), mount("cache"), mount_file("app.ini")];
    web.healthcheck = Some(healthcheck());
    web.depends_on = BTreeMap::from([
        (part("db"), Condition::ServiceHealthy),
        (part("job"), Condition::ServiceCompletedSuccessfully),
    ]);
    release.services = BTreeMap::from([(part("db"), db), (part("job"), job), (part("web"), web)]);
    release.volumes = BTreeMap::from([
        (
            part("db"),
            Volume {
                keep: Keep::Database,
            },
        ),
        (part("files"), Volume { keep: Keep::Data }),
        (part("cache"), Volume { keep: Keep::Cache }),
    ]);
    release.files = BTreeMap::from([(
        "app.ini".to_owned(),
        FileTemplate {
            template: "title = {{ answers.title | ini }}\n".into(),
            mode: 0o640,
            uid: 33,
            gid: 33,
        },
    )]);
    release.secrets = BTreeMap::from([(
        part("db_password"),
        SecretShape {
            alphabet: Alphabet::Alphanumeric,
            length: 32,
            readable_as: None,
        },
    )]);
    release.answers = BTreeMap::from([(part("title"), Answer::Public("Fête".into()))]);
    release.hooks = vec![
        hook(HookMoment::AfterInstall, "web", "first"),
        hook(HookMoment::AfterInstall, "db", "second"),
        hook(HookMoment::AfterUpdate, "web", "migrate"),
        hook(HookMoment::AfterChange, "web", "rename"),
    ];
    release.well_known = vec![WellKnown {
        path: "/.well-known/caldav".into(),
        answer: WellKnownAnswer::Redirect("/dav/".into()),
    }];
    release.health = Some(HttpHealth {
        service: part("web"),
        port: 8080,
        path: "/".into(),
        status: vec![200],
        start_s: 30,
    });
    release
}

/// An app of some shape. The same `shape` gives the same services in each version, with small differences; a `bad`
/// one never comes up, in the way said.
pub fn any(shape: u64, recipe: &str, version: u32, address: &str, bad: Option<&str>) -> Release {
    let mut base = Chance::keyed(shape, "base", 0);
    let mut this = Chance::keyed(shape, "version", version.into());
    let mut release = match base.below(4) {
        0 => bare(recipe, version, address),
        1 => full(recipe, version, address),
        _ => woven(&mut base, &mut this, recipe, version, address),
    };
    release.ram_mib = 60 + u32::try_from(base.below(300)).unwrap_or(0);
    if this.per_mille(200) {
        // A version that does without one of its volumes.
        let dropped = part(if this.per_mille(500) {
            "cache"
        } else {
            "files"
        });
        release.volumes.remove(&dropped);
        for service in release.services.values_mut() {
            let source = MountSource::Volume(dropped.clone());
            service.mounts.retain(|mount| mount.source != source);
        }
    }
    if base.per_mille(150) {
        release.ports.push(PublishedPort {
            service: part("web"),
            port: 10_000,
            protocol: Protocol::Udp,
        });
    }
    if base.per_mille(400)
        && let Some(web) = release.services.get_mut(&part("web"))
    {
        web.image = made(version);
    }
    if let Some(way) = bad {
        let victims: Vec<PartId> = release.services.keys().cloned().collect();
        let victim = match way {
            "probe" | "hook" => part("web"),
            _ => this.one_of(&victims).clone(),
        };
        if let Some(service) = release.services.get_mut(&victim) {
            service.environment.insert(BAD.into(), way.into());
        }
    }
    release
}

fn woven(
    base: &mut Chance,
    this: &mut Chance,
    recipe: &str,
    version: u32,
    address: &str,
) -> Release {
    let mut release = full(recipe, version, address);
    let web = release.services.remove(&part("web")).expect("web");
    let mut services = BTreeMap::from([(part("web"), web)]);
    let names = ["b", "b-c", "c", "db", "job", "queue"];
    let mut so_far: Vec<&str> = Vec::new();
    for name in names
        .iter()
        .take(1 + usize::try_from(base.below(6)).unwrap_or(0))
    {
        let mut one = service(&format!("example.org/{name}-{}", version / 2));
        one.one_shot = base.per_mille(250);
        if !one.one_shot && base.per_mille(600) {
            one.healthcheck = Some(healthcheck());
        }
        for volume in ["db", "files", "cache"] {
            if base.per_mille(250) {
                one.mounts.push(mount(volume));
            }
        }
        for earlier in &so_far {
            if base.per_mille(400) {
                let ended = services
                    .get(&part(earlier))
                    .is_some_and(|s: &Service| s.one_shot);
                let condition = match (ended, base.per_mille(500)) {
                    (true, _) => Condition::ServiceCompletedSuccessfully,
                    (false, true) => Condition::ServiceHealthy,
                    (false, false) => Condition::ServiceStarted,
                };
                one.depends_on.insert(part(earlier), condition);
            }
        }
        // Now and then a version adds or leaves out a service.
        if this.per_mille(900) {
            services.insert(part(name), one);
            so_far.push(name);
        }
    }
    if let Some(web) = services.get_mut(&part("web")) {
        web.depends_on.retain(|id, _| so_far.contains(&id.as_str()));
    }
    release.services = services;
    let there: Vec<PartId> = release.services.keys().cloned().collect();
    release.hooks.retain(|hook| there.contains(&hook.service));
    if release.hooks.iter().any(|hook| {
        release
            .services
            .get(&hook.service)
            .is_some_and(|s| s.one_shot)
    }) {
        release.hooks.retain(|hook| hook.service == part("web"));
    }
    let web_depends: Vec<(PartId, Condition)> = release.services[&part("web")]
        .depends_on
        .iter()
        .map(|(id, condition)| (id.clone(), *condition))
        .collect();
    for (id, condition) in web_depends {
        let one_shot = release.services[&id].one_shot;
        let fitting = match (one_shot, condition) {
            (true, _) => Condition::ServiceCompletedSuccessfully,
            (false, Condition::ServiceCompletedSuccessfully) => Condition::ServiceHealthy,
            (false, other) => other,
        };
        if let Some(web) = release.services.get_mut(&part("web")) {
            web.depends_on.insert(id, fitting);
        }
    }
    release
}
