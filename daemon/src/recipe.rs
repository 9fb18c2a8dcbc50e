//! Reading recipes: from a folder on the disk to a release for one app.
//!
//! compose.yaml is parsed as plain YAML first; then each text in it is rendered alone, so that an answer can never
//! change the structure. Files under `files/` are rendered as wholes, where every output ends with a quoting filter.

mod agree;
pub mod answers;
pub mod compose;
mod containerfile;
mod example;
mod export;
mod folder;
mod mounts;
pub mod problem;
mod quote;
mod resolve;
mod roads;
mod scalar;
mod scan;
mod schema;
mod service;
mod sound;
pub mod template;
mod texts;
mod toml_lines;
mod toml_shapes;
mod tree;
mod units;
mod values;
mod words;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::path::Path;

use lavoir_core::recipe::Recipe;
use lavoir_core::release::ContextFile;

pub use example::example;
pub use export::interpolation_compose;
pub use problem::{Code, Problem, Problems};
pub use resolve::{ResolveRequest, Resolved, commitment, resolve};
pub use schema::schema;
pub use template::fill;
pub use toml_lines::Lines;
pub use values::{BoxFacts, Values, render_file};

/// The file that says what a recipe is.
pub const RECIPE: &str = "recipe.toml";
/// The file that says how its containers run.
pub const COMPOSE: &str = "compose.yaml";

/// A recipe's folder, read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecipeFolder {
    /// The folder's own name.
    pub name: String,
    /// SHA-256 of everything in it, in hex.
    pub digest: String,
    /// recipe.toml.
    pub recipe: Recipe,
    /// Where its values stand.
    pub lines: Lines,
    /// compose.yaml.
    pub compose: compose::Compose,
    /// Templates under `files/`.
    pub files: BTreeMap<String, String>,
    /// Build context under `image/`.
    pub image: BTreeMap<String, ContextFile>,
}

impl RecipeFolder {
    /// Notes all that is unsound in what was read.
    fn sound(&self, problems: &mut Problems) {
        let mut notes = sound::Notes {
            lines: &self.lines,
            problems,
        };
        sound::check(&self.recipe, &self.name, &mut notes);
        agree::check(self, problems);
    }
}

/// Reads a recipe's folder. What comes back is well formed, not yet sound: see [`check`].
pub fn read(dir: &Path) -> Result<RecipeFolder, Vec<Problem>> {
    let mut problems = Problems::new();
    match gather(dir, &mut problems) {
        Some(folder) if problems.is_empty() => Ok(folder),
        _ => Err(problems.sorted()),
    }
}

/// Every problem of a recipe, by file and line.
pub fn check(dir: &Path) -> Vec<Problem> {
    let mut problems = Problems::new();
    if let Some(folder) = gather(dir, &mut problems) {
        folder.sound(&mut problems);
    }
    problems.sorted()
}

fn gather(dir: &Path, problems: &mut Problems) -> Option<RecipeFolder> {
    let texts = folder::read(dir, problems);
    let recipe = texts.recipe.as_deref();
    let recipe = recipe.and_then(|text| toml_lines::read(text, problems));
    let compose = texts.compose.as_deref();
    let compose = compose.and_then(|text| compose::read(text, problems));
    if let (Some((recipe, lines)), None) = (&recipe, &compose) {
        let mut notes = sound::Notes { lines, problems };
        sound::check(recipe, &texts.name, &mut notes);
    }
    let (recipe, lines) = recipe?;
    Some(RecipeFolder {
        name: texts.name,
        digest: texts.digest,
        recipe,
        lines,
        compose: compose?,
        files: texts.files,
        image: texts.image,
    })
}
