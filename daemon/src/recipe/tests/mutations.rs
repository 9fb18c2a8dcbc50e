//! One row a refusal: the sound recipe, one change, the code and the line that must come of it.

use super::*;

/// File, text replaced (first place; empty for the end of the file), by what, code, line.
type Row = (&'static str, &'static str, &'static str, &'static str, u32);

const PRIVACY: &str = "where = \"db\"";
const DIGEST: &str = "@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

#[rustfmt::skip]
const ROWS: &[Row] = &[
    // Images and confinement.
    ("compose.yaml", DIGEST, ":17", "image-without-digest", 3),
    ("compose.yaml", DIGEST, "@sha256:0123", "image-without-digest", 3),
    ("compose.yaml", "    cap_add: [SETUID]", "    cap_add: [SETUID]\n    privileged: true", "privileged", 10),
    ("compose.yaml", "    cap_add: [SETUID]", "    cap_add: [SETUID]\n    network_mode: host", "host-network", 10),
    ("compose.yaml", "    cap_add: [SETUID]", "    cap_add: [SETUID]\n    network_mode: bridge", "key-not-carried-out", 10),
    ("compose.yaml", "    cap_add: [SETUID]", "    cap_add: [SETUID]\n    pid: \"host\"", "host-pid", 10),
    ("compose.yaml", "    cap_add: [SETUID]", "    cap_add: [SETUID]\n    ipc: host", "host-ipc", 10),
    ("compose.yaml", "    cap_add: [SETUID]", "    cap_add: [SETUID, NET_RAW]", "capability-without-reason", 9),
    ("compose.yaml", "    cap_add: [SETUID]", "    cap_add: [SETUID, SYS_ADMIN]", "capability-refused", 9),
    ("compose.yaml", "    cap_add: [SETUID]", "    cap_add: [SETUID, DAC_READ_SEARCH]", "capability-refused", 9),
    ("compose.yaml", "    cap_add: [SETUID]", "    cap_add: [SETUID, MKNOD]", "capability-refused", 9),
    ("compose.yaml", "    cap_add: [SETUID]\n", "", "recipe.toml:capability-unused", 130),
    ("compose.yaml", "- db:/var/lib/postgresql/data", "- /var/run/docker.sock:/s", "docker-socket", 8),
    ("compose.yaml", "- db:/var/lib/postgresql/data", "- ./files/../docker.sock:/s", "docker-socket", 8),
    ("compose.yaml", "- db:/var/lib/postgresql/data", "- /etc:/etc:ro", "host-path", 8),
    ("compose.yaml", "- db:/var/lib/postgresql/data", "- ../other:/o", "host-path", 8),
    ("compose.yaml", "- db:/var/lib/postgresql/data", "- ./files/../../x:/o:ro", "host-path", 8),
    ("compose.yaml", "- db:/var/lib/postgresql/data", "- ~/x:/o", "host-path", 8),
    ("compose.yaml", "- db:/var/lib/postgresql/data", "- /data", "anonymous-volume", 8),
    ("compose.yaml", "config.php:/srv/config.php:ro", "config.php:/srv/config.php", "file-writable", 53),
    ("compose.yaml", "- media:/srv/media", "- media:/srv/app.ini", "mounted-twice", 54),
    ("compose.yaml", "ports: [\"10000:10000/udp\"]", "ports: [\"10000:10000/udp\", \"25:25\"]", "port-not-declared", 64),
    ("compose.yaml", "ports: [\"10000:10000/udp\"]", "ports: [\"127.0.0.1:10000:10000/udp\"]", "wrong-type", 64),
    ("compose.yaml", "    ports: [\"10000:10000/udp\"]\n", "", "recipe.toml:port-unused", 135),
    ("recipe.toml", "port = 10000", "port = 443", "port-refused", 135),
    ("compose.yaml", "    pids_limit: 100", "    devices: [/dev/kvm]", "key-not-carried-out", 63),
    ("compose.yaml", "cap_drop: [ALL]", "cap_drop: [NET_RAW]", "wrong-type", 49),
    ("compose.yaml", "[\"no-new-privileges:true\"]", "[\"seccomp:unconfined\"]", "wrong-type", 50),
    // Keys and values.
    ("compose.yaml", "services:\n", "services: {}\nx-services:\n", "no-service", 1),
    ("compose.yaml", "", "networks: {}\n", "key-not-carried-out", 70),
    ("compose.yaml", "  media: {}", "  media: { driver: nfs }", "key-not-carried-out", 67),
    ("compose.yaml", "{ context: image, target: app }", "{ context: image, target: app, args: { A: b } }", "key-not-carried-out", 20),
    ("compose.yaml", "{ context: image, target: app }", "{ context: .., target: app }", "wrong-type", 20),
    ("compose.yaml", "      retries: 5", "      retries: 5\n      disable: true", "key-not-carried-out", 14),
    ("compose.yaml", "    mem_limit: 512m\n", "", "mem-limit-missing", 19),
    ("compose.yaml", "mem_limit: 512m", "mem_limit: lots", "wrong-type", 27),
    ("compose.yaml", "mem_limit: 512m", "mem_limit: \"{{ answers.places }}m\"", "template-not-here", 27),
    ("compose.yaml", "mem_limit: 512m", "mem_limit: ${LIMIT}", "template-not-here", 27),
    ("compose.yaml", "    restart: \"no\"\n", "", "restart-missing", 19),
    ("compose.yaml", "restart: \"no\"", "restart: always", "wrong-type", 26),
    ("compose.yaml", "    user: \"33:33\"", "    image: docker.io/x", "image-and-build", 28),
    ("compose.yaml", "    build: { context: image, target: app }\n", "", "image-missing", 19),
    ("compose.yaml", "init: true", "init: \"true\"", "wrong-type", 46),
    ("compose.yaml", "WORKERS: 2", "WORKERS: yes", "yaml-ambiguous", 42),
    ("compose.yaml", "WORKERS: 2", "WORKERS: 0x1F", "yaml-ambiguous", 42),
    ("compose.yaml", "WORKERS: 2", "WORKERS:", "environment-without-value", 42),
    ("compose.yaml", "- POSTGRES_USER=sound", "- POSTGRES_USER", "environment-without-value", 5),
    ("compose.yaml", "- POSTGRES_USER=sound", "- \"{{ answers.title }}=x\"", "bad-environment-name", 5),
    ("compose.yaml", "WORKERS: 2", "\"W {{ answers.title }}\": 2", "template-in-key", 42),
    ("compose.yaml", "working_dir: /srv", "working_dir: srv/../..", "wrong-type", 45),
    ("compose.yaml", "tmpfs: /tmp:size=16m,mode=1777", "tmpfs: tmp", "wrong-type", 48),
    ("compose.yaml", "mode: \"0400\"", "mode: \"0777\"", "wrong-type", 56),
    // YAML.
    ("compose.yaml", "WORKERS: 2", "TITLE: again", "yaml-duplicate-key", 42),
    ("compose.yaml", "mem_limit: 512m", "mem_limit: 512m\n    mem_limit: 1g", "yaml-duplicate-key", 28),
    ("compose.yaml", "- POSTGRES_USER=sound", "- POSTGRES_PASSWORD={{ secrets.db_password }}", "yaml-duplicate-key", 6),
    ("compose.yaml", "WORKERS: 2", "WORKERS: &two 2", "yaml-anchor", 42),
    ("compose.yaml", "WORKERS: 2", "WORKERS: *two", "yaml-syntax", 42),
    ("compose.yaml", "WORKERS: 2", "WORKERS: !!str 2", "yaml-tag", 42),
    ("compose.yaml", "WORKERS: 2", "<<: { A: b }", "yaml-merge-key", 42),
    ("compose.yaml", "WORKERS: 2", "WORKERS: {{ answers.places }}", "yaml-key", 42),
    ("compose.yaml", "", "---\nservices: {}\n", "yaml-several-documents", 70),
    ("compose.yaml", "WORKERS: 2", "WORKERS: \"2", "yaml-syntax", 43),
    ("compose.yaml", "WORKERS: 2", "WORKERS: [[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]", "yaml-too-deep", 42),
    // Templates.
    ("compose.yaml", "{{ answers.places }}", "{{ answers.place }}", "template-unknown-variable", 41),
    ("compose.yaml", "{{ answers.places }}", "{{ answers['places'] }}{{ answers }}", "template-unknown-variable", 41),
    ("compose.yaml", "{{ answers.places }}", "{{ answers.places", "template-syntax", 41),
    ("compose.yaml", "{{ answers.places }}", "{% set x = 1 %}", "template-statement", 41),
    ("compose.yaml", "{{ answers.places }}", "{% include 'x' %}", "template-statement", 41),
    ("compose.yaml", "{{ answers.places }}", "$HOME", "dollar", 41),
    ("compose.yaml", "{{ answers.places }}", "${SECRET_DB_PASSWORD}", "dollar", 41),
    ("compose.yaml", "{{ answers.places }}", "${{ '{' }}SECRET_DB_PASSWORD}", "dollar", 41),
    ("compose.yaml", "answers.open | bool", "answers.open", "boolean-as-text", 40),
    ("compose.yaml", "{{ answers.title }}\"]", "{{ secrets.db_password }}\"]", "secret-in-command", 33),
    ("compose.yaml", "{{ answers.title }}\"]", "{{ answers.licence_code }}\"]", "secret-in-command", 33),
    ("compose.yaml", "[\"sound\", \"serve\", ", "[\"sh\", \"-ec\", ", "template-in-shell", 33),
    ("compose.yaml", "command: [\"sound\", \"serve\", ", "entrypoint: [\"sh\", \"-c\"]\n    command: [", "template-in-shell", 34),
    ("compose.yaml", "sound migrate --name", "sound migrate {{ answers.title }}", "template-in-shell", 21),
    ("compose.yaml", "test: pg_isready", "test: pg_isready {{ answers.title }}", "template-in-shell", 11),
    ("recipe.toml", "\"exec pg_dump -U \\\"$$", "\"exec pg_dump -U \\\"$", "dollar", 94),
    ("recipe.toml", "{{ answers.contact }}", "{{ secrets.session_key }}", "secret-in-command", 118),
    ("files/config.php", "{{ answers.title | php }}", "{{ answers.title }}", "template-unquoted", 2),
    ("files/config.php", "{{ answers.title | php }}", "{{ answers.title | json }}", "template-unquoted", 2),
    ("files/config.php", "{{ answers.title | php }}", "{{ answers.title | php ~ '' }}", "template-unquoted", 2),
    ("files/config.php", "{{ answers.open | bool | php }}", "{{ answers.open | bool }}", "template-unquoted", 7),
    ("files/config.php", "{{ answers.title | php }}", "{{ answers.titel | php }}", "template-unknown-variable", 2),
    ("files/config.php", "{{ answers.title | php }}", "{{ answers.title | nope('|') | php }}", "template-unknown-filter", 2),
    ("files/config.php", "{{ answers.title | php }}", "{{ (answers.title if 1 is odd else '') | php }}", "template-statement", 2),
    ("files/config.php", "answers.open == \"true\"", "answers.open", "boolean-as-text", 6),
    ("files/config.php", "{% endif %}", "", "template-syntax", 9),
    // Secrets.
    ("compose.yaml", "{{ secrets.db_password }}\n    volumes", "hunter2\n    volumes", "secret-in-clear", 6),
    ("compose.yaml", "WORKERS: 2", "API_TOKEN: \"{{ 'hunter2' }}\"", "secret-in-clear", 42),
    ("compose.yaml", "WORKERS: 2", "API_TOKEN: abc", "secret-in-clear", 42),
    ("compose.yaml", "{ file: ./secrets/session_key }", "{ file: ./mine }", "secret-file", 69),
    ("compose.yaml", "{ file: ./secrets/session_key }", "{ environment: HOME }", "key-not-carried-out", 69),
    ("compose.yaml", "source: session_key", "source: other_key", "secret-not-declared", 56),
    ("recipe.toml", "id = \"session_key\"", "id = \"session_kee\"", "compose.yaml:secret-not-declared", 69),
    ("recipe.toml", "length = 32", "length = 4", "secret-length", 63),
    ("recipe.toml", "length = 32", "length = 100000", "secret-length", 63),
    ("recipe.toml", "label = { fr = \"Code\", en = \"Code\" }", "label = { fr = \"Code\", en = \"Code\" }\ndefault = \"x\"", "secret-with-default", 59),
    // Databases, volumes, files, services.
    ("recipe.toml", "dump = [", "dump = [] #", "database-without-dump", 94),
    ("recipe.toml", "restore = [\"sh\", \"-c\", \"exec psql -U \\\"$$POSTGRES_USER\\\" sound\"]\n", "", "database-without-restore", 90),
    ("recipe.toml", "service = \"db\"\ndump", "service = \"app\"\ndump", "compose.yaml:database-not-declared", 8),
    ("recipe.toml", "id = \"media\"", "id = \"medias\"", "compose.yaml:volume-not-declared", 67),
    ("recipe.toml", "id = \"media\"", "id = \"medias\"", "volume-not-in-compose", 102),
    ("compose.yaml", "      - media:/srv/media\n", "", "volume-unused", 66),
    ("recipe.toml", PRIVACY, "where = \"attic\"", "unknown-volume", 140),
    ("recipe.toml", "source = \"app.ini\"", "source = \"app.conf\"", "file-not-there", 111),
    ("recipe.toml", "source = \"app.ini\"", "source = \"app.conf\"", "files/app.ini:file-not-declared", 0),
    ("recipe.toml", "mode = \"0640\"", "mode = \"rw\"", "bad-mode", 107),
    ("recipe.toml", "owner = \"33:33\"", "owner = \"www-data\"", "bad-owner", 108),
    ("recipe.toml", "service = \"app\"\nport = 8080\npath = \"/\"", "service = \"apq\"\nport = 8080\npath = \"/\"", "unknown-service", 76),
    ("recipe.toml", "service = \"app\"\ncommand", "service = \"apq\"\ncommand", "unknown-service", 117),
    ("recipe.toml", "service = \"app\"\nport = 8080\npath = \"/ready?deep=1\"", "service = \"apq\"\nport = 8080\npath = \"/ready?deep=1\"", "unknown-service", 122),
    ("compose.yaml", "      db: { condition: service_healthy }", "      dc: { condition: service_healthy }", "unknown-service", 25),
    // Order and health.
    ("compose.yaml", "    restart: unless-stopped\n    mem_limit: 256m\n    shm", "    depends_on: [app]\n    restart: unless-stopped\n    mem_limit: 256m\n    shm", "dependency-circle", 29),
    ("compose.yaml", "    healthcheck:\n      test: pg_isready -U \"$$POSTGRES_USER\"\n      interval: 10s\n      retries: 5\n", "", "healthy-without-healthcheck", 21),
    ("compose.yaml", "migrate: { condition: service_completed_successfully }", "migrate: { condition: service_started }", "one-shot-not-awaited", 59),
    ("compose.yaml", "    restart: \"no\"", "    restart: unless-stopped", "never-completes", 59),
    ("recipe.toml", "service = \"app\"\nport = 8080\npath = \"/\"", "service = \"migrate\"\nport = 8080\npath = \"/\"", "one-shot-used", 76),
    ("recipe.toml", "[health]\nservice = \"app\"", "[health]\nservice = \"db\"", "health-missing", 76),
    ("recipe.toml", "status = [200, 302]", "status = []", "bad-status", 125),
    ("recipe.toml", "ram_mib = 512", "ram_mib = 400", "ram-below-limits", 15),
    // What the recipe says.
    ("recipe.toml", "format = 1", "format = 2", "format-newer", 1),
    ("recipe.toml", "format = 1\n", "", "format-unknown", 1),
    ("recipe.toml", "id = \"sound\"", "id = \"Sound!\"", "bad-id", 2),
    ("recipe.toml", "id = \"sound\"", "id = \"noise\"", "id-not-folder", 2),
    ("recipe.toml", "version = \"2.4-1\"", "version = \"2.4\"", "bad-version", 3),
    ("recipe.toml", "version = \"2.4-1\"", "version = \"2.5-1\"", "bad-version", 3),
    ("recipe.toml", "en = \"Sound\"", "en = \" \"", "text-missing", 4),
    ("recipe.toml", "fr = \"Ton\"", "fr = \"\"", "text-missing", 48),
    ("recipe.toml", "fr = \"Son\", ", "", "toml-key-missing", 4),
    ("recipe.toml", "source = \"https://example.org/sound\"", "source = \"somewhere\"", "upstream-missing", 12),
    ("recipe.toml", "architectures = [\"amd64\"]", "architectures = []", "needs-missing", 14),
    ("recipe.toml", "disk_mib = 300", "disk_mib = 300\ncolour = 3", "toml-key-unknown", 17),
    ("recipe.toml", "disk_mib = 300", "disk_mib = \"much\"", "toml-shape", 16),
    ("recipe.toml", "kind = \"boolean\"", "kind = \"perhaps\"", "toml-value-unknown", 42),
    ("recipe.toml", "disk_mib = 300", "disk_mib = ", "toml-syntax", 16),
    ("recipe.toml", "id = \"title\"", "id = \"the-title\"", "bad-template-id", 20),
    ("recipe.toml", "id = \"places\"", "id = \"title\"", "duplicate-id", 33),
    ("recipe.toml", "kind = \"choice\"", "kind = \"text\"", "choices-without-choice", 50),
    ("recipe.toml", "choices = [\n  { value = \"low\", label = { fr = \"Grave\", en = \"Low\" } },\n  { value = \"high\", label = { fr = \"Aigu\", en = \"High\" } },\n]\n", "", "choice-without-choices", 45),
    ("recipe.toml", "default = \"low\"", "default = \"lower\"", "bad-default", 49),
    ("recipe.toml", "default = \"5\"", "default = \"05\"", "bad-default", 36),
    ("recipe.toml", "default = \"5\"", "default = \"12\"", "bad-default", 36),
    ("recipe.toml", "min = 1", "min = 10", "min-above-max", 37),
    ("recipe.toml", "path = \"/media\"", "path = \"media\"", "bad-route-path", 83),
    ("recipe.toml", "path = \"/media\"", "path = \"/a/../b\"", "bad-route-path", 83),
    ("recipe.toml", "hostname = \"static\"", "hostname = \"statics\"", "unknown-hostname", 84),
    ("recipe.toml", "default = \"static.{host}\"", "default = \"Static_{host}\"", "bad-hostname-default", 73),
    ("recipe.toml", "path = \"/.well-known/caldav\"", "path = \"/caldav\"", "bad-well-known-path", 87),
    ("recipe.toml", "path = \"/.well-known/caldav\"", "path = \"/.well-known/acme-challenge/x\"", "bad-well-known-path", 87),
    ("recipe.toml", "redirect = \"/dav\"", "redirect = \"/dav\"\nservice = \"app\"\nport = 80", "well-known-answers", 87),
    ("recipe.toml", "redirect = \"/dav\"\n", "", "well-known-answers", 87),
    ("recipe.toml", "redirect = \"/dav\"", "redirect = \"//evil.example\"", "bad-route-path", 88),
    ("recipe.toml", "command = [\"sound\", \"install\"", "command = [] # [", "hook-without-command", 118),
    ("recipe.toml", "user = \"www-data\"", "user = \"www data; id\"", "wrong-type", 119),
    ("recipe.toml", "start_s = 60", "start_s = 0", "bad-timeout", 126),
    ("recipe.toml", "port = 8080", "port = 0", "bad-port", 77),
    ("recipe.toml", "path = \"/\"", "path = \"/\"\nbody_max_mib = 0", "bad-body-max", 79),
    // The image.
    ("image/Containerfile", "FROM ${BASE} AS build\nRUN echo built \\\n && true\nFROM ${BASE} AS app\n", "", "containerfile-empty", 1),
    ("image/Containerfile", "FROM ${BASE} AS app", "FROM debian:trixie AS app", "from-without-digest", 5),
    ("image/Containerfile", "ARG BASE=lavoir/base:trixie", "ARG OTHER=x", "from-without-digest", 1),
    ("image/Containerfile", "ARG BASE=lavoir/base:trixie", "# Escape = `\nARG BASE=lavoir/base:trixie", "from-without-digest", 1),
    ("image/Containerfile", "--from=build", "--from=nginx:latest", "from-without-digest", 6),
    ("image/Containerfile", "COPY start.sh", "ADD https://example.org/start.sh", "add-from-outside", 7),
    ("image/Containerfile", " AS app", "", "compose.yaml:stage-missing", 29),
    ("compose.yaml", "dockerfile: Containerfile", "dockerfile: Dockerfile", "containerfile-missing", 29),
];

