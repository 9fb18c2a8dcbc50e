//! Images made on the box, over the base.

use std::collections::VecDeque;
use std::io;

use bollard::query_parameters::BuildImageOptions;
use bytes::Bytes;
use futures_util::StreamExt;
use lavoir_core::day::Day;
use lavoir_core::ledger::hex;
use lavoir_core::limits::LOG_LINES_SHOWN_MAX;
use lavoir_core::release::BuildContext;
use lavoir_core::text::Text;
use sha2::{Digest, Sha256};

use super::exec::Tail;
use super::labels::{self, BOX};
use super::{BUILD, Docker, QUICK, SILENCE, base, fault};
use crate::ports::{Answer, Fault, Measure, OnMeasure, Unit};

/// Memory that a build may take at least; else half of the machine's, up to what the engine's API can say (2 GiB).
const MEMORY_BYTES_MIN: i64 = 768 * 1024 * 1024;
/// Of the processors when others want them too; a container has 1024.
const CPU_SHARES: i32 = 256;
/// Files are dated alike, so that the engine's cache knows them again.
const DATE: u64 = 0;

/// An image to be made.
pub(super) struct Wanted<'a> {
    pub name: &'a str,
    pub containerfile: &'a str,
    pub target: Option<&'a str>,
    pub day: Option<&'a Day>,
    pub context: &'a BuildContext,
}

impl Docker {
    pub(super) async fn get_built(
        &self,
        wanted: &Wanted<'_>,
        on_measure: OnMeasure<'_>,
    ) -> Answer<()> {
        let name = wanted.name;
        match self.client(QUICK)?.inspect_image(name).await {
            Ok(image) if self.is_ours(image.config.as_ref().and_then(|c| c.labels.as_ref())) => {
                return Ok(());
            }
            Ok(_) => return Err(fault::stranger(name)),
            Err(error) if fault::is_absent(&error) => {}
            Err(error) => return Err(fault::engine(&error)),
        }
        let mut base = base::name(wanted.day);
        self.ensure_base(&base).await?;
        let archive =
            pack(wanted.context).map_err(|error| fault::scratch(&self.images.scratch, &error))?;
        if let Some(day) = wanted.day {
            base = self.make_footing(&base, day, &archive).await?;
        }
        let options = BuildImageOptions {
            dockerfile: wanted.containerfile.to_owned(),
            target: wanted.target.unwrap_or_default().to_owned(),
            buildargs: Some([("BASE".to_owned(), base)].into()),
            ..self.bounded(name).await?
        };
        self.build(options, archive, on_measure).await?;
        match self.find_image(name).await? {
            Some(_) => Ok(()),
            None => Err(failed(vec![
                "the engine made no image of that name".to_owned(),
            ])),
        }
    }

    /// The base once more, under a label of its own: the engine uses a layer again only where all below it is the
    /// same, so over a new footing every step runs again and takes the packages of that day. Builds of one context
    /// and day share it, and their common stages with it.
    async fn make_footing(&self, base: &str, day: &Day, context: &[u8]) -> Answer<String> {
        let mut hash = Sha256::new();
        hash.update(day.as_str());
        hash.update(context);
        let key = hex(&hash.finalize());
        let name = format!("{}:{}", labels::FOOTINGS, &key[..16]);
        let _turn = self.image_turn(&name).await;
        let text = format!("FROM {base}\nLABEL {}=\"{key}\"\n", labels::FOOTING);
        let file = [("Dockerfile", text.as_bytes(), false)];
        let archive = pack_files(file.into_iter())
            .map_err(|error| fault::scratch(&self.images.scratch, &error))?;
        let options = BuildImageOptions {
            dockerfile: "Dockerfile".to_owned(),
            ..self.bounded(&name).await?
        };
        self.build(options, archive, &|_| {}).await?;
        Ok(name)
    }

    /// A build that leaves memory to the apps, and gives way to them where processors are short.
    async fn bounded(&self, name: &str) -> Answer<BuildImageOptions> {
        let (_, memory) = self.size().await?;
        let bytes = (memory / 2).max(MEMORY_BYTES_MIN);
        Ok(BuildImageOptions {
            t: Some(name.to_owned()),
            labels: Some([(BOX.to_owned(), self.box_id.clone())].into()),
            memory: Some(i32::try_from(bytes).unwrap_or(i32::MAX)),
            // What the machine has of swap may be used.
            memswap: Some(-1),
            cpushares: Some(CPU_SHARES),
            rm: true,
            forcerm: true,
            ..Default::default()
        })
    }

