//! A copy of the recipes, whose versions can be changed.

use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result, ensure};
use lavoir_tests::appliance::recipes;
use lavoir_tests::notes::copy;

/// A copy of the recipes that the test may bring forward.
pub struct Shelf {
    dir: tempfile::TempDir,
}

impl Shelf {
    /// All recipes, as they are.
    pub fn new() -> Result<Self> {
        let dir = tempfile::tempdir()?;
        copy(&recipes(), dir.path())?;
        Ok(Self { dir })
    }

    /// Its folder.
    pub fn path(&self) -> &Path {
        self.dir.path()
    }

    /// Replaces a text in a file.
    pub fn change(&self, file: &str, from: &str, to: &str) -> Result<()> {
        let path = self.dir.path().join(file);
        let text = fs::read_to_string(&path)?;
        ensure!(text.contains(from), "{file} does not hold {from}");
        Ok(fs::write(&path, text.replace(from, to))?)
    }

    /// The same software in the recipe's next version, with an image of its own.
    pub fn next_version(&self, recipe: &str) -> Result<()> {
        let (version, next) = self.next_recipe(recipe)?;
        let image = format!("{recipe}/image/Containerfile");
        self.change(
            &image,
            &format!("LAVOIR_RECIPE={version}"),
            &format!("LAVOIR_RECIPE={next}"),
        )
    }

    /// The same, of the same image: nothing has to be built. The version before, and the next one.
    pub fn next_recipe(&self, recipe: &str) -> Result<(String, String)> {
        let toml: toml::Table = toml::from_str(&fs::read_to_string(
            self.dir.path().join(recipe).join("recipe.toml"),
        )?)?;
        let version = toml["version"].as_str().context("no version")?.to_owned();
        let next = format!("{}-2", version.trim_end_matches("-1"));
        self.change(
            &format!("{recipe}/recipe.toml"),
            &format!("version = \"{version}\""),
            &format!("version = \"{next}\""),
        )?;
        Ok((version, next))
    }

    /// A version that starts and spoils its data, then never becomes healthy.
    pub fn break_version(&self, recipe: &str) -> Result<()> {
        self.change(&format!("{recipe}/recipe.toml"), "-2\"", "-3\"")?;
        self.change(
            &format!("{recipe}/compose.yaml"),
            "command: [\"lavoir-radicale\", \"serve\"]",
            "command: [\"sh\", \"-c\", \"rm -rf /var/lib/radicale/*; sleep 1; echo broken on purpose; exit 7\"]",
        )
    }
}