/// Every refusal is the one meant, on the line meant; nothing else is said but what follows from it.
#[test]
fn each_mutation_is_refused() {
    let mut wrong = Vec::new();
    for (file, from, to, expected, line) in ROWS {
        let (_home, dir) = copy();
        let path = dir.join(file);
        let text = fs::read_to_string(&path).unwrap();
        let changed = match *from {
            "" => format!("{text}{to}"),
            from => text.replacen(from, to, 1),
        };
        assert_ne!(text, changed, "{from:?} is not in {file}");
        fs::write(&path, changed).unwrap();
        let (file, code) = expected.split_once(':').unwrap_or((file, expected));
        let line = (*line != 0).then_some(*line);
        let found = check(&dir);
        let meant = |p: &Problem| p.file == file && p.code == code && p.line == line;
        if !found.iter().any(meant) {
            let said: Vec<String> = found
                .iter()
                .map(|p| format!("{}:{:?} {} ({})", p.file, p.line, p.code, p.sentence.en))
                .collect();
            wrong.push(format!(
                "{to:?}: expected {file}:{line:?} {code}, found {said:#?}"
            ));
        }
        if let Ok(folder) = read(&dir) {
            assert!(
                resolve(&folder, request(&[("contact", "a@b.org")])).is_err(),
                "{to:?} resolved"
            );
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn all_problems_are_told_at_once_and_in_order() {
    let (_home, dir) = copy();
    for (file, from, to) in [
        ("compose.yaml", "mem_limit: 512m", "mem_limit: lots"),
        ("compose.yaml", DIGEST, ""),
        ("recipe.toml", "length = 32", "length = 1"),
        ("files/config.php", "answers.title | php", "answers.title"),
    ] {
        let text = fs::read_to_string(dir.join(file)).unwrap();
        fs::write(dir.join(file), text.replacen(from, to, 1)).unwrap();
    }
    let found: Vec<(String, Option<u32>)> =
        check(&dir).into_iter().map(|p| (p.file, p.line)).collect();
    let expected = [
        ("compose.yaml", 3),
        ("compose.yaml", 27),
        ("files/config.php", 2),
        ("recipe.toml", 63),
    ];
    assert_eq!(
        found,
        expected.map(|(file, line)| (file.to_owned(), Some(line)))
    );
}

#[test]
fn all_mistakes_of_shape_are_told_at_once() {
    let (_home, dir) = copy();
    let mut text = fs::read_to_string(dir.join("recipe.toml")).unwrap();
    for (from, to) in [
        (
            "name = { fr = \"Son\", en = \"Sound\" }",
            "name = { en = \"Sound\" }",
        ),
        ("licence = \"AGPL-3.0-or-later\"\n", "\n"),
        ("source = \"https://example.org/sound\"\n", "\n"),
        ("disk_mib = 300", "disk_mib = \"300\""),
        ("max = 200", "max = \"200\""),
        ("kind = \"email\"", "kind = \"post\""),
        ("min = 1", "minimum = 1"),
        (
            "port = 8080\npath = \"/media\"",
            "port = 808080\npath = \"/media\"",
        ),
        ("engine = \"postgresql\"", "engine = \"postgres\""),
        ("supported = false", ""),
    ] {
        assert!(text.contains(from), "{from}");
        text = text.replacen(from, to, 1);
    }
    fs::write(dir.join("recipe.toml"), &text).unwrap();
    let mut found: Vec<(&str, String)> = check(&dir)
        .into_iter()
        .filter(|problem| problem.code.starts_with("toml-"))
        .map(|problem| {
            let line = problem.line.unwrap_or_default() as usize;
            let line = text.lines().nth(line.saturating_sub(1)).unwrap_or_default();
            (problem.code, line.to_owned())
        })
        .collect();
    found.sort();
    let mut expected = [
        ("toml-key-missing", "name = { en = \"Sound\" }"),
        ("toml-key-missing", "[upstream]"),
        ("toml-key-missing", "[upstream]"),
        ("toml-shape", "disk_mib = \"300\""),
        ("toml-shape", "max = \"200\""),
        ("toml-value-unknown", "kind = \"post\""),
        ("toml-key-unknown", "minimum = 1"),
        ("toml-shape", "port = 808080"),
        ("toml-value-unknown", "engine = \"postgres\""),
        ("toml-key-missing", "[mail]"),
    ]
    .map(|(code, line)| (code, line.to_owned()));
    expected.sort();
    assert_eq!(found, expected);
}

#[test]
fn what_a_folder_may_hold() {
    use std::os::unix::fs::symlink;
    type Change = fn(&Path);
    let cases: [(&str, Change); 10] = [
        ("not-a-file", |d| {
            symlink("/etc/passwd", d.join("files/link")).unwrap()
        }),
        ("not-a-file", |d| {
            symlink("/etc", d.join("image/etc")).unwrap()
        }),
        ("not-a-file", |d| {
            nix::unistd::mkfifo(&d.join("files/pipe"), nix::sys::stat::Mode::S_IRWXU).unwrap()
        }),
        ("not-utf8", |d| {
            fs::write(d.join("files/app.ini"), [0xff, 0xfe]).unwrap()
        }),
        ("too-large", |d| {
            fs::write(d.join("files/app.ini"), "x".repeat(256 * 1024 + 1)).unwrap()
        }),
        ("too-many", |d| {
            (0..300).for_each(|i| fs::write(d.join(format!("files/f{i}")), "").unwrap())
        }),
        ("unexpected-file", |d| {
            fs::write(d.join("run.sh"), "").unwrap()
        }),
        ("bad-path", |d| fs::write(d.join(".hidden"), "").unwrap()),
        ("file-missing", |d| {
            fs::remove_file(d.join("compose.yaml")).unwrap()
        }),
        ("unreadable", |d| fs::remove_dir_all(d).unwrap()),
    ];
    for (code, change) in cases {
        let (_home, dir) = copy();
        change(&dir);
        let found = check(&dir);
        assert!(found.iter().any(|p| p.code == code), "{code}: {found:#?}");
        assert!(read(&dir).is_err(), "{code}");
    }
}

#[test]
fn every_code_has_both_languages_and_its_own_name() {
    let mut names = std::collections::BTreeSet::new();
    for code in Code::ALL {
        let words = code.words();
        assert!(names.insert(words.code), "{} twice", words.code);
        for text in [words.fr, words.next_fr, words.en, words.next_en] {
            assert!(
                text.trim().len() > 8 && text.trim_end().ends_with('.'),
                "{}: {text:?}",
                words.code
            );
        }
        assert_ne!(words.fr, words.en);
    }
}
