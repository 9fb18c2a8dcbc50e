//! What builds leave behind, once nothing needs it. Images that people made are never touched, not even those that
//! inherited our label by standing on our base: they have no name of ours.

use std::collections::{BTreeSet, HashMap};

use bollard::models::ImageSummary;
use bollard::query_parameters::{ListImagesOptions, RemoveImageOptions};

use super::labels::{APP, BASES, BOX, FOOTING, NAMES};
use super::{Docker, SILENCE, fault};
use crate::ports::Answer;

/// Rounds over stages that stand on one another.
const ROUNDS_MAX: usize = 16;

/// A base, of whichever month.
pub(super) fn is_base(name: &str) -> bool {
    name.strip_prefix(BASES)
        .is_some_and(|rest| rest.starts_with(':'))
}

impl Docker {
    /// The names that this box gave to an image.
    pub(super) fn made_names<'a>(
        &self,
        image: &'a ImageSummary,
    ) -> impl Iterator<Item = &'a String> {
        let ours = self.is_ours(Some(&image.labels));
        image
            .repo_tags
            .iter()
            .filter(move |name| ours && name.starts_with(NAMES))
    }

    /// Removes these images, then the stages without a name that only they needed, then the bases of past months.
    pub(super) async fn sweep(&self, names: &BTreeSet<String>) -> Answer<()> {
        let there = self.all_images().await?;
        let made: BTreeSet<&String> = there.iter().flat_map(|i| self.made_names(i)).collect();
        for name in made.iter().filter(|name| names.contains(**name)) {
            let _turn = self.image_turn(name).await;
            self.drop_image(name).await?;
        }
        self.sweep_stages().await?;
        // By name, the latest month comes last; it stays for the next build.
        let bases: Vec<&&String> = made.iter().filter(|name| is_base(name)).collect();
        if let Some((_, past)) = bases.split_last() {
            for name in past {
                let _turn = self.image_turn(BASES).await;
                self.drop_image(name).await?;
            }
        }
        Ok(())
    }

    async fn sweep_stages(&self) -> Answer<()> {
        let mut tried = BTreeSet::new();
        for _ in 0..ROUNDS_MAX {
            let filter = |name: &str, value: String| (name.to_owned(), vec![value]);
            let options = ListImagesOptions {
                filters: Some(HashMap::from([
                    filter("dangling", "true".to_owned()),
                    filter("label", format!("{BOX}={}", self.box_id)),
                ])),
                ..Default::default()
            };
            let client = self.client(SILENCE)?;
            let nameless = client.list_images(Some(options)).await;
            let nameless = nameless.map_err(|e| fault::engine(&e))?;
            let mut any = false;
            for stage in nameless {
                // What somebody has committed from a container carries the app's label, and is theirs.
                let ours = self.is_ours(Some(&stage.labels))
                    && stage.labels.contains_key(FOOTING)
                    && !stage.labels.contains_key(APP);
                if ours && tried.insert(stage.id.clone()) {
                    any = true;
                    self.drop_image(&stage.id).await?;
                }
            }
            if !any {
                break;
            }
        }
        Ok(())
    }

    /// Without force: the engine keeps what a container or another image needs.
    async fn drop_image(&self, name: &str) -> Answer<()> {
        let client = self.client(SILENCE)?;
        let removed = client.remove_image(name, None::<RemoveImageOptions>, None);
        match removed.await {
            Err(error) if !fault::is_absent(&error) && !fault::is_in_use(&error) => {
                Err(fault::engine(&error))
            }
            _ => Ok(()),
        }
    }
}
