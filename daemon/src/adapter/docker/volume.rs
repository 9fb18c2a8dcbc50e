//! Volumes: made empty, or as a copy beside the old one.
//!
//! While a copy is being made, a file `volumes/<name>.copying` stands in the scratch folder, on the disk before the
//! volume is there and erased after its content is. A volume that is a copy and has such a file is a half copy. (The
//! other way round, a file that says "complete", would make every live copy look like half a one on the day the scratch
//! folder is lost, and half copies are removed.)

use std::collections::{BTreeMap, HashSet};
use std::fs::File;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use bollard::models::{Volume, VolumeCreateRequest};
use bollard::query_parameters::{ListVolumesOptions, RemoveVolumeOptions};
use lavoir_core::id::AppId;
use lavoir_core::observed::VolumeState;
use lavoir_core::text::Text;
use tokio::io::AsyncReadExt;
use tokio::process::Command;

use super::exec::Tail;
use super::labels::{COPY_OF, SNAPSHOT, app_of};
use super::{Docker, PULL, QUICK, fault};
use crate::ports::{Answer, Fault, Measure, OnMeasure, Unit};

/// Between two measures of a running copy.
const MEASURE_EVERY: Duration = Duration::from_millis(500);
/// Lines of a failed copy that are shown.
const COPY_LINES_MAX: usize = 10;

impl Docker {
    pub(super) async fn ensure_volume(&self, app: &AppId, name: &str) -> Answer<()> {
        match self.own_volume(app, name).await? {
            Some(volume) if self.volume_state(&volume.name).await? == VolumeState::Complete => {
                Ok(())
            }
            Some(_) => {
                self.drop_volume(app, name).await?;
                self.create_volume(app, name, None).await.map(|_| ())
            }
            None => {
                // Of a copy that never came to be: an empty volume is no half copy.
                let mark = self.copying_mark(name);
                self.blocking(move || erase_durably(&mark)).await?;
                self.create_volume(app, name, None).await.map(|_| ())
            }
        }
    }

    pub(super) async fn copy_volume(
        &self,
        app: &AppId,
        name: &str,
        source: &str,
        on_measure: OnMeasure<'_>,
    ) -> Answer<()> {
        if let Some(volume) = self.own_volume(app, name).await? {
            let is_copy = volume.labels.get(COPY_OF).is_some_and(|of| of == source);
            if self.volume_state(name).await? == VolumeState::Complete {
                return if is_copy {
                    Ok(())
                } else {
                    Err(not_that_copy(name, source))
                };
            }
            self.drop_volume(app, name).await?;
        }
        let what = Text::new("L'espace de données", "The volume");
        let from = self
            .own_volume(app, source)
            .await?
            .ok_or_else(|| fault::missing(what, source))?;
        let mark = self.copying_mark(name);
        self.blocking(move || write_durably(&mark)).await?;
        let label = (COPY_OF, source);
        let to = self.create_volume(app, name, Some(label)).await?;
        let copied = self
            .copy_content(
                Path::new(&from.mountpoint),
                Path::new(&to.mountpoint),
                on_measure,
            )
            .await;
        if let Err(fault) = copied {
            // Gives its room back at once; should that fail too, it is known as a half copy.
            if let Err(second) = self.drop_volume(app, name).await {
                tracing::warn!(volume = name, fault = %second, "a half copy could not be removed");
            }
            return Err(fault);
        }
        let mark = self.copying_mark(name);
        self.blocking(move || erase_durably(&mark)).await
    }

    /// A volume to be filled with what a snapshot has of it. Half of the same is gone on with.
    pub(super) async fn begin_restored(
        &self,
        app: &AppId,
        name: &str,
        snapshot: &str,
    ) -> Answer<PathBuf> {
        if let Some(volume) = self.own_volume(app, name).await? {
            let same = volume.labels.get(SNAPSHOT).is_some_and(|of| of == snapshot);
            if self.volume_state(name).await? == VolumeState::Complete {
                return Err(not_that_copy(name, snapshot));
            }
            if same {
                return Ok(PathBuf::from(volume.mountpoint));
            }
            self.drop_volume(app, name).await?;
        }
        let mark = self.copying_mark(name);
        self.blocking(move || write_durably(&mark)).await?;
        let label = (SNAPSHOT, snapshot);
        let volume = self.create_volume(app, name, Some(label)).await?;
        Ok(PathBuf::from(volume.mountpoint))
    }

    pub(super) async fn finish_restored(&self, name: &str) -> Answer<()> {
        let mark = self.copying_mark(name);
        self.blocking(move || erase_durably(&mark)).await
    }

