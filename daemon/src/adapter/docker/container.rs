//! Containers: made, started, stopped, removed.

use std::collections::HashMap;
use std::net::IpAddr;
use std::time::Duration;

use bollard::models::{
    ContainerCreateBody, ContainerInspectResponse, ContainerStateStatusEnum, EndpointSettings,
    HealthConfig, HealthStatusEnum, HostConfig, HostConfigLogConfig, Mount, MountBindOptions,
    MountBindOptionsPropagationEnum, MountType, NetworkingConfig, PortBinding, RestartPolicy,
    RestartPolicyNameEnum,
};
use bollard::query_parameters::{
    CreateContainerOptions, InspectContainerOptions, RemoveContainerOptions, StartContainerOptions,
    StopContainerOptions,
};
use lavoir_core::id::{AppId, PartId};
use lavoir_core::limits::{CONTAINER_LOG_BYTES_MAX, CONTAINER_LOG_FILES_MAX, RESTARTS_PATIENT_MAX};
use lavoir_core::observed::{ObservedContainer, Run};
use lavoir_core::plan::{container_name, network_name};
use lavoir_core::recipe::Protocol;
use lavoir_core::release::Healthcheck;
use lavoir_core::text::Text;

use super::labels::{APP, SERVICE, SPEC};
use super::{Docker, QUICK, STOP_MARGIN_S, fault};
use crate::ports::{Answer, ContainerOrder};

const SECOND: Duration = Duration::from_secs(1);

impl Docker {
    pub(super) async fn make_and_start(&self, order: &ContainerOrder) -> Answer<()> {
        self.remove_container(&order.app, &order.service).await?;
        if self.own_network(&order.app).await?.is_none() {
            let what = Text::new("Le réseau", "The network");
            return Err(fault::missing(what, &network_name(&order.app)));
        }
        // Docker would make a missing volume by itself, without our label.
        for (volume, _, _) in &order.volumes {
            if self.own_volume(&order.app, volume).await?.is_none() {
                return Err(fault::missing(
                    Text::new("L'espace de données", "The volume"),
                    volume,
                ));
            }
        }
        let image = self.usable_image(order).await?;
        let name = container_name(&order.app, &order.service);
        let body = self.body(order, image).await?;
        let options = CreateContainerOptions {
            name: Some(name),
            ..Default::default()
        };
        let client = self.client(QUICK)?;
        let made = client
            .create_container(Some(options), body)
            .await
            .map_err(|e| fault::start(&e))?;
        for warning in made.warnings {
            tracing::info!(app = %order.app, service = %order.service, warning, "the engine warns");
        }
        client
            .start_container(&made.id, None::<StartContainerOptions>)
            .await
            .map_err(|e| fault::start(&e))
    }

    pub(super) async fn start_made(&self, app: &AppId, service: &PartId) -> Answer<()> {
        let id = self.needed_container(app, service).await?;
        self.client(QUICK)?
            .start_container(&id, None::<StartContainerOptions>)
            .await
            .map_err(|e| fault::start(&e))
    }

    pub(super) async fn stop_container(&self, app: &AppId, service: &PartId) -> Answer<()> {
        match self.own_container(app, service).await? {
            Some(container) => self.stop_found(&container).await,
            None => Ok(()),
        }
    }

    pub(super) async fn remove_container(&self, app: &AppId, service: &PartId) -> Answer<()> {
        let Some(container) = self.own_container(app, service).await? else {
            return Ok(());
        };
        self.stop_found(&container).await?;
        let id = id_of(container);
        // Volumes without a name go with it; ours have names.
        let options = RemoveContainerOptions {
            force: true,
            v: true,
            ..Default::default()
        };
        match self
            .client(QUICK)?
            .remove_container(&id, Some(options))
            .await
        {
            Err(error) if fault::said(&error).contains("already in progress") => {}
            Err(error) if fault::is_absent(&error) => return Ok(()),
            Err(error) => return Err(fault::engine(&error)),
            Ok(()) => return Ok(()),
        }
        for _ in 0..STOP_MARGIN_S {
            if self.own_container(app, service).await?.is_none() {
                return Ok(());
            }
            tokio::time::sleep(SECOND).await;
        }
        Err(fault::slow())
    }

