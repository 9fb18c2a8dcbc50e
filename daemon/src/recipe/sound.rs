//! Is recipe.toml sound by itself?

use lavoir_core::id::{PartId, RecipeId};
use lavoir_core::limits;
use lavoir_core::recipe::{Question, QuestionKind, Recipe};
use lavoir_core::text::Text;

use super::RECIPE;
use super::answers;
use super::mounts::absolute;
use super::problem::{Code, Problems};
use super::service::user;
use super::toml_lines::Lines;
use super::units;

/// Notes problems with their lines.
pub struct Notes<'a> {
    /// Where things stand.
    pub lines: &'a Lines,
    /// What was found.
    pub problems: &'a mut Problems,
}

impl Notes<'_> {
    /// A problem at a path of recipe.toml.
    pub fn at(&mut self, path: &str, code: Code, details: &[&str]) {
        let line = self.lines.of(path).or(Some(1));
        self.problems.add(code, RECIPE, line, details);
    }
}

/// Notes all that is wrong.
pub fn check(recipe: &Recipe, folder: &str, notes: &mut Notes<'_>) {
    identity(recipe, folder, notes);
    for (path, text) in texts(recipe) {
        for (language, said) in [("fr", &text.fr), ("en", &text.en)] {
            if said.trim().is_empty() {
                notes.at(
                    &format!("{path}.{language}"),
                    Code::TextMissing,
                    &[&path, language],
                );
            }
        }
    }
    counts(recipe, notes);
    let needs = &recipe.needs;
    if needs.ram_mib == 0 || needs.disk_mib == 0 || needs.architectures.is_empty() {
        notes.at("needs", Code::NeedsMissing, &[]);
    }
    ids(recipe, notes);
    for (index, question) in recipe.questions.iter().enumerate() {
        check_question(index, question, notes);
    }
    for (index, secret) in recipe.secrets.iter().enumerate() {
        if !(limits::SECRET_LENGTH_MIN..=limits::SECRET_LENGTH_MAX).contains(&secret.length) {
            let (min, max) = (
                limits::SECRET_LENGTH_MIN.to_string(),
                limits::SECRET_LENGTH_MAX.to_string(),
            );
            notes.at(
                &format!("secrets.{index}.length"),
                Code::SecretLength,
                &[&secret.id, &min, &max],
            );
        }
    }
    paths(recipe, notes);
    for (index, database) in recipe.databases.iter().enumerate() {
        for (command, key, code) in [
            (&database.dump, "dump", Code::DatabaseWithoutDump),
            (&database.restore, "restore", Code::DatabaseWithoutRestore),
        ] {
            if command.is_empty() {
                notes.at(&format!("databases.{index}.{key}"), code, &[&database.id]);
            }
        }
    }
    for (index, file) in recipe.files.iter().enumerate() {
        if units::mode(&file.mode).is_none_or(|m| m > 0o777) {
            notes.at(&format!("files.{index}.mode"), Code::BadMode, &[&file.mode]);
        }
        if units::owner(&file.owner).is_none() {
            notes.at(
                &format!("files.{index}.owner"),
                Code::BadOwner,
                &[&file.owner],
            );
        }
    }
    for (index, hook) in recipe.hooks.iter().enumerate() {
        if hook.command.is_empty() {
            notes.at(
                &format!("hooks.{index}.command"),
                Code::HookWithoutCommand,
                &[&hook.service],
            );
        }
        if hook.user.as_deref().is_some_and(|u| !user(u)) {
            let path = format!("hooks.{index}.user");
            notes.at(&path, Code::WrongType, &["user", "33:33, www-data"]);
        }
        if hook.timeout_s == 0 || hook.timeout_s > limits::ONE_SHOT_S_MAX {
            let max = limits::ONE_SHOT_S_MAX.to_string();
            notes.at(
                &format!("hooks.{index}.timeout_s"),
                Code::BadTimeout,
                &[&max],
            );
        }
    }
    health(recipe, notes);
}

fn identity(recipe: &Recipe, folder: &str, notes: &mut Notes<'_>) {
    if recipe.id.parse::<RecipeId>().is_err() {
        notes.at("id", Code::BadId, &[&recipe.id]);
    } else if recipe.id != folder {
        notes.at("id", Code::IdNotFolder, &[&recipe.id, folder]);
    }
    let upstream = &recipe.upstream;
    let count = recipe
        .version
        .strip_prefix(upstream.version.as_str())
        .and_then(|rest| rest.strip_prefix('-'));
    let good = |c: char| c.is_ascii_alphanumeric() || "._+~-".contains(c);
    let counted = count.is_some_and(|c| {
        (1..=4).contains(&c.len()) && c.bytes().all(|b| b.is_ascii_digit()) && !c.starts_with('0')
    });
    let ordered = lavoir_core::version::compare(&recipe.version, &recipe.version).is_some();
    if !counted || !ordered || recipe.version.len() > 60 || !recipe.version.chars().all(good) {
        notes.at(
            "version",
            Code::BadVersion,
            &[&recipe.version, &upstream.version],
        );
    }
    for (key, text) in [
        ("name", &upstream.name),
        ("version", &upstream.version),
        ("licence", &upstream.licence),
    ] {
        if text.trim().is_empty() {
            notes.at(&format!("upstream.{key}"), Code::UpstreamMissing, &[key]);
        }
    }
    let web = |url: &str| url.starts_with("https://") || url.starts_with("http://");
    if !web(&upstream.source) {
        notes.at("upstream.source", Code::UpstreamMissing, &["source"]);
    }
    if upstream.website.as_deref().is_some_and(|url| !web(url)) {
        notes.at("upstream.website", Code::UpstreamMissing, &["website"]);
    }
}