    async fn copy_content(&self, from: &Path, to: &Path, on_measure: OnMeasure<'_>) -> Answer<()> {
        let path = from.to_owned();
        let before = self.blocking(move || Content::of(&path)).await?;
        let total = Some(before.bytes);
        on_measure(Measure {
            done: 0,
            total,
            unit: Unit::Bytes,
        });
        tokio::time::timeout(PULL, run_copy(from, to, before.bytes, on_measure))
            .await
            .map_err(|_| fault::slow())??;
        let path = to.to_owned();
        let after = self
            .blocking(move || {
                nix::unistd::syncfs(File::open(&path)?)?;
                Content::of(&path)
            })
            .await?;
        if (before.entries, before.bytes) != (after.entries, after.bytes) {
            return Err(unequal(&before, &after));
        }
        on_measure(Measure {
            done: before.bytes,
            total,
            unit: Unit::Bytes,
        });
        Ok(())
    }

    pub(super) async fn drop_volume(&self, app: &AppId, name: &str) -> Answer<()> {
        if self.own_volume(app, name).await?.is_some() {
            match self
                .client(QUICK)?
                .remove_volume(name, None::<RemoveVolumeOptions>)
                .await
            {
                Err(error) if !fault::is_absent(&error) => return Err(fault::engine(&error)),
                _ => {}
            }
        }
        let mark = self.copying_mark(name);
        self.blocking(move || erase_durably(&mark)).await
    }

    async fn create_volume(
        &self,
        app: &AppId,
        name: &str,
        from: Option<(&str, &str)>,
    ) -> Answer<Volume> {
        let mut labels = self.labels(app);
        labels.extend(from.map(|(label, source)| (label.to_owned(), source.to_owned())));
        let request = VolumeCreateRequest {
            name: Some(name.to_owned()),
            driver: Some("local".to_owned()),
            labels: Some(labels),
            ..Default::default()
        };
        let volume = self
            .client(QUICK)?
            .create_volume(request)
            .await
            .map_err(|e| fault::engine(&e))?;
        // Docker answers with the old one where somebody was quicker.
        if self.is_of_app(Some(&volume.labels), app) {
            Ok(volume)
        } else {
            Err(fault::stranger(name))
        }
    }

    /// The app's volume; none when it is not there, a fault when its name belongs to somebody else.
    pub(super) async fn own_volume(&self, app: &AppId, name: &str) -> Answer<Option<Volume>> {
        match self.client(QUICK)?.inspect_volume(name).await {
            Ok(volume) if self.is_of_app(Some(&volume.labels), app) => Ok(Some(volume)),
            Ok(_) => Err(fault::stranger(name)),
            Err(error) if fault::is_absent(&error) => Ok(None),
            Err(error) => Err(fault::engine(&error)),
        }
    }

    pub(super) async fn volume_state(&self, name: &str) -> Answer<VolumeState> {
        let mark = self.copying_mark(name);
        let half = tokio::fs::try_exists(&mark)
            .await
            .map_err(|e| fault::scratch(&mark, &e))?;
        Ok(if half {
            VolumeState::HalfCopied
        } else {
            VolumeState::Complete
        })
    }

    fn copying_mark(&self, name: &str) -> PathBuf {
        self.images
            .scratch
            .join("volumes")
            .join(format!("{name}.copying"))
    }

    /// By walking the volumes: the engine's own account (`/system/df`) also measures every image and container.
    pub(super) async fn volumes_mib(&self) -> Answer<BTreeMap<AppId, u64>> {
        let options = ListVolumesOptions {
            filters: Some(self.box_filter()),
        };
        let answer = self
            .client(QUICK)?
            .list_volumes(Some(options))
            .await
            .map_err(|e| fault::engine(&e))?;
        let ours: Vec<(AppId, PathBuf)> = answer
            .volumes
            .unwrap_or_default()
            .into_iter()
            .filter(|volume| self.is_ours(Some(&volume.labels)))
            .filter_map(|volume| Some((app_of(&volume.labels)?, PathBuf::from(volume.mountpoint))))
            .collect();
        self.blocking(move || {
            let mut bytes: BTreeMap<AppId, u64> = BTreeMap::new();
            for (app, path) in ours {
                *bytes.entry(app).or_default() += match Content::of(&path) {
                    Ok(content) => content.on_disk,
                    // Removed meanwhile.
                    Err(error) if error.kind() == io::ErrorKind::NotFound => 0,
                    Err(error) => return Err(error),
                };
            }
            Ok(bytes
                .into_iter()
                .map(|(app, bytes)| (app, bytes.div_ceil(1 << 20)))
                .collect())
        })
        .await
    }

    /// Disk work, on a thread that may wait.
    pub(super) async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> io::Result<T> + Send + 'static,
    ) -> Answer<T> {
        tokio::task::spawn_blocking(work)
            .await
            .unwrap_or_else(|error| Err(io::Error::other(error)))
            .map_err(|error| fault::scratch(&self.images.scratch, &error))
    }
}

