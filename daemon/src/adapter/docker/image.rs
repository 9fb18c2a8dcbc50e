//! Images by digest: from a folder of archives, from a mirror, from their own registry, in this order. Wherever the bytes
//! come from, the digest is what counts.
//!
//! An image pulled through a mirror is known to the engine under the mirror's name; one read from an archive has no
//! digest at all there. So an image counts as there when any repository's digest is the one asked for, or when it has
//! the tag `lavoir/pulled:<digest>`, given to an archive's image after all its parts were hashed.

use std::collections::HashMap;

use bollard::models::{CreateImageInfo, ImageSummary};
use bollard::query_parameters::CreateImageOptions;
use futures_util::StreamExt;
use lavoir_core::text::Text;

use super::labels::BOX;
use super::{Docker, PULL, SILENCE, fault};
use crate::ports::{Answer, Fault, Measure, OnMeasure, Retry, Unit};

/// Layers of one image at the most.
const LAYERS_MAX: usize = 512;
/// Where images from archives are tagged.
pub(super) const PULLED: &str = "lavoir/pulled";

/// The digest in a reference, in hex.
pub(super) fn digest_of(reference: &str) -> Option<&str> {
    let hex = reference.rsplit_once("@sha256:")?.1;
    (hex.len() == 64
        && hex
            .bytes()
            .all(|b| b.is_ascii_hexdigit() && !b.is_ascii_uppercase()))
    .then_some(hex)
}

/// By which name the engine has an image; none when it does not, or when it is of somebody else's making.
pub(super) fn find(images: &[ImageSummary], wanted: &str, box_id: &str) -> Option<String> {
    let Some(hex) = digest_of(wanted) else {
        let ours = |image: &&ImageSummary| image.labels.get(BOX).is_some_and(|id| id == box_id);
        return images
            .iter()
            .filter(ours)
            .flat_map(|i| &i.repo_tags)
            .find(|tag| *tag == wanted)
            .cloned();
    };
    let ending = format!("@sha256:{hex}");
    let tag = format!("{PULLED}:{hex}");
    images
        .iter()
        .flat_map(|i| &i.repo_digests)
        .find(|digest| digest.ends_with(&ending) && !digest.starts_with("<none>"))
        .or_else(|| {
            images
                .iter()
                .flat_map(|i| &i.repo_tags)
                .find(|t| **t == tag)
        })
        .cloned()
}

impl Docker {
    /// By which name the engine has an image.
    pub(super) async fn find_image(&self, wanted: &str) -> Answer<Option<String>> {
        Ok(find(&self.all_images().await?, wanted, &self.box_id))
    }

    pub(super) async fn get_pulled(
        &self,
        reference: &str,
        on_measure: OnMeasure<'_>,
    ) -> Answer<()> {
        let hex = digest_of(reference).ok_or_else(|| no_digest(reference))?;
        if self.find_image(reference).await?.is_some() {
            return Ok(());
        }
        let mut trouble: Option<Fault> = None;
        if self.images.archives.is_some() {
            match self.load_archive(reference, hex, on_measure).await {
                Ok(true) => return self.must_be_there(reference).await,
                Ok(false) => {}
                Err(fault) => trouble = Some(fault),
            }
        }
        let from_mirror = self
            .images
            .mirror
            .as_ref()
            .and_then(|mirror| through(mirror, reference));
        for source in from_mirror.as_deref().into_iter().chain([reference]) {
            match self.pull(source, on_measure).await {
                Ok(()) => return self.must_be_there(reference).await,
                Err(fault) if fault.message.code == "disk-full" => return Err(fault),
                Err(fault) => trouble = Some(worse(trouble, fault)),
            }
        }
        Err(trouble.unwrap_or_else(fault::slow))
    }

    async fn must_be_there(&self, reference: &str) -> Answer<()> {
        match self.find_image(reference).await? {
            Some(_) => Ok(()),
            None => Err(other_digest(reference)),
        }
    }

    async fn pull(&self, reference: &str, on_measure: OnMeasure<'_>) -> Answer<()> {
        let (name, digest) = reference
            .rsplit_once('@')
            .ok_or_else(|| no_digest(reference))?;
        let options = CreateImageOptions {
            from_image: Some(name.to_owned()),
            tag: Some(digest.to_owned()),
            ..Default::default()
        };
        let client = self.client(SILENCE)?;
        let mut layers = Layers::default();
        let pulling = async {
            let mut answers = client.create_image(Some(options), None, None);
            while let Some(answer) = tokio::time::timeout(SILENCE, answers.next())
                .await
                .map_err(|_| unreachable(reference, Vec::new()))?
            {
                layers.hear(&answer.map_err(|error| pull_failed(reference, &error))?);
                on_measure(layers.measure());
            }
            Ok(())
        };
        tokio::time::timeout(PULL, pulling)
            .await
            .map_err(|_| fault::slow())?
    }
}

