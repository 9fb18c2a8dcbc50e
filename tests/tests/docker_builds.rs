//! How fresh images made on the box are, and what goes when nothing needs them any more.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use lavoir::adapter::docker::{Docker, ImageSources};
use lavoir::ports::Containers;
use lavoir_core::day::Day;
use lavoir_core::release::{BuildContext, ContextFile, Image};
use lavoir_tests::engine::{TestEngine, base_archives};
use support::{adapter, app, import_base, order, silent};

/// What the packages of a moment would be is here a number by chance; the second stage is there as in real recipes.
const FILE: &str = "ARG BASE=lavoir/base:trixie\nFROM ${BASE} AS packages\nRUN head -c 16 /dev/urandom | od -An -tx1 >/packages\n\
    FROM ${BASE} AS app\nCOPY --from=packages /packages /packages\nRUN echo app >/what\n\
    FROM packages AS job\nRUN echo job >/what\n";

fn context(file: &str) -> BuildContext {
    let file = ContextFile {
        text: file.to_owned(),
        executable: false,
    };
    BuildContext {
        files: BTreeMap::from([("Containerfile".to_owned(), file)]),
    }
}

fn image(name: &str, target: &str, day: &str) -> Image {
    Image::Built {
        name: name.into(),
        context: "image".into(),
        containerfile: "Containerfile".into(),
        target: Some(target.into()),
        day: Some(Day::try_from(day.to_owned()).unwrap()),
    }
}

async fn made(docker: &Docker) -> BTreeSet<String> {
    docker.observe(&BTreeSet::new()).await.unwrap().made
}

fn names(names: &[&str]) -> BTreeSet<String> {
    names.iter().map(|name| String::from(*name)).collect()
}

fn id(engine: &TestEngine, name: &str) -> String {
    engine
        .docker(&["image", "inspect", "-f", "{{.Id}}", name])
        .unwrap()
}

