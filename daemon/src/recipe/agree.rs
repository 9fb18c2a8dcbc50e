//! Do recipe.toml, compose.yaml, files/ and image/ say the same?

use std::collections::BTreeSet;

use lavoir_core::recipe::{Keep, Recipe};
use lavoir_core::release::{CAPABILITIES, Condition};

use super::compose::{Compose, Source};
use super::problem::{Code, Problems};
use super::sound::Notes;
use super::{COMPOSE, RecipeFolder, containerfile, texts};

/// Notes every disagreement.
pub fn check(folder: &RecipeFolder, problems: &mut Problems) {
    services(folder, problems);
    volumes(folder, problems);
    files(folder, problems);
    secrets(folder, problems);
    capabilities(folder, problems);
    ports(folder, problems);
    order(&folder.compose, problems);
    one_shots(folder, problems);
    health(folder, problems);
    memory(folder, problems);
    databases(folder, problems);
    images(folder, problems);
    texts::check(folder, problems);
}

fn notes<'a>(folder: &'a RecipeFolder, problems: &'a mut Problems) -> Notes<'a> {
    Notes {
        lines: &folder.lines,
        problems,
    }
}

/// Every service that recipe.toml names, by path.
fn named_services(recipe: &Recipe) -> Vec<(String, &str)> {
    let mut found: Vec<(String, &str)> = Vec::new();
    let mut note = |key: &str, index: usize, service| {
        found.push((format!("{key}.{index}.service"), service));
    };
    for (i, x) in recipe.routes.iter().enumerate() {
        note("routes", i, x.service.as_str());
    }
    for (i, x) in recipe.well_known.iter().enumerate() {
        if let Some(service) = &x.service {
            note("well_known", i, service);
        }
    }
    for (i, x) in recipe.databases.iter().enumerate() {
        note("databases", i, &x.service);
    }
    for (i, x) in recipe.hooks.iter().enumerate() {
        note("hooks", i, &x.service);
    }
    for (i, x) in recipe.capabilities.iter().enumerate() {
        note("capabilities", i, &x.service);
    }
    for (i, x) in recipe.ports.iter().enumerate() {
        note("ports", i, &x.service);
    }
    if let Some(health) = &recipe.health {
        found.push(("health.service".to_owned(), &health.service));
    }
    found
}

fn services(folder: &RecipeFolder, problems: &mut Problems) {
    let known = &folder.compose.services;
    for (path, service) in named_services(&folder.recipe) {
        if !known.contains_key(service) {
            notes(folder, problems).at(&path, Code::UnknownService, &[service]);
        }
    }
    for service in known.values() {
        for (name, (_, line)) in &service.depends_on {
            if !known.contains_key(name) {
                problems.add(Code::UnknownService, COMPOSE, *line, &[name]);
            }
        }
    }
}

fn volumes(folder: &RecipeFolder, problems: &mut Problems) {
    let (recipe, compose) = (&folder.recipe, &folder.compose);
    let mut used = BTreeSet::new();
    for service in compose.services.values() {
        let mut paths = BTreeSet::new();
        for mount in &service.mounts {
            if !paths.insert(&mount.path) {
                problems.add(Code::MountedTwice, COMPOSE, mount.line, &[&mount.path]);
            }
            if let Source::Volume(id) = &mount.source {
                used.insert(id);
                if !compose.volumes.contains_key(id) {
                    problems.add(Code::VolumeNotInCompose, COMPOSE, mount.line, &[id]);
                }
            }
        }
    }
    for (id, line) in &compose.volumes {
        if !recipe.volumes.iter().any(|v| v.id == *id) {
            problems.add(Code::VolumeNotDeclared, COMPOSE, *line, &[id]);
        }
        if !used.contains(id) {
            problems.add(Code::VolumeUnused, COMPOSE, *line, &[id]);
        }
    }
    for (index, volume) in recipe.volumes.iter().enumerate() {
        if !compose.volumes.contains_key(&volume.id) {
            notes(folder, problems).at(
                &format!("volumes.{index}.id"),
                Code::VolumeNotInCompose,
                &[&volume.id],
            );
        }
    }
    for (index, data) in recipe.privacy.data.iter().enumerate() {
        // Containers' logs hold personal data too.
        if data.volume != "log" && !recipe.volumes.iter().any(|v| v.id == data.volume) {
            notes(folder, problems).at(
                &format!("privacy.data.{index}.where"),
                Code::UnknownVolume,
                &[&data.volume],
            );
        }
    }
}

fn files(folder: &RecipeFolder, problems: &mut Problems) {
    let declared: Vec<&str> = folder
        .recipe
        .files
        .iter()
        .map(|f| f.source.as_str())
        .collect();
    for (index, source) in declared.iter().enumerate() {
        let path = format!("files.{index}.source");
        if !folder.files.contains_key(*source) {
            notes(folder, problems).at(&path, Code::FileNotThere, &[source]);
        }
        if declared[..index].contains(source) {
            notes(folder, problems).at(&path, Code::DuplicateId, &[source, "files"]);
        }
    }
    for name in folder.files.keys() {
        if !declared.contains(&name.as_str()) {
            problems.add(
                Code::FileNotDeclared,
                &format!("files/{name}"),
                None,
                &[name],
            );
        }
    }
    for mount in folder.compose.services.values().flat_map(|s| &s.mounts) {
        if let Source::File(name) = &mount.source
            && !declared.contains(&name.as_str())
        {
            problems.add(Code::FileNotThere, COMPOSE, mount.line, &[name]);
        }
    }
}

