//! The recipes that can be installed: folders of recipe folders. The first folder that has a recipe wins.

use std::collections::BTreeSet;
use std::path::PathBuf;

use lavoir_core::id::RecipeId;

use crate::recipe::{self, Problem, RecipeFolder};

/// Where recipes are looked for.
#[derive(Debug, Clone)]
pub struct Catalogue {
    folders: Vec<PathBuf>,
}

/// Why there is no recipe of that name.
#[derive(Debug, Clone)]
pub enum NoRecipe {
    /// None is called so.
    Unknown,
    /// It is there, and unsound.
    Unsound(Vec<Problem>),
}

impl Catalogue {
    /// Over some folders.
    pub fn new(folders: Vec<PathBuf>) -> Self {
        Self { folders }
    }

    /// All names, sorted.
    pub fn names(&self) -> Vec<RecipeId> {
        let entries = self
            .folders
            .iter()
            .filter_map(|folder| std::fs::read_dir(folder).ok())
            .flatten()
            .flatten();
        let names: BTreeSet<RecipeId> = entries
            .filter(|entry| entry.path().join(recipe::RECIPE).is_file())
            .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
            .collect();
        names.into_iter().collect()
    }

    /// Reads one anew: recipes may have been brought up to date since the daemon started.
    ///
    /// # Errors
    /// When there is none, or it is unsound.
    pub fn read(&self, name: &RecipeId) -> Result<RecipeFolder, NoRecipe> {
        let there = |folder: &PathBuf| {
            Some(folder.join(name.as_str())).filter(|dir| dir.join(recipe::RECIPE).is_file())
        };
        let dir = self
            .folders
            .iter()
            .find_map(there)
            .ok_or(NoRecipe::Unknown)?;
        recipe::read(&dir).map_err(NoRecipe::Unsound)
    }
}
