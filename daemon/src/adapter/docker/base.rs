//! The base of all images made on the box: Debian, bootstrapped from its signed archive, or read from an archive made
//! beforehand for a box without a network.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::process::Stdio;

use bollard::query_parameters::{CreateImageOptions, RemoveImageOptions};
use futures_util::StreamExt;
use lavoir_core::day::Day;
use lavoir_core::ledger::hex;
use lavoir_core::limits::LOG_LINES_SHOWN_MAX;
use lavoir_core::text::Text;
use sha2::{Digest, Sha256};
use tokio::io::AsyncReadExt;
use tokio::process::Command;
use tokio_util::io::ReaderStream;

use super::exec::Tail;
use super::labels::{BASE, BASES, BOX};
use super::{BUILD, Docker, ImageSources, QUICK, SILENCE, fault};
use crate::ports::{Answer, Fault};

const SUITE: &str = "trixie";
/// In the folder of archives: its file system, made beforehand.
const ARCHIVE: &str = "lavoir-base-trixie.tar";
/// Where Debian's programs look for trusted certificates.
const TRUSTED: &str = "/etc/ssl/certs/ca-certificates.crt";
/// Where Debian's own tool takes further ones from, when it makes that file anew.
const ADDED: &str = "/usr/local/share/ca-certificates/lavoir-box.crt";
/// Programs that bring their own list must be told.
const TOLD: [&str; 4] = [
    "SSL_CERT_FILE",
    "PIP_CERT",
    "NODE_EXTRA_CA_CERTS",
    "REQUESTS_CA_BUNDLE",
];
/// Raised when the base is to be made anew on every box.
const EDITION: &str = "1";
/// Bytes of the certificates at the most.
const CA_BYTES_MAX: u64 = 4 * 1024 * 1024;

/// From what a base is made.
struct Recipe {
    certificates: Option<Vec<u8>>,
    archive: Option<PathBuf>,
    mark: String,
}

/// The base for decisions of a day: another one each month.
pub(super) fn name(day: Option<&Day>) -> String {
    match day {
        Some(day) => format!("{BASES}:{SUITE}-{}", day.month()),
        None => format!("{BASES}:{SUITE}"),
    }
}

impl Docker {
    /// Makes the base, unless it is there from the same settings. Several builds make it once.
    pub(super) async fn ensure_base(&self, name: &str) -> Answer<()> {
        // One at a time, of whichever month: they work in the same folder.
        let _turn = self.image_turn(BASES).await;
        let images = self.images.clone();
        let recipe = self.blocking(move || Recipe::read(&images)).await?;
        let old = match self.client(QUICK)?.inspect_image(name).await {
            Ok(image) => {
                let labels = image.config.and_then(|c| c.labels);
                if !self.is_ours(labels.as_ref()) {
                    return Err(fault::stranger(name));
                }
                if labels.and_then(|mut l| l.remove(BASE)).as_ref() == Some(&recipe.mark) {
                    return Ok(());
                }
                image.id
            }
            Err(error) if fault::is_absent(&error) => None,
            Err(error) => return Err(fault::engine(&error)),
        };
        let work = self.images.scratch.join("base");
        let made = self.make_base(name, &recipe, &work).await;
        let _ = tokio::fs::remove_dir_all(&work).await;
        made?;
        if let Some(old) = old {
            // Stays while an image stands on it.
            let _ = self
                .client(QUICK)?
                .remove_image(&old, None::<RemoveImageOptions>, None)
                .await;
        }
        Ok(())
    }

    async fn make_base(&self, name: &str, recipe: &Recipe, work: &Path) -> Answer<()> {
        // Left by a daemon that was cut short.
        let _ = tokio::fs::remove_dir_all(work).await;
        tokio::fs::create_dir_all(work)
            .await
            .map_err(|error| fault::scratch(work, &error))?;
        let mut tar = match &recipe.archive {
            Some(archive) => archive.clone(),
            None => {
                let tar = work.join("debian.tar");
                bootstrap(&self.images, work, &tar).await?;
                tar
            }
        };
        if let Some(certificates) = recipe.certificates.clone() {
            let (from, to) = (tar, work.join("with-certificates.tar"));
            tar = to.clone();
            self.blocking(move || replace(&from, &to, &[TRUSTED, ADDED], &certificates))
                .await?;
        }
        let file = tokio::fs::File::open(&tar)
            .await
            .map_err(|error| fault::scratch(&tar, &error))?;
        let told = TOLD.map(|name| format!("ENV {name}={TRUSTED}"));
        let labels = [
            format!("LABEL {BOX}=\"{}\"", self.box_id),
            format!("LABEL {BASE}=\"{}\"", recipe.mark),
        ];
        let (repo, tag) = name.split_once(':').unwrap_or((name, SUITE));
        let options = CreateImageOptions {
            from_src: Some("-".to_owned()),
            repo: Some(repo.to_owned()),
            tag: Some(tag.to_owned()),
            changes: told
                .into_iter()
                .chain(labels)
                .chain(["CMD [\"/bin/sh\"]".to_owned()])
                .collect(),
            ..Default::default()
        };
        let body = bollard::body_try_stream(ReaderStream::with_capacity(file, 1 << 16));
        let client = self.client(SILENCE)?;
        let importing = async {
            let mut answers = client.create_image(Some(options), Some(body), None);
            while let Some(answer) = answers.next().await {
                answer.map_err(|error| fault::engine(&error))?;
            }
            Ok(())
        };
        tokio::time::timeout(BUILD, importing)
            .await
            .map_err(|_| fault::slow())?
    }
}

