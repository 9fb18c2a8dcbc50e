//! What can be typed after `backup`.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use lavoir_core::backup::{KeepRule, RepositoryId};
use lavoir_core::id::AppId;

use super::WaitArgs;

/// After `backup`.
#[derive(Debug, Subcommand)]
pub enum BackupCommand {
    /// Repositories, what was saved in them, what is under way
    #[command(after_help = "Example:\n  lavoir backup list")]
    List,
    /// Have backups go to a folder, best on another disk
    #[command(after_help = "\
Examples:
  lavoir backup add disk --folder /media/backups/lavoir
  lavoir backup add disk --folder /media/backups/lavoir --key-file /root/key    a repository that is there already
  lavoir backup add disk --folder /media/backups/lavoir --every 7 --keep-weekly 10

Then note its key, away from this machine: lavoir backup key disk")]
    Add(AddArgs),
    /// Give a repository another rhythm, or keep other snapshots
    #[command(after_help = "Example:\n  lavoir backup change disk --keep-daily 30")]
    Change {
        /// Which repository
        #[arg(value_name = "REPOSITORY")]
        repository: RepositoryId,
        /// What changes
        #[command(flatten)]
        rhythm: RhythmArgs,
    },
    /// Save everything now, or one app
    #[command(after_help = "Examples:\n  lavoir backup now\n  lavoir backup now disk --app blog")]
    Now {
        /// Where; all repositories by default
        #[arg(value_name = "REPOSITORY")]
        repository: Option<RepositoryId>,
        /// This app only
        #[arg(long, value_name = "APP")]
        app: Option<AppId>,
        /// Whether to wait
        #[command(flatten)]
        wait: WaitArgs,
    },
    /// Let a backup under way be
    #[command(after_help = "Example:\n  lavoir backup cancel disk")]
    Cancel {
        /// Where
        #[arg(value_name = "REPOSITORY")]
        repository: RepositoryId,
    },
    /// Snapshots, the latest first
    #[command(
        after_help = "Examples:\n  lavoir backup snapshots disk\n  lavoir backup snapshots disk --app blog"
    )]
    Snapshots {
        /// Where
        #[arg(value_name = "REPOSITORY")]
        repository: RepositoryId,
        /// Of this app only
        #[arg(long, value_name = "APP")]
        app: Option<AppId>,
    },
    /// What is in a folder of a snapshot
    #[command(after_help = "Example:\n  lavoir backup files disk 1f3a9c02 /data/uploads")]
    Files {
        /// Where
        #[arg(value_name = "REPOSITORY")]
        repository: RepositoryId,
        /// Which snapshot: the beginning of its name does
        #[arg(value_name = "SNAPSHOT")]
        snapshot: String,
        /// Which folder
        #[arg(value_name = "PATH", default_value = "/")]
        path: String,
    },
    /// Print a file of a snapshot
    #[command(
        after_help = "Example:\n  lavoir backup get disk 1f3a9c02 /data/uploads/plan.pdf > plan.pdf"
    )]
    Get {
        /// Where
        #[arg(value_name = "REPOSITORY")]
        repository: RepositoryId,
        /// Which snapshot: the beginning of its name does
        #[arg(value_name = "SNAPSHOT")]
        snapshot: String,
        /// Which file
        #[arg(value_name = "PATH")]
        path: String,
    },
    /// Make an app again what it was in a snapshot
    #[command(after_help = "\
Examples:
  lavoir backup restore blog                           from its latest snapshot
  lavoir backup restore blog --from disk --snapshot 1f3a9c02

What the app is now is kept until the restored one is proven well; if it does not come up, the app goes back.")]
    Restore(RestoreArgs),
    /// Print the key that opens a repository, with plain restic too; the ledger says that it was read
    #[command(after_help = "\
Examples:
  lavoir backup key disk
  RESTIC_PASSWORD=$(lavoir backup key disk) restic --repo /media/backups/lavoir snapshots")]
    Key {
        /// Of which repository
        #[arg(value_name = "REPOSITORY")]
        repository: RepositoryId,
    },
    /// Have backups go there no more; what lies there stays
    #[command(after_help = "Example:\n  lavoir backup remove disk")]
    Remove {
        /// Which repository
        #[arg(value_name = "REPOSITORY")]
        repository: RepositoryId,
        /// Ask for no confirmation
        #[arg(long, short)]
        yes: bool,
    },
}

/// Of `backup add`.
#[derive(Debug, Args)]
pub struct AddArgs {
    /// A short name for it
    #[arg(value_name = "REPOSITORY")]
    pub repository: RepositoryId,
    /// A folder of this machine: its whole path
    #[arg(long, value_name = "DIR")]
    pub folder: PathBuf,
    /// The key of a repository that is there already, in a file
    #[arg(long, value_name = "FILE")]
    pub key_file: Option<PathBuf>,
    /// How often, and what is kept
    #[command(flatten)]
    pub rhythm: RhythmArgs,
}

/// How often, and what is kept.
#[derive(Debug, Args)]
pub struct RhythmArgs {
    /// A backup every so many nights [default: 1]
    #[arg(long, value_name = "NIGHTS")]
    pub every: Option<u32>,
    /// Keep the last ones [default: 3]
    #[arg(long, value_name = "COUNT")]
    pub keep_last: Option<u32>,
    /// Keep the last one of so many days [default: 14]
    #[arg(long, value_name = "COUNT")]
    pub keep_daily: Option<u32>,
    /// Keep the last one of so many weeks [default: 8]
    #[arg(long, value_name = "COUNT")]
    pub keep_weekly: Option<u32>,
    /// Keep the last one of so many months [default: 12]
    #[arg(long, value_name = "COUNT")]
    pub keep_monthly: Option<u32>,
    /// Keep the last one of so many years [default: 2]
    #[arg(long, value_name = "COUNT")]
    pub keep_yearly: Option<u32>,
}

impl RhythmArgs {
    /// What was typed, and the rest as it was.
    pub fn over(&self, every_nights: u32, keep: KeepRule) -> (u32, KeepRule) {
        let keep = KeepRule {
            last: self.keep_last.unwrap_or(keep.last),
            daily: self.keep_daily.unwrap_or(keep.daily),
            weekly: self.keep_weekly.unwrap_or(keep.weekly),
            monthly: self.keep_monthly.unwrap_or(keep.monthly),
            yearly: self.keep_yearly.unwrap_or(keep.yearly),
        };
        (self.every.unwrap_or(every_nights), keep)
    }
}

/// Of `backup restore`.
#[derive(Debug, Args)]
pub struct RestoreArgs {
    /// Which app
    #[arg(value_name = "APP")]
    pub app: AppId,
    /// From which repository [default: the one with the latest snapshot]
    #[arg(long, value_name = "REPOSITORY")]
    pub from: Option<RepositoryId>,
    /// Which snapshot: the beginning of its name does [default: the latest]
    #[arg(long, value_name = "SNAPSHOT")]
    pub snapshot: Option<String>,
    /// Ask for no confirmation
    #[arg(long, short)]
    pub yes: bool,
    /// Whether to wait
    #[command(flatten)]
    pub wait: WaitArgs,
}
