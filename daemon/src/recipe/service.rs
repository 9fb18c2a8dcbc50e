//! One service of compose.yaml.

use lavoir_core::recipe::Protocol;
use lavoir_core::release::Condition;

use super::compose::{Build, Healthcheck, Port, Service, Word};
use super::mounts::{absolute, mount, secret, tmpfs};
use super::problem::Code;
use super::scalar::Scalars;
use super::tree::{Node, Pair, Shape};
use super::units;

/// Reads one service.
pub fn read(service: &Pair, scalars: &mut Scalars<'_>) -> Service {
    scalars.part_id(&service.key, service.line);
    let mut found = Service {
        line: service.line,
        ..Service::default()
    };
    let pairs = scalars.map(&service.value, &service.key);
    for pair in pairs {
        key(&mut found, &service.key, pair, scalars);
    }
    let has = |key: &str| pairs.iter().any(|p| p.key == key);
    for (key, code) in [
        ("restart", Code::RestartMissing),
        ("mem_limit", Code::MemLimitMissing),
    ] {
        if !has(key) {
            scalars.add(code, service.line, &[&service.key]);
        }
    }
    match (has("image"), has("build")) {
        (false, false) => scalars.add(Code::ImageMissing, service.line, &[&service.key]),
        (true, true) => scalars.add(Code::ImageAndBuild, service.line, &[&service.key]),
        _ => {}
    }
    found
}

fn key(found: &mut Service, name: &str, pair: &Pair, scalars: &mut Scalars<'_>) {
    let node = &pair.value;
    let what = pair.key.as_str();
    match what {
        "image" => found.image = image(node, scalars),
        "build" => found.build = build(pair, scalars),
        "command" => found.command = scalars.command(node, what),
        "entrypoint" => found.entrypoint = scalars.command(node, what),
        "environment" => environment(found, node, scalars),
        "user" => {
            found.user = scalars.parsed(node, what, "33:33, www-data", |t| {
                user(t).then(|| t.to_owned())
            });
        }
        "working_dir" => {
            found.working_dir =
                scalars.parsed(node, what, "/path", |t| absolute(t).then(|| t.to_owned()));
        }
        "volumes" => {
            for item in scalars.list(node, what) {
                found.mounts.extend(mount(item, scalars));
            }
        }
        "tmpfs" => tmpfs(found, node, scalars),
        "secrets" => {
            for item in scalars.list(node, what) {
                found.secrets.extend(secret(item, scalars));
            }
        }
        "depends_on" => depends_on(found, node, scalars),
        "healthcheck" => found.healthcheck = healthcheck(node, scalars),
        "restart" => {
            found.one_shot = scalars
                .parsed(node, what, "\"no\", unless-stopped", |t| match t {
                    "no" => Some(true),
                    "unless-stopped" => Some(false),
                    _ => None,
                })
                .unwrap_or(false);
        }
        "read_only" => found.read_only = scalars.flag(node, what).unwrap_or(false),
        "init" => found.init = scalars.flag(node, what).unwrap_or(false),
        "cap_drop" => {
            for item in scalars.list(node, what) {
                scalars.parsed(item, what, "ALL", |t| (t == "ALL").then_some(()));
            }
        }
        "cap_add" => {
            for item in scalars.list(node, what) {
                found.cap_add.extend(scalars.fixed(item, what));
            }
        }
        "security_opt" => {
            for item in scalars.list(node, what) {
                scalars.parsed(item, what, "no-new-privileges:true", |t| {
                    (t == "no-new-privileges:true").then_some(())
                });
            }
        }
        "mem_limit" => found.memory_bytes = scalars.parsed(node, what, "256m", positive_bytes),
        "shm_size" => found.shm_bytes = scalars.parsed(node, what, "64m", positive_bytes),
        "cpus" => {
            found.cpu_milli =
                scalars.parsed(node, what, "0.5", |t| units::milli(t).filter(|m| *m > 0));
        }
        "pids_limit" => {
            found.pids_max =
                scalars.parsed(node, what, "200", |t| t.parse().ok().filter(|n| *n > 0));
        }
        "stop_grace_period" => {
            found.stop_grace_s = scalars.parsed(node, what, "30s", |t| {
                u32::try_from(units::duration_ms(t)?.div_ceil(1_000)).ok()
            });
        }
        "stop_signal" => {
            found.stop_signal = scalars.parsed(node, what, "SIGTERM", |t| {
                let name = t.strip_prefix("SIG")?;
                let good = !name.is_empty()
                    && name
                        .bytes()
                        .all(|b| b.is_ascii_uppercase() || b.is_ascii_digit());
                good.then(|| t.to_owned())
            });
        }
        "ports" => {
            for item in scalars.list(node, what) {
                found.ports.extend(port(item, scalars));
            }
        }
        "privileged" => scalars.add(Code::Privileged, pair.line, &[name]),
        "network_mode" if is(node, "host") => scalars.add(Code::HostNetwork, pair.line, &[name]),
        "pid" if is(node, "host") => scalars.add(Code::HostPid, pair.line, &[name]),
        "ipc" if is(node, "host") => scalars.add(Code::HostIpc, pair.line, &[name]),
        _ => scalars.not_carried_out(pair, &format!("services.{name}")),
    }
}

