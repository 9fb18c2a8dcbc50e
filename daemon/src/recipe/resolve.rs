//! From a recipe, a name, an address and answers to a release in which nothing is left to choose and nothing is secret.

use std::collections::BTreeMap;
use std::fmt;

use lavoir_core::day::Day;
use lavoir_core::id::{AppId, Hostname, PartId, RecipeId};
use lavoir_core::ledger::hex;
use lavoir_core::limits;
use lavoir_core::recipe::{Recipe, Secret};
use lavoir_core::release::{
    Answer, BuildContext, Database, FileTemplate, Healthcheck, Hook, Image, Mount, MountSource,
    Release, SecretMount, SecretShape, Service, Volume,
};
use lavoir_core::text::Text;
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use super::answers::{self, ANSWERS};
use super::compose::{self, Build, Source, Word};
use super::folder::digest;
use super::problem::{Code, Problem, Problems};
use super::template::{self, Variables, Way};
use super::values::{BoxFacts, Values, dummy_secret, render_file};
use super::{COMPOSE, RECIPE, RecipeFolder, roads, units};

/// What is asked for.
pub struct ResolveRequest {
    /// The app's name on this box.
    pub app: AppId,
    /// Its main address.
    pub host: Hostname,
    /// Its further addresses; those left out take the recipe's default.
    pub extra_hosts: BTreeMap<PartId, Hostname>,
    /// What was answered, by question.
    pub answers: BTreeMap<String, String>,
    /// The box.
    pub box_facts: BoxFacts,
    /// From which day the packages of images made on the box are to be.
    pub day: Option<Day>,
    /// For the commitments to private answers; fresh each time, kept beside the ledger with them.
    pub salt: [u8; 32],
}

/// What came of it.
#[derive(Clone, PartialEq, Eq)]
pub struct Resolved {
    /// For the ledger.
    pub release: Release,
    /// To be kept beside it.
    pub private_answers: BTreeMap<PartId, String>,
}

impl fmt::Debug for Resolved {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Resolved")
            .field("release", &self.release)
            .finish_non_exhaustive()
    }
}

/// Resolves a recipe for one app. Every fault is found here, before anything is touched.
pub fn resolve(folder: &RecipeFolder, request: ResolveRequest) -> Result<Resolved, Vec<Problem>> {
    let mut problems = Problems::new();
    folder.sound(&mut problems);
    if !problems.is_empty() {
        return Err(problems.sorted());
    }
    let recipe = &folder.recipe;
    let given = answers::complete(recipe, &request.answers, &mut problems);
    let extra_hosts = extra_hosts(recipe, &request, &mut problems);
    if !problems.is_empty() {
        return Err(problems.sorted());
    }
    let made = Maker::new(folder, request, given, extra_hosts).and_then(|maker| maker.make());
    made.map_err(|problem| vec![problem])
}

/// The name under which people may read it.
fn readable(recipe: &Recipe, secret: &Secret) -> Option<Text> {
    let named = || secret.label.clone().unwrap_or_else(|| recipe.name.clone());
    secret.readable.then(named)
}

fn extra_hosts(
    recipe: &Recipe,
    request: &ResolveRequest,
    problems: &mut Problems,
) -> BTreeMap<PartId, Hostname> {
    for id in request.extra_hosts.keys() {
        if !recipe.hostnames.iter().any(|h| h.id == id.as_str()) {
            problems.add(Code::HostUnknown, ANSWERS, None, &[id.as_str()]);
        }
    }
    let mut found: BTreeMap<PartId, Hostname> = BTreeMap::new();
    for wanted in &recipe.hostnames {
        let given = request
            .extra_hosts
            .iter()
            .find(|(id, _)| id.as_str() == wanted.id)
            .map(|(_, host)| host.clone());
        let default = wanted.default.replace("{host}", request.host.as_str());
        let Some(host) = given.or_else(|| default.parse().ok()) else {
            problems.add(Code::BadHostnameDefault, RECIPE, None, &[&wanted.default]);
            continue;
        };
        if host == request.host || found.values().any(|other| *other == host) {
            problems.add(Code::HostTwice, ANSWERS, None, &[host.as_str()]);
        }
        if let Ok(id) = wanted.id.parse() {
            found.insert(id, host);
        }
    }
    found
}

