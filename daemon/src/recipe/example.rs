//! A recipe resolved as an example: for `lavoir recipe render` and for other readers of Compose files.

use std::collections::BTreeMap;

use lavoir_core::recipe::{Question, QuestionKind};
use lavoir_core::release::Release;
use lavoir_core::text::Language;

use super::{BoxFacts, Code, Problem, RECIPE, RecipeFolder, ResolveRequest, resolve};

/// The release that a recipe gives with its default answers, and plain ones where it has none.
///
/// # Errors
/// Every problem of the recipe.
pub fn example(folder: &RecipeFolder) -> Result<Release, Vec<Problem>> {
    let bad_id = |_| {
        vec![Problem::new(
            Code::BadId,
            RECIPE,
            None,
            &[&folder.recipe.id],
        )]
    };
    let request = ResolveRequest {
        app: folder.recipe.id.parse().map_err(bad_id)?,
        host: format!("{}.example.org", folder.recipe.id)
            .parse()
            .map_err(bad_id)?,
        extra_hosts: BTreeMap::new(),
        answers: folder
            .recipe
            .questions
            .iter()
            .filter_map(plain_answer)
            .collect(),
        box_facts: BoxFacts {
            domain: "example.org".to_owned(),
            language: Language::Fr,
            timezone: "Europe/Paris".to_owned(),
            proxies: vec!["172.16.0.0/12".to_owned()],
        },
        day: None,
        salt: [0; 32],
    };
    resolve(folder, request).map(|resolved| resolved.release)
}

fn plain_answer(question: &Question) -> Option<(String, String)> {
    if !question.required || question.default.is_some() {
        return None;
    }
    let answer = match question.kind {
        QuestionKind::Email => "ana@example.org".to_owned(),
        QuestionKind::Number => question.min.unwrap_or(1).to_string(),
        QuestionKind::Boolean => "true".to_owned(),
        QuestionKind::Choice => question.choices.first()?.value.clone(),
        QuestionKind::Text | QuestionKind::Username | QuestionKind::Secret => "ana".to_owned(),
    };
    Some((question.id.clone(), answer))
}
