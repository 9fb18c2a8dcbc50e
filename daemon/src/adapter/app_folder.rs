//! Each app's folder: rendered configuration, secrets, private answers, hooks done.
//!
//! ```text
//! apps/<app>/secrets/<id>            each secret, 0600
//! apps/<app>/mounts/<service>/<id>   a service's copy, with the owner it asks for
//! apps/<app>/files/<name>            rendered configuration
//! apps/<app>/answers.json            private answers by commitment, 0600
//! apps/<app>/hooks                   hooks done: revision and place, a line each
//! apps/<app>/loaded                 dumps loaded: revision and database, a line each
//! apps/<app>/written                 digest of what files and secrets were made from
//! ```

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::{fs, io};

use base64::Engine as _;
use lavoir_core::id::{AppId, PartId, Revision};
use lavoir_core::recipe::Alphabet;
use lavoir_core::release::{Answer as Answered, Release};
use lavoir_core::text::Text;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::durable::{self, Access};
use crate::ports::{Answer, AppFiles, Entropy, Fault, Keepsakes, PrivateAnswer, SeenFiles, Values};
use crate::recipe::{self, BoxFacts};

/// All apps' folders, under one folder.
pub struct AppFolders<E> {
    root: PathBuf,
    entropy: Arc<E>,
    box_facts: BoxFacts,
}

impl<E: Entropy> AppFolders<E> {
    /// Under `root`, which is made if need be.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn open(root: PathBuf, entropy: Arc<E>, box_facts: BoxFacts) -> Answer<Self> {
        durable::make_folder(&root).map_err(|error| cannot("write", &root, &error))?;
        Ok(Self {
            root,
            entropy,
            box_facts,
        })
    }

    fn folder(&self, app: &AppId) -> PathBuf {
        self.root.join(app.as_str())
    }

    /// Files and mounted secrets of an earlier release: nobody reads them any more.
    fn remove_unnamed(&self, app: &AppId, release: &Release) -> Answer<()> {
        let files = self.folder(app).join("files");
        remove_others(&files, |name| {
            let mut named = release.files.keys();
            named.any(|file| file.split('/').next() == Some(name))
        })?;
        let mounts = self.folder(app).join("mounts");
        let mounted = |service: &str| -> Option<Vec<&str>> {
            let shape = release
                .services
                .iter()
                .find(|(id, _)| id.as_str() == service)?
                .1;
            Some(
                shape
                    .secrets
                    .iter()
                    .map(|mount| mount.secret.as_str())
                    .collect(),
            )
        };
        remove_others(&mounts, |service| mounted(service).is_some())?;
        for service in release.services.keys() {
            let named = mounted(service.as_str()).unwrap_or_default();
            remove_others(&mounts.join(service.as_str()), |name| named.contains(&name))?;
        }
        Ok(())
    }

    /// Made by [`AppFiles::write`] alone: whoever else asks must find it.
    fn make_secrets(
        &self,
        app: &AppId,
        release: &Release,
        known: &BTreeSet<&PartId>,
    ) -> Answer<()> {
        for (id, shape) in &release.secrets {
            let path = self.secret_file(app, id);
            let there = durable::read(&path).map_err(|error| cannot("read", &path, &error))?;
            if there.is_none() && known.contains(id) {
                return Err(secret_lost(app, id));
            }
            if there.is_none() {
                let secret = make_secret(shape.alphabet, shape.length, &*self.entropy);
                self.put(&path, secret.as_bytes(), Access::PRIVATE)?;
            }
        }
        Ok(())
    }

    fn secret_file(&self, app: &AppId, id: &PartId) -> PathBuf {
        self.folder(app).join("secrets").join(id.as_str())
    }

    fn secret(&self, app: &AppId, id: &PartId) -> Answer<Zeroizing<String>> {
        let path = self.secret_file(app, id);
        let bytes = durable::read(&path).map_err(|error| cannot("read", &path, &error))?;
        let bytes = bytes.ok_or_else(|| secret_lost(app, id))?;
        let text = String::from_utf8(bytes);
        text.map(Zeroizing::new)
            .map_err(|error| cannot("read", &path, &io::Error::other(error)))
    }

    fn put(&self, path: &Path, bytes: &[u8], access: Access) -> Answer<()> {
        let written = match path.parent() {
            Some(folder) => {
                durable::make_folder(folder).and_then(|()| durable::write(path, bytes, access))
            }
            None => Err(io::Error::other("a file needs a folder")),
        };
        written.map_err(|error| cannot("write", path, &error))
    }

    fn all_values(&self, app: &AppId, release: &Release) -> Answer<recipe::Values> {
        let mut secrets = BTreeMap::new();
        for id in release.secrets.keys() {
            secrets.insert(id.clone(), self.secret(app, id)?);
        }
        let private = self.kept_answers(app, release)?;
        for (id, answer) in &release.answers {
            if matches!(answer, Answered::Private { .. }) && !private.contains_key(id) {
                return Err(answer_lost(app, id));
            }
        }
        Ok(recipe::Values::of(
            release,
            app,
            private,
            secrets,
            &self.box_facts,
        ))
    }

    /// Those that are there; one that is lost can be given anew.
    fn kept_answers(
        &self,
        app: &AppId,
        release: &Release,
    ) -> Answer<BTreeMap<PartId, Zeroizing<String>>> {
        let kept = self.answers(app)?;
        let mut answers = BTreeMap::new();
        for (id, answer) in &release.answers {
            if let Answered::Private { commitment } = answer
                && let Some(entry) = kept.0.get(commitment)
            {
                answers.insert(id.clone(), Zeroizing::new(entry.value.clone()));
            }
        }
        Ok(answers)
    }

    fn answers(&self, app: &AppId) -> Answer<KeptAnswers> {
        let path = self.folder(app).join("answers.json");
        let bytes = durable::read(&path).map_err(|error| cannot("read", &path, &error))?;
        match bytes {
            None => Ok(KeptAnswers::default()),
            Some(bytes) => serde_json::from_slice(&bytes)
                .map_err(|error| cannot("read", &path, &io::Error::other(error))),
        }
    }
}

