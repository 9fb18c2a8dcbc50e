//! Images from a folder of archives, for a box without a network.
//!
//! An OCI archive (`skopeo copy … oci-archive:x.tar`) keeps the registry's manifests, so the digest a recipe names is
//! found in it and everything below is hashed: index, manifest, configuration, layers. In a `docker save` archive the
//! registry's manifest is lost; it is taken only where the digest is that of its configuration. Either way a new
//! archive goes to the engine, in the one form that all engines read, its list last: nothing is loaded before all of
//! it was checked.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use bollard::query_parameters::ImportImageOptions;
use bytes::Bytes;
use futures_util::{StreamExt, stream};
use lavoir_core::ledger::hex;
use lavoir_core::text::Text;
use serde::Deserialize;
use sha2::{Digest, Sha256};
use tokio::sync::mpsc;

use super::image::PULLED;
use super::{Docker, PULL, fault};
use crate::ports::{Answer, Fault, Measure, OnMeasure, Unit};

/// Archives looked at in the folder.
const ARCHIVES_MAX: usize = 500;
/// Files in one archive.
const ENTRIES_MAX: usize = 20_000;
/// Bytes of a manifest or an index.
const MANIFEST_BYTES_MAX: u64 = 4 * 1024 * 1024;
/// Layers of one image.
const LAYERS_MAX: usize = 512;
/// Bytes sent to the engine at once, and how many such pieces may wait.
const PIECE_BYTES: usize = 64 * 1024;
const PIECES_WAITING_MAX: usize = 8;

/// What of an archive is to go to the engine.
struct Found {
    path: PathBuf,
    parts: Vec<Part>,
    list: Vec<u8>,
    bytes: u64,
}

/// One file in an archive.
#[derive(Clone)]
struct Part {
    name: String,
    start: u64,
    bytes: u64,
    /// What it must hash to; none where the engine checks it against the configuration.
    digest: Option<String>,
}

#[derive(Deserialize)]
struct Descriptor {
    digest: String,
    platform: Option<Platform>,
}

#[derive(Deserialize)]
struct Platform {
    architecture: String,
    os: String,
}