/// A name that was checked before; should it be none, that is said rather than a panic.
pub(super) fn part<T: std::str::FromStr>(text: &str) -> Result<T, Problem> {
    text.parse()
        .map_err(|_| Problem::new(Code::BadId, RECIPE, None, &[text]))
}

struct Maker<'f> {
    folder: &'f RecipeFolder,
    recipe: &'f Recipe,
    day: Option<Day>,
    salt: [u8; 32],
    values: Values,
    scalars: Variables,
}

impl<'f> Maker<'f> {
    fn new(
        folder: &'f RecipeFolder,
        request: ResolveRequest,
        given: BTreeMap<String, String>,
        extra_hosts: BTreeMap<PartId, Hostname>,
    ) -> Result<Self, Problem> {
        let recipe = &folder.recipe;
        let mut values = Values {
            app: request.app,
            host: request.host,
            extra_hosts,
            answers: BTreeMap::new(),
            secrets: BTreeMap::new(),
            box_facts: request.box_facts,
        };
        for (id, answer) in given {
            values.answers.insert(part(&id)?, Zeroizing::new(answer));
        }
        for secret in &recipe.secrets {
            let shape = SecretShape {
                alphabet: secret.alphabet,
                length: secret.length,
                readable_as: readable(recipe, secret),
            };
            values
                .secrets
                .insert(part(&secret.id)?, dummy_secret(&shape));
        }
        let private = |id: &str| {
            recipe
                .questions
                .iter()
                .any(|q| q.id == id && answers::private(q))
        };
        let scalars = values.for_scalars(private);
        Ok(Self {
            folder,
            recipe,
            day: request.day,
            salt: request.salt,
            values,
            scalars,
        })
    }

    fn make(&self) -> Result<Resolved, Problem> {
        let recipe = self.recipe;
        let (answers, private_answers) = self.answers();
        let mut services = BTreeMap::new();
        for (name, service) in &self.folder.compose.services {
            services.insert(part(name)?, self.service(service)?);
        }
        let mut contexts = BTreeMap::new();
        if self
            .folder
            .compose
            .services
            .values()
            .any(|s| s.build.is_some())
        {
            let files = self.folder.image.clone();
            contexts.insert("image".to_owned(), BuildContext { files });
        }
        let mut volumes = BTreeMap::new();
        for volume in &recipe.volumes {
            volumes.insert(part(&volume.id)?, Volume { keep: volume.keep });
        }
        let mut secrets = BTreeMap::new();
        for secret in &recipe.secrets {
            let shape = SecretShape {
                alphabet: secret.alphabet,
                length: secret.length,
                readable_as: readable(recipe, secret),
            };
            secrets.insert(part(&secret.id)?, shape);
        }
        let mut databases = BTreeMap::new();
        for (index, database) in recipe.databases.iter().enumerate() {
            let path = |key| format!("databases.{index}.{key}");
            let body = Database {
                engine: database.engine,
                service: part(&database.service)?,
                dump: self.words(&database.dump, &path("dump"))?,
                restore: self.words(&database.restore, &path("restore"))?,
            };
            databases.insert(part(&database.id)?, body);
        }
        let release = Release {
            recipe: part::<RecipeId>(&recipe.id)?,
            recipe_version: recipe.version.clone(),
            recipe_digest: self.folder.digest.clone(),
            one_at_a_time: recipe.updates.one_at_a_time,
            name: recipe.name.clone(),
            ram_mib: recipe.needs.ram_mib,
            disk_mib: recipe.needs.disk_mib,
            architectures: recipe.needs.architectures.clone(),
            host: self.values.host.clone(),
            extra_hosts: self.values.extra_hosts.clone(),
            surroundings: Some(self.values.box_facts.surroundings()),
            answers,
            services,
            contexts,
            volumes,
            files: self.files()?,
            secrets,
            databases,
            hooks: self.hooks()?,
            routes: roads::routes(recipe, &self.values)?,
            well_known: roads::well_known(recipe)?,
            health: roads::health(recipe)?,
            ports: roads::ports(recipe)?,
        };
        Ok(Resolved {
            release,
            private_answers,
        })
    }

