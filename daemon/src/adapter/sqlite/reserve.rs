//! Room kept on the disk for the ledger alone: on a full disk people must still be able to say what may go.

use std::fs;
use std::io::{self, Write as _};
use std::path::PathBuf;

use lavoir_core::limits::{LEDGER_RESERVE_BYTES, LEDGER_RESERVE_FREE_BYTES};

/// A file that takes up room until the room is needed.
pub struct Reserve {
    path: PathBuf,
}

impl Reserve {
    /// In this file.
    pub fn new(path: PathBuf) -> Self {
        Self { path }
    }

    /// Takes the room, where it is not taken and the disk has plenty.
    pub fn keep(&self) {
        if self.path.exists() || !self.plenty() {
            return;
        }
        if let Err(error) = self.fill() {
            tracing::warn!(%error, "no room could be kept for the ledger");
            let _ = fs::remove_file(&self.path);
        }
    }

    /// Gives the room back; whether there was any.
    pub fn spend(&self) -> bool {
        fs::remove_file(&self.path).is_ok()
    }

    fn plenty(&self) -> bool {
        let folder = self.path.parent().unwrap_or(&self.path);
        nix::sys::statvfs::statvfs(folder).is_ok_and(|disk| {
            disk.blocks_available().saturating_mul(disk.fragment_size())
                >= LEDGER_RESERVE_FREE_BYTES
        })
    }

    /// Written through: a file with holes would keep nothing.
    fn fill(&self) -> io::Result<()> {
        let mut file = fs::File::create(&self.path)?;
        let block = [0xA5; 64 * 1024];
        for _ in 0..LEDGER_RESERVE_BYTES / block.len() {
            file.write_all(&block)?;
        }
        file.sync_all()
    }
}
