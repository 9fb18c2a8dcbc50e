//! Digests that tell whether what stands in the world was made from what is intended now.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use serde::Serialize;
use sha2::{Digest, Sha256};

use super::volume_name;
use crate::app::App;
use crate::id::PartId;
use crate::ledger::hex;
use crate::release::{Answer, MountSource, Release};

/// Digest of all from which an app's files and secrets are written, in hex.
pub fn files_digest(release: &Release) -> String {
    let mounts: Vec<_> = release
        .services
        .iter()
        .map(|(id, service)| (id, &service.secrets))
        .collect();
    let made_from = (
        &release.files,
        &release.secrets,
        mounts,
        &release.answers,
        &release.host,
        &release.extra_hosts,
    );
    match &release.surroundings {
        Some(surroundings) => digest(&(made_from, surroundings)),
        // As it was before they were kept: nothing is written anew for that alone.
        None => digest(&made_from),
    }
}

/// Digest of all from which one container is made, in hex: its service, the generation of its volumes, the restarts
/// asked, and, where it reads them, files and private answers.
pub fn service_spec(app: &App, id: &PartId) -> String {
    service_spec_of(app, &app.release, app.generation, id)
}

/// The same, of a release and generation that the app has or had.
pub fn service_spec_of(app: &App, release: &Release, generation: u64, id: &PartId) -> String {
    let Some(service) = release.services.get(id) else {
        return String::new();
    };
    let volumes: Vec<String> = service
        .mounts
        .iter()
        .filter_map(|mount| match &mount.source {
            MountSource::Volume(volume) => Some(volume_name(&app.id, volume, generation)),
            MountSource::File(_) => None,
        })
        .collect();
    let reads_files = service
        .mounts
        .iter()
        .any(|mount| matches!(mount.source, MountSource::File(_)));
    let mut private: Vec<(&PartId, &Answer)> = release
        .answers
        .iter()
        .filter(|(_, answer)| matches!(answer, Answer::Private { .. }))
        .collect();
    if !private.is_empty() {
        let written = text(service);
        private.retain(|(question, _)| written.contains(&placeholder("ANSWER", question)));
    }
    let private: Vec<&Answer> = private.into_iter().map(|(_, answer)| answer).collect();
    digest(&(
        service,
        volumes,
        reads_files.then(|| files_digest(release)),
        private,
        app.restarts,
    ))
}

/// `${SECRET_DB_PASSWORD}`: how a secret or a private answer stands in a release.
pub fn placeholder(kind: &str, id: &PartId) -> String {
    format!("${{{}}}", placeholder_name(kind, id))
}

/// `SECRET_DB_PASSWORD`: its name in there.
pub fn placeholder_name(kind: &str, id: &PartId) -> String {
    let id: String = id
        .as_str()
        .chars()
        .map(|c| {
            if c == '-' {
                '_'
            } else {
                c.to_ascii_uppercase()
            }
        })
        .collect();
    format!("{kind}_{id}")
}

fn text<T: Serialize>(value: &T) -> String {
    // Our own types: maps have text keys and nothing refuses to be written.
    serde_json::to_string(value).unwrap_or_default()
}

fn digest<T: Serialize>(value: &T) -> String {
    hex(&Sha256::digest(text(value).as_bytes()))
}
