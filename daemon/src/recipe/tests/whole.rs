//! The sound recipe from the folder to the release and back to Compose.

use zeroize::Zeroizing;

use lavoir_core::day::Day;
use lavoir_core::release::{Answer, Image, MountSource, Release};

use super::*;

#[test]
fn the_sound_recipe_has_no_problem() {
    assert_eq!(check(&sound_dir()), Vec::new());
}

#[test]
fn resolves_to_a_release_without_secrets() {
    let folder = read(&sound_dir()).unwrap();
    let answers = [
        ("contact", "ana@example.org"),
        ("licence_code", "Code-77"),
        ("title", "L'été $5 {{ x }} ${Y}"),
    ];
    let Resolved {
        release,
        private_answers,
    } = resolve(&folder, request(&answers)).ok().unwrap();

    let app = &release.services[&"app".parse().unwrap()];
    let env = |name: &str| app.environment[name].as_str();
    assert_eq!(env("TITLE"), "L'été $$5 {{ x }} $${Y}");
    assert_eq!(env("PRICE"), "5 $$ for L'ÉTÉ $$5 {{ X }} $${Y}");
    assert_eq!(env("CONTACT"), "mailto:${ANSWER_CONTACT}");
    assert_eq!(
        env("DATABASE_URL"),
        "postgres://sound:${SECRET_DB_PASSWORD}@db/sound"
    );
    assert_eq!(env("HOSTS"), "music.example.org,static.music.example.org");
    assert_eq!(env("MODE"), "closed");
    assert_eq!((env("PLACES"), env("WORKERS")), ("5", "2"));
    assert_eq!(env("CODE"), "${ANSWER_LICENCE_CODE}");
    assert_eq!(app.memory_bytes, 256 << 20);
    assert_eq!((app.cpu_milli, app.pids_max), (1_500, 100));
    assert_eq!(app.tmpfs["/tmp"], "size=16m,mode=1777");
    assert_eq!(
        app.mounts[1].source,
        MountSource::File("config.php".to_owned())
    );
    assert_eq!(app.secrets[0].path, "/run/secrets/session");
    assert_eq!((app.secrets[0].uid, app.secrets[0].mode), (33, 0o400));

    let db = &release.services[&"db".parse().unwrap()];
    let check = db.healthcheck.as_ref().unwrap();
    assert_eq!(
        check.test,
        ["CMD-SHELL", "pg_isready -U \"$$POSTGRES_USER\""]
    );
    assert_eq!(
        (check.interval_ms, check.timeout_ms, check.retries),
        (10_000, 30_000, 5)
    );
    assert_eq!(db.stop_grace_s, 90);
    assert_eq!(db.environment["POSTGRES_PASSWORD"], "${SECRET_DB_PASSWORD}");

    let migrate = &release.services[&"migrate".parse().unwrap()];
    assert!(migrate.one_shot);
    assert_eq!(migrate.command.as_ref().unwrap()[3], "two words");
    assert_eq!(migrate.image, app.image);
    let Image::Built { name, .. } = &app.image else {
        panic!("built");
    };
    assert!(name.starts_with("lavoir/sound-app:") && name.len() == "lavoir/sound-app:".len() + 16);
    assert_eq!(release.made_on(), None);
    assert!(release.contexts["image"].files["start.sh"].executable);
    assert_eq!(release.hooks[0].command[5], "${ANSWER_CONTACT}");
    assert_eq!(release.routes[1].host.as_str(), "static.music.example.org");
    assert_eq!(
        release.answers[&"tone".parse().unwrap()],
        Answer::Public("low".to_owned())
    );
    assert!(matches!(
        release.answers[&"contact".parse().unwrap()],
        Answer::Private { .. }
    ));
    assert_eq!(private_answers.len(), 2);

    let whole = serde_json::to_string(&release).unwrap();
    for secret in ["ana@example.org", "Code-77"] {
        assert!(!whole.contains(secret), "{secret} in the release");
    }
    assert_eq!(
        serde_json::from_str::<lavoir_core::release::Release>(&whole).unwrap(),
        release
    );
}

