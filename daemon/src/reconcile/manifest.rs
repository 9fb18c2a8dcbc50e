//! `lavoir.json`: what a snapshot says of itself, enough to bring the app up elsewhere.

use lavoir_core::app::App;
use lavoir_core::id::{AppId, Timestamp};
use lavoir_core::limits;
use lavoir_core::release::Release;
use lavoir_core::state::State;
use lavoir_core::text::Text;
use serde::{Deserialize, Serialize};
use tokio::io::AsyncReadExt as _;
use zeroize::Zeroizing;

use crate::ports::{Answer, Bytes, Fault};

/// Where it stands in a snapshot.
pub const MANIFEST: &str = "/lavoir.json";

const FORMAT: u32 = 1;

/// See the module.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// 1.
    pub format: u32,
    /// Which box saved it.
    pub box_id: String,
    /// Which app.
    pub app: AppId,
    /// When it was first installed: its secrets are of that life.
    pub installed_at: Timestamp,
    /// What it was: images by digest or with all they are made from, volumes, databases, routes.
    pub release: Release,
}

impl Manifest {
    pub(super) fn of(state: &State, app: &App, release: &Release) -> Self {
        let box_id = state.identity().map(|identity| identity.box_id.clone());
        Self {
            format: FORMAT,
            box_id: box_id.unwrap_or_default(),
            app: app.id.clone(),
            installed_at: app.installed_at,
            release: release.clone(),
        }
    }

    pub(super) fn write(&self) -> Answer<Zeroizing<Vec<u8>>> {
        let bytes = serde_json::to_vec_pretty(self);
        bytes.map(Zeroizing::new).map_err(|_| unsound())
    }

    /// Reads one from a snapshot.
    ///
    /// # Errors
    /// When it is none, or of a later format.
    pub async fn read(mut from: Bytes) -> Answer<Self> {
        let most = 2 * limits::ENTRY_BYTES_MAX as u64;
        let mut bytes = Vec::new();
        let read = (&mut from).take(most).read_to_end(&mut bytes).await;
        read.map_err(|_| unsound())?;
        #[derive(Deserialize)]
        struct Format {
            format: u32,
        }
        let format: Format = serde_json::from_slice(&bytes).map_err(|_| unsound())?;
        match format.format {
            FORMAT => {
                let manifest: Self = serde_json::from_slice(&bytes).map_err(|_| unsound())?;
                // Whoever has the key could have written it.
                match manifest.release.is_whole() {
                    true => Ok(manifest),
                    false => Err(unsound()),
                }
            }
            later => Err(of_later(later)),
        }
    }
}

fn unsound() -> Fault {
    Fault::lasting(
        "snapshot-unsound",
        Text::new(
            "Cette sauvegarde ne dit pas ce qu'elle contient : ce n'est pas celle d'un service.",
            "This snapshot does not say what is in it: it is not one of an app.",
        ),
        Text::new(
            "Choisissez-en une autre. Ses fichiers restent lisibles un par un.",
            "Choose another one. Its files can still be read one by one.",
        ),
    )
}

fn of_later(format: u32) -> Fault {
    Fault::lasting(
        "snapshot-newer",
        Text::new(
            format!(
                "Cette sauvegarde vient d'une version plus récente de Lavoir (format {format})."
            ),
            format!("This snapshot comes from a later version of Lavoir (format {format})."),
        ),
        Text::new(
            "Mettez Lavoir à jour sur cette machine, puis redemandez.",
            "Update Lavoir on this box, then ask again.",
        ),
    )
}