/// The same image at a mirror: `docker.io/library/x@sha256:…` → `mirror/library/x@sha256:…`.
fn through(mirror: &str, reference: &str) -> Option<String> {
    let mirror = mirror
        .trim_start_matches("https://")
        .trim_start_matches("http://")
        .trim_end_matches('/');
    let (host, path) = match reference.split_once('/') {
        Some((host, path)) if host.contains(['.', ':']) || host == "localhost" => {
            (host, path.to_owned())
        }
        _ => ("docker.io", reference.to_owned()),
    };
    let path = if host == "docker.io" && !path.contains('/') {
        format!("library/{path}")
    } else {
        path
    };
    (host != mirror).then(|| format!("{mirror}/{path}"))
}

/// Of two sources' troubles, the one that may pass decides whether to try again.
fn worse(first: Option<Fault>, second: Fault) -> Fault {
    match first {
        Some(mut first) if first.retry == Retry::Soon && second.retry == Retry::Never => {
            first.lines.extend(second.lines);
            first
        }
        Some(first) => {
            let mut lines = first.lines;
            lines.extend(second.lines.clone());
            second.with_lines(lines)
        }
        None => second,
    }
}

/// Bytes of each layer: come, and in all. A layer that was cut goes on where it was, and from then on the engine counts
/// only what is left of it.
#[derive(Default)]
struct Layers(HashMap<String, (u64, Option<u64>)>);

impl Layers {
    fn hear(&mut self, said: &CreateImageInfo) {
        let (Some(id), Some(status)) = (&said.id, said.status.as_deref()) else {
            return;
        };
        if !self.0.contains_key(id)
            && (self.0.len() >= LAYERS_MAX || status.starts_with("Pulling from"))
        {
            return;
        }
        let number = |n: Option<i64>| n.and_then(|n| u64::try_from(n).ok());
        let detail = said.progress_detail.as_ref();
        let layer = self.0.entry(id.clone()).or_default();
        match status {
            "Downloading" => {
                let left = number(detail.and_then(|d| d.total)).filter(|total| *total > 0);
                let total = layer.1.max(left);
                let before = match (total, left) {
                    (Some(total), Some(left)) => total - left,
                    _ => 0,
                };
                let done = number(detail.and_then(|d| d.current)).map(|done| before + done);
                *layer = (done.unwrap_or(0).max(layer.0), total);
                if let (done, Some(total)) = *layer {
                    layer.0 = done.min(total);
                }
            }
            // Here from before: nothing to fetch.
            "Already exists" => *layer = (0, Some(0)),
            "Download complete" | "Verifying Checksum" | "Pull complete" => {
                *layer = (layer.1.unwrap_or(layer.0), Some(layer.1.unwrap_or(layer.0)));
            }
            _ => {}
        }
    }

    fn measure(&self) -> Measure {
        let done = self.0.values().map(|(done, _)| done).sum();
        let total = self
            .0
            .values()
            .map(|(_, total)| *total)
            .sum::<Option<u64>>();
        Measure {
            done,
            total: total.filter(|_| !self.0.is_empty()),
            unit: Unit::Bytes,
        }
    }
}

fn pull_failed(reference: &str, error: &bollard::errors::Error) -> Fault {
    use bollard::errors::Error::{DockerResponseServerError, DockerStreamError};
    let said = fault::said(error);
    let low = said.to_lowercase();
    if fault::is_disk_full(&said) {
        return fault::disk_full(said);
    }
    if !matches!(
        error,
        DockerResponseServerError { .. } | DockerStreamError { .. }
    ) {
        return fault::engine(error);
    }
    if fault::is_absent(error)
        || [
            "manifest unknown",
            "not found",
            "name unknown",
            "repository does not exist",
            "access denied",
        ]
        .iter()
        .any(|word| low.contains(word))
    {
        return unknown(reference, said);
    }
    if low.contains("toomanyrequests") || low.contains("429") {
        return busy(reference, said);
    }
    if fault::is_network_trouble(&said)
        || low.contains("eof")
        || low.contains("get \"http")
        || low.contains("x509")
    {
        return unreachable(reference, vec![said]);
    }
    fault::engine(error)
}

fn host(reference: &str) -> &str {
    reference.split('/').next().unwrap_or(reference)
}

