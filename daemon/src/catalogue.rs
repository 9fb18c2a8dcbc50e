//! The recipes that can be installed: folders of recipe folders. The first folder that has a recipe wins.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, SystemTime};

use lavoir_core::id::RecipeId;
use lavoir_core::limits;
use lavoir_core::recipe::Recipe;

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
        let dir = self.folder(name).ok_or(NoRecipe::Unknown)?;
        recipe::read(&dir).map_err(NoRecipe::Unsound)
    }

    fn folder(&self, name: &RecipeId) -> Option<PathBuf> {
        let there = |folder: &PathBuf| {
            Some(folder.join(name.as_str())).filter(|dir| dir.join(recipe::RECIPE).is_file())
        };
        self.folders.iter().find_map(there)
    }
}

/// The recipes as they were a short while ago, in memory: so that a page need not read them all.
pub struct Shelf {
    catalogue: Catalogue,
    kept: RwLock<BTreeMap<RecipeId, Shelved>>,
}

/// A recipe in memory.
#[derive(Clone)]
pub struct Shelved {
    /// recipe.toml; none when it is unsound.
    pub recipe: Option<Arc<Recipe>>,
    /// SHA-256 of its folder, in hex.
    pub digest: String,
    mark: Mark,
}

/// By which a changed folder is told: how many files, how many bytes, the latest change.
type Mark = (usize, u64, Option<SystemTime>);

impl Shelf {
    /// Empty at first.
    pub fn new(catalogue: Catalogue) -> Self {
        Self {
            catalogue,
            kept: RwLock::default(),
        }
    }

    /// Those that are sound, by name.
    pub fn all(&self) -> Vec<(RecipeId, Arc<Recipe>)> {
        let kept = self.kept.read().unwrap_or_else(PoisonError::into_inner);
        kept.iter()
            .filter_map(|(id, shelved)| Some((id.clone(), shelved.recipe.clone()?)))
            .collect()
    }

    /// One of them.
    pub fn get(&self, id: &RecipeId) -> Option<(Arc<Recipe>, String)> {
        let kept = self.kept.read().unwrap_or_else(PoisonError::into_inner);
        let shelved = kept.get(id)?;
        Some((shelved.recipe.clone()?, shelved.digest.clone()))
    }

    /// Reads what has changed. Reads files.
    pub fn refresh(&self) {
        let before = self
            .kept
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        let mut now = BTreeMap::new();
        for id in self.catalogue.names() {
            let Some(dir) = self.catalogue.folder(&id) else {
                continue;
            };
            let mark = mark(&dir);
            let same = before.get(&id).filter(|shelved| shelved.mark == mark);
            let shelved = same.cloned().unwrap_or_else(|| read(&id, &dir, mark));
            now.insert(id, shelved);
        }
        *self.kept.write().unwrap_or_else(PoisonError::into_inner) = now;
    }

    /// Keeps it fresh for ever.
    pub async fn keep(self: Arc<Self>) {
        loop {
            let shelf = Arc::clone(&self);
            // A panic in a recipe's reading is said by the reading itself the next time.
            let _ = tokio::task::spawn_blocking(move || shelf.refresh()).await;
            tokio::time::sleep(Duration::from_millis(limits::CATALOGUE_EVERY_MS)).await;
        }
    }
}

fn read(id: &RecipeId, dir: &Path, mark: Mark) -> Shelved {
    match recipe::read(dir) {
        Ok(folder) => Shelved {
            recipe: Some(Arc::new(folder.recipe)),
            digest: folder.digest,
            mark,
        },
        Err(_) => {
            tracing::warn!(recipe = %id, "unsound; see “lavoir recipe check”");
            Shelved {
                recipe: None,
                digest: String::new(),
                mark,
            }
        }
    }
}

fn mark(dir: &Path) -> Mark {
    let (mut files, mut bytes, mut latest) = (0, 0, None);
    let mut folders = vec![dir.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
            let Ok(facts) = entry.metadata() else {
                continue;
            };
            files += 1;
            bytes += facts.len();
            latest = latest.max(facts.modified().ok());
            if facts.is_dir() {
                folders.push(entry.path());
            }
            if files > limits::RECIPE_FILES_MAX {
                return (files, bytes, latest);
            }
        }
    }
    (files, bytes, latest)
}