/// Every text for people, by its path.
fn texts(recipe: &Recipe) -> Vec<(String, &Text)> {
    let mut found: Vec<(String, &Text)> = vec![
        ("name".to_owned(), &recipe.name),
        ("summary".to_owned(), &recipe.summary),
        ("description".to_owned(), &recipe.description),
    ];
    for (i, q) in recipe.questions.iter().enumerate() {
        found.push((format!("questions.{i}.label"), &q.label));
        found.extend(q.hint.iter().map(|t| (format!("questions.{i}.hint"), t)));
        for (j, choice) in q.choices.iter().enumerate() {
            found.push((format!("questions.{i}.choices.{j}.label"), &choice.label));
        }
    }
    for (i, s) in recipe.secrets.iter().enumerate() {
        found.extend(s.label.iter().map(|t| (format!("secrets.{i}.label"), t)));
    }
    for (i, h) in recipe.hostnames.iter().enumerate() {
        found.push((format!("hostnames.{i}.label"), &h.label));
    }
    for (i, v) in recipe.volumes.iter().enumerate() {
        found.extend(v.label.iter().map(|t| (format!("volumes.{i}.label"), t)));
    }
    found.extend(
        recipe
            .updates
            .notes
            .iter()
            .map(|t| ("updates.notes".to_owned(), t)),
    );
    for (i, c) in recipe.capabilities.iter().enumerate() {
        found.push((format!("capabilities.{i}.reason"), &c.reason));
    }
    for (i, p) in recipe.ports.iter().enumerate() {
        found.push((format!("ports.{i}.reason"), &p.reason));
    }
    for (i, d) in recipe.privacy.data.iter().enumerate() {
        found.push((format!("privacy.data.{i}.what"), &d.what));
        found.push((format!("privacy.data.{i}.kept"), &d.kept));
    }
    for (path, note) in [
        ("mail.note", &recipe.mail.note),
        ("sign_on.note", &recipe.sign_on.note),
        ("federation.note", &recipe.federation.note),
    ] {
        found.extend(note.iter().map(|t| (path.to_owned(), t)));
    }
    for (i, r) in recipe.roles.iter().enumerate() {
        found.push((format!("roles.{i}.label"), &r.label));
    }
    found
}

fn counts(recipe: &Recipe, notes: &mut Notes<'_>) {
    let max = limits::PARTS_MAX;
    for (key, count) in [
        ("questions", recipe.questions.len()),
        ("secrets", recipe.secrets.len()),
        ("routes", recipe.routes.len()),
        ("hostnames", recipe.hostnames.len()),
        ("well_known", recipe.well_known.len()),
        ("databases", recipe.databases.len()),
        ("volumes", recipe.volumes.len()),
        ("files", recipe.files.len()),
        ("hooks", recipe.hooks.len()),
        ("capabilities", recipe.capabilities.len()),
        ("ports", recipe.ports.len()),
        ("roles", recipe.roles.len()),
    ] {
        if count > max {
            notes.at(key, Code::TooMany, &[key, &max.to_string()]);
        }
    }
}

fn ids(recipe: &Recipe, notes: &mut Notes<'_>) {
    let named: [(&str, Vec<&str>, bool); 5] = [
        (
            "questions",
            recipe.questions.iter().map(|x| x.id.as_str()).collect(),
            true,
        ),
        (
            "secrets",
            recipe.secrets.iter().map(|x| x.id.as_str()).collect(),
            true,
        ),
        (
            "hostnames",
            recipe.hostnames.iter().map(|x| x.id.as_str()).collect(),
            true,
        ),
        (
            "databases",
            recipe.databases.iter().map(|x| x.id.as_str()).collect(),
            false,
        ),
        (
            "volumes",
            recipe.volumes.iter().map(|x| x.id.as_str()).collect(),
            false,
        ),
    ];
    for (key, ids, in_templates) in named {
        for (index, id) in ids.iter().enumerate() {
            let path = format!("{key}.{index}.id");
            // In a template a hyphen is a minus.
            if id.parse::<PartId>().is_err() || (in_templates && id.contains('-')) {
                let code = if in_templates {
                    Code::BadTemplateId
                } else {
                    Code::BadId
                };
                notes.at(&path, code, &[id]);
            }
            if ids[..index].contains(id) {
                notes.at(&path, Code::DuplicateId, &[id, key]);
            }
        }
    }
}