impl Recipe {
    fn read(images: &ImageSources) -> io::Result<Self> {
        let certificates = images
            .ca_bundle
            .as_deref()
            .map(read_certificates)
            .transpose()?;
        let archive = images
            .archives
            .as_ref()
            .map(|folder| folder.join(ARCHIVE))
            .filter(|path| path.is_file());
        let mut hash = Sha256::new();
        let mut feed = |part: &[u8]| {
            hash.update((part.len() as u64).to_be_bytes());
            hash.update(part);
        };
        feed(EDITION.as_bytes());
        feed(certificates.as_deref().unwrap_or_default());
        match &archive {
            Some(path) => {
                let facts = std::fs::metadata(path)?;
                let changed = facts
                    .modified()?
                    .duration_since(std::time::UNIX_EPOCH)
                    .unwrap_or_default();
                feed(&facts.len().to_be_bytes());
                feed(&changed.as_nanos().to_be_bytes());
            }
            None => feed(
                images
                    .debian_archive
                    .as_deref()
                    .unwrap_or_default()
                    .as_bytes(),
            ),
        }
        Ok(Self {
            certificates,
            archive,
            mark: hex(&hash.finalize()),
        })
    }
}

fn read_certificates(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)?
        .take(CA_BYTES_MAX)
        .read_to_end(&mut bytes)?;
    if !bytes
        .windows(27)
        .any(|window| window == b"-----BEGIN CERTIFICATE-----")
    {
        return Err(io::Error::new(
            io::ErrorKind::InvalidData,
            format!("{} holds no certificate in PEM form", path.display()),
        ));
    }
    Ok(bytes)
}

async fn bootstrap(images: &ImageSources, work: &Path, tar: &Path) -> Answer<()> {
    let mut command = Command::new("mmdebstrap");
    command
        .args([
            "--mode=root",
            "--variant=minbase",
            "--include=ca-certificates",
            "--format=tar",
            SUITE,
        ])
        .arg(tar)
        .args(&images.debian_archive)
        .env("TMPDIR", work)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    let mut child = command.spawn().map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => no_mmdebstrap(),
        _ => failed(vec![error.to_string()]),
    })?;
    let mut errors = child.stderr.take();
    let mut tail = Tail::new(LOG_LINES_SHOWN_MAX);
    let running = async {
        let mut buffer = [0; 4096];
        while let Some(stream) = errors.as_mut() {
            match stream.read(&mut buffer).await {
                Ok(read) if read > 0 => tail.push(&buffer[..read]),
                _ => break,
            }
        }
        child.wait().await
    };
    let status = tokio::time::timeout(BUILD, running).await;
    match status {
        Ok(Ok(status)) if status.success() => Ok(()),
        Ok(Ok(_)) => Err(failed(tail.lines())),
        Ok(Err(error)) => Err(failed(vec![error.to_string()])),
        Err(_) => Err(failed(tail.lines())),
    }
}

/// Copies an archive with some files set. Nothing is unpacked, so that nothing of it is lost; the old ones are left out,
/// since the engine takes no path twice.
fn replace(from: &Path, to: &Path, names: &[&str], content: &[u8]) -> io::Result<()> {
    let is_replaced = |path: &Path| {
        names
            .iter()
            .any(|name| Path::new(name.trim_start_matches('/')) == path)
    };
    let mut source = File::open(from)?;
    // What is kept: ranges of bytes, each entry with the extended headers before it.
    let mut kept: Vec<(u64, u64)> = Vec::new();
    let mut end = 0;
    let mut archive = tar::Archive::new(&mut source);
    for entry in archive.entries_with_seek()? {
        let entry = entry?;
        let start = end;
        end = entry.raw_file_position() + entry.header().entry_size()?.next_multiple_of(512);
        let path = entry.path()?;
        if is_replaced(path.strip_prefix(".").unwrap_or(&path)) {
            continue;
        }
        match kept.last_mut() {
            Some(last) if last.1 == start => last.1 = end,
            _ => kept.push((start, end)),
        }
    }
    let mut target = File::create(to)?;
    for (start, end) in kept {
        source.seek(SeekFrom::Start(start))?;
        io::copy(
            &mut Read::by_ref(&mut source).take(end - start),
            &mut target,
        )?;
    }
    let files = names
        .iter()
        .map(|name| (name.trim_start_matches('/'), content, false));
    target.write_all(&super::build::pack_files(files)?)
}

fn no_mmdebstrap() -> Fault {
    Fault::lasting(
        "mmdebstrap-missing",
        Text::new(
            "Le programme mmdebstrap manque : sans lui, la base des images ne peut pas être faite.",
            "The program mmdebstrap is missing: without it, the base of the images cannot be made.",
        ),
        Text::new(
            "Installez-le : apt install mmdebstrap",
            "Install it: apt install mmdebstrap",
        ),
    )
}

fn failed(lines: Vec<String>) -> Fault {
    if let Some(said) = lines.iter().find(|line| fault::is_disk_full(line)) {
        return fault::disk_full(said.clone());
    }
    Fault::passing(
        "base-failed",
        Text::new(
            "La base Debian des images n'a pas pu être faite.",
            "The Debian base of the images could not be made.",
        ),
        Text::new(
            "Vérifiez la connexion au réseau, et l'archive Debian de la configuration. La machine réessaie d'elle-même.",
            "Check the machine's connection, and the Debian archive of the configuration. The box tries again by itself.",
        ),
    )
    .with_lines(lines)
}