fn unknown(reference: &str, said: String) -> Fault {
    Fault::lasting(
        "image-unknown",
        Text::new(
            format!("{} ne connaît pas l'image {reference}.", host(reference)),
            format!("{} does not know the image {reference}.", host(reference)),
        ),
        Text::new(
            "Mettez la recette à jour : l'image a pu être retirée. Avec un miroir ou des archives, vérifiez qu'ils la contiennent.",
            "Update the recipe: the image may have been withdrawn. With a mirror or archives, check that they hold it.",
        ),
    )
    .with_lines([said])
}

fn unreachable(reference: &str, lines: Vec<String>) -> Fault {
    Fault::passing(
        "registry-unreachable",
        Text::new(
            format!(
                "Le registre d'images {} n'est pas joignable.",
                host(reference)
            ),
            format!("The image registry {} cannot be reached.", host(reference)),
        ),
        Text::new(
            "Vérifiez la connexion au réseau. La machine réessaie d'elle-même.",
            "Check the machine's connection. The box tries again by itself.",
        ),
    )
    .with_lines(lines)
}

fn busy(reference: &str, said: String) -> Fault {
    Fault::passing(
        "registry-busy",
        Text::new(
            format!(
                "Le registre {} demande d'attendre : trop de demandes.",
                host(reference)
            ),
            format!(
                "The registry {} asks to wait: too many requests.",
                host(reference)
            ),
        ),
        Text::new(
            "Réessayez dans quelques heures, ou mettez un miroir dans la configuration.",
            "Try again in some hours, or set a mirror in the configuration.",
        ),
    )
    .with_lines([said])
}

fn no_digest(reference: &str) -> Fault {
    Fault::lasting(
        "image-without-digest",
        Text::new(
            format!("L'image {reference} n'est pas désignée par une empreinte."),
            format!("The image {reference} is not named by a digest."),
        ),
        Text::new(
            "Signalez-le à ceux qui tiennent la recette : il faut nom@sha256:…",
            "Tell those who keep the recipe: it must be name@sha256:…",
        ),
    )
}

fn other_digest(reference: &str) -> Fault {
    Fault::lasting(
        "image-other-digest",
        Text::new(
            format!("L'image reçue n'est pas {reference} : on ne s'en sert pas."),
            format!("The image that came is not {reference}: it is not used."),
        ),
        Text::new(
            "Vérifiez le miroir ou les archives d'images de la configuration.",
            "Check the mirror or the image archives of the configuration.",
        ),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mirror_takes_the_place_of_the_registry() {
        let digest = format!("@sha256:{}", "a".repeat(64));
        for (reference, expected) in [
            ("docker.io/library/x", "m:5000/library/x"),
            ("docker.io/x", "m:5000/library/x"),
            ("x", "m:5000/library/x"),
            ("a/x", "m:5000/a/x"),
            ("ghcr.io/a/b/x", "m:5000/a/b/x"),
        ] {
            let got = through("http://m:5000/", &format!("{reference}{digest}"));
            assert_eq!(got, Some(format!("{expected}{digest}")));
        }
        assert_eq!(through("m:5000", &format!("m:5000/x{digest}")), None);
    }

    #[test]
    fn layers_are_summed_and_the_total_comes_when_all_are_known() {
        let mut layers = Layers::default();
        let mut say = |id: &str, status: &str, numbers: Option<(i64, i64)>| {
            layers.hear(&CreateImageInfo {
                id: Some(id.to_owned()),
                status: Some(status.to_owned()),
                progress_detail: numbers.map(|(c, t)| bollard::models::ProgressDetail {
                    current: Some(c),
                    total: Some(t),
                }),
                ..Default::default()
            });
            let measure = layers.measure();
            (measure.done, measure.total)
        };
        assert_eq!(say("latest", "Pulling from library/x", None), (0, None));
        assert_eq!(say("a", "Pulling fs layer", None), (0, None));
        assert_eq!(say("b", "Already exists", None), (0, None));
        assert_eq!(say("a", "Downloading", Some((10, 100))), (10, Some(100)));
        // Cut, and gone on with: the engine counts the rest.
        assert_eq!(say("a", "Retrying in 5 seconds", None), (10, Some(100)));
        assert_eq!(say("a", "Downloading", None), (10, Some(100)));
        assert_eq!(say("a", "Downloading", Some((1, 90))), (11, Some(100)));
        assert_eq!(say("a", "Downloading", Some((90, 90))), (100, Some(100)));
        assert_eq!(say("a", "Download complete", None), (100, Some(100)));
        assert_eq!(say("a", "Extracting", Some((5, 900))), (100, Some(100)));
    }
}