#[test]
fn files_are_rendered_with_the_real_values() {
    let folder = read(&sound_dir()).unwrap();
    let answers = [("contact", "o'neil@example.org"), ("open", "true")];
    let resolved = resolve(&folder, request(&answers)).ok().unwrap();
    let secrets = [("db_password", "pass"), ("session_key", "0f")]
        .map(|(id, value)| (id.parse().unwrap(), Zeroizing::new(value.to_owned())));
    let request = request(&[]);
    let private = resolved
        .private_answers
        .iter()
        .map(|(id, answer)| (id.clone(), Zeroizing::new(answer.clone())))
        .collect();
    let values = Values::of(
        &resolved.release,
        &request.app,
        private,
        secrets.into(),
        &request.box_facts,
    );
    assert!(!format!("{values:?}").contains("pass"));
    let text = render_file(&resolved.release.files["config.php"], "config.php", &values).unwrap();
    assert_eq!(
        text,
        "<?php\ndefine('TITLE', 'Une page');\ndefine('CONTACT', 'o\\'neil@example.org');\ndefine('DB_PASSWORD', 'pass');\n\
         define('PLACES', 5);\ndefine('OPEN', true);\ndefine('PROXIES', ['172.18.0.0/16', 'fd00::/8', ]);\n"
    );
    let placeholders = values.placeholders();
    let app = &resolved.release.services[&"app".parse().unwrap()];
    let filled = |name: &str| fill(&app.environment[name], &placeholders).unwrap();
    assert_eq!(filled("DATABASE_URL"), "postgres://sound:pass@db/sound");
    assert_eq!(filled("PRICE"), "5 $ for UNE PAGE");
    assert_eq!(filled("CONTACT"), "mailto:o'neil@example.org");
}

#[test]
fn filling_refuses_what_it_does_not_know() {
    let known = BTreeMap::from([("SECRET_A".to_owned(), "x$y".to_owned())]);
    assert_eq!(fill("$$${SECRET_A}$$$$", &known).unwrap(), "$x$y$$");
    for bad in [
        "$",
        "a$b",
        "${SECRET_B}",
        "${HOME}",
        "${SECRET_A",
        "$SECRET_A",
        "${SECRET_A:-x}",
        "$$$",
    ] {
        assert!(fill(bad, &known).is_err(), "{bad}");
    }
}

#[test]
fn the_digest_sees_every_change() {
    use std::os::unix::fs::PermissionsExt;
    let (_home, dir) = copy();
    let before = read(&dir).unwrap().digest;
    assert_eq!(before, read(&sound_dir()).unwrap().digest);
    let script = dir.join("image/start.sh");
    fs::set_permissions(&script, fs::Permissions::from_mode(0o644)).unwrap();
    let after = read(&dir).unwrap().digest;
    assert_ne!(before, after);
    fs::rename(&script, dir.join("image/start2.sh")).unwrap();
    assert_ne!(after, read(&dir).unwrap().digest);
}

#[test]
fn exported_compose_reads_back() {
    let folder = read(&sound_dir()).unwrap();
    let answers = [
        ("contact", "ana@example.org"),
        ("title", "no: \"{yes}\" # 'x' & *y $z"),
    ];
    let release = resolve(&folder, request(&answers)).ok().unwrap().release;
    let text = interpolation_compose(&release);
    let mut problems = Problems::new();
    let tree = tree::parse(&text, COMPOSE, &mut problems).expect(&text);
    assert!(problems.is_empty());
    let value: serde_json::Value = serde_saphyr::from_str(&text).unwrap();
    let app = &value["services"]["app"];
    assert_eq!(app["environment"]["TITLE"], "no: \"{yes}\" # 'x' & *y $$z");
    assert_eq!(app["build"]["context"], "./image");
    assert_eq!(
        value["secrets"]["session_key"]["file"],
        "./secrets/session_key"
    );
    drop(tree);
}