/// `answers.json`: commitment → answer, so that the answers of an older release are there for the way back.
#[derive(Default, Serialize, Deserialize)]
#[serde(transparent)]
struct KeptAnswers(BTreeMap<String, KeptAnswer>);

#[derive(Serialize, Deserialize)]
struct KeptAnswer {
    salt: String,
    value: String,
}

/// Forgets the hooks done for decisions from this one on, of all apps under this folder: those decisions were set aside
/// with a part of the ledger, and others will have their numbers. A hook may run twice, never not at all.
///
/// # Errors
/// As the file system says.
pub fn forget_hooks_from(folder: &Path, first: u64) -> io::Result<()> {
    let apps = match fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        apps => apps?,
    };
    for app in apps {
        let app = app?.path();
        for file in [app.join("hooks"), app.join("loaded")] {
            let Some(noted) = durable::read(&file)? else {
                continue;
            };
            let noted = String::from_utf8_lossy(&noted).into_owned();
            let revision = |line: &str| line.split_once(' ')?.0.parse::<u64>().ok();
            let stays = |line: &&str| revision(line).is_some_and(|revision| revision < first);
            let kept: String = noted
                .lines()
                .filter(stays)
                .map(|line| format!("{line}\n"))
                .collect();
            if kept != noted {
                durable::write(&file, kept.as_bytes(), Access::PRIVATE)?;
            }
        }
    }
    Ok(())
}

impl<E: Entropy> AppFiles for AppFolders<E> {
    async fn observe(&self, app: &AppId) -> Answer<SeenFiles> {
        let read = |name: &str| {
            let path = self.folder(app).join(name);
            let bytes = durable::read(&path).map_err(|error| cannot("read", &path, &error))?;
            Ok(bytes.map(|bytes| String::from_utf8_lossy(&bytes).into_owned()))
        };
        let hooks_done = read("hooks")?
            .unwrap_or_default()
            .lines()
            .filter_map(hook_line)
            .collect();
        let loaded = read("loaded")?
            .unwrap_or_default()
            .lines()
            .filter_map(loaded_line)
            .collect();
        Ok(SeenFiles {
            digest: read("written")?,
            hooks_done,
            loaded,
        })
    }

