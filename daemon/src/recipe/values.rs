//! The values that templates see, for scalars and for files.

use std::collections::BTreeMap;
use std::fmt;

use lavoir_core::id::{AppId, Hostname, PartId};
use lavoir_core::plan::placeholder_name;
use lavoir_core::recipe::Alphabet;
use lavoir_core::release::{Answer, FileTemplate, Release, SecretShape, Surroundings};
use lavoir_core::text::Language;
use minijinja::value::Value;
use zeroize::Zeroizing;

use super::problem::{Code, Problem};
use super::template::{self, Placeholder, Variables, Way};

/// What templates may know of the box.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BoxFacts {
    /// The box's own domain.
    pub domain: String,
    /// The box's first language.
    pub language: Language,
    /// `Europe/Paris`.
    pub timezone: String,
    /// Where the gateway's requests come from, as networks.
    pub proxies: Vec<String>,
}

impl BoxFacts {
    /// What of it goes into a release; the domain never changes.
    pub fn surroundings(&self) -> Surroundings {
        Surroundings {
            language: self.language,
            timezone: self.timezone.clone(),
            proxies: self.proxies.clone(),
        }
    }

    /// As it was when a release was decided.
    fn when(&self, release: &Release) -> Self {
        let mut then = self.clone();
        if let Some(kept) = &release.surroundings {
            then.language = kept.language;
            then.timezone.clone_from(&kept.timezone);
            then.proxies.clone_from(&kept.proxies);
        }
        then
    }
}

/// All values of an app, the secret ones included: only while a step is carried out.
pub struct Values {
    /// Which app.
    pub app: AppId,
    /// Its main address.
    pub host: Hostname,
    /// Its further addresses.
    pub extra_hosts: BTreeMap<PartId, Hostname>,
    /// Every answer, private ones included; empty where nothing was answered.
    pub answers: BTreeMap<PartId, Zeroizing<String>>,
    /// Every secret.
    pub secrets: BTreeMap<PartId, Zeroizing<String>>,
    /// The box.
    pub box_facts: BoxFacts,
}

impl fmt::Debug for Values {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Values")
            .field("app", &self.app)
            .finish_non_exhaustive()
    }
}

impl Values {
    /// A release's public answers with the private ones and the secrets beside them.
    pub fn of(
        release: &Release,
        app: &AppId,
        private_answers: BTreeMap<PartId, Zeroizing<String>>,
        secrets: BTreeMap<PartId, Zeroizing<String>>,
        box_facts: &BoxFacts,
    ) -> Self {
        let mut answers = private_answers;
        for (id, answer) in &release.answers {
            if let Answer::Public(answer) = answer {
                answers.insert(id.clone(), Zeroizing::new(answer.clone()));
            }
        }
        Self {
            app: app.clone(),
            host: release.host.clone(),
            extra_hosts: release.extra_hosts.clone(),
            answers,
            secrets,
            box_facts: box_facts.when(release),
        }
    }

    fn common(&self) -> Variables {
        let mut variables = Variables::default();
        let mut set = |group, name: &str, text: &str| variables.set(group, name, Value::from(text));
        set("app", "id", self.app.as_str());
        set("app", "host", self.host.as_str());
        set("app", "url", &format!("https://{}", self.host));
        set("box", "domain", &self.box_facts.domain);
        let language = match self.box_facts.language {
            Language::Fr => "fr",
            Language::En => "en",
        };
        set("box", "language", language);
        set("box", "timezone", &self.box_facts.timezone);
        set("box", "proxies", &self.box_facts.proxies.join(","));
        let hosts = self
            .extra_hosts
            .iter()
            .map(|(id, host)| (id.as_str().to_owned(), Value::from(host.as_str())));
        variables.set("app", "hosts", Value::from_pairs(hosts));
        variables
    }

    /// For a file: everything as it is.
    pub fn for_files(&self) -> Variables {
        let mut variables = self.common();
        for (id, answer) in &self.answers {
            variables.set("answers", id.as_str(), Value::from(answer.as_str()));
        }
        for (id, secret) in &self.secrets {
            variables.set("secrets", id.as_str(), Value::from(secret.as_str()));
        }
        variables
    }

    /// For a scalar: placeholders for secrets and for the answers named in `private`.
    pub fn for_scalars(&self, private: impl Fn(&str) -> bool) -> Variables {
        let mut variables = self.common();
        for (id, answer) in &self.answers {
            let value = match private(id.as_str()) && !answer.is_empty() {
                true => placeholder("ANSWER", id),
                false => Value::from(answer.as_str()),
            };
            variables.set("answers", id.as_str(), value);
        }
        for id in self.secrets.keys() {
            variables.set("secrets", id.as_str(), placeholder("SECRET", id));
        }
        variables
    }

    /// What stands behind the placeholders of a release's strings, for [`template::fill`].
    pub fn placeholders(&self) -> BTreeMap<String, Zeroizing<String>> {
        let answers = self.answers.iter().map(|(id, v)| ("ANSWER", id, v));
        let secrets = self.secrets.iter().map(|(id, v)| ("SECRET", id, v));
        answers
            .chain(secrets)
            .map(|(kind, id, value)| (placeholder_name(kind, id), value.clone()))
            .collect()
    }
}

fn placeholder(kind: &str, id: &PartId) -> Value {
    Value::from_object(Placeholder {
        name: placeholder_name(kind, id),
    })
}

/// Renders a configuration file with the real values.
pub fn render_file(file: &FileTemplate, name: &str, values: &Values) -> Result<String, Problem> {
    let place = format!("files/{name}");
    let text = template::render(Way::File, &file.template, (&place, 1), &values.for_files())?;
    if text.contains('\0') {
        return Err(Problem::new(Code::TemplateFails, &place, None, &["NUL"]));
    }
    Ok(text)
}

/// A secret that holds every sign of its alphabet, so that a file which cannot hold one is found before any is made.
pub fn dummy_secret(shape: &SecretShape) -> Zeroizing<String> {
    let signs: String = match shape.alphabet {
        Alphabet::Alphanumeric => "aZ9".to_owned(),
        Alphabet::Hex => "0f".to_owned(),
        Alphabet::Base64 => "+/aZ9=".to_owned(),
        Alphabet::Printable => ('!'..='~').filter(|c| !"'\"\\$`".contains(*c)).collect(),
    };
    let length = (shape.length as usize).max(signs.len());
    Zeroizing::new(signs.chars().cycle().take(length).collect())
}
