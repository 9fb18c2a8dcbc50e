//! The JSON Schema of recipe.toml, made from the types that read it.

use lavoir_core::recipe::Recipe;

/// The schema as indented JSON with a final line break.
pub fn schema() -> String {
    let schema = schemars::schema_for!(Recipe);
    let mut text = serde_json::to_string_pretty(&schema).unwrap_or_default();
    text.push('\n');
    text
}
