//! A registry that goes away in the middle of a pull.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod support;

use std::collections::BTreeSet;
use std::fs;
use std::time::Duration;

use lavoir::adapter::docker::{Docker, ImageSources};
use lavoir::ports::{Containers, Measure, Retry};
use lavoir_core::release::Image;
use lavoir_tests::engine::TestEngine;
use support::cut::Cut;
use support::{Heard, Registry, adapter, until};

/// Bytes of the two layers; what is random does not shrink on the way.
const SMALL: usize = 4_000_000;
const LARGE: usize = 30_000_000;
/// Requests, answers' heads, manifest, what was on its way when the line was cut.
const BESIDE: u64 = 3_000_000;

/// An image of a small and a large layer in the registry, and nowhere else.
fn two_layers(engine: &TestEngine, registry: &Registry) -> String {
    let folder = engine.dir().join("two");
    fs::create_dir(&folder).unwrap();
    for (name, bytes) in [("small", SMALL), ("large", LARGE)] {
        let mut content = vec![0; bytes];
        getrandom(&mut content);
        fs::write(folder.join(name), content).unwrap();
    }
    fs::write(
        folder.join("Dockerfile"),
        "FROM scratch\nCOPY small /\nCOPY large /\nLABEL org.example.of=a-test\n",
    )
    .unwrap();
    let made = engine
        .command(&["build", "-q", "-t", "two:1", &folder.to_string_lossy()])
        .env("DOCKER_BUILDKIT", "0")
        .output()
        .unwrap();
    assert!(made.status.success(), "{made:?}");
    let reference = registry.push(engine, "two:1", "library/two");
    engine
        .docker(&["rmi", "two:1", &format!("{}/library/two:1", registry.host)])
        .unwrap();
    engine.docker(&["system", "prune", "-af"]).unwrap();
    assert_eq!(engine.docker(&["images", "-aq"]).unwrap(), "");
    reference
}

fn getrandom(bytes: &mut [u8]) {
    use std::io::Read;
    let mut chance = fs::File::open("/dev/urandom").unwrap();
    chance.read_exact(bytes).unwrap();
}

async fn has(docker: &Docker, reference: &str) -> bool {
    let wanted = BTreeSet::from([reference.to_owned()]);
    docker.observe(&wanted).await.unwrap().images == wanted
}

/// Never more than all of it, and never less than before.
fn sound(measures: &[Measure]) {
    let mut last = 0;
    for measure in measures {
        assert!(
            measure.total.is_none_or(|total| measure.done <= total),
            "{measure:?}"
        );
        assert!(measure.done >= last, "{measure:?} after {last}");
        last = measure.done;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pull_that_is_cut_goes_on_in_the_middle_of_a_layer() {
    let engine = TestEngine::start().unwrap();
    let registry = Registry::start(&engine, "registry");
    let direct = two_layers(&engine, &registry);
    let line = Cut::before(&registry.host);
    let reference = direct.replace(&registry.host, &line.host);
    let docker = adapter(&engine, "box-a", ImageSources::default()).await;
    let image = Image::Pulled {
        reference: reference.clone(),
    };

    line.after((SMALL + LARGE) as u64 / 2);
    let heard = Heard::default();
    let hear = |measure| heard.hear(measure);
    let pull = docker.get_image(&image, None, &hear);
    let mending = async {
        until("it is cut", || async { line.is_cut() }).await;
        // Long enough for the engine to notice.
        tokio::time::sleep(Duration::from_secs(1)).await;
        line.mend();
    };
    let (pulled, ()) = tokio::join!(pull, mending);
    pulled.unwrap();

    assert!(has(&docker, &reference).await);
    let all = (SMALL + LARGE) as u64;
    let passed = line.passed();
    assert!(
        (all..all + BESIDE).contains(&passed),
        "{passed} bytes came for an image of {all}"
    );
    sound(&heard.all());
    let last = heard.last();
    assert_eq!(last.total, Some(last.done));
    assert!((all..all + BESIDE).contains(&last.done), "{last:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_registry_that_vanishes_is_a_passing_trouble() {
    // The engine's own five tries take more than a minute.
    let engine = TestEngine::start_with(&["--max-download-attempts=1"]).unwrap();
    let registry = Registry::start(&engine, "registry");
    let direct = two_layers(&engine, &registry);
    let line = Cut::before(&registry.host);
    let reference = direct.replace(&registry.host, &line.host);
    let docker = adapter(&engine, "box-a", ImageSources::default()).await;
    let image = Image::Pulled {
        reference: reference.clone(),
    };
    let heard = Heard::default();
    let hear = |measure| heard.hear(measure);

    // In the middle of a layer, then before anything could be asked.
    line.after((SMALL + LARGE) as u64 / 2);
    for _ in 0..2 {
        let fault = docker.get_image(&image, None, &hear).await.unwrap_err();
        assert_eq!(
            (fault.message.code.as_str(), fault.retry),
            ("registry-unreachable", Retry::Soon),
            "{fault:?}"
        );
        assert!(!has(&docker, &reference).await);
    }
    assert!(line.is_cut());
    sound(&heard.all());

    line.mend();
    docker.get_image(&image, None, &hear).await.unwrap();
    assert!(has(&docker, &reference).await);
    let kept = engine
        .docker(&[
            "image",
            "inspect",
            "-f",
            "{{json .RepoDigests}}",
            &reference,
        ])
        .unwrap();
    assert_eq!(kept, format!("[\"{reference}\"]"));
}
