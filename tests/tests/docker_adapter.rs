//! The adapter for Docker on a real engine: what it makes, what it never touches, what it says when things break.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::Path;
use std::time::Duration;

use lavoir::adapter::docker::ImageSources;
use lavoir::adapter::docker::fence::BRIDGES;
use lavoir::ports::{Containers, Retry, Unit};
use lavoir_core::observed::{Run, VolumeState};
use lavoir_core::recipe::Protocol;
use lavoir_core::release::{BuildContext, Healthcheck, Image, PublishedPort};
use lavoir_tests::engine::{TestEngine, base_archive};
use support::{Heard, adapter, app, import_base, order, part, silent, until};

const SECOND: Duration = Duration::from_secs(1);

#[tokio::test(flavor = "multi_thread")]
async fn an_apps_network_volume_and_containers_live_and_go() {
    let engine = TestEngine::start().unwrap();
    let image = import_base(&engine, "box-a");
    let docker = adapter(&engine, "box-a", ImageSources::default()).await;
    let blog = app("blog");
    assert!(docker.is_there().await);

    docker.make_network(&blog).await.unwrap();
    docker.make_network(&blog).await.unwrap();
    // Its bridge is known by its name to the rules that keep neighbours out.
    let format = "{{index .Options \"com.docker.network.bridge.name\"}}";
    let bridge = engine
        .docker(&["network", "inspect", "-f", format, "lavoir-blog"])
        .unwrap();
    assert!(bridge.starts_with(BRIDGES), "{bridge}");
    assert!(Path::new("/sys/class/net").join(&bridge).exists());
    docker
        .make_volume(&blog, "lavoir-blog-data-g1", None, &silent)
        .await
        .unwrap();
    docker
        .make_volume(&blog, "lavoir-blog-data-g1", None, &silent)
        .await
        .unwrap();

    let file = engine.dir().join("setting.conf");
    fs::write(&file, "colour=green\n").unwrap();
    let mut web = order(
        "blog",
        "web",
        &image,
        &["sh", "-c", "echo begun; touch /data/ready; exec sleep 1000"],
    );
    web.volumes
        .push(("lavoir-blog-data-g1".into(), "/data".into(), false));
    web.files.push((file, "/etc/setting.conf".into()));
    web.filled
        .environment
        .insert("GREETING".into(), "bonjour à tous".into());
    web.filled.healthcheck = Some(Healthcheck {
        test: vec![
            "CMD-SHELL".into(),
            "test -e /data/ready && test ! -e /data/ill".into(),
        ],
        interval_ms: 500,
        timeout_ms: 5_000,
        retries: 2,
        start_period_ms: 0,
    });
    web.filled.read_only = true;
    web.filled.init = true;
    web.filled.cap_add = vec!["CHOWN".into()];
    web.filled
        .tmpfs
        .insert("/tmp".into(), "size=4m,mode=1777".into());
    web.filled.cpu_milli = 4_000_000;
    web.filled.shm_bytes = Some(32 << 20);
    web.ports.push(PublishedPort {
        service: part("web"),
        port: 47_123,
        protocol: Protocol::Udp,
    });
    docker.start(&web).await.unwrap();
    // Safe to repeat: made anew.
    docker.start(&web).await.unwrap();
    until("healthy", || async {
        docker.look(&blog, &part("web")).await.unwrap().unwrap().run == Run::Healthy
    })
    .await;

    let seen = docker
        .observe(&BTreeSet::from([image.clone(), "lavoir/none-app:0".into()]))
        .await
        .unwrap();
    assert_eq!(seen.images, BTreeSet::from([image.clone()]));
    let there = &seen.apps[&blog];
    assert!(there.network);
    assert_eq!(
        there.volumes,
        BTreeMap::from([("lavoir-blog-data-g1".into(), VolumeState::Complete)])
    );
    let container = &there.containers[&part("web")];
    assert_eq!(
        (container.spec.as_str(), container.run),
        ("spec-1", Run::Healthy)
    );
    assert!(container.address.unwrap().to_string().starts_with("10."));

    // The limits are really set.
    let inspected = engine.docker(&["inspect", "lavoir-blog-web"]).unwrap();
    let inspected: serde_json::Value = serde_json::from_str(&inspected).unwrap();
    let host = &inspected[0]["HostConfig"];
    assert_eq!(host["Memory"], 64 << 20);
    assert_eq!(host["PidsLimit"], 50);
    assert_eq!(host["CapDrop"], serde_json::json!(["ALL"]));
    assert_eq!(host["CapAdd"], serde_json::json!(["CHOWN"]));
    assert_eq!(
        host["SecurityOpt"],
        serde_json::json!(["no-new-privileges"])
    );
    assert_eq!(host["ReadonlyRootfs"], true);
    assert_eq!(host["Privileged"], false);
    assert_eq!(host["Init"], true);
    assert_eq!(host["ShmSize"], 32 << 20);
    assert_eq!(
        host["LogConfig"]["Config"],
        serde_json::json!({"max-size": "10485760", "max-file": "3"})
    );
    assert_eq!(host["RestartPolicy"]["Name"], "unless-stopped");
    assert_eq!(
        host["PortBindings"],
        serde_json::json!({"47123/udp": [{"HostIp": "", "HostPort": "47123"}]})
    );
    let cores = i64::try_from(std::thread::available_parallelism().unwrap().get()).unwrap();
    assert_eq!(host["NanoCpus"], cores * 1_000_000_000);
    assert_eq!(inspected[0]["Config"]["StopTimeout"], 1);

    // As the kernel has it.
    let run = |command: &'static str| {
        let docker = &docker;
        let blog = &blog;
        async move {
            let command = ["sh", "-c", command].map(String::from);
            docker
                .run_inside(blog, &part("web"), &command, None, 20 * SECOND)
                .await
                .unwrap()
        }
    };
    let said = run("grep -E 'CapBnd|NoNewPrivs' /proc/self/status; echo \"$GREETING\"; cat /etc/setting.conf; hostname -i >&2").await;
    assert_eq!(said.code, 0);
    let text = said.lines.join("\n");
    assert!(text.contains("CapBnd:\t0000000000000001"), "{text}");
    assert!(text.contains("NoNewPrivs:\t1"), "{text}");
    assert!(
        text.contains("bonjour à tous") && text.contains("colour=green"),
        "{text}"
    );
    assert_ne!(run("echo x >/etc/setting.conf").await.code, 0);
    assert_ne!(run("echo x >/usr/x").await.code, 0);
    assert_eq!(run("echo x >/tmp/x; exit 7").await.code, 7);
    // Its neighbours know it by its service's name.
    let mut asks = order("blog", "asks", &image, &["getent", "hosts", "web"]);
    asks.filled.one_shot = true;
    docker.start(&asks).await.unwrap();
    let ended = || async {
        docker
            .look(&blog, &part("asks"))
            .await
            .unwrap()
            .unwrap()
            .run
    };
    until("ended", || async {
        matches!(ended().await, Run::Exited(_))
    })
    .await;
    assert_eq!(ended().await, Run::Exited(0));
    assert!(docker.last_lines(&blog, &part("asks"), 5).await.unwrap()[0].contains("web"));

    let user = docker
        .run_inside(
            &blog,
            &part("web"),
            &["id".into(), "-un".into()],
            Some("www-data"),
            20 * SECOND,
        )
        .await
        .unwrap();
    assert_eq!(user.lines, ["www-data"]);
    let sleep = ["sh", "-c", "echo begun; exec sleep 987"].map(String::from);
    let fault = docker
        .run_inside(&blog, &part("web"), &sleep, None, 8 * SECOND)
        .await
        .unwrap_err();
    assert_eq!(
        (fault.message.code.as_str(), &fault.lines[..]),
        ("hook-timeout", &["begun".to_owned()][..])
    );
    until("the command is gone", || async {
        !engine
            .docker(&["top", "lavoir-blog-web"])
            .unwrap()
            .contains("sleep 987")
    })
    .await;

    assert_eq!(run("touch /data/ill").await.code, 0);
    until("ill", || async {
        docker.look(&blog, &part("web")).await.unwrap().unwrap().run == Run::Unhealthy
    })
    .await;
    assert_eq!(
        docker.last_lines(&blog, &part("web"), 10).await.unwrap(),
        ["begun"]
    );
    assert!(docker.data_mib().await.unwrap()[&blog] >= 1);

    docker.stop(&blog, &part("web")).await.unwrap();
    docker.stop(&blog, &part("web")).await.unwrap();
    let stopped = docker.look(&blog, &part("web")).await.unwrap().unwrap();
    assert!(matches!(stopped.run, Run::Exited(_)), "{stopped:?}");
    assert_eq!(stopped.address, None);
    docker.start_again(&blog, &part("web")).await.unwrap();
    assert!(
        docker
            .look(&blog, &part("web"))
            .await
            .unwrap()
            .unwrap()
            .run
            .is_running()
    );
    let fault = docker.remove_network(&blog).await.unwrap_err();
    assert!(
        ["engine-error", "engine-refused"].contains(&fault.message.code.as_str()),
        "{fault}"
    );
    for service in ["web", "asks", "never"] {
        docker.remove(&blog, &part(service)).await.unwrap();
    }
    docker.remove_network(&blog).await.unwrap();
    docker.remove_network(&blog).await.unwrap();
    docker
        .remove_volume(&blog, "lavoir-blog-data-g1")
        .await
        .unwrap();
    docker
        .remove_volume(&blog, "lavoir-blog-data-g1")
        .await
        .unwrap();
    assert!(
        docker
            .observe(&BTreeSet::new())
            .await
            .unwrap()
            .apps
            .is_empty()
    );
    assert_eq!(engine.docker(&["volume", "ls", "-q"]).unwrap(), "");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_others_made_is_left_alone_and_refused_under_our_names() {
    let engine = TestEngine::start().unwrap();
    let image = import_base(&engine, "box-a");
    let docker = adapter(&engine, "box-a", ImageSources::default()).await;
    let blog = app("blog");
    // Somebody's own, another box's, and another app's of this box that is called alike.
    let other = "--label=org.lavoir.box=box-b";
    engine
        .docker(&["network", "create", "lavoir-blog"])
        .unwrap();
    engine
        .docker(&[
            "volume",
            "create",
            other,
            "--label=org.lavoir.app=blog",
            "lavoir-blog-data-g1",
        ])
        .unwrap();
    engine
        .docker(&["volume", "create", "lavoir-blog-more-g1"])
        .unwrap();
    let run = [
        "run",
        "-d",
        "--name",
        "lavoir-blog-web",
        other,
        "--label=org.lavoir.app=blog",
    ];
    let service = ["--label=org.lavoir.service=web", &image, "sleep", "1000"];
    engine.docker(&[&run[..], &service[..]].concat()).unwrap();
    let alike = [
        "create",
        "--name",
        "lavoir-blog-a-b",
        "--label=org.lavoir.box=box-a",
        "--label=org.lavoir.app=blog-a",
    ];
    engine
        .docker(
            &[
                &alike[..],
                &["--label=org.lavoir.service=b", &image, "true"],
            ]
            .concat(),
        )
        .unwrap();
    engine
        .docker(&["tag", &import_base(&engine, "box-b"), "lavoir/wp-app:1"])
        .unwrap();
    let app_label = "--label=org.lavoir.app=blog-a";
    let box_label = "--label=org.lavoir.box=box-a";
    engine
        .docker(&[
            "volume",
            "create",
            app_label,
            box_label,
            "lavoir-blog-a-data-g1",
        ])
        .unwrap();
    let before = inventory(&engine);

    let held = |answer: Result<(), lavoir::ports::Fault>| {
        let fault = answer.unwrap_err();
        assert_eq!(
            (fault.message.code.as_str(), fault.retry),
            ("name-held-by-stranger", Retry::Never),
            "{fault}"
        );
    };
    let (web, a_b) = (part("web"), part("a-b"));
    held(docker.make_network(&blog).await);
    held(docker.remove_network(&blog).await);
    for name in [
        "lavoir-blog-data-g1",
        "lavoir-blog-more-g1",
        "lavoir-blog-a-data-g1",
    ] {
        held(docker.make_volume(&blog, name, None, &silent).await);
        held(
            docker
                .make_volume(&blog, name, Some("lavoir-blog-data-g0"), &silent)
                .await,
        );
        held(
            docker
                .make_volume(&blog, "lavoir-blog-copy-g2", Some(name), &silent)
                .await,
        );
        held(docker.remove_volume(&blog, name).await);
    }
    for service in [&web, &a_b] {
        held(
            docker
                .start(&order("blog", service.as_str(), &image, &["true"]))
                .await,
        );
        held(docker.start_again(&blog, service).await);
        held(docker.stop(&blog, service).await);
        held(docker.remove(&blog, service).await);
        held(docker.look(&blog, service).await.map(|_| ()));
        held(docker.last_lines(&blog, service, 3).await.map(|_| ()));
        held(
            docker
                .run_inside(&blog, service, &["true".into()], None, SECOND)
                .await
                .map(|_| ()),
        );
    }
    let built = Image::Built {
        name: "lavoir/wp-app:1".into(),
        context: "image".into(),
        containerfile: "Containerfile".into(),
        target: None,
        day: None,
    };
    held(
        docker
            .get_image(
                &built,
                Some(&BuildContext {
                    files: BTreeMap::new(),
                }),
                &silent,
            )
            .await,
    );

    let seen = docker
        .observe(&BTreeSet::from(["lavoir/wp-app:1".into()]))
        .await
        .unwrap();
    assert_eq!(seen.images, BTreeSet::new());
    assert_eq!(seen.apps.keys().collect::<Vec<_>>(), [&app("blog-a")]);
    assert!(!docker.data_mib().await.unwrap().contains_key(&blog));
    assert_eq!(inventory(&engine), before);

    // A container whose volume is missing is not given one by Docker.
    let shop = app("shop");
    docker.make_network(&shop).await.unwrap();
    let mut web = order("shop", "web", &image, &["true"]);
    web.volumes
        .push(("lavoir-shop-data-g1".into(), "/data".into(), false));
    assert_eq!(
        docker.start(&web).await.unwrap_err().message.code,
        "not-there"
    );
    // Nor does an image keep data where nobody looks.
    engine
        .docker(&[
            "import",
            "-c",
            "VOLUME /var/lib/x",
            "-c",
            "LABEL org.lavoir.box=box-a",
            &base(),
            "lavoir/keeps:1",
        ])
        .unwrap();
    let mut web = order("shop", "web", "lavoir/keeps:1", &["true"]);
    assert_eq!(
        docker.start(&web).await.unwrap_err().message.code,
        "image-data-not-kept"
    );
    web.filled.tmpfs.insert("/var/lib/x/".into(), String::new());
    docker.start(&web).await.unwrap();
}