/// The recipes that come with the box are sound, and resolve with any fitting answers.
#[test]
fn the_catalogue_is_sound() {
    let home = Path::new(env!("CARGO_MANIFEST_DIR")).join("../recipes");
    let home = std::env::var_os("LAVOIR_RECIPES").map_or(home, PathBuf::from);
    let entries = fs::read_dir(home).unwrap();
    for dir in entries.map(|e| e.unwrap().path()).filter(|d| d.is_dir()) {
        assert_eq!(check(&dir), Vec::new(), "{}", dir.display());
        let folder = read(&dir).unwrap();
        let release = example(&folder).unwrap_or_else(|p| panic!("{p:#?}"));
        let _: serde_json::Value =
            serde_saphyr::from_str(&interpolation_compose(&release)).unwrap();
    }
}

/// What the guides show, in both languages, is what `check` takes.
#[test]
fn the_guides_sample_is_sound() {
    for (guide, name) in [("recipes.en.md", "poster"), ("recipes.fr.md", "affiche")] {
        let guide = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("../docs")
            .join(guide);
        let text = fs::read_to_string(guide).unwrap();
        let block = |language: &str| {
            let after = text.split_once(&format!("```{language}\n")).unwrap().1;
            after.split_once("```").unwrap().0.to_owned()
        };
        let dir = tempfile::tempdir().unwrap();
        let poster = dir.path().join(name);
        for (file, language) in [
            ("recipe.toml", "toml"),
            ("compose.yaml", "yaml"),
            ("files/index.html", "html"),
            ("image/Containerfile", "dockerfile"),
        ] {
            let path = poster.join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, block(language)).unwrap();
        }
        assert_eq!(check(&poster), Vec::new());
        assert!(example(&read(&poster).unwrap()).is_ok());
    }
}

/// A box that was configured anew does not change the files of apps decided before.
#[test]
fn a_release_keeps_what_it_knew_of_the_box() {
    let folder = read(&sound_dir()).unwrap();
    let answers = [("contact", "ana@example.org"), ("licence_code", "Code-77")];
    let release = resolve(&folder, request(&answers)).ok().unwrap().release;
    let other = BoxFacts {
        domain: "box.example.org".to_owned(),
        language: Language::En,
        timezone: "Indian/Reunion".to_owned(),
        proxies: Vec::new(),
    };
    let values = |release: &Release| {
        let of = Values::of(
            release,
            &"music".parse().unwrap(),
            BTreeMap::new(),
            BTreeMap::new(),
            &other,
        );
        of.box_facts
    };
    assert_eq!(values(&release), request(&answers).box_facts);
    // Of before it was kept: as the box is now.
    let older = Release {
        surroundings: None,
        ..release
    };
    assert_eq!(values(&older), other);
}

/// Another day, another image; one day, one image. Without a day the name is what it was before days were kept.
#[test]
fn images_are_named_by_the_day_of_the_decision() {
    let folder = read(&sound_dir()).unwrap();
    let answers = [("contact", "ana@example.org"), ("licence_code", "Code-77")];
    let name = |day: Option<&str>| {
        let day = day.map(|day| Day::try_from(day.to_owned()).unwrap());
        let resolved = resolve(
            &folder,
            ResolveRequest {
                day: day.clone(),
                ..request(&answers)
            },
        );
        let release = resolved.ok().unwrap().release;
        assert_eq!(release.made_on(), day.as_ref());
        release.services[&"app".parse().unwrap()]
            .image
            .reference()
            .to_owned()
    };
    let names = [None, Some("2026-11-21"), Some("2026-11-22")].map(name);
    assert_eq!(
        names,
        [None, Some("2026-11-21"), Some("2026-11-22")].map(name)
    );
    assert!(names[0] != names[1] && names[1] != names[2] && names[0] != names[2]);
}
