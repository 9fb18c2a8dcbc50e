//! Every template of a recipe: in the environment, in commands, in files.

use lavoir_core::recipe::{QuestionKind, Recipe};

use super::compose::Word;
use super::problem::{Code, Problems};
use super::scan::{self, Names, Place};
use super::template::Way;
use super::{COMPOSE, RECIPE, RecipeFolder};

/// What the templates of a recipe may name.
fn names(recipe: &Recipe) -> Names {
    let mut names = Names::default();
    names.variables.extend(scan::COMMON.map(str::to_owned));
    for hostname in &recipe.hostnames {
        names.variables.insert(format!("app.hosts.{}", hostname.id));
    }
    for question in &recipe.questions {
        let variable = format!("answers.{}", question.id);
        match question.kind {
            QuestionKind::Boolean => names.booleans.push(question.id.clone()),
            QuestionKind::Secret => names.hidden.push(variable.clone()),
            _ => {}
        }
        names.variables.insert(variable);
    }
    for secret in &recipe.secrets {
        let variable = format!("secrets.{}", secret.id);
        names.hidden.push(variable.clone());
        names.variables.insert(variable);
    }
    names
}

/// Notes all that is wrong with them.
pub fn check(folder: &RecipeFolder, problems: &mut Problems) {
    let names = names(&folder.recipe);
    for service in folder.compose.services.values() {
        for value in service.environment.values() {
            let place = Place {
                file: COMPOSE,
                line: value.line,
                way: Way::Scalar,
                command: false,
            };
            scan::check(&value.text, place, &names, problems);
        }
        // The engine puts the command behind the entrypoint: `sh -c` may stand in the one, its text in the other.
        let run = service.entrypoint.iter().chain(&service.command);
        command(
            run.flat_map(|words| written(words)),
            COMPOSE,
            &names,
            problems,
        );
        let test = service.healthcheck.iter().map(|check| &check.test);
        command(
            test.flat_map(|words| written(words)),
            COMPOSE,
            &names,
            problems,
        );
    }
    let recipe = &folder.recipe;
    let mut written: Vec<(String, &Vec<String>)> = Vec::new();
    for (i, hook) in recipe.hooks.iter().enumerate() {
        written.push((format!("hooks.{i}.command"), &hook.command));
    }
    for (i, database) in recipe.databases.iter().enumerate() {
        written.push((format!("databases.{i}.dump"), &database.dump));
        written.push((format!("databases.{i}.restore"), &database.restore));
    }
    for (path, words) in written {
        let numbered = words.iter().enumerate().map(|(j, word)| {
            let line = folder.lines.of(&format!("{path}.{j}")).unwrap_or(1);
            (word.as_str(), line)
        });
        command(numbered, RECIPE, &names, problems);
    }
    for (name, text) in &folder.files {
        let file = format!("files/{name}");
        let place = Place {
            file: &file,
            line: 1,
            way: Way::File,
            command: false,
        };
        scan::check(text, place, &names, problems);
    }
}

fn written(words: &[Word]) -> impl Iterator<Item = (&str, u32)> {
    words.iter().map(|word| (word.text.as_str(), word.line))
}

/// A template inside the text of a shell command would let an answer write commands.
fn command<'w>(
    words: impl Iterator<Item = (&'w str, u32)>,
    file: &str,
    names: &Names,
    problems: &mut Problems,
) {
    let mut shell = false;
    for (index, (text, line)) in words.enumerate() {
        if shell && super::scalar::templated(text) {
            problems.add(Code::TemplateInShell, file, line, &[text]);
        }
        let option = text.starts_with('-') && !text.starts_with("--") && text.ends_with('c');
        shell = option || (index == 0 && text == "CMD-SHELL");
        let place = Place {
            file,
            line,
            way: Way::Scalar,
            command: true,
        };
        scan::check(text, place, names, problems);
    }
}