    async fn write(
        &self,
        app: &AppId,
        release: &Release,
        known: &BTreeSet<&PartId>,
        digest: &str,
    ) -> Answer<()> {
        self.make_secrets(app, release, known)?;
        let values = self.all_values(app, release)?;
        for (name, template) in &release.files {
            let text = recipe::render_file(template, name, &values).map_err(cannot_render)?;
            let access = Access {
                mode: template.mode,
                owner: Some((template.uid, template.gid)),
            };
            self.put(&self.file_path(app, name), text.as_bytes(), access)?;
        }
        for (service, shape) in &release.services {
            for mount in &shape.secrets {
                if !release.secrets.contains_key(&mount.secret) {
                    continue;
                }
                let value = self.secret(app, &mount.secret)?;
                let access = Access {
                    mode: mount.mode,
                    owner: Some((mount.uid, mount.gid)),
                };
                self.put(
                    &self.secret_path(app, service, &mount.secret),
                    value.as_bytes(),
                    access,
                )?;
            }
        }
        self.remove_unnamed(app, release)?;
        // Last: a digest that is there says that all before it is.
        self.put(
            &self.folder(app).join("written"),
            digest.as_bytes(),
            Access::PRIVATE,
        )
    }

    async fn values(&self, app: &AppId, release: &Release) -> Answer<Values> {
        Ok(Values(self.all_values(app, release)?.placeholders()))
    }

    fn file_path(&self, app: &AppId, name: &str) -> PathBuf {
        self.folder(app).join("files").join(name)
    }

    fn secret_path(&self, app: &AppId, service: &PartId, secret: &PartId) -> PathBuf {
        self.folder(app)
            .join("mounts")
            .join(service.as_str())
            .join(secret.as_str())
    }

    async fn note_hook(&self, app: &AppId, revision: Revision, index: u32) -> Answer<()> {
        // Hooks of earlier decisions are of no more use.
        let mut done: BTreeSet<_> = self.observe(app).await?.hooks_done;
        done.retain(|(earlier, _)| *earlier == revision);
        done.insert((revision, index));
        let text: String = done
            .iter()
            .map(|(revision, index)| format!("{} {index}\n", revision.0))
            .collect();
        self.put(
            &self.folder(app).join("hooks"),
            text.as_bytes(),
            Access::PRIVATE,
        )
    }

    async fn note_loaded(&self, app: &AppId, revision: Revision, database: &PartId) -> Answer<()> {
        let mut done = self.observe(app).await?.loaded;
        done.retain(|(earlier, _)| *earlier == revision);
        done.insert((revision, database.clone()));
        let text: String = done
            .iter()
            .map(|(revision, database)| format!("{} {database}\n", revision.0))
            .collect();
        self.put(
            &self.folder(app).join("loaded"),
            text.as_bytes(),
            Access::PRIVATE,
        )
    }

    async fn keepsakes(&self, app: &AppId, release: &Release) -> Answer<Keepsakes> {
        let mut keepsakes = Keepsakes::new();
        for id in release.secrets.keys() {
            let secret = self.secret(app, id)?;
            let bytes = Zeroizing::new(secret.as_bytes().to_vec());
            keepsakes.insert(format!("secrets/{id}"), bytes);
        }
        let path = self.folder(app).join("answers.json");
        let answers = durable::read(&path).map_err(|error| cannot("read", &path, &error))?;
        keepsakes.extend(answers.map(|bytes| ("answers.json".to_owned(), Zeroizing::new(bytes))));
        Ok(keepsakes)
    }

    async fn take_keepsakes(&self, app: &AppId, keepsakes: &Keepsakes) -> Answer<()> {
        for (name, bytes) in keepsakes {
            // They come from a repository: nothing but what `keepsakes` gives out is taken in.
            let path = match name.strip_prefix("secrets/").map(str::parse::<PartId>) {
                Some(Ok(id)) => self.secret_file(app, &id),
                None if name == "answers.json" => self.folder(app).join(name),
                _ => continue,
            };
            self.put(&path, bytes, Access::PRIVATE)?;
        }
        Ok(())
    }

