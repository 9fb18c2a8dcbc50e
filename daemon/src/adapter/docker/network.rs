//! Each app's own network.

use bollard::models::{Network, NetworkCreateRequest};
use bollard::query_parameters::ListNetworksOptions;
use lavoir_core::id::AppId;
use lavoir_core::ledger::hex;
use lavoir_core::plan::network_name;
use sha2::{Digest, Sha256};

use super::fence::BRIDGES;
use super::{Docker, QUICK, fault};
use crate::ports::Answer;

impl Docker {
    pub(super) async fn ensure_network(&self, app: &AppId) -> Answer<()> {
        let _turn = self.network_turn.lock().await;
        if self.own_network(app).await?.is_some() {
            return Ok(());
        }
        if let Some(fence) = &self.fence {
            fence.keep(true).await;
        }
        let bridge = (
            "com.docker.network.bridge.name".to_owned(),
            self.bridge(app),
        );
        let request = NetworkCreateRequest {
            name: network_name(app),
            driver: Some("bridge".to_owned()),
            options: Some([bridge].into()),
            // Whatever the engine's default: the packet filter before the apps knows IPv4 alone (decision 0016).
            enable_ipv6: Some(false),
            labels: Some(self.labels(app)),
            ..Default::default()
        };
        self.client(QUICK)?
            .create_network(request)
            .await
            .map_err(|e| fault::network(&e))?;
        Ok(())
    }

    /// A name of 15 signs at most, another one for each engine, box and app.
    fn bridge(&self, app: &AppId) -> String {
        let mut hash = Sha256::new();
        for part in [self.socket.as_str(), &self.box_id, app.as_str()] {
            hash.update((part.len() as u64).to_be_bytes());
            hash.update(part);
        }
        format!("{BRIDGES}{}", &hex(&hash.finalize())[..11])
    }

    pub(super) async fn drop_network(&self, app: &AppId) -> Answer<()> {
        let _turn = self.network_turn.lock().await;
        let Some(network) = self.own_network(app).await? else {
            return Ok(());
        };
        let id = network.id.unwrap_or_else(|| network_name(app));
        match self.client(QUICK)?.remove_network(&id).await {
            Err(error) if !fault::is_absent(&error) => Err(fault::engine(&error)),
            _ => Ok(()),
        }
    }

    /// The app's network; none when it is not there, a fault when its name belongs to somebody else.
    pub(super) async fn own_network(&self, app: &AppId) -> Answer<Option<Network>> {
        let name = network_name(app);
        let options = ListNetworksOptions {
            filters: Some([("name".to_owned(), vec![name.clone()])].into()),
        };
        let networks = self
            .client(QUICK)?
            .list_networks(Some(options))
            .await
            .map_err(|e| fault::engine(&e))?;
        let mut own = None;
        // The engine's filter also finds longer names.
        for network in networks
            .into_iter()
            .filter(|n| n.name.as_deref() == Some(&name))
        {
            if !self.is_of_app(network.labels.as_ref(), app) {
                return Err(fault::stranger(&name));
            }
            own = Some(network);
        }
        Ok(own)
    }
}