fn is(node: &Node, expected: &str) -> bool {
    matches!(&node.shape, Shape::Scalar { text, .. } if text == expected)
}

fn positive_bytes(text: &str) -> Option<u64> {
    units::bytes(text).filter(|b| *b > 0)
}

/// A user inside a container, by number or name, and its group.
pub fn user(text: &str) -> bool {
    let half = |t: &str| {
        !t.is_empty()
            && t.bytes()
                .all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-')
    };
    match text.split_once(':') {
        Some((user, group)) => half(user) && half(group),
        None => half(text),
    }
}

fn image(node: &Node, scalars: &mut Scalars<'_>) -> Option<Word> {
    let word = scalars.fixed(node, "image")?;
    if pinned(&word.text) {
        return Some(word);
    }
    scalars.add(Code::ImageWithoutDigest, node.line, &[&word.text]);
    None
}

/// `name@sha256:` and 64 hex digits.
pub fn pinned(reference: &str) -> bool {
    let Some((name, digest)) = reference.split_once("@sha256:") else {
        return false;
    };
    let name_good = !name.is_empty()
        && name.len() <= 255
        && name.bytes().all(|b| {
            b.is_ascii_lowercase()
                || b.is_ascii_digit()
                || b"._-/:".contains(&b)
                || b.is_ascii_uppercase()
        });
    let hex = |b: u8| b.is_ascii_digit() || (b'a'..=b'f').contains(&b);
    name_good && digest.len() == 64 && digest.bytes().all(hex)
}

fn build(pair: &Pair, scalars: &mut Scalars<'_>) -> Option<Build> {
    let mut context = None;
    let mut containerfile = "Containerfile".to_owned();
    let mut target = None;
    for option in scalars.map(&pair.value, "build") {
        match option.key.as_str() {
            "context" => {
                context = scalars.parsed(&option.value, "context", "image", |t| {
                    matches!(t, "image" | "./image").then(|| "image".to_owned())
                });
            }
            "dockerfile" => {
                if let Some(word) = scalars.fixed(&option.value, "dockerfile") {
                    containerfile = word.text;
                }
            }
            "target" => {
                target = scalars.parsed(&option.value, "target", "small letters", |t| {
                    stage_name(t).then(|| t.to_owned())
                });
            }
            _ => scalars.not_carried_out(option, "build"),
        }
    }
    if context.is_none() {
        scalars.add(Code::WrongType, pair.line, &["build.context", "image"]);
    }
    Some(Build {
        context: context?,
        containerfile,
        target,
        line: pair.line,
    })
}

/// A stage's name also stands in an image's name.
fn stage_name(text: &str) -> bool {
    !text.is_empty()
        && text.len() <= 40
        && text
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
        && !text.starts_with('-')
        && !text.ends_with('-')
        && !text.contains("--")
}

fn environment(found: &mut Service, node: &Node, scalars: &mut Scalars<'_>) {
    let mut note = |key: &str, value: Word, scalars: &mut Scalars<'_>| {
        let good = !key.is_empty()
            && key.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
            && !key.as_bytes()[0].is_ascii_digit();
        if !good {
            scalars.add(Code::BadEnvironmentName, value.line, &[key]);
        } else if found.environment.contains_key(key) {
            scalars.add(Code::YamlDuplicateKey, value.line, &[key]);
        } else {
            found.environment.insert(key.to_owned(), value);
        }
    };
    match &node.shape {
        Shape::Map(pairs) => {
            for pair in pairs {
                if pair.value.is_null() {
                    // Compose would take the value from the environment of whoever calls it.
                    scalars.add(Code::EnvironmentWithoutValue, pair.line, &[&pair.key]);
                } else if let Some(word) = scalars.text(&pair.value, &pair.key) {
                    note(&pair.key, word, scalars);
                }
            }
        }
        Shape::List(items) => {
            for item in items {
                let Some(word) = scalars.text(item, "environment") else {
                    continue;
                };
                // Split before rendering: an answer cannot become part of the name.
                match word.text.split_once('=') {
                    Some((key, value)) => {
                        let value = Word {
                            text: value.to_owned(),
                            line: word.line,
                        };
                        note(key, value, scalars);
                    }
                    None => {
                        scalars.add(Code::EnvironmentWithoutValue, word.line, &[&word.text]);
                    }
                }
            }
        }
        Shape::Scalar { .. } => {
            scalars.map(node, "environment");
        }
    }
}