    async fn stop_found(&self, container: &ContainerInspectResponse) -> Answer<()> {
        let running = container
            .state
            .as_ref()
            .is_some_and(|s| s.running == Some(true) || s.restarting == Some(true));
        if !running {
            return Ok(());
        }
        // Its own grace time and signal, as it was made.
        let grace = container
            .config
            .as_ref()
            .and_then(|c| c.stop_timeout)
            .unwrap_or(10)
            .clamp(0, 3_600);
        let wait = Duration::from_secs(u64::try_from(grace + STOP_MARGIN_S).unwrap_or_default());
        let id = container.id.as_deref().unwrap_or_default();
        match self
            .client(wait)?
            .stop_container(id, None::<StopContainerOptions>)
            .await
        {
            Err(error) if !fault::is_absent(&error) => Err(fault::engine(&error)),
            _ => Ok(()),
        }
    }

    pub(super) async fn look_at(
        &self,
        app: &AppId,
        service: &PartId,
    ) -> Answer<Option<ObservedContainer>> {
        Ok(self
            .own_container(app, service)
            .await?
            .map(|container| observed(app, service, &container, self.holds(&container))))
    }

    /// The service's container; none when it is not there, a fault when its name belongs to somebody else.
    pub(super) async fn own_container(
        &self,
        app: &AppId,
        service: &PartId,
    ) -> Answer<Option<ContainerInspectResponse>> {
        let name = container_name(app, service);
        let Some(container) = self.inspect_container(&name).await? else {
            return self.renamed_container(app, service).await;
        };
        let labels = container.config.as_ref().and_then(|c| c.labels.as_ref());
        if !self.is_of_service(labels, app, service) {
            return Err(fault::stranger(&name));
        }
        Ok(Some(container))
    }

    /// The service's container, if somebody has given it another name.
    async fn renamed_container(
        &self,
        app: &AppId,
        service: &PartId,
    ) -> Answer<Option<ContainerInspectResponse>> {
        let labels = [format!("{APP}={app}"), format!("{SERVICE}={service}")];
        match self.container_ids(labels).await?.first() {
            Some(id) => self.inspect_container(id).await,
            None => Ok(None),
        }
    }

    /// The id of the service's container, which must be there.
    pub(super) async fn needed_container(&self, app: &AppId, service: &PartId) -> Answer<String> {
        let container = self.own_container(app, service).await?.ok_or_else(|| {
            fault::missing(
                Text::new("Le conteneur", "The container"),
                &container_name(app, service),
            )
        })?;
        Ok(id_of(container))
    }

    pub(super) async fn inspect_container(
        &self,
        id: &str,
    ) -> Answer<Option<ContainerInspectResponse>> {
        match self
            .client(QUICK)?
            .inspect_container(id, None::<InspectContainerOptions>)
            .await
        {
            Ok(container) => Ok(Some(container)),
            Err(error) if fault::is_absent(&error) => Ok(None),
            Err(error) => Err(fault::engine(&error)),
        }
    }

    /// The image by the name the engine finds it under, if all that it keeps on the disk has a place.
    async fn usable_image(&self, order: &ContainerOrder) -> Answer<String> {
        let reference = order.filled.image.reference();
        let what = || Text::new("L'image", "The image");
        let name = self
            .find_image(reference)
            .await?
            .ok_or_else(|| fault::missing(what(), reference))?;
        let image = self
            .client(QUICK)?
            .inspect_image(&name)
            .await
            .map_err(|e| {
                if fault::is_absent(&e) {
                    fault::missing(what(), reference)
                } else {
                    fault::engine(&e)
                }
            })?;
        let declared = image.config.and_then(|c| c.volumes).unwrap_or_default();
        let covered = |path: &str| {
            let path = path.trim_end_matches('/');
            order
                .volumes
                .iter()
                .any(|(_, inside, _)| inside.trim_end_matches('/') == path)
                || order
                    .filled
                    .tmpfs
                    .keys()
                    .any(|inside| inside.trim_end_matches('/') == path)
        };
        match declared.iter().find(|path| !covered(path)) {
            Some(path) => Err(fault::unkept_data(path)),
            None => Ok(name),
        }
    }