    fn answers(&self) -> (BTreeMap<PartId, Answer>, BTreeMap<PartId, String>) {
        let mut answers = BTreeMap::new();
        let mut kept = BTreeMap::new();
        for (id, answer) in &self.values.answers {
            let private = self
                .recipe
                .questions
                .iter()
                .any(|q| q.id == id.as_str() && answers::private(q));
            let entered = if private && !answer.is_empty() {
                kept.insert(id.clone(), answer.to_string());
                Answer::Private {
                    commitment: commitment(&self.salt, id.as_str(), answer),
                }
            } else {
                Answer::Public(answer.to_string())
            };
            answers.insert(id.clone(), entered);
        }
        (answers, kept)
    }

    /// One scalar, rendered; what came out holds no `$` but `$$` and known placeholders.
    fn scalar(&self, text: &str, file: &str, line: u32) -> Result<String, Problem> {
        let out = template::render(Way::Scalar, text, (file, line), &self.scalars)?;
        let at = |mut problem: Problem| {
            problem.file = file.to_owned();
            problem.line = Some(line);
            problem
        };
        let known = self.values.placeholders();
        for name in template::placeholders_of(&out).map_err(at)? {
            if !known.contains_key(&name) {
                return Err(Problem::new(
                    Code::PlaceholderUnknown,
                    file,
                    Some(line),
                    &[&name],
                ));
            }
        }
        if out.contains('\0') {
            return Err(Problem::new(
                Code::TemplateFails,
                file,
                Some(line),
                &["NUL"],
            ));
        }
        Ok(out)
    }

    fn word(&self, word: &Word) -> Result<String, Problem> {
        self.scalar(&word.text, COMPOSE, word.line)
    }

    fn all(&self, words: &[Word]) -> Result<Vec<String>, Problem> {
        words.iter().map(|w| self.word(w)).collect()
    }

    /// A command of recipe.toml.
    fn words(&self, words: &[String], path: &str) -> Result<Vec<String>, Problem> {
        let line = self.folder.lines.of(path).unwrap_or(1);
        words.iter().map(|w| self.scalar(w, RECIPE, line)).collect()
    }

    fn service(&self, service: &compose::Service) -> Result<Service, Problem> {
        let environment = service.environment.iter();
        let environment = environment.map(|(name, value)| Ok((name.clone(), self.word(value)?)));
        let depends_on = service.depends_on.iter();
        let depends_on = depends_on.map(|(name, (condition, _))| Ok((part(name)?, *condition)));
        let mut mounts = Vec::new();
        for mount in &service.mounts {
            mounts.push(Mount {
                source: match &mount.source {
                    Source::Volume(id) => MountSource::Volume(part(id)?),
                    Source::File(name) => MountSource::File(name.clone()),
                },
                path: mount.path.clone(),
                read_only: mount.read_only,
            });
        }
        let mut secrets = Vec::new();
        for secret in &service.secrets {
            secrets.push(SecretMount {
                secret: part(&secret.secret)?,
                path: secret.path.clone(),
                uid: secret.uid,
                gid: secret.gid,
                mode: secret.mode,
            });
        }
        let healthcheck = match &service.healthcheck {
            None => None,
            Some(check) => Some(Healthcheck {
                test: self.all(&check.test)?,
                interval_ms: check.interval_ms,
                timeout_ms: check.timeout_ms,
                retries: check.retries,
                start_period_ms: check.start_period_ms,
            }),
        };
        Ok(Service {
            image: self.image(service)?,
            command: service
                .command
                .as_deref()
                .map(|c| self.all(c))
                .transpose()?,
            entrypoint: service
                .entrypoint
                .as_deref()
                .map(|c| self.all(c))
                .transpose()?,
            environment: environment.collect::<Result<_, Problem>>()?,
            user: service.user.clone(),
            working_dir: service.working_dir.clone(),
            mounts,
            tmpfs: service.tmpfs.clone(),
            secrets,
            depends_on: depends_on.collect::<Result<_, Problem>>()?,
            healthcheck,
            one_shot: service.one_shot,
            read_only: service.read_only,
            init: service.init,
            cap_add: service.cap_add.iter().map(|w| w.text.clone()).collect(),
            memory_bytes: service.memory_bytes.ok_or_else(|| {
                Problem::new(Code::MemLimitMissing, COMPOSE, Some(service.line), &[""])
            })?,
            cpu_milli: service.cpu_milli.unwrap_or(limits::CPU_MILLI_DEFAULT),
            pids_max: service.pids_max.unwrap_or(limits::PIDS_DEFAULT),
            shm_bytes: service.shm_bytes,
            stop_grace_s: service.stop_grace_s.unwrap_or(limits::STOP_GRACE_S),
            stop_signal: service.stop_signal.clone(),
        })
    }

