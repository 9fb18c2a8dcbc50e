//! What a service sees on its disks: volumes, files, memory and secrets.

use super::compose::{Mount, SecretMount, Service, Source};
use super::folder::good_path;
use super::problem::Code;
use super::scalar::Scalars;
use super::tree::{Node, Shape};
use super::units;

/// An absolute path without steps up, doubled slashes or signs that Compose reads otherwise.
pub fn absolute(path: &str) -> bool {
    path.starts_with('/')
        && path.len() <= 255
        && !path.contains("//")
        && path.split('/').all(|step| step != ".." && step != ".")
        && path
            .chars()
            .all(|c| !c.is_control() && c != ':' && c != ',')
}

/// One volume or file.
pub fn mount(node: &Node, scalars: &mut Scalars<'_>) -> Option<Mount> {
    if matches!(node.shape, Shape::Map(_)) {
        scalars.add(
            Code::WrongType,
            node.line,
            &["volumes", "data:/path, ./files/NAME:/path:ro"],
        );
        return None;
    }
    let word = scalars.fixed(node, "volumes")?;
    let mut parts = word.text.split(':');
    let source = parts.next().unwrap_or("");
    let path = parts.next().unwrap_or("");
    let read_only = match (parts.next(), parts.next()) {
        (None, _) | (Some("rw"), None) => Some(false),
        (Some("ro"), None) => Some(true),
        _ => None,
    };
    if source.contains("docker.sock") || path.contains("docker.sock") || source == "/run/docker" {
        scalars.add(Code::DockerSocket, node.line, &[]);
        return None;
    }
    if path.is_empty() && source.starts_with('/') {
        // An anonymous volume would be nobody's: neither saved nor removed.
        scalars.add(Code::AnonymousVolume, node.line, &[source]);
        return None;
    }
    let file = source.strip_prefix("./files/");
    if file.is_none() && (source.starts_with(['.', '/', '~', '\\']) || source.contains('/')) {
        scalars.add(Code::HostPath, node.line, &[source]);
        return None;
    }
    let (true, Some(read_only)) = (absolute(path) && path != "/", read_only) else {
        scalars.add(
            Code::WrongType,
            node.line,
            &["volumes", "data:/path, ./files/NAME:/path:ro"],
        );
        return None;
    };
    let source = match file {
        Some(file) if good_path(file) => Source::File(file.to_owned()),
        Some(_) => {
            scalars.add(Code::HostPath, node.line, &[source]);
            return None;
        }
        None => Source::Volume(source.to_owned()),
    };
    if matches!(source, Source::File(_)) && !read_only {
        scalars.add(Code::FileWritable, node.line, &[&word.text]);
    }
    Some(Mount {
        source,
        path: path.to_owned(),
        read_only,
        line: node.line,
    })
}

/// Memory file systems.
pub fn tmpfs(found: &mut Service, node: &Node, scalars: &mut Scalars<'_>) {
    let items: Vec<&Node> = match &node.shape {
        Shape::List(items) => items.iter().collect(),
        _ => vec![node],
    };
    for item in items {
        let Some(word) = scalars.fixed(item, "tmpfs") else {
            continue;
        };
        let (path, options) = word.text.split_once(':').unwrap_or((&word.text, ""));
        let good = options
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b == b'=' || b == b',');
        if !absolute(path) || !good {
            scalars.add(
                Code::WrongType,
                item.line,
                &["tmpfs", "/path, /path:size=16m"],
            );
        } else {
            found.tmpfs.insert(path.to_owned(), options.to_owned());
        }
    }
}

/// One secret as a file.
pub fn secret(node: &Node, scalars: &mut Scalars<'_>) -> Option<SecretMount> {
    let mut found = SecretMount {
        secret: String::new(),
        path: String::new(),
        uid: 0,
        gid: 0,
        mode: 0o400,
        line: node.line,
    };
    if let Shape::Scalar { .. } = node.shape {
        found.secret = scalars.fixed(node, "secrets")?.text;
    } else {
        for option in scalars.map(node, "secrets") {
            let value = &option.value;
            let number = |t: &str| t.parse::<u32>().ok();
            match option.key.as_str() {
                "source" => found.secret = scalars.fixed(value, "source")?.text,
                "target" => found.path = scalars.fixed(value, "target")?.text,
                "uid" => found.uid = scalars.parsed(value, "uid", "33", number)?,
                "gid" => found.gid = scalars.parsed(value, "gid", "33", number)?,
                "mode" => {
                    found.mode = scalars.parsed(value, "mode", "0400, 0440", |t| {
                        units::mode(t.strip_prefix("0o").unwrap_or(t))
                            .filter(|m| m & !0o440 == 0 && *m != 0)
                    })?;
                }
                _ => scalars.not_carried_out(option, "secrets"),
            }
        }
    }
    if found.path.is_empty() {
        found.path.clone_from(&found.secret);
    }
    if !found.path.starts_with('/') {
        found.path = format!("/run/secrets/{}", found.path);
    }
    if found.secret.is_empty() || !absolute(&found.path) {
        scalars.add(Code::WrongType, node.line, &["secrets", "source, target"]);
        return None;
    }
    Some(found)
}
