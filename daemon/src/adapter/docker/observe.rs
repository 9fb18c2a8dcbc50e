//! A look at all that this box has made.

use std::collections::BTreeSet;

use bollard::query_parameters::{
    ListContainersOptions, ListImagesOptions, ListNetworksOptions, ListVolumesOptions,
};
use futures_util::{StreamExt, TryStreamExt, stream};
use lavoir_core::plan::network_name;

use super::labels::{app_of, service_of};
use super::{Docker, QUICK, container, fault, image, sweep};
use crate::ports::{Answer, Seen};

/// Containers asked about at the same time.
const AT_ONCE: usize = 8;

impl Docker {
    pub(super) async fn observe_all(&self, images: &BTreeSet<String>) -> Answer<Seen> {
        let mut seen = Seen::default();
        self.see_networks(&mut seen).await?;
        self.see_volumes(&mut seen).await?;
        self.see_containers(&mut seen).await?;
        let there = self.all_images().await?;
        seen.images = images
            .iter()
            .filter(|wanted| image::find(&there, wanted, &self.box_id).is_some())
            .cloned()
            .collect();
        seen.made = there
            .iter()
            .flat_map(|image| self.made_names(image))
            .filter(|name| !sweep::is_base(name))
            .cloned()
            .collect();
        Ok(seen)
    }

    async fn see_networks(&self, seen: &mut Seen) -> Answer<()> {
        let options = ListNetworksOptions {
            filters: Some(self.box_filter()),
        };
        let networks = self
            .client(QUICK)?
            .list_networks(Some(options))
            .await
            .map_err(|e| fault::engine(&e))?;
        for network in networks {
            let Some(labels) = network.labels.filter(|l| self.is_ours(Some(l))) else {
                continue;
            };
            let Some(app) = app_of(&labels) else { continue };
            if network.name == Some(network_name(&app)) {
                seen.apps.entry(app).or_default().network = true;
            }
        }
        Ok(())
    }

    async fn see_volumes(&self, seen: &mut Seen) -> Answer<()> {
        let options = ListVolumesOptions {
            filters: Some(self.box_filter()),
        };
        let answer = self
            .client(QUICK)?
            .list_volumes(Some(options))
            .await
            .map_err(|e| fault::engine(&e))?;
        for volume in answer.volumes.unwrap_or_default() {
            if !self.is_ours(Some(&volume.labels)) {
                continue;
            }
            let Some(app) = app_of(&volume.labels) else {
                continue;
            };
            let state = self.volume_state(&volume.name).await?;
            seen.apps
                .entry(app)
                .or_default()
                .volumes
                .insert(volume.name, state);
        }
        Ok(())
    }

    /// The ids of this box's containers, running or not, that carry these labels too.
    pub(super) async fn container_ids(
        &self,
        labels: impl IntoIterator<Item = String>,
    ) -> Answer<Vec<String>> {
        let mut filters = self.box_filter();
        filters
            .entry("label".to_owned())
            .or_default()
            .extend(labels);
        let options = ListContainersOptions {
            all: true,
            filters: Some(filters),
            ..Default::default()
        };
        let listed = self
            .client(QUICK)?
            .list_containers(Some(options))
            .await
            .map_err(|e| fault::engine(&e))?;
        Ok(listed
            .into_iter()
            .filter_map(|container| container.id)
            .collect())
    }

    async fn see_containers(&self, seen: &mut Seen) -> Answer<()> {
        let ids = self.container_ids([]).await?;
        // The list knows neither exit code nor health.
        let found: Vec<_> = stream::iter(ids)
            .map(|id| async move { self.inspect_container(&id).await })
            .buffer_unordered(AT_ONCE)
            .try_collect()
            .await?;
        for container in found.into_iter().flatten() {
            let Some(labels) = container.config.as_ref().and_then(|c| c.labels.as_ref()) else {
                continue;
            };
            let (Some(app), Some(service)) = (app_of(labels), service_of(labels)) else {
                continue;
            };
            if self.is_ours(Some(labels)) {
                let observed =
                    container::observed(&app, &service, &container, self.holds(&container));
                seen.apps
                    .entry(app)
                    .or_default()
                    .containers
                    .insert(service, observed);
            }
        }
        Ok(())
    }

    /// Every image of the machine.
    pub(super) async fn all_images(&self) -> Answer<Vec<bollard::models::ImageSummary>> {
        self.client(QUICK)?
            .list_images(None::<ListImagesOptions>)
            .await
            .map_err(|e| fault::engine(&e))
    }
}
