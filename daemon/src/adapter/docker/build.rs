//! Images made on the box, over the base.

use std::collections::VecDeque;
use std::io;

use bollard::query_parameters::BuildImageOptions;
use bytes::Bytes;
use futures_util::StreamExt;
use lavoir_core::limits::LOG_LINES_SHOWN_MAX;
use lavoir_core::release::BuildContext;
use lavoir_core::text::Text;

use super::exec::Tail;
use super::labels::BOX;
use super::{BUILD, Docker, QUICK, SILENCE, base, fault};
use crate::ports::{Answer, Fault, Measure, OnMeasure, Unit};

/// Files are dated alike, so that the engine's cache knows them again.
const DATE: u64 = 0;

impl Docker {
    pub(super) async fn get_built(
        &self,
        name: &str,
        containerfile: &str,
        target: Option<&str>,
        context: &BuildContext,
        on_measure: OnMeasure<'_>,
    ) -> Answer<()> {
        match self.client(QUICK)?.inspect_image(name).await {
            Ok(image) if self.is_ours(image.config.as_ref().and_then(|c| c.labels.as_ref())) => {
                return Ok(());
            }
            Ok(_) => return Err(fault::stranger(name)),
            Err(error) if fault::is_absent(&error) => {}
            Err(error) => return Err(fault::engine(&error)),
        }
        self.ensure_base().await?;
        let archive =
            pack(context).map_err(|error| fault::scratch(&self.images.scratch, &error))?;
        let options = BuildImageOptions {
            dockerfile: containerfile.to_owned(),
            t: Some(name.to_owned()),
            target: target.unwrap_or_default().to_owned(),
            buildargs: Some([("BASE".to_owned(), base::NAME.to_owned())].into()),
            labels: Some([(BOX.to_owned(), self.box_id.clone())].into()),
            rm: true,
            forcerm: true,
            ..Default::default()
        };
        self.build(options, archive, on_measure).await?;
        match self.find_image(name).await? {
            Some(_) => Ok(()),
            None => Err(failed(vec![
                "the engine made no image of that name".to_owned(),
            ])),
        }
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
    failed(lines)
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
                "Le réseau semble en cause : vérifiez la connexion. Un nouvel essai est fait tout seul.",
                "The network seems to be the cause: check the connection. It is tried again by itself.",
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
            "Un nouvel essai est fait tout seul et garde les étapes déjà faites.",
            "It is tried again by itself and keeps the steps already done.",
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