    async fn keep_answers(
        &self,
        app: &AppId,
        answers: &BTreeMap<PartId, PrivateAnswer>,
    ) -> Answer<()> {
        let mut kept = self.answers(app)?;
        for answer in answers.values() {
            let entry = KeptAnswer {
                salt: answer.salt.clone(),
                value: answer.value.to_string(),
            };
            kept.0.insert(answer.commitment.clone(), entry);
        }
        let bytes = serde_json::to_vec(&kept).map_err(|error| {
            cannot("write", Path::new("answers.json"), &io::Error::other(error))
        })?;
        self.put(
            &self.folder(app).join("answers.json"),
            &Zeroizing::new(bytes),
            Access::PRIVATE,
        )
    }

    async fn private_answers(
        &self,
        app: &AppId,
        release: &Release,
    ) -> Answer<BTreeMap<PartId, Zeroizing<String>>> {
        self.kept_answers(app, release)
    }

    async fn remove(&self, app: &AppId) -> Answer<()> {
        let folder = self.folder(app);
        match std::fs::remove_dir_all(&folder) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(cannot("write", &folder, &error))
            }
            _ => Ok(()),
        }
    }
}

fn remove_others(folder: &Path, keep: impl Fn(&str) -> bool) -> Answer<()> {
    let removed = || -> io::Result<()> {
        for entry in std::fs::read_dir(folder)? {
            let entry = entry?;
            if entry.file_name().to_str().is_some_and(&keep) {
                continue;
            }
            if entry.file_type()?.is_dir() {
                std::fs::remove_dir_all(entry.path())?;
            } else {
                std::fs::remove_file(entry.path())?;
            }
        }
        Ok(())
    };
    match removed() {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(cannot("write", folder, &error))
        }
        _ => Ok(()),
    }
}

fn loaded_line(line: &str) -> Option<(Revision, PartId)> {
    let (revision, database) = line.split_once(' ')?;
    Some((Revision(revision.parse().ok()?), database.parse().ok()?))
}

fn hook_line(line: &str) -> Option<(Revision, u32)> {
    let (revision, index) = line.split_once(' ')?;
    Some((Revision(revision.parse().ok()?), index.parse().ok()?))
}

/// A new secret. Signs are drawn without bias: a byte that would favour some is drawn again.
fn make_secret(alphabet: Alphabet, length: u32, entropy: &impl Entropy) -> Zeroizing<String> {
    let length = usize::try_from(length).unwrap_or(usize::MAX);
    let signs: &[u8] = match alphabet {
        Alphabet::Alphanumeric => b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789",
        Alphabet::Hex => b"0123456789abcdef",
        // No quotes, backslash, dollar or backtick: it may stand in any configuration file.
        Alphabet::Printable => b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789!#%&()*+,-./:;<=>?@[]^_{|}~",
        Alphabet::Base64 => {
            let mut bytes = Zeroizing::new(vec![0u8; length]);
            entropy.fill(&mut bytes);
            return Zeroizing::new(base64::engine::general_purpose::STANDARD.encode(&*bytes));
        }
    };
    let fair = 256 - 256 % signs.len();
    let mut secret = Zeroizing::new(String::with_capacity(length));
    let mut byte = [0u8];
    while secret.len() < length {
        entropy.fill(&mut byte);
        let drawn = usize::from(byte[0]);
        if drawn < fair {
            secret.push(char::from(signs[drawn % signs.len()]));
        }
    }
    secret
}

fn cannot(verb: &str, path: &Path, error: &io::Error) -> Fault {
    let (fr, next_fr, next_en) = match (verb, error.kind()) {
        (_, io::ErrorKind::StorageFull) => (
            "ne peut pas être écrit",
            "Faites de la place sur le disque.",
            "Make room on the disk.",
        ),
        ("write", _) => (
            "ne peut pas être écrit",
            "Vérifiez le disque et les droits.",
            "Check the disk and the permissions.",
        ),
        _ => (
            "ne peut pas être lu",
            "Vérifiez le disque et les droits.",
            "Check the disk and the permissions.",
        ),
    };
    let path = path.display();
    Fault::passing(
        if verb == "write" {
            "cannot-write-file"
        } else {
            "cannot-read-file"
        },
        Text::new(
            format!("{path} {fr} ({error})."),
            format!("{path}: cannot {verb} ({error})."),
        ),
        Text::new(next_fr, next_en),
    )
}

