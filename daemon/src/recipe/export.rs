//! A release written back as a Compose file: a second opinion in tests, and what people take along when they leave.

use lavoir_core::recipe::Protocol;
use lavoir_core::release::{Condition, Image, MountSource, Release, Service};
use serde_json::{Map, Value, json};

/// The Compose file with placeholders for what is secret. Secrets are expected at `./secrets/<id>`, rendered files
/// at `./files/<name>`, the build context at `./image`.
pub fn interpolation_compose(release: &Release) -> String {
    let services = release.services.iter();
    let services: Map<String, Value> = services
        .map(|(id, s)| (id.to_string(), service(release, id.as_str(), s)))
        .collect();
    let volumes: Map<String, Value> = release
        .volumes
        .keys()
        .map(|id| (id.to_string(), json!({})))
        .collect();
    let secrets: Map<String, Value> = release
        .secrets
        .keys()
        .map(|id| (id.to_string(), json!({ "file": format!("./secrets/{id}") })))
        .collect();
    let mut out = String::new();
    for (key, part) in [
        ("services", services),
        ("volumes", volumes),
        ("secrets", secrets),
    ] {
        if !part.is_empty() {
            out.push_str(key);
            out.push(':');
            write(&mut out, &Value::Object(part), 1);
        }
    }
    out
}

fn service(release: &Release, id: &str, service: &Service) -> Value {
    let mut map = Map::new();
    let mut set = |key: &str, value: Value| {
        let empty = match &value {
            Value::Null => true,
            Value::Array(items) => items.is_empty(),
            Value::Object(items) => items.is_empty(),
            _ => false,
        };
        if !empty {
            map.insert(key.to_owned(), value);
        }
    };
    set("image", json!(service.image.reference()));
    if let Image::Built {
        context,
        containerfile,
        target,
        ..
    } = &service.image
    {
        let mut build = json!({ "context": format!("./{context}"), "dockerfile": containerfile });
        if let Some(target) = target {
            build["target"] = json!(target);
        }
        set("build", build);
    }
    set("command", json!(service.command));
    set("entrypoint", json!(service.entrypoint));
    set("environment", json!(service.environment));
    set("user", json!(service.user));
    set("working_dir", json!(service.working_dir));
    set("volumes", service.mounts.iter().map(mount).collect());
    let tmpfs = service.tmpfs.iter();
    let tmpfs = tmpfs.map(|(path, options)| match options.as_str() {
        "" => path.clone(),
        options => format!("{path}:{options}"),
    });
    set("tmpfs", tmpfs.collect());
    let secrets = service.secrets.iter();
    let secrets = secrets.map(|s| {
        json!({
            "source": s.secret, "target": s.path,
            "uid": s.uid.to_string(), "gid": s.gid.to_string(), "mode": s.mode,
        })
    });
    set("secrets", secrets.collect());
    let depends_on = service.depends_on.iter();
    let depends_on: Map<String, Value> = depends_on
        .map(|(id, condition)| (id.to_string(), json!({ "condition": word(*condition) })))
        .collect();
    set("depends_on", Value::Object(depends_on));
    if let Some(check) = &service.healthcheck {
        let healthcheck = json!({
            "test": check.test,
            "interval": format!("{}ms", check.interval_ms),
            "timeout": format!("{}ms", check.timeout_ms),
            "retries": check.retries,
            "start_period": format!("{}ms", check.start_period_ms),
        });
        set("healthcheck", healthcheck);
    }
    set(
        "restart",
        json!(if service.one_shot {
            "no"
        } else {
            "unless-stopped"
        }),
    );
    set("read_only", json!(service.read_only));
    set("init", json!(service.init));
    set("cap_drop", json!(["ALL"]));
    set("cap_add", json!(service.cap_add));
    set("security_opt", json!(["no-new-privileges:true"]));
    set("mem_limit", json!(format!("{}b", service.memory_bytes)));
    set("memswap_limit", json!(format!("{}b", service.memory_bytes)));
    let (whole, part) = (service.cpu_milli / 1_000, service.cpu_milli % 1_000);
    set("cpus", json!(format!("{whole}.{part:03}")));
    set("pids_limit", json!(service.pids_max));
    set(
        "shm_size",
        json!(service.shm_bytes.map(|b| format!("{b}b"))),
    );
    set(
        "stop_grace_period",
        json!(format!("{}s", service.stop_grace_s)),
    );
    set("stop_signal", json!(service.stop_signal));
    let ports = release.ports.iter().filter(|p| p.service.as_str() == id);
    let ports = ports.map(|p| {
        let protocol = match p.protocol {
            Protocol::Tcp => "tcp",
            Protocol::Udp => "udp",
        };
        json!(format!("{}:{}/{protocol}", p.port, p.port))
    });
    set("ports", ports.collect());
    Value::Object(map)
}

fn mount(mount: &lavoir_core::release::Mount) -> Value {
    let source = match &mount.source {
        MountSource::Volume(id) => id.to_string(),
        MountSource::File(name) => format!("./files/{name}"),
    };
    let end = if mount.read_only { ":ro" } else { "" };
    json!(format!("{source}:{}{end}", mount.path))
}

fn word(condition: Condition) -> &'static str {
    match condition {
        Condition::ServiceStarted => "service_started",
        Condition::ServiceHealthy => "service_healthy",
        Condition::ServiceCompletedSuccessfully => "service_completed_successfully",
    }
}

/// Plain YAML in which every text stands in double quotes, so that no reader takes one for something else.
fn write(out: &mut String, value: &Value, depth: usize) {
    let indent = "  ".repeat(depth);
    match value {
        Value::Object(map) if map.is_empty() => out.push_str(" {}\n"),
        Value::Object(map) => {
            out.push('\n');
            for (key, value) in map {
                // Keys are names that were checked: services, variables, the Specification's own.
                out.push_str(&format!("{indent}{}:", quoted(key)));
                write(out, value, depth + 1);
            }
        }
        Value::Array(items) if items.is_empty() => out.push_str(" []\n"),
        Value::Array(items) => {
            out.push('\n');
            for item in items {
                out.push_str(&format!("{indent}-"));
                write(out, item, depth + 1);
            }
        }
        Value::String(text) => out.push_str(&format!(" {}\n", quoted(text))),
        other => out.push_str(&format!(" {other}\n")),
    }
}

fn quoted(text: &str) -> String {
    super::quote::literal("yaml", text).unwrap_or_default()
}