fn check_question(index: usize, question: &Question, notes: &mut Notes<'_>) {
    let id = question.id.as_str();
    let at = |key: &str| format!("questions.{index}.{key}");
    match (
        question.kind == QuestionKind::Choice,
        question.choices.is_empty(),
    ) {
        (true, true) => notes.at(&at("choices"), Code::ChoiceWithoutChoices, &[id]),
        (false, false) => notes.at(&at("choices"), Code::ChoicesWithoutChoice, &[id]),
        _ => {}
    }
    for (place, choice) in question.choices.iter().enumerate() {
        let before = &question.choices[..place];
        if choice.value.is_empty() || before.iter().any(|c| c.value == choice.value) {
            notes.at(
                &at(&format!("choices.{place}")),
                Code::DuplicateId,
                &[&choice.value, id],
            );
        }
    }
    if let (Some(min), Some(max)) = (question.min, question.max)
        && min > max
    {
        return notes.at(&at("min"), Code::MinAboveMax, &[id]);
    }
    if let Some(default) = &question.default {
        if question.kind == QuestionKind::Secret {
            notes.at(&at("default"), Code::SecretWithDefault, &[id]);
        } else if let Err(expected) = answers::valid(question, default) {
            notes.at(&at("default"), Code::BadDefault, &[id, &expected.en]);
        }
    }
}

/// A path on a web address: `/` first, nothing a header or another address could be made of.
pub fn web_path(path: &str) -> bool {
    path.starts_with('/')
        && !path.starts_with("//")
        && path.len() <= 1024
        && path
            .bytes()
            .all(|b| b.is_ascii_graphic() && !b"\"'<>\\`{}|^#".contains(&b))
}

fn paths(recipe: &Recipe, notes: &mut Notes<'_>) {
    for (index, route) in recipe.routes.iter().enumerate() {
        let at = |key: &str| format!("routes.{index}.{key}");
        if !web_path(&route.path) || !absolute(&route.path) || route.path.contains('?') {
            notes.at(&at("path"), Code::BadRoutePath, &[&route.path]);
        }
        if route.port == 0 {
            notes.at(&at("port"), Code::BadPort, &[]);
        }
        if route.body_max_mib == 0 || route.body_max_mib > 1024 * 1024 {
            notes.at(&at("body_max_mib"), Code::BadBodyMax, &[]);
        }
        if let Some(hostname) = &route.hostname
            && !recipe.hostnames.iter().any(|h| h.id == *hostname)
        {
            notes.at(&at("hostname"), Code::UnknownHostname, &[hostname]);
        }
        let same = |other: &lavoir_core::recipe::Route| {
            other.path == route.path && other.hostname == route.hostname
        };
        if recipe.routes[..index].iter().any(same) {
            notes.at(&at("path"), Code::DuplicateId, &[&route.path, "routes"]);
        }
    }
    for (index, hostname) in recipe.hostnames.iter().enumerate() {
        let example = hostname.default.replace("{host}", "app.example.org");
        if example.parse::<lavoir_core::id::Hostname>().is_err()
            || !hostname.default.contains("{host}")
        {
            let path = format!("hostnames.{index}.default");
            notes.at(&path, Code::BadHostnameDefault, &[&hostname.default]);
        }
    }
    for (index, known) in recipe.well_known.iter().enumerate() {
        let at = |key: &str| format!("well_known.{index}.{key}");
        let rest = known.path.strip_prefix("/.well-known/");
        let acme = rest.is_some_and(|r| r == "acme-challenge" || r.starts_with("acme-challenge/"));
        if !web_path(&known.path)
            || rest.is_none_or(str::is_empty)
            || known.path.contains("..")
            || acme
        {
            notes.at(&at("path"), Code::BadWellKnownPath, &[&known.path]);
        }
        if recipe.well_known[..index]
            .iter()
            .any(|k| k.path == known.path)
        {
            notes.at(&at("path"), Code::DuplicateId, &[&known.path, "well_known"]);
        }
        let answers = (
            known.redirect.is_some(),
            known.service.is_some(),
            known.port.is_some(),
        );
        if !matches!(answers, (true, false, false) | (false, true, true)) {
            notes.at(&at("path"), Code::WellKnownAnswers, &[&known.path]);
        }
        if known.redirect.as_deref().is_some_and(|p| !web_path(p)) {
            notes.at(
                &at("redirect"),
                Code::BadRoutePath,
                &[known.redirect.as_deref().unwrap_or("")],
            );
        }
    }
}

fn health(recipe: &Recipe, notes: &mut Notes<'_>) {
    let Some(health) = &recipe.health else {
        return;
    };
    if !web_path(&health.path) {
        notes.at("health.path", Code::BadRoutePath, &[&health.path]);
    }
    if health.port == 0 {
        notes.at("health.port", Code::BadPort, &[]);
    }
    let good = |status: &u16| (100..=599).contains(status);
    if health.status.is_empty() || !health.status.iter().all(good) {
        notes.at("health.status", Code::BadStatus, &[]);
    }
    if health.start_s == 0 || health.start_s > limits::ONE_SHOT_S_MAX {
        let max = limits::ONE_SHOT_S_MAX.to_string();
        notes.at("health.start_s", Code::BadTimeout, &[&max]);
    }
}
