//! The JSON Schema of recipe.toml, made from the types that read it.

use lavoir_core::recipe::Recipe;

/// The schema as indented JSON with a final line break.
pub fn schema() -> String {
    let schema = schemars::schema_for!(Recipe);
    let mut text = serde_json::to_string_pretty(&schema).unwrap_or_default();
    text.push('\n');
    text
}

#[cfg(test)]
mod tests {
    /// `LAVOIR_WRITE_SCHEMA=1 cargo test -p lavoir schema` writes it anew.
    #[test]
    fn the_published_schema_is_the_types() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/recipe.schema.json");
        if std::env::var_os("LAVOIR_WRITE_SCHEMA").is_some() {
            let written = std::fs::write(path, super::schema());
            assert!(written.is_ok(), "{written:?}");
        }
        let published = std::fs::read_to_string(path).unwrap_or_default();
        assert_eq!(
            published,
            super::schema(),
            "docs/recipe.schema.json is of another day"
        );
    }
}