fn packages(engine: &TestEngine, name: &str) -> String {
    engine
        .docker(&["run", "--rm", "--network=none", name, "cat", "/packages"])
        .unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_update_takes_new_packages_and_old_images_go() {
    let engine = TestEngine::start().unwrap();
    let sources = ImageSources {
        archives: Some(base_archives().unwrap()),
        ..Default::default()
    };
    let docker = adapter(&engine, "box-a", sources).await;
    let all = || {
        engine
            .docker(&["images", "-aq", "--no-trunc"])
            .unwrap()
            .lines()
            .map(str::to_owned)
            .collect::<BTreeSet<_>>()
    };

    // Images of strangers: another box's, somebody's own, one that stands on our base and so inherited its label.
    let other_box = import_base(&engine, "box-b");
    engine.docker(&["tag", &other_box, "mine:1"]).unwrap();
    let build = async |name: &str, target: &str, day: &str, file: &str| {
        docker
            .get_image(&image(name, target, day), Some(&context(file)), &silent)
            .await
            .unwrap();
    };

    // Two images of one recipe share their stages.
    build("lavoir/x-app:1", "app", "2026-11-01", FILE).await;
    build("lavoir/x-job:1", "job", "2026-11-01", FILE).await;
    let first = packages(&engine, "lavoir/x-app:1");
    assert_eq!(packages(&engine, "lavoir/x-job:1"), first);
    let november = id(&engine, "lavoir/base:trixie-2026-11");

    let inherits = engine.dir().join("inherits");
    fs::create_dir(&inherits).unwrap();
    fs::write(
        inherits.join("Dockerfile"),
        "FROM lavoir/base:trixie-2026-11\nRUN echo theirs >/theirs\n",
    )
    .unwrap();
    let path = inherits.to_string_lossy().into_owned();
    for tag in ["theirs:1", "theirs:2"] {
        let done = engine
            .command(&["build", "-q", "--no-cache", "-t", tag, &path])
            .env("DOCKER_BUILDKIT", "0")
            .output();
        assert!(done.unwrap().status.success());
    }
    // One without a name.
    let nameless = id(&engine, "theirs:2");
    engine.docker(&["tag", "theirs:1", "theirs:2"]).unwrap();

    // A later day, and a changed recipe on the same day: every step again, over the same base; then another month.
    build("lavoir/x-app:2", "app", "2026-11-22", FILE).await;
    build(
        "lavoir/x-app:3",
        "app",
        "2026-11-22",
        &format!("{FILE}# changed\n"),
    )
    .await;
    assert_eq!(id(&engine, "lavoir/base:trixie-2026-11"), november);
    build("lavoir/x-app:4", "app", "2026-12-01", FILE).await;
    assert_ne!(id(&engine, "lavoir/base:trixie-2026-12"), november);
    let of_each: BTreeSet<String> = (1..=4)
        .map(|n| packages(&engine, &format!("lavoir/x-app:{n}")))
        .collect();
    assert_eq!(of_each.len(), 4, "a layer was used again: {of_each:?}");

    // Every stage that a build leaves is known as ours.
    for stage in engine
        .docker(&["images", "-q", "--no-trunc", "-f", "dangling=true"])
        .unwrap()
        .lines()
        .filter(|stage| *stage != nameless)
    {
        let labels = engine
            .docker(&["image", "inspect", "-f", "{{json .Config.Labels}}", stage])
            .unwrap();
        assert!(
            labels.contains("\"org.lavoir.box\":\"box-a\"")
                && labels.contains("org.lavoir.footing"),
            "{labels}"
        );
    }

    // A stopped container needs x-app:3.
    let blog = app("blog");
    docker.make_network(&blog).await.unwrap();
    let mut web = order("blog", "web", "lavoir/x-app:3", &["true"]);
    web.filled.one_shot = true;
    docker.start(&web).await.unwrap();

    let there = made(&docker).await;
    assert!(there.is_superset(&names(&[
        "lavoir/x-app:1",
        "lavoir/x-job:1",
        "lavoir/x-app:2"
    ])));
    assert!(!there.iter().any(|name| name.contains("base")), "{there:?}");
    let kept = names(&["lavoir/x-app:4"]);
    let needless: BTreeSet<String> = there.difference(&kept).cloned().collect();
    let strangers = names(&[&other_box, "mine:1", "theirs:1", &nameless]);
    docker
        .remove_images(&needless.union(&strangers).cloned().collect())
        .await
        .unwrap();

    let left = made(&docker).await;
    assert!(
        left.contains("lavoir/x-app:3") && left.contains("lavoir/x-app:4"),
        "{left:?}"
    );
    assert!(
        !left
            .iter()
            .any(|name| needless.contains(name) && name != "lavoir/x-app:3"),
        "{left:?}"
    );
    for stranger in &strangers {
        assert!(all().contains(&id(&engine, stranger)), "{stranger} is gone");
    }
    let dangling = engine
        .docker(&["images", "-q", "--no-trunc", "-f", "dangling=true"])
        .unwrap();
    assert_eq!(dangling, nameless);
    let bases = engine.docker(&["images", "-q", "lavoir/base"]).unwrap();
    assert_eq!(bases.lines().count(), 1, "the base of a past month stays");
    assert_eq!(packages(&engine, "lavoir/x-app:4").len(), first.len());

    // With the container, the last ones go too; only what strangers need stays.
    docker.remove(&blog, &"web".parse().unwrap()).await.unwrap();
    let left = made(&docker).await;
    docker.remove_images(&left).await.unwrap();
    assert_eq!(made(&docker).await, BTreeSet::new());
    for stranger in &strangers {
        assert!(all().contains(&id(&engine, stranger)), "{stranger} is gone");
    }
}

/// A build takes no more than its share of the machine.
#[tokio::test(flavor = "multi_thread")]
async fn a_build_has_a_limit_of_memory() {
    let engine = TestEngine::start().unwrap();
    let sources = ImageSources {
        archives: Some(base_archives().unwrap()),
        ..Default::default()
    };
    let docker = adapter(&engine, "box-a", sources).await;
    let limit =
        "cat /sys/fs/cgroup/memory.max /sys/fs/cgroup/memory/memory.limit_in_bytes 2>/dev/null";
    let file = format!("ARG BASE\nFROM ${{BASE}} AS app\nRUN {limit} >/limit; true\n");
    docker
        .get_image(
            &image("lavoir/x-app:1", "app", "2026-11-01"),
            Some(&context(&file)),
            &silent,
        )
        .await
        .unwrap();
    let limit = engine
        .docker(&[
            "run",
            "--rm",
            "--network=none",
            "lavoir/x-app:1",
            "cat",
            "/limit",
        ])
        .unwrap();
    let bytes: u64 = limit.trim().parse().expect("a number, not “max”");
    assert!(bytes <= 1 << 31, "{bytes}");

    let killed = "ARG BASE\nFROM ${BASE} AS app\nRUN exit 137\n";
    let fault = docker
        .get_image(
            &image("lavoir/y-app:1", "app", "2026-11-01"),
            Some(&context(killed)),
            &silent,
        )
        .await
        .unwrap_err();
    assert_eq!(fault.message.code, "build-out-of-memory");
}