fn depends_on(found: &mut Service, node: &Node, scalars: &mut Scalars<'_>) {
    if let Shape::List(items) = &node.shape {
        for item in items {
            if let Some(word) = scalars.fixed(item, "depends_on") {
                found
                    .depends_on
                    .insert(word.text, (Condition::ServiceStarted, item.line));
            }
        }
        return;
    }
    for pair in scalars.map(node, "depends_on") {
        let mut condition = None;
        for option in scalars.map(&pair.value, &pair.key) {
            if option.key != "condition" {
                scalars.not_carried_out(option, "depends_on");
                continue;
            }
            let expected = "service_started, service_healthy, service_completed_successfully";
            condition = scalars.parsed(&option.value, "condition", expected, |t| match t {
                "service_started" => Some(Condition::ServiceStarted),
                "service_healthy" => Some(Condition::ServiceHealthy),
                "service_completed_successfully" => Some(Condition::ServiceCompletedSuccessfully),
                _ => None,
            });
        }
        let condition = condition.unwrap_or(Condition::ServiceStarted);
        found
            .depends_on
            .insert(pair.key.clone(), (condition, pair.line));
    }
}

fn healthcheck(node: &Node, scalars: &mut Scalars<'_>) -> Option<Healthcheck> {
    // The engine's own defaults where nothing is written.
    let mut found = Healthcheck {
        test: Vec::new(),
        interval_ms: 30_000,
        timeout_ms: 30_000,
        retries: 3,
        start_period_ms: 0,
    };
    let duration = |scalars: &mut Scalars<'_>, option: &Pair| {
        scalars.parsed(&option.value, &option.key, "10s", units::duration_ms)
    };
    for option in scalars.map(node, "healthcheck") {
        match option.key.as_str() {
            "test" => found.test = health_test(&option.value, scalars)?,
            "interval" => found.interval_ms = duration(scalars, option)?,
            "timeout" => found.timeout_ms = duration(scalars, option)?,
            "start_period" => found.start_period_ms = duration(scalars, option)?,
            "retries" => {
                found.retries = scalars.parsed(&option.value, "retries", "3", |t| {
                    t.parse().ok().filter(|n| (1..=100).contains(n))
                })?;
            }
            _ => scalars.not_carried_out(option, "healthcheck"),
        }
    }
    if found.test.is_empty() {
        scalars.add(
            Code::WrongType,
            node.line,
            &["healthcheck.test", "[\"CMD\", …]"],
        );
        return None;
    }
    Some(found)
}

fn health_test(node: &Node, scalars: &mut Scalars<'_>) -> Option<Vec<Word>> {
    let first = |text: &str| Word {
        text: text.to_owned(),
        line: node.line,
    };
    if let Shape::Scalar { .. } = node.shape {
        return Some(vec![first("CMD-SHELL"), scalars.text(node, "test")?]);
    }
    let words = scalars.command(node, "test")?;
    let good = match words[0].text.as_str() {
        "CMD" => words.len() > 1,
        "CMD-SHELL" => words.len() == 2,
        _ => false,
    };
    if !good {
        scalars.add(
            Code::WrongType,
            node.line,
            &["healthcheck.test", "[\"CMD\", …], [\"CMD-SHELL\", …]"],
        );
        return None;
    }
    Some(words)
}

fn port(node: &Node, scalars: &mut Scalars<'_>) -> Option<Port> {
    let parse = |t: &str| {
        let (numbers, protocol) = t.split_once('/').unwrap_or((t, "tcp"));
        let protocol = match protocol {
            "tcp" => Protocol::Tcp,
            "udp" => Protocol::Udp,
            _ => return None,
        };
        let (outside, inside) = numbers.split_once(':')?;
        let port: u16 = inside.parse().ok().filter(|p| *p > 0)?;
        (outside == inside).then_some((port, protocol))
    };
    let (port, protocol) = scalars.parsed(node, "ports", "\"10000:10000/udp\"", parse)?;
    Some(Port {
        port,
        protocol,
        line: node.line,
    })
}