    /// Runs a build to its end. It is cut when the caller goes away, so the caller is the daemon, never a client.
    pub(super) async fn build(
        &self,
        options: BuildImageOptions,
        archive: Vec<u8>,
        on_measure: OnMeasure<'_>,
    ) -> Answer<()> {
        let client = self.client(SILENCE)?;
        let mut tail = Tail::new(LOG_LINES_SHOWN_MAX);
        let mut trouble: Option<bollard::errors::Error> = None;
        let building = async {
            let mut answers = client.build_image(
                options,
                None,
                Some(bollard::body_full(Bytes::from(archive))),
            );
            while let Some(answer) = answers.next().await {
                match answer {
                    Ok(info) => {
                        let Some(text) = info.stream.or(info.status) else {
                            continue;
                        };
                        if let Some((done, total)) = step(&text) {
                            on_measure(Measure {
                                done,
                                total: Some(total),
                                unit: Unit::Steps,
                            });
                        }
                        tail.push(text.as_bytes());
                    }
                    Err(error) => {
                        trouble = Some(error);
                        break;
                    }
                }
            }
        };
        if tokio::time::timeout(BUILD, building).await.is_err() {
            return Err(too_long().with_lines(tail.lines()));
        }
        match trouble {
            None => Ok(()),
            Some(error) => Err(build_fault(&error, tail.lines())),
        }
    }
}

/// `Step 3/12 : RUN …`
fn step(text: &str) -> Option<(u64, u64)> {
    let (done, total) = text
        .strip_prefix("Step ")?
        .split_once(" : ")?
        .0
        .split_once('/')?;
    // A step is done when the next one begins.
    Some((
        done.parse::<u64>().ok()?.checked_sub(1)?,
        total.parse().ok()?,
    ))
}

fn pack(context: &BuildContext) -> io::Result<Vec<u8>> {
    let files = context
        .files
        .iter()
        .map(|(path, file)| (path.as_str(), file.text.as_bytes(), file.executable));
    pack_files(files)
}

/// A tar archive of files owned by root.
pub(super) fn pack_files<'a>(
    files: impl Iterator<Item = (&'a str, &'a [u8], bool)>,
) -> io::Result<Vec<u8>> {
    let mut archive = tar::Builder::new(Vec::new());
    for (path, content, executable) in files {
        let mut header = tar::Header::new_gnu();
        header.set_size(content.len() as u64);
        header.set_mode(if executable { 0o755 } else { 0o644 });
        header.set_mtime(DATE);
        archive.append_data(&mut header, path, content)?;
    }
    archive.into_inner()
}

fn build_fault(error: &bollard::errors::Error, lines: Vec<String>) -> Fault {
    use bollard::errors::Error::{DockerResponseServerError, DockerStreamError};
    if !matches!(
        error,
        DockerResponseServerError { .. } | DockerStreamError { .. }
    ) {
        return fault::engine(error).with_lines(lines);
    }
    let mut lines = VecDeque::from(lines);
    lines.push_back(fault::said(error));
    let lines: Vec<String> = lines.into();
    if let Some(said) = lines.iter().find(|line| fault::is_disk_full(line)) {
        return fault::disk_full(said.clone()).with_lines(lines);
    }
    if lines
        .iter()
        .any(|line| line.contains("returned a non-zero code: 137"))
    {
        return out_of_memory().with_lines(lines);
    }
    failed(lines)
}

fn out_of_memory() -> Fault {
    Fault::lasting(
        "build-out-of-memory",
        Text::new(
            "Il n'y a pas eu assez de mémoire pour fabriquer l'image.",
            "There was not enough memory to build the image.",
        ),
        Text::new(
            "Ajoutez de la mémoire ou de l'espace d'échange (swap), puis redemandez.",
            "Add memory or swap space, then ask again.",
        ),
    )
}

fn failed(lines: Vec<String>) -> Fault {
    let network = lines.iter().any(|line| fault::is_network_trouble(line));
    let fault = Fault::lasting(
        "build-failed",
        Text::new(
            "L'image n'a pas pu être fabriquée.",
            "The image could not be built.",
        ),
        if network {
            Text::new(
                "Le réseau semble en cause : vérifiez la connexion. La machine réessaie d'elle-même.",
                "The network seems to be the cause: check the connection. The box tries again by itself.",
            )
        } else {
            Text::new(
                "Signalez-le à ceux qui tiennent la recette, avec les lignes ci-dessous.",
                "Tell those who keep the recipe, with the lines below.",
            )
        },
    );
    fault::retry(fault, network).with_lines(lines)
}

fn too_long() -> Fault {
    Fault::passing(
        "build-too-long",
        Text::new(
            format!(
                "La fabrication de l'image n'a pas fini en {} minutes.",
                BUILD.as_secs() / 60
            ),
            format!(
                "The image was not built within {} minutes.",
                BUILD.as_secs() / 60
            ),
        ),
        Text::new(
            "La machine réessaie d'elle-même, et garde les étapes déjà faites.",
            "The box tries again by itself, and keeps the steps already done.",
        ),
    )
}

#[cfg(test)]
mod tests {
    use super::step;

    #[test]
    fn steps_are_read_from_the_builders_words() {
        assert_eq!(step("Step 1/4 : FROM x"), Some((0, 4)));
        assert_eq!(step("Step 4/4 : RUN y"), Some((3, 4)));
        assert_eq!(step("Stepping"), None);
        assert_eq!(step("Step 0/4 : z"), None);
    }
}