/// An index or a manifest.
#[derive(Deserialize)]
struct Document {
    #[serde(default)]
    manifests: Vec<Descriptor>,
    config: Option<Descriptor>,
    #[serde(default)]
    layers: Vec<Descriptor>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Saved {
    config: String,
    layers: Vec<String>,
}

impl Docker {
    /// Loads an image from the folder of archives; false when no archive holds it.
    pub(super) async fn load_archive(
        &self,
        reference: &str,
        digest: &str,
        on_measure: OnMeasure<'_>,
    ) -> Answer<bool> {
        let Some(folder) = self.images.archives.clone() else {
            return Ok(false);
        };
        let wanted = digest.to_owned();
        let Some(found) = self.blocking(move || search(&folder, &wanted)).await? else {
            return Ok(false);
        };
        let (total, path) = (found.bytes, found.path.clone());
        let (sender, receiver) = mpsc::channel::<io::Result<Bytes>>(PIECES_WAITING_MAX);
        let writing = tokio::task::spawn_blocking(move || write(&found, sender));
        let mut done = 0;
        let (told, mut tell) = mpsc::unbounded_channel();
        let pieces = stream::unfold(receiver, |mut receiver| async {
            receiver.recv().await.map(|piece| (piece, receiver))
        })
        .inspect(move |piece| {
            if let Ok(piece) = piece {
                let _ = told.send(piece.len() as u64);
            }
        });
        let client = self.client(PULL)?;
        let options = ImportImageOptions {
            quiet: true,
            ..Default::default()
        };
        let loading = async {
            let mut answers = std::pin::pin!(client.import_image_stream(options, pieces, None));
            while let Some(answer) = answers.next().await {
                answer.map_err(|error| damaged(reference, &path, fault::said(&error)))?;
            }
            Ok(())
        };
        let measuring = async {
            while let Some(more) = tell.recv().await {
                done += more;
                on_measure(Measure {
                    done: done.min(total),
                    total: Some(total),
                    unit: Unit::Bytes,
                });
            }
            // The engine unpacks: its answer ends the wait.
            std::future::pending::<()>().await;
        };
        let loaded = tokio::select! {
            ended = tokio::time::timeout(PULL, loading) => ended.map_err(|_| fault::slow())?,
            () = measuring => Ok(()),
        };
        match writing.await {
            Ok(Err(error)) if error.kind() == io::ErrorKind::InvalidData => {
                Err(damaged(reference, &path, error.to_string()))
            }
            _ => loaded.map(|()| true),
        }
    }
}

/// The first archive that holds that digest.
fn search(folder: &Path, digest: &str) -> io::Result<Option<Found>> {
    let mut paths: Vec<PathBuf> = std::fs::read_dir(folder)?
        .filter_map(|entry| entry.ok().map(|e| e.path()))
        .filter(|path| path.extension().is_some_and(|e| e == "tar") && path.is_file())
        .take(ARCHIVES_MAX)
        .collect();
    paths.sort();
    for path in paths {
        match look_into(&path, digest) {
            Ok(Some(found)) => return Ok(Some(found)),
            Ok(None) => {}
            Err(error) => {
                tracing::warn!(path = %path.display(), %error, "an image archive cannot be read")
            }
        }
    }
    Ok(None)
}

fn look_into(path: &Path, digest: &str) -> io::Result<Option<Found>> {
    let mut file = File::open(path)?;
    let mut parts: HashMap<String, Part> = HashMap::new();
    for entry in tar::Archive::new(&mut file)
        .entries_with_seek()?
        .take(ENTRIES_MAX)
    {
        let entry = entry?;
        if entry.header().entry_type().is_file() {
            let name = entry
                .path()?
                .to_string_lossy()
                .trim_start_matches("./")
                .to_owned();
            let part = Part {
                name: name.clone(),
                start: entry.raw_file_position(),
                bytes: entry.size(),
                digest: None,
            };
            parts.insert(name, part);
        }
    }
    if parts.contains_key(&blob(digest))
        && let Some(found) = oci(path, &mut file, &parts, digest)?
    {
        return Ok(Some(found));
    }
    saved(path, &mut file, &parts, digest)
}

fn oci(
    path: &Path,
    file: &mut File,
    parts: &HashMap<String, Part>,
    digest: &str,
) -> io::Result<Option<Found>> {
    let mut document = read_document(file, parts, digest)?;
    if document.config.is_none() {
        let Some(here) = document
            .manifests
            .iter()
            .find(|m| m.platform.as_ref().is_some_and(is_this_machine))
        else {
            return Ok(None);
        };
        let inner = hex_of(&here.digest)?.to_owned();
        document = read_document(file, parts, &inner)?;
    }
    let Some(config) = document.config else {
        return Ok(None);
    };
    let part = |descriptor: &Descriptor| {
        let digest = hex_of(&descriptor.digest)?;
        let part = parts
            .get(&blob(digest))
            .ok_or_else(|| invalid("a part of the image is missing"))?;
        Ok::<Part, io::Error>(Part {
            digest: Some(digest.to_owned()),
            ..part.clone()
        })
    };
    let config = part(&config)?;
    let layers = document
        .layers
        .iter()
        .take(LAYERS_MAX)
        .map(part)
        .collect::<io::Result<Vec<_>>>()?;
    Ok(Some(found(path, config, layers, digest)))
}

fn saved(
    path: &Path,
    file: &mut File,
    parts: &HashMap<String, Part>,
    digest: &str,
) -> io::Result<Option<Found>> {
    let Some(list) = parts.get("manifest.json") else {
        return Ok(None);
    };
    let images: Vec<Saved> =
        serde_json::from_slice(&read_part(file, list)?).map_err(io::Error::other)?;
    for image in images {
        let Some(config) = parts.get(&image.config) else {
            continue;
        };
        if hash(&read_part(file, config)?) != digest {
            continue;
        }
        let config = Part {
            digest: Some(digest.to_owned()),
            ..config.clone()
        };
        let layers: Option<Vec<Part>> = image
            .layers
            .iter()
            .take(LAYERS_MAX)
            .map(|layer| parts.get(layer).cloned())
            .collect();
        return Ok(Some(found(
            path,
            config,
            layers.ok_or_else(|| invalid("a layer is missing"))?,
            digest,
        )));
    }
    Ok(None)
}

fn found(path: &Path, config: Part, layers: Vec<Part>, digest: &str) -> Found {
    let names: Vec<&str> = layers.iter().map(|layer| layer.name.as_str()).collect();
    let list = serde_json::json!([{
        "Config": config.name,
        "RepoTags": [format!("{PULLED}:{digest}")],
        "Layers": names,
    }]);
    let mut parts = vec![config];
    for layer in layers {
        // The same layer may stand twice in one image.
        if !parts.iter().any(|part| part.name == layer.name) {
            parts.push(layer);
        }
    }
    let bytes = parts.iter().map(|part| part.bytes).sum();
    Found {
        path: path.to_owned(),
        parts,
        list: list.to_string().into_bytes(),
        bytes,
    }
}

/// Writes the archive for the engine, hashing on the way.
fn write(found: &Found, sender: mpsc::Sender<io::Result<Bytes>>) -> io::Result<()> {
    let written = write_parts(found, &sender);
    if let Err(error) = &written {
        // Cuts the request, so that the engine drops what it has.
        let _ = sender.blocking_send(Err(io::Error::new(error.kind(), error.to_string())));
    }
    written
}

fn write_parts(found: &Found, sender: &mpsc::Sender<io::Result<Bytes>>) -> io::Result<()> {
    let mut file = File::open(&found.path)?;
    let mut archive = tar::Builder::new(io::BufWriter::with_capacity(PIECE_BYTES, Pieces(sender)));
    for part in &found.parts {
        file.seek(SeekFrom::Start(part.start))?;
        let mut reader = Hashing {
            inner: Read::by_ref(&mut file).take(part.bytes),
            hash: Sha256::new(),
        };
        archive.append_data(&mut header(part.bytes), &part.name, &mut reader)?;
        let hashed = hex(&reader.hash.finalize());
        if part.digest.as_ref().is_some_and(|digest| *digest != hashed) {
            return Err(invalid(&format!(
                "{} has another digest: {hashed}",
                part.name
            )));
        }
    }
    archive.append_data(
        &mut header(found.list.len() as u64),
        "manifest.json",
        found.list.as_slice(),
    )?;
    archive.into_inner()?.flush()
}

fn header(bytes: u64) -> tar::Header {
    let mut header = tar::Header::new_gnu();
    header.set_size(bytes);
    header.set_mode(0o644);
    header
}

struct Pieces<'a>(&'a mpsc::Sender<io::Result<Bytes>>);