    async fn body(&self, order: &ContainerOrder, image: String) -> Answer<ContainerCreateBody> {
        let service = &order.filled;
        let mut labels = self.labels(&order.app);
        labels.insert(SERVICE.to_owned(), order.service.to_string());
        labels.insert(SPEC.to_owned(), order.spec.clone());
        let network = network_name(&order.app);
        let endpoint = EndpointSettings {
            aliases: Some(vec![order.service.to_string()]),
            ..Default::default()
        };
        let exposed: Vec<String> = order.ports.iter().map(port_key).collect();
        Ok(ContainerCreateBody {
            user: service.user.clone(),
            env: Some(
                service
                    .environment
                    .iter()
                    .map(|(k, v)| format!("{k}={v}"))
                    .collect(),
            ),
            cmd: service.command.clone(),
            entrypoint: service.entrypoint.clone(),
            working_dir: service.working_dir.clone(),
            healthcheck: service.healthcheck.as_ref().map(health),
            image: Some(image),
            labels: Some(labels),
            stop_signal: service.stop_signal.clone(),
            stop_timeout: Some(i64::from(service.stop_grace_s)),
            exposed_ports: (!exposed.is_empty()).then_some(exposed),
            networking_config: Some(NetworkingConfig {
                endpoints_config: Some(HashMap::from([(network.clone(), endpoint)])),
            }),
            host_config: Some(self.host_config(order, network).await?),
            ..Default::default()
        })
    }

    async fn host_config(&self, order: &ContainerOrder, network: String) -> Answer<HostConfig> {
        let service = &order.filled;
        let memory = i64::try_from(service.memory_bytes).unwrap_or(i64::MAX);
        let policy = if service.one_shot {
            RestartPolicyNameEnum::NO
        } else {
            RestartPolicyNameEnum::UNLESS_STOPPED
        };
        let volumes = order.volumes.iter().map(|(name, inside, read_only)| Mount {
            typ: Some(MountType::VOLUME),
            source: Some(name.clone()),
            target: Some(inside.clone()),
            read_only: Some(*read_only),
            ..Default::default()
        });
        let files = order.files.iter().map(|(here, inside)| Mount {
            typ: Some(MountType::BIND),
            source: Some(here.to_string_lossy().into_owned()),
            target: Some(inside.clone()),
            read_only: Some(true),
            bind_options: Some(MountBindOptions {
                propagation: Some(MountBindOptionsPropagationEnum::RPRIVATE),
                ..Default::default()
            }),
            ..Default::default()
        });
        let ports = order.ports.iter().map(|published| {
            let binding = PortBinding {
                host_port: Some(published.port.to_string()),
                ..Default::default()
            };
            (port_key(published), Some(vec![binding]))
        });
        Ok(HostConfig {
            memory: Some(memory),
            // Equal: no swap. An engine without swap accounting says so and limits the memory alone.
            memory_swap: Some(memory),
            nano_cpus: Some(self.nano_cpus(service.cpu_milli).await?),
            pids_limit: Some(i64::from(service.pids_max)),
            shm_size: service
                .shm_bytes
                .map(|bytes| i64::try_from(bytes).unwrap_or(i64::MAX)),
            cap_drop: Some(vec!["ALL".to_owned()]),
            cap_add: (!service.cap_add.is_empty()).then(|| service.cap_add.clone()),
            security_opt: Some(vec!["no-new-privileges".to_owned()]),
            privileged: Some(false),
            readonly_rootfs: Some(service.read_only),
            tmpfs: (!service.tmpfs.is_empty()).then(|| {
                service
                    .tmpfs
                    .iter()
                    .map(|(k, v)| (k.clone(), v.clone()))
                    .collect()
            }),
            init: Some(service.init),
            log_config: Some(HostConfigLogConfig {
                typ: Some("json-file".to_owned()),
                config: Some(HashMap::from([
                    ("max-size".to_owned(), CONTAINER_LOG_BYTES_MAX.to_string()),
                    ("max-file".to_owned(), CONTAINER_LOG_FILES_MAX.to_string()),
                ])),
            }),
            restart_policy: Some(RestartPolicy {
                name: Some(policy),
                maximum_retry_count: None,
            }),
            network_mode: Some(network),
            publish_all_ports: Some(false),
            port_bindings: (!order.ports.is_empty()).then(|| ports.collect()),
            mounts: Some(volumes.chain(files).collect()),
            ..Default::default()
        })
    }