/// GNU cp keeps owners, modes, times, extended attributes, hard links and holes, and shares blocks where the file
/// system can.
async fn run_copy(from: &Path, to: &Path, total: u64, on_measure: OnMeasure<'_>) -> Answer<()> {
    let failed = |error: &io::Error| copy_failed(vec![error.to_string()]);
    let mut child = Command::new("cp")
        .args(["--archive", "--reflink=auto", "--sparse=auto", "--"])
        .arg(from.join("."))
        .arg(to)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .map_err(|e| failed(&e))?;
    let pid = child.id();
    let mut errors = child.stderr.take();
    let listen = async {
        let mut tail = Tail::new(COPY_LINES_MAX);
        let mut buffer = [0; 4096];
        while let Some(stream) = errors.as_mut() {
            match stream.read(&mut buffer).await {
                Ok(read) if read > 0 => tail.push(&buffer[..read]),
                _ => break,
            }
        }
        tail.lines()
    };
    let measure = async {
        loop {
            tokio::time::sleep(MEASURE_EVERY).await;
            if let Some(done) = written(pid).await {
                on_measure(Measure {
                    done: done.min(total),
                    total: Some(total),
                    unit: Unit::Bytes,
                });
            }
        }
    };
    let finish = async { tokio::join!(child.wait(), listen) };
    let (status, lines) = tokio::select! {
        ended = finish => ended,
        () = measure => return Err(fault::slow()),
    };
    match status {
        Ok(status) if status.success() => Ok(()),
        Ok(_) => Err(copy_failed(lines)),
        Err(error) => Err(failed(&error)),
    }
}

/// Bytes a process has handed to the kernel to write.
async fn written(pid: Option<u32>) -> Option<u64> {
    let io = tokio::fs::read_to_string(format!("/proc/{}/io", pid?))
        .await
        .ok()?;
    io.lines()
        .find_map(|line| line.strip_prefix("wchar: "))?
        .trim()
        .parse()
        .ok()
}

/// What is under a folder.
#[derive(Debug, Default)]
struct Content {
    entries: u64,
    /// Of regular files, each counted once.
    bytes: u64,
    /// Blocks taken.
    on_disk: u64,
}

impl Content {
    fn of(root: &Path) -> io::Result<Self> {
        let mut content = Self::default();
        let mut linked = HashSet::new();
        let mut folders = vec![root.to_owned()];
        content.on_disk += std::fs::symlink_metadata(root)?.blocks() * 512;
        while let Some(folder) = folders.pop() {
            let entries = match std::fs::read_dir(&folder) {
                Ok(entries) => entries,
                // A running app removes folders.
                Err(error) if error.kind() == io::ErrorKind::NotFound && folder != root => continue,
                Err(error) => return Err(error),
            };
            for entry in entries {
                let entry = entry?;
                let facts = match entry.metadata() {
                    Ok(facts) => facts,
                    // A running app removes files.
                    Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                    Err(error) => return Err(error),
                };
                content.entries += 1;
                if facts.is_dir() {
                    folders.push(entry.path());
                }
                if facts.nlink() > 1
                    && !facts.is_dir()
                    && !linked.insert((facts.dev(), facts.ino()))
                {
                    continue;
                }
                content.on_disk += facts.blocks() * 512;
                if facts.is_file() {
                    content.bytes += facts.len();
                }
            }
        }
        Ok(content)
    }
}

fn write_durably(path: &Path) -> io::Result<()> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)?;
    }
    File::create(path)?.sync_all()?;
    sync_folder(path)
}

fn erase_durably(path: &Path) -> io::Result<()> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
        Ok(()) => sync_folder(path),
    }
}

fn sync_folder(path: &Path) -> io::Result<()> {
    path.parent()
        .map_or(Ok(()), |folder| File::open(folder)?.sync_all())
}

fn copy_failed(lines: Vec<String>) -> Fault {
    if lines.iter().any(|line| fault::is_disk_full(line)) {
        return fault::disk_full(lines.last().cloned().unwrap_or_default());
    }
    Fault::passing(
        "copy-failed",
        Text::new("Les données n'ont pas pu être mises de côté.", "The data could not be set aside."),
        Text::new(
            "Les données en place n'ont pas changé. La raison est ci-dessous ; la machine réessaie d'elle-même.",
            "The data in place has not changed. The reason is below; the box tries again by itself.",
        ),
    )
    .with_lines(lines)
}

fn unequal(before: &Content, after: &Content) -> Fault {
    copy_failed(vec![format!(
        "copied {} files and folders, {} bytes, of {}, {} bytes",
        after.entries, after.bytes, before.entries, before.bytes
    )])
}

fn not_that_copy(name: &str, source: &str) -> Fault {
    Fault::lasting(
        "volume-not-that-copy",
        Text::new(
            format!(
                "L'espace de données « {name} » existe déjà et n'est pas une copie de « {source} »."
            ),
            format!("The volume “{name}” is already there and is not a copy of “{source}”."),
        ),
        Text::new(
            "On n'y touche pas. Sauvegardez ce qu'il contient, puis enlevez-le vous-même avec docker volume rm.",
            "It is left alone. Save what is in it, then remove it yourself with docker volume rm.",
        ),
    )
}