/// Words that give a secret away in the name of a variable.
const SECRET_WORDS: [&str; 8] = [
    "PASSWORD",
    "PASSWD",
    "PASSPHRASE",
    "SECRET",
    "TOKEN",
    "KEY",
    "CREDENTIALS",
    "SALT",
];

fn secret_like(name: &str) -> bool {
    let name = name.to_ascii_uppercase();
    // A path to a secret's file is no secret.
    !name.ends_with("_FILE")
        && name
            .split('_')
            .any(|word| SECRET_WORDS.contains(&word) || word.ends_with("PASSWORD"))
}

fn secrets(folder: &RecipeFolder, problems: &mut Problems) {
    let (recipe, compose) = (&folder.recipe, &folder.compose);
    for (id, line) in &compose.secrets {
        if !recipe.secrets.iter().any(|s| s.id == *id) {
            problems.add(Code::SecretNotDeclared, COMPOSE, *line, &[id]);
        }
    }
    for service in compose.services.values() {
        for secret in &service.secrets {
            if !compose.secrets.contains_key(&secret.secret) {
                problems.add(
                    Code::SecretNotDeclared,
                    COMPOSE,
                    secret.line,
                    &[&secret.secret],
                );
            }
        }
        for (name, value) in &service.environment {
            let word = value.text.to_ascii_lowercase();
            let harmless = ["", "true", "false", "yes", "no", "0", "1"].contains(&word.as_str());
            let close = value.text.replace([' ', '-'], "");
            // A template of fixed words is as clear as the words.
            let told = ["{{secrets.", "{{answers."]
                .iter()
                .any(|t| close.contains(t));
            let literal = !told && !harmless;
            if secret_like(name) && literal && !value.text.starts_with('/') {
                problems.add(Code::SecretInClear, COMPOSE, value.line, &[name]);
            }
        }
    }
}

fn capabilities(folder: &RecipeFolder, problems: &mut Problems) {
    let declared = &folder.recipe.capabilities;
    for (name, service) in &folder.compose.services {
        for word in &service.cap_add {
            let said = |c: &&lavoir_core::recipe::Capability| {
                c.service == *name && c.capability == word.text
            };
            if !CAPABILITIES.contains(&word.text.as_str()) {
                // ALL, SYS_ADMIN and the like open the machine itself.
                problems.add(Code::CapabilityRefused, COMPOSE, word.line, &[&word.text]);
            } else if !declared.iter().any(|c| said(&c)) {
                problems.add(
                    Code::CapabilityWithoutReason,
                    COMPOSE,
                    word.line,
                    &[&word.text, name],
                );
            }
        }
    }
    for (index, capability) in declared.iter().enumerate() {
        let Some(service) = folder.compose.services.get(&capability.service) else {
            continue;
        };
        let path = format!("capabilities.{index}.capability");
        if !service
            .cap_add
            .iter()
            .any(|w| w.text == capability.capability)
        {
            notes(folder, problems).at(
                &path,
                Code::CapabilityUnused,
                &[&capability.capability, &capability.service],
            );
        }
        let same = |c: &lavoir_core::recipe::Capability| {
            c.service == capability.service && c.capability == capability.capability
        };
        if declared[..index].iter().any(same) {
            notes(folder, problems).at(
                &path,
                Code::DuplicateId,
                &[&capability.capability, "capabilities"],
            );
        }
    }
}

fn ports(folder: &RecipeFolder, problems: &mut Problems) {
    let declared = &folder.recipe.ports;
    for (name, service) in &folder.compose.services {
        for port in &service.ports {
            let said = |p: &lavoir_core::recipe::Port| {
                p.service == *name && p.port == port.port && p.protocol == port.protocol
            };
            if !declared.iter().any(said) {
                problems.add(
                    Code::PortNotDeclared,
                    COMPOSE,
                    port.line,
                    &[&port.port.to_string(), name],
                );
            }
        }
    }
    for (index, port) in declared.iter().enumerate() {
        let path = format!("ports.{index}.port");
        // The gateway's and the machine's own.
        if matches!(port.port, 0 | 22 | 80 | 443) {
            notes(folder, problems).at(&path, Code::PortRefused, &[&port.port.to_string()]);
        }
        let there = folder.compose.services.get(&port.service).is_none_or(|s| {
            s.ports
                .iter()
                .any(|p| p.port == port.port && p.protocol == port.protocol)
        });
        if !there {
            notes(folder, problems).at(
                &path,
                Code::PortUnused,
                &[&port.port.to_string(), &port.service],
            );
        }
        let same =
            |p: &lavoir_core::recipe::Port| p.port == port.port && p.protocol == port.protocol;
        if declared[..index].iter().any(same) {
            notes(folder, problems).at(
                &path,
                Code::DuplicateId,
                &[&port.port.to_string(), "ports"],
            );
        }
    }
}