    /// The engine refuses more processors than it has.
    async fn nano_cpus(&self, milli: u32) -> Answer<i64> {
        let (cores, _) = self.size().await?;
        Ok((i64::from(milli) * 1_000_000).min(cores * 1_000_000_000))
    }
}

/// What a container does, in the core's words.
pub(super) fn observed(
    app: &AppId,
    service: &PartId,
    container: &ContainerInspectResponse,
    held: bool,
) -> ObservedContainer {
    let labels = container.config.as_ref().and_then(|c| c.labels.as_ref());
    let made_from = labels.and_then(|l| l.get(SPEC)).cloned();
    let network = container
        .network_settings
        .as_ref()
        .and_then(|s| s.networks.as_ref()?.get(&network_name(app)));
    let name = container.name.as_deref().unwrap_or_default();
    let paused = container.state.as_ref().and_then(|s| s.paused) == Some(true);
    // What somebody has renamed, paused or cut off is not what it was made as: it is made anew.
    let as_made = network.is_some()
        && (!paused || held)
        && name.trim_start_matches('/') == container_name(app, service);
    ObservedContainer {
        spec: made_from.filter(|_| as_made).unwrap_or_default(),
        run: run(container, held),
        address: network.and_then(|n| n.ip_address.as_deref()?.parse::<IpAddr>().ok()),
    }
}

/// The engine calls a container that stood still unwell until its next health check.
fn run(container: &ContainerInspectResponse, held: bool) -> Run {
    use ContainerStateStatusEnum as Status;
    let Some(state) = &container.state else {
        return Run::Created;
    };
    let health = state.health.as_ref().and_then(|h| h.status);
    match state.status {
        Some(Status::RUNNING | Status::PAUSED | Status::STOPPING) => match health {
            Some(HealthStatusEnum::STARTING) => Run::Starting,
            Some(HealthStatusEnum::UNHEALTHY) if !held => Run::Unhealthy,
            _ => Run::Healthy,
        },
        // Between two tries of a container that falls over: not there yet, until it has fallen too often.
        Some(Status::RESTARTING) if container.restart_count.unwrap_or(0) < RESTARTS_PATIENT_MAX => {
            Run::Starting
        }
        Some(Status::RESTARTING | Status::EXITED | Status::DEAD | Status::REMOVING) => {
            Run::Exited(state.exit_code.unwrap_or(-1))
        }
        _ => Run::Created,
    }
}

fn health(check: &Healthcheck) -> HealthConfig {
    let nanoseconds = |ms: u64| {
        i64::try_from(ms)
            .unwrap_or(i64::MAX)
            .saturating_mul(1_000_000)
    };
    HealthConfig {
        test: Some(check.test.clone()),
        interval: Some(nanoseconds(check.interval_ms)),
        timeout: Some(nanoseconds(check.timeout_ms)),
        retries: Some(i64::from(check.retries)),
        start_period: Some(nanoseconds(check.start_period_ms)),
        ..Default::default()
    }
}

fn port_key(published: &lavoir_core::release::PublishedPort) -> String {
    let protocol = match published.protocol {
        Protocol::Tcp => "tcp",
        Protocol::Udp => "udp",
    };
    format!("{}/{protocol}", published.port)
}

fn id_of(container: ContainerInspectResponse) -> String {
    container.id.unwrap_or_default()
}
