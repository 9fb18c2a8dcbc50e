//! Where the adapter for Docker takes images from: registries, mirrors, archives, and its own builds.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use lavoir::adapter::docker::{Docker, ImageSources};
use lavoir::ports::{Answer, Containers, Retry, Unit};
use lavoir_core::observed::Run;
use lavoir_core::release::{BuildContext, ContextFile, Image};
use lavoir_tests::engine::{TestEngine, base_archives};
use support::{Heard, Registry, adapter, app, import_base, order, part, silent, until};

fn pulled(reference: &str) -> Image {
    Image::Pulled {
        reference: reference.to_owned(),
    }
}

async fn is_there(docker: &Docker, reference: &str) -> bool {
    docker
        .observe(&BTreeSet::from([reference.to_owned()]))
        .await
        .unwrap()
        .images
        .contains(reference)
}

async fn runs(docker: &Docker, id: &str, reference: &str) {
    let this = app(id);
    docker.make_network(&this).await.unwrap();
    let mut once = order(id, "once", reference, &["true"]);
    once.filled.one_shot = true;
    docker.start(&once).await.unwrap();
    let run = || async {
        docker
            .look(&this, &part("once"))
            .await
            .unwrap()
            .unwrap()
            .run
    };
    until("it has run", || async { run().await == Run::Exited(0) }).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn images_come_by_digest_from_a_registry_a_mirror_or_an_archive() {
    let engine = TestEngine::start().unwrap();
    let registry = Registry::start(&engine, "registry");
    let image = import_base(&engine, "box-a");
    // Two layers.
    let made = engine
        .docker(&[
            "run",
            "-d",
            &image,
            "sh",
            "-c",
            "head -c 3000000 /dev/urandom >/large",
        ])
        .unwrap();
    engine.docker(&["wait", &made]).unwrap();
    engine.docker(&["commit", &made, "two:1"]).unwrap();
    engine.docker(&["rm", &made]).unwrap();
    let reference = registry.push(&engine, "two:1", "library/two");
    let (_, digest) = reference.split_once('@').unwrap();
    let forget = || {
        // An image goes after those that stand on it.
        for _ in 0..3 {
            let images = engine.docker(&["images", "-q", "--no-trunc"]).unwrap();
            for id in images.lines().collect::<BTreeSet<_>>() {
                let _ = engine.docker(&["rmi", "-f", id]);
            }
        }
        assert_eq!(engine.docker(&["images", "-q"]).unwrap(), "");
    };

    // From the registry itself, with bytes.
    forget();
    let docker = adapter(&engine, "box-a", ImageSources::default()).await;
    assert!(!is_there(&docker, &reference).await);
    let heard = Heard::default();
    docker
        .get_image(&pulled(&reference), None, &|m| heard.hear(m))
        .await
        .unwrap();
    let last = heard.last();
    assert_eq!((last.unit, last.total), (Unit::Bytes, Some(last.done)));
    assert!(last.done > 20_000_000, "{last:?}");
    assert!(heard.all().iter().any(|m| m.done > 0 && m.done < last.done));
    assert!(is_there(&docker, &reference).await);
    runs(&docker, "one", &reference).await;
    docker.remove(&app("one"), &part("once")).await.unwrap();
    // There already: nothing is asked.
    docker
        .get_image(&pulled(&reference), None, &|_| panic!("asked again"))
        .await
        .unwrap();

    // An unknown digest, a reference without one, a registry that is not there.
    let name = reference.split_once('@').unwrap().0;
    let code = |answer: Answer<()>| {
        let fault = answer.unwrap_err();
        (fault.message.code, fault.retry)
    };
    let unknown = format!("{name}@sha256:{}", "0".repeat(64));
    assert_eq!(
        code(docker.get_image(&pulled(&unknown), None, &silent).await),
        ("image-unknown".into(), Retry::Never)
    );
    let no_digest = code(docker.get_image(&pulled(name), None, &silent).await);
    assert_eq!(no_digest, ("image-without-digest".into(), Retry::Never));
    let nobody = format!("127.0.0.1:9/x@{digest}0")
        .replace(&format!("{digest}0"), &format!("sha256:{}", "1".repeat(64)));
    assert_eq!(
        code(docker.get_image(&pulled(&nobody), None, &silent).await),
        ("registry-unreachable".into(), Retry::Soon)
    );

    // From a mirror, under the name that the recipe knows.
    forget();
    let public = format!("docker.io/library/two@{digest}");
    let mirror = ImageSources {
        mirror: Some(registry.host.clone()),
        ..Default::default()
    };
    let docker = adapter(&engine, "box-a", mirror).await;
    docker
        .get_image(&pulled(&public), None, &silent)
        .await
        .unwrap();
    assert!(is_there(&docker, &public).await);
    runs(&docker, "two", &public).await;
    docker.remove(&app("two"), &part("once")).await.unwrap();

    // From a folder of archives, with no registry at all.
    forget();
    let archives = engine.dir().join("archives");
    fs::create_dir(&archives).unwrap();
    let oci = engine.dir().join("oci");
    oci_layout(
        &registry
            .folder
            .join("store/docker/registry/v2/blobs/sha256"),
        &oci,
    );
    fs::write(archives.join("damaged.tar"), "no archive").unwrap();
    pack(&oci, &archives.join("two.tar"));
    drop(registry);
    let docker = adapter(
        &engine,
        "box-a",
        ImageSources {
            archives: Some(archives.clone()),
            ..Default::default()
        },
    )
    .await;
    let heard = Heard::default();
    docker
        .get_image(&pulled(&public), None, &|m| heard.hear(m))
        .await
        .unwrap();
    assert_eq!(heard.last().total, Some(heard.last().done));
    assert!(is_there(&docker, &public).await);
    runs(&docker, "three", &public).await;
    docker.remove(&app("three"), &part("once")).await.unwrap();

    // A changed byte in a layer is noticed, and nothing is loaded.
    forget();
    let largest = fs::read_dir(oci.join("blobs/sha256"))
        .unwrap()
        .map(|e| e.unwrap().path());
    let largest = largest
        .max_by_key(|p| fs::metadata(p).unwrap().len())
        .unwrap();
    let mut bytes = fs::read(&largest).unwrap();
    let last = bytes.len() - 1;
    bytes[last] ^= 1;
    fs::write(&largest, bytes).unwrap();
    pack(&oci, &archives.join("two.tar"));
    let loopback = format!("127.0.0.1:9/library/two@{digest}");
    let fault = docker
        .get_image(&pulled(&loopback), None, &silent)
        .await
        .unwrap_err();
    assert!(
        fault
            .lines
            .iter()
            .any(|line| line.contains("another digest")),
        "{fault:?}"
    );
    assert!(!is_there(&docker, &public).await);
    assert_eq!(engine.docker(&["images", "-q"]).unwrap(), "");
}

/// The registry's blobs as an OCI layout.
fn oci_layout(store: &Path, layout: &Path) {
    let blobs = layout.join("blobs/sha256");
    fs::create_dir_all(&blobs).unwrap();
    fs::write(
        layout.join("oci-layout"),
        r#"{"imageLayoutVersion":"1.0.0"}"#,
    )
    .unwrap();
    for group in fs::read_dir(store).unwrap() {
        for blob in fs::read_dir(group.unwrap().path()).unwrap() {
            let blob = blob.unwrap();
            fs::copy(blob.path().join("data"), blobs.join(blob.file_name())).unwrap();
        }
    }
}

fn pack(folder: &Path, archive: &Path) {
    assert!(
        Command::new("tar")
            .arg("-cf")
            .arg(archive)
            .arg("-C")
            .arg(folder)
            .arg(".")
            .status()
            .unwrap()
            .success()
    );
}

fn context(containerfile: &str) -> BuildContext {
    let file = |text: &str, executable| ContextFile {
        text: text.to_owned(),
        executable,
    };
    BuildContext {
        files: BTreeMap::from([
            ("Containerfile".into(), file(containerfile, false)),
            (
                "bin/hello".into(),
                file("#!/bin/sh\necho hello from $0\n", true),
            ),
        ]),
    }
}

fn built(name: &str, target: Option<&str>) -> Image {
    Image::Built {
        name: name.into(),
        context: "image".into(),
        containerfile: "Containerfile".into(),
        target: target.map(str::to_owned),
        day: None,
    }
}

const GOOD: &str = "ARG BASE=lavoir/base:trixie\nFROM ${BASE} AS tools\nRUN echo made >/made\n\
    FROM ${BASE} AS app\nCOPY --from=tools /made /made\nCOPY bin/hello /usr/local/bin/hello\nRUN test -x /usr/local/bin/hello\n\
    FROM app AS never\nRUN exit 9\n";

#[tokio::test(flavor = "multi_thread")]
async fn images_are_built_over_a_base_that_is_made_once() {
    let engine = TestEngine::start().unwrap();
    let bundle = engine.dir().join("ca.crt");
    fs::write(
        &bundle,
        "-----BEGIN CERTIFICATE-----\nof this box\n-----END CERTIFICATE-----\n",
    )
    .unwrap();
    let sources = ImageSources {
        archives: Some(base_archives().unwrap()),
        ca_bundle: Some(bundle.clone()),
        ..Default::default()
    };
    let docker = adapter(&engine, "box-a", sources.clone()).await;

    let (one, two) = (
        built("lavoir/one-app:k", Some("app")),
        built("lavoir/two-app:k", Some("app")),
    );
    let heard = Heard::default();
    let good = context(GOOD);
    let hear = |m| heard.hear(m);
    let (first, second) = tokio::join!(
        docker.get_image(&one, Some(&good), &hear),
        docker.get_image(&two, Some(&good), &silent)
    );
    first.unwrap();
    second.unwrap();
    let base = engine
        .docker(&["image", "inspect", "-f", "{{.Id}}", "lavoir/base:trixie"])
        .unwrap();
    let steps: Vec<_> = heard
        .all()
        .iter()
        .map(|m| (m.done, m.total.unwrap()))
        .collect();
    assert_eq!(heard.last().unit, Unit::Steps);
    assert_eq!(steps.first(), Some(&(0, 8)), "{steps:?}");
    assert!(steps.len() >= 7 && steps.is_sorted(), "{steps:?}");
    assert!(
        is_there(&docker, "lavoir/one-app:k").await && is_there(&docker, "lavoir/two-app:k").await
    );
    let dangling = engine
        .docker(&[
            "images",
            "-q",
            "-f",
            "dangling=true",
            "-f",
            "label=org.lavoir.base",
        ])
        .unwrap();
    assert!(!dangling.contains(&base), "the base was made twice");

    // What is built trusts the box's certificates, and says so to programs with a list of their own.
    let blog = app("blog");
    docker.make_network(&blog).await.unwrap();
    let check = "hello; cat /made; cat \"$SSL_CERT_FILE\"; echo $PIP_CERT $NODE_EXTRA_CA_CERTS $REQUESTS_CA_BUNDLE; \
        update-ca-certificates >/dev/null 2>&1; grep -c 'of this box' $PIP_CERT";
    let mut web = order("blog", "web", "lavoir/one-app:k", &["sh", "-c", check]);
    web.filled.one_shot = true;
    docker.start(&web).await.unwrap();
    until("said", || async {
        docker
            .last_lines(&blog, &part("web"), 40)
            .await
            .unwrap()
            .len()
            >= 7
    })
    .await;
    let said = docker.last_lines(&blog, &part("web"), 40).await.unwrap();
    let trusted = "/etc/ssl/certs/ca-certificates.crt";
    assert_eq!(said[..2], ["hello from /usr/local/bin/hello", "made"]);
    assert_eq!(said[3], "of this box");
    assert_eq!(said[5], format!("{trusted} {trusted} {trusted}"));
    assert_eq!(said[6], "1", "{said:?}");
    docker.remove(&blog, &part("web")).await.unwrap();

    // There already: not built again.
    docker
        .get_image(&one, Some(&context("FROM nothing")), &silent)
        .await
        .unwrap();

    // A step that fails, and one that looks like the network.
    let bad = context("ARG BASE\nFROM ${BASE}\nRUN echo sorry about this; exit 3\n");
    let fault = docker
        .get_image(&built("lavoir/bad-app:k", None), Some(&bad), &silent)
        .await
        .unwrap_err();
    assert_eq!(
        (fault.message.code.as_str(), fault.retry),
        ("build-failed", Retry::Never)
    );
    assert!(
        fault.lines.iter().any(|l| l == "sorry about this"),
        "{:?}",
        fault.lines
    );
    assert!(
        fault.lines.last().unwrap().contains("code: 3"),
        "{:?}",
        fault.lines
    );
    let net = context(
        "ARG BASE\nFROM ${BASE}\nRUN echo 'Temporary failure resolving deb.example'; exit 100\n",
    );
    let fault = docker
        .get_image(&built("lavoir/net-app:k", None), Some(&net), &silent)
        .await
        .unwrap_err();
    assert_eq!(
        (fault.message.code.as_str(), fault.retry),
        ("build-failed", Retry::Soon)
    );
    assert!(!is_there(&docker, "lavoir/bad-app:k").await);
    assert_eq!(
        engine.docker(&["ps", "-aq"]).unwrap(),
        "",
        "a build left a container"
    );

    // Other settings, another base; the same settings, the same.
    let same = || {
        engine
            .docker(&["image", "inspect", "-f", "{{.Id}}", "lavoir/base:trixie"])
            .unwrap()
            == base
    };
    assert!(same());
    fs::write(
        &bundle,
        "-----BEGIN CERTIFICATE-----\nanother\n-----END CERTIFICATE-----\n",
    )
    .unwrap();
    docker
        .get_image(
            &built("lavoir/three-app:k", Some("app")),
            Some(&good),
            &silent,
        )
        .await
        .unwrap();
    assert!(!same());
}

/// With Debian's archive, as a bare machine does it.
#[tokio::test(flavor = "multi_thread")]
async fn the_base_is_bootstrapped_from_debians_archive() {
    let engine = TestEngine::start().unwrap();
    let docker = adapter(&engine, "box-a", ImageSources::default()).await;
    let image = built("lavoir/one-app:k", Some("app"));
    let good = context(GOOD);
    let work = docker.get_image(&image, Some(&good), &silent);
    tokio::time::timeout(Duration::from_secs(600), work)
        .await
        .unwrap()
        .unwrap();
    runs(&docker, "blog", "lavoir/one-app:k").await;
    docker.remove(&app("blog"), &part("once")).await.unwrap();
    let left = fs::read_dir(engine.dir().join("scratch")).unwrap().count();
    assert_eq!(left, 1, "the bootstrap left files behind");
}