impl Write for Pieces<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0
            .blocking_send(Ok(Bytes::copy_from_slice(bytes)))
            .map_err(|_| io::Error::from(io::ErrorKind::BrokenPipe))?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

struct Hashing<R> {
    inner: R,
    hash: Sha256,
}

impl<R: Read> Read for Hashing<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        self.hash.update(&buffer[..read]);
        Ok(read)
    }
}

fn read_document(
    file: &mut File,
    parts: &HashMap<String, Part>,
    digest: &str,
) -> io::Result<Document> {
    let part = parts
        .get(&blob(digest))
        .ok_or_else(|| invalid("a manifest is missing"))?;
    let bytes = read_part(file, part)?;
    if hash(&bytes) != digest {
        return Err(invalid(&format!("{} has another digest", part.name)));
    }
    serde_json::from_slice(&bytes).map_err(|error| invalid(&error.to_string()))
}

fn read_part(file: &mut File, part: &Part) -> io::Result<Vec<u8>> {
    if part.bytes > MANIFEST_BYTES_MAX {
        return Err(invalid(&format!("{} is too large", part.name)));
    }
    file.seek(SeekFrom::Start(part.start))?;
    let mut bytes = Vec::new();
    file.take(part.bytes).read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn is_this_machine(platform: &Platform) -> bool {
    let architecture = match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    };
    platform.os == "linux" && platform.architecture == architecture
}

fn blob(digest: &str) -> String {
    format!("blobs/sha256/{digest}")
}

fn hex_of(digest: &str) -> io::Result<&str> {
    digest
        .strip_prefix("sha256:")
        .ok_or_else(|| invalid("a digest that is not SHA-256"))
}

fn hash(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

fn invalid(why: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, why.to_owned())
}

fn damaged(reference: &str, path: &Path, said: String) -> Fault {
    if fault::is_disk_full(&said) {
        return fault::disk_full(said);
    }
    Fault::lasting(
        "image-archive-damaged",
        Text::new(
            format!(
                "L'archive {} de l'image {reference} est abîmée.",
                path.display()
            ),
            format!(
                "The archive {} of the image {reference} is damaged.",
                path.display()
            ),
        ),
        Text::new(
            "Copiez-la de nouveau dans le dossier des archives.",
            "Copy it into the archive folder again.",
        ),
    )
    .with_lines([said])
}