fn base() -> String {
    base_archive().unwrap().to_string_lossy().into_owned()
}

fn inventory(engine: &TestEngine) -> [BTreeSet<String>; 4] {
    [
        &[
            "ps",
            "-a",
            "--no-trunc",
            "--format",
            "{{.ID}} {{.Names}} {{.State}} {{.Labels}}",
        ][..],
        &["volume", "ls", "--format", "{{.Name}} {{.Labels}}"],
        &[
            "network",
            "ls",
            "--no-trunc",
            "--format",
            "{{.ID}} {{.Name}} {{.Labels}}",
        ],
        &[
            "images",
            "--no-trunc",
            "--format",
            "{{.ID}} {{.Repository}} {{.Tag}}",
        ],
    ]
    .map(|question| {
        let said = engine.docker(question).unwrap();
        // Docker writes labels in any order.
        let sorted = |line: &str| {
            line.split([' ', ','])
                .collect::<BTreeSet<_>>()
                .into_iter()
                .collect::<Vec<_>>()
                .join(" ")
        };
        said.lines().map(sorted).collect()
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_volume_is_copied_beside_the_old_one_or_known_as_half_a_copy() {
    let mut engine = TestEngine::start().unwrap();
    let docker = adapter(&engine, "box-a", ImageSources::default()).await;
    let blog = app("blog");
    let (old, new) = ("lavoir-blog-data-g1", "lavoir-blog-data-g2");
    // Of a copy that never came to be, by a daemon that was cut short.
    let mark = engine
        .dir()
        .join("scratch/volumes")
        .join(format!("{old}.copying"));
    fs::write(&mark, "").unwrap();
    docker.make_volume(&blog, old, None, &silent).await.unwrap();
    assert!(!mark.exists(), "an empty volume has a mark of a half copy");
    let from = engine.dir().join("data/volumes").join(old).join("_data");
    let to = engine.dir().join("data/volumes").join(new).join("_data");
    fs::create_dir(from.join("folder")).unwrap();
    fs::write(from.join("folder/file"), vec![7; 3 << 20]).unwrap();
    fs::hard_link(from.join("folder/file"), from.join("link")).unwrap();
    symlink("folder/file", from.join("soft")).unwrap();
    fs::File::create(from.join("sparse"))
        .unwrap()
        .set_len(64 << 20)
        .unwrap();
    std::os::unix::fs::chown(from.join("folder/file"), Some(33), Some(33)).unwrap();
    fs::set_permissions(from.join("folder/file"), fs::Permissions::from_mode(0o2640)).unwrap();
    fs::set_permissions(&from, fs::Permissions::from_mode(0o750)).unwrap();
    std::os::unix::fs::chown(&from, Some(999), Some(999)).unwrap();

    let heard = Heard::default();
    docker
        .make_volume(&blog, new, Some(old), &|m| heard.hear(m))
        .await
        .unwrap();
    let last = heard.last();
    assert_eq!(
        (last.done, last.total, last.unit),
        (67 << 20, Some(67 << 20), Unit::Bytes)
    );
    let facts = |path: &std::path::Path| {
        let facts = fs::symlink_metadata(path).unwrap();
        (
            facts.uid(),
            facts.gid(),
            facts.mode(),
            facts.len(),
            facts.mtime(),
        )
    };
    for name in ["", "folder", "folder/file", "link", "soft", "sparse"] {
        assert_eq!(facts(&from.join(name)), facts(&to.join(name)), "{name}");
    }
    assert_eq!(fs::metadata(to.join("link")).unwrap().nlink(), 2);
    assert!(fs::metadata(to.join("sparse")).unwrap().blocks() * 512 < 1 << 20);
    let volumes = |seen: lavoir::ports::Seen| seen.apps[&app("blog")].volumes.clone();
    let seen = docker.observe(&BTreeSet::new()).await.unwrap();
    assert_eq!(volumes(seen)[new], VolumeState::Complete);

    // A complete copy is not made again over what the app has written since.
    fs::write(to.join("written"), "since").unwrap();
    docker
        .make_volume(&blog, new, Some(old), &silent)
        .await
        .unwrap();
    assert!(to.join("written").exists());
    docker
        .make_volume(&blog, "lavoir-blog-data-g0", None, &silent)
        .await
        .unwrap();
    let fault = docker
        .make_volume(&blog, new, Some("lavoir-blog-data-g0"), &silent)
        .await
        .unwrap_err();
    assert_eq!(fault.message.code, "volume-not-that-copy");

    // Cut in the middle: the daemon goes away while cp runs.
    let cut = "lavoir-blog-data-g3";
    fs::write(from.join("large"), vec![1; 200 << 20]).unwrap();
    let begun = tokio::sync::Notify::new();
    let on_measure = |_| begun.notify_one();
    tokio::select! {
        _ = docker.make_volume(&blog, cut, Some(old), &on_measure) => panic!("not cut"),
        () = begun.notified() => {}
    }
    let seen = docker.observe(&BTreeSet::new()).await.unwrap();
    assert_eq!(volumes(seen)[cut], VolumeState::HalfCopied);
    drop(docker);
    let docker = adapter(&engine, "box-a", ImageSources::default()).await;
    docker
        .make_volume(&blog, cut, Some(old), &silent)
        .await
        .unwrap();
    let seen = docker.observe(&BTreeSet::new()).await.unwrap();
    assert_eq!(volumes(seen)[cut], VolumeState::Complete);

    // The engine goes and comes back.
    engine.stop().unwrap();
    assert!(!docker.is_there().await);
    let fault = docker.observe(&BTreeSet::new()).await.unwrap_err();
    assert_eq!(
        (fault.message.code.as_str(), fault.retry),
        ("engine-away", Retry::Soon)
    );
    engine.start_again().unwrap();
    assert!(docker.is_there().await);
    assert_eq!(
        docker.observe(&BTreeSet::new()).await.unwrap().apps[&blog]
            .volumes
            .len(),
        4
    );
}