    fn image(&self, service: &compose::Service) -> Result<Image, Problem> {
        match (&service.image, &service.build) {
            (Some(word), _) => Ok(Image::Pulled {
                reference: word.text.clone(),
            }),
            (None, Some(build)) => Ok(Image::Built {
                name: self.built_name(build),
                context: build.context.clone(),
                containerfile: build.containerfile.clone(),
                target: build.target.clone(),
                day: self.day.clone(),
            }),
            (None, None) => Err(Problem::new(
                Code::ImageMissing,
                COMPOSE,
                Some(service.line),
                &[""],
            )),
        }
    }

    /// Same context, file, stage and day: same name, so that nothing is built twice.
    fn built_name(&self, build: &Build) -> String {
        let target = build.target.as_deref().unwrap_or("image");
        let mut sum = Sha256::new();
        sum.update(digest(&self.folder.image));
        let day = self.day.as_ref().map(Day::as_str);
        for text in [build.containerfile.as_str(), target]
            .into_iter()
            .chain(day)
        {
            sum.update((text.len() as u64).to_le_bytes());
            sum.update(text);
        }
        let key = hex(&sum.finalize());
        format!("lavoir/{}-{target}:{}", self.recipe.id, &key[..16])
    }

    /// Each is rendered once, with dummy secrets, so that a fault shows now.
    fn files(&self) -> Result<BTreeMap<String, FileTemplate>, Problem> {
        let mut files = BTreeMap::new();
        for file in &self.recipe.files {
            let missing = |code| Problem::new(code, RECIPE, None, &[&file.source]);
            let text = self.folder.files.get(&file.source);
            let (uid, gid) = units::owner(&file.owner).ok_or_else(|| missing(Code::BadOwner))?;
            let template = FileTemplate {
                template: text.ok_or_else(|| missing(Code::FileNotThere))?.clone(),
                mode: units::mode(&file.mode).ok_or_else(|| missing(Code::BadMode))?,
                uid,
                gid,
            };
            render_file(&template, &file.source, &self.values)?;
            files.insert(file.source.clone(), template);
        }
        Ok(files)
    }

    fn hooks(&self) -> Result<Vec<Hook>, Problem> {
        let hook = |(index, h): (usize, &lavoir_core::recipe::Hook)| {
            Ok(Hook {
                when: h.when,
                service: part(&h.service)?,
                command: self.words(&h.command, &format!("hooks.{index}.command"))?,
                user: h.user.clone(),
                timeout_s: h.timeout_s,
            })
        };
        self.recipe.hooks.iter().enumerate().map(hook).collect()
    }
}

/// `sha256(salt || value)` in hex.
pub fn commitment(salt: &[u8; 32], question: &str, value: &str) -> String {
    let mut sum = Sha256::new();
    sum.update(salt);
    // Two questions with the same answer must not show that they have.
    sum.update(question);
    sum.update([0]);
    sum.update(value);
    hex(&sum.finalize())
}