fn order(compose: &Compose, problems: &mut Problems) {
    if let Some((name, line)) = compose.circle() {
        problems.add(Code::DependencyCircle, COMPOSE, line, &[name]);
    }
    for service in compose.services.values() {
        for (name, (condition, line)) in &service.depends_on {
            let Some(other) = compose.services.get(name) else {
                continue;
            };
            let completed = *condition == Condition::ServiceCompletedSuccessfully;
            if completed != other.one_shot {
                let code = if completed {
                    Code::NeverCompletes
                } else {
                    Code::OneShotNotAwaited
                };
                problems.add(code, COMPOSE, *line, &[name]);
            }
            if *condition == Condition::ServiceHealthy && other.healthcheck.is_none() {
                problems.add(Code::HealthyWithoutHealthcheck, COMPOSE, *line, &[name]);
            }
        }
    }
}

fn one_shots(folder: &RecipeFolder, problems: &mut Problems) {
    for (path, service) in named_services(&folder.recipe) {
        let one_shot = folder
            .compose
            .services
            .get(service)
            .is_some_and(|s| s.one_shot);
        if one_shot && !path.starts_with("capabilities") {
            notes(folder, problems).at(&path, Code::OneShotUsed, &[service]);
        }
    }
}

fn health(folder: &RecipeFolder, problems: &mut Problems) {
    for (index, route) in folder.recipe.routes.iter().enumerate() {
        let asked = folder
            .recipe
            .health
            .as_ref()
            .is_some_and(|h| h.service == route.service);
        let checked = folder
            .compose
            .services
            .get(&route.service)
            .is_none_or(|s| s.healthcheck.is_some());
        if !asked && !checked {
            notes(folder, problems).at(
                &format!("routes.{index}.service"),
                Code::HealthMissing,
                &[&route.service],
            );
        }
    }
}

fn memory(folder: &RecipeFolder, problems: &mut Problems) {
    let bytes: u64 = folder
        .compose
        .services
        .values()
        .filter(|s| !s.one_shot)
        .filter_map(|s| s.memory_bytes)
        .fold(0, u64::saturating_add);
    let sum = bytes.div_ceil(1 << 20);
    if sum > u64::from(folder.recipe.needs.ram_mib) {
        let (sum, said) = (sum.to_string(), folder.recipe.needs.ram_mib.to_string());
        notes(folder, problems).at("needs.ram_mib", Code::RamBelowLimits, &[&said, &sum]);
    }
}

fn databases(folder: &RecipeFolder, problems: &mut Problems) {
    let served = |name: &str| folder.recipe.databases.iter().any(|d| d.service == name);
    for (name, service) in &folder.compose.services {
        if served(name) || service.one_shot {
            continue;
        }
        let keeps = |id: &str| {
            folder
                .recipe
                .volumes
                .iter()
                .any(|v| v.id == id && v.keep == Keep::Database)
        };
        let mount = service
            .mounts
            .iter()
            .find(|m| matches!(&m.source, Source::Volume(id) if keeps(id) && !m.read_only));
        // A database file belongs to one of the services that share it.
        let shared =
            mount.is_some_and(|m| {
                folder.compose.services.iter().any(|(other, s)| {
                    served(other) && s.mounts.iter().any(|o| o.source == m.source)
                })
            });
        if let Some(mount) = mount.filter(|_| !shared) {
            problems.add(Code::DatabaseNotDeclared, COMPOSE, mount.line, &[name]);
        } else if let Some(image) = &service.image
            && ["postgres", "postgis", "mariadb", "mysql"]
                .iter()
                .any(|engine| last_step(&image.text).contains(engine))
        {
            problems.add(Code::DatabaseNotDeclared, COMPOSE, image.line, &[name]);
        }
    }
}

fn last_step(reference: &str) -> &str {
    let name = reference.split('@').next().unwrap_or("");
    name.rsplit('/').next().unwrap_or("")
}

fn images(folder: &RecipeFolder, problems: &mut Problems) {
    let mut checked: Vec<(&str, Vec<String>)> = Vec::new();
    for build in folder
        .compose
        .services
        .values()
        .filter_map(|s| s.build.as_ref())
    {
        let name = build.containerfile.as_str();
        let Some(file) = folder.image.get(name) else {
            problems.add(Code::ContainerfileMissing, COMPOSE, build.line, &[name]);
            continue;
        };
        if !checked.iter().any(|(n, _)| *n == name) {
            let stages = containerfile::check(&file.text, &format!("image/{name}"), problems);
            checked.push((name, stages));
        }
        let stages = checked.iter().find(|(n, _)| *n == name).map(|(_, s)| s);
        if let (Some(target), Some(stages)) = (&build.target, stages)
            && !stages.contains(target)
        {
            problems.add(Code::StageMissing, COMPOSE, build.line, &[target, name]);
        }
    }
}
