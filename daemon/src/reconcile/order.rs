//! From a release to the order for one container, all placeholders filled in.

use lavoir_core::app::App;
use lavoir_core::id::PartId;
use lavoir_core::plan::volume_name;
use lavoir_core::release::{MountSource, Service};

use super::faults::{inconsistent, unfilled};
use crate::ports::{Answer, AppFiles, ContainerOrder, Values};
use crate::recipe;

/// The order for one of the app's containers.
pub(super) async fn container(
    files: &impl AppFiles,
    app: &App,
    service: &PartId,
    spec: &str,
) -> Answer<ContainerOrder> {
    let Some(shape) = app.release.services.get(service) else {
        return Err(inconsistent("service", service.as_str()));
    };
    let values = files.values(&app.id, &app.release).await?;
    let mut volumes = Vec::new();
    let mut binds = Vec::new();
    for mount in &shape.mounts {
        match &mount.source {
            MountSource::Volume(volume) => {
                let name = volume_name(&app.id, volume, app.generation);
                volumes.push((name, mount.path.clone(), mount.read_only));
            }
            MountSource::File(name) => {
                binds.push((files.file_path(&app.id, name), mount.path.clone()))
            }
        }
    }
    for secret in &shape.secrets {
        binds.push((
            files.secret_path(&app.id, service, &secret.secret),
            secret.path.clone(),
        ));
    }
    let ports = app
        .release
        .ports
        .iter()
        .filter(|port| port.service == *service)
        .cloned()
        .collect();
    Ok(ContainerOrder {
        app: app.id.clone(),
        service: service.clone(),
        spec: spec.to_owned(),
        filled: filled(shape, &values)?,
        volumes,
        files: binds,
        ports,
    })
}

/// A command with its placeholders filled in.
pub(super) fn words(words: &[String], values: &Values) -> Answer<Vec<String>> {
    words
        .iter()
        .map(|word| recipe::fill(word, &values.0).map_err(unfilled))
        .collect()
}

/// Every text that the reader renders: environment, commands, user, folder, health check.
fn filled(shape: &Service, values: &Values) -> Answer<Service> {
    let text = |text: &String| recipe::fill(text, &values.0).map_err(unfilled);
    let list =
        |list: &Option<Vec<String>>| list.as_ref().map(|list| words(list, values)).transpose();
    let mut service = shape.clone();
    service.command = list(&shape.command)?;
    service.entrypoint = list(&shape.entrypoint)?;
    for value in service.environment.values_mut() {
        *value = text(value)?;
    }
    service.user = shape.user.as_ref().map(text).transpose()?;
    service.working_dir = shape.working_dir.as_ref().map(text).transpose()?;
    if let Some(check) = &mut service.healthcheck {
        check.test = words(&check.test, values)?;
    }
    Ok(service)
}