fn cannot_render(problem: recipe::Problem) -> Fault {
    Fault::lasting(problem.code, problem.sentence, problem.next_step)
}

fn secret_lost(app: &AppId, secret: &PartId) -> Fault {
    Fault::lasting(
        "secret-lost",
        Text::new(
            format!("Le secret « {secret} » du service « {app} » n'est pas sur la machine."),
            format!("The secret “{secret}” of the app “{app}” is not on the box."),
        ),
        Text::new(
            "Remettez le dossier du service depuis une copie.",
            "Put the app's folder back from a copy.",
        ),
    )
}

fn answer_lost(app: &AppId, question: &PartId) -> Fault {
    Fault::lasting(
        "private-answer-lost",
        Text::new(
            format!("La réponse « {question} » du service « {app} » n'est plus sur la machine."),
            format!("The answer “{question}” of the app “{app}” is no longer on the box."),
        ),
        Text::new(
            format!("Redonnez-la avec « lavoir app change {app} »."),
            format!("Give it again with “lavoir app change {app}”."),
        ),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::adapter::system::SystemEntropy;

    #[test]
    fn secrets_have_their_shape() {
        for (alphabet, length) in [
            (Alphabet::Alphanumeric, 32),
            (Alphabet::Hex, 64),
            (Alphabet::Printable, 40),
        ] {
            let secret = make_secret(alphabet, length, &SystemEntropy);
            assert_eq!(secret.len(), usize::try_from(length).unwrap_or(0));
            assert!(
                !secret.contains(['"', '\'', '\\', '$', '`']),
                "{alphabet:?}"
            );
            let again = make_secret(alphabet, length, &SystemEntropy);
            assert_ne!(*secret, *again);
        }
        let encoded = make_secret(Alphabet::Base64, 32, &SystemEntropy);
        assert_eq!(encoded.len(), 44);
    }

    fn folders(dir: &Path) -> Answer<AppFolders<SystemEntropy>> {
        let box_facts = BoxFacts {
            domain: "box.example".into(),
            language: lavoir_core::text::Language::Fr,
            timezone: "Europe/Paris".into(),
            proxies: Vec::new(),
        };
        AppFolders::open(dir.join("apps"), Arc::new(SystemEntropy), box_facts)
    }

    #[tokio::test]
    async fn private_answers_are_found_again_by_commitment()
    -> Result<(), Box<dyn std::error::Error>> {
        let dir = tempfile::tempdir()?;
        let folders = folders(dir.path())?;
        let app: AppId = "blog".parse()?;
        let answer = PrivateAnswer {
            commitment: "c0".into(),
            salt: "5a".into(),
            value: Zeroizing::new("camille@example.org".into()),
        };
        folders
            .keep_answers(&app, &BTreeMap::from([("admin_email".parse()?, answer)]))
            .await?;
        let kept = folders.answers(&app)?;
        assert_eq!(kept.0["c0"].value, "camille@example.org");
        let mode = std::os::unix::fs::MetadataExt::mode(&std::fs::metadata(
            dir.path().join("apps/blog/answers.json"),
        )?);
        assert_eq!(mode & 0o777, 0o600);
        Ok(())
    }

    #[tokio::test]
    async fn hooks_are_remembered_for_one_revision() -> Result<(), Box<dyn std::error::Error>> {
        let dir = tempfile::tempdir()?;
        let folders = folders(dir.path())?;
        let app: AppId = "blog".parse()?;
        folders.note_hook(&app, Revision(3), 0).await?;
        folders.note_hook(&app, Revision(3), 1).await?;
        assert_eq!(folders.observe(&app).await?.hooks_done.len(), 2);
        folders.note_hook(&app, Revision(7), 0).await?;
        assert_eq!(
            folders.observe(&app).await?.hooks_done,
            BTreeSet::from([(Revision(7), 0)])
        );
        Ok(())
    }
}
