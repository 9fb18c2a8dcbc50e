//! Fields of forms, and what is wrong with what was typed into them.

use std::collections::BTreeMap;

use lavoir_core::id::{Hostname, PartId};
use lavoir_core::limits;
use lavoir_core::recipe::{Question, QuestionKind};
use serde::Serialize;

use crate::reader::{Reader, Sent};

/// A field as it is shown.
#[derive(Debug, Clone, Default, Serialize)]
pub(crate) struct Field {
    pub(crate) id: String,
    /// text, email, number, password, choice, address.
    pub(crate) kind: &'static str,
    pub(crate) label: String,
    pub(crate) hint: Option<String>,
    /// What was typed; never for secrets.
    pub(crate) value: String,
    pub(crate) error: Option<String>,
    pub(crate) required: bool,
    pub(crate) autocomplete: &'static str,
    pub(crate) choices: Vec<Choice>,
    /// Stands after what is typed: the domain.
    pub(crate) suffix: Option<String>,
    pub(crate) max: Option<i64>,
}

/// One of several.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Choice {
    pub(crate) value: String,
    pub(crate) label: String,
    pub(crate) chosen: bool,
}

/// A line of the error summary: what is wrong, and where.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Wrong {
    pub(crate) at: Option<String>,
    pub(crate) text: String,
}

/// Names of answers in forms, apart from the form's own fields.
pub(crate) fn answer_name(id: &str) -> String {
    format!("answer-{id}")
}

/// A recipe's question as a field.
pub(crate) fn asked(reader: &Reader, question: &Question, value: &str) -> Field {
    let kind = match question.kind {
        QuestionKind::Text | QuestionKind::Username => "text",
        QuestionKind::Email => "email",
        QuestionKind::Number => "number",
        QuestionKind::Choice | QuestionKind::Boolean => "choice",
        QuestionKind::Secret => "password",
    };
    let mut choices: Vec<Choice> = question
        .choices
        .iter()
        .map(|choice| Choice {
            value: choice.value.clone(),
            label: reader.text(&choice.label),
            chosen: choice.value == value,
        })
        .collect();
    if question.kind == QuestionKind::Boolean {
        choices = [("true", "yes"), ("false", "no")]
            .map(|(answer, word)| Choice {
                value: answer.to_owned(),
                label: reader.t(word),
                chosen: answer == value,
            })
            .to_vec();
    }
    Field {
        id: answer_name(&question.id),
        kind,
        label: reader.text(&question.label),
        hint: hint(reader, question),
        value: if question.kind == QuestionKind::Secret {
            String::new()
        } else {
            value.to_owned()
        },
        required: question.required,
        // Questions are about the service's people, not about whoever sits here.
        autocomplete: if question.kind == QuestionKind::Secret {
            "new-password"
        } else {
            "off"
        },
        choices,
        max: (question.kind != QuestionKind::Number)
            .then_some(question.max)
            .flatten(),
        ..Field::default()
    }
}

fn hint(reader: &Reader, question: &Question) -> Option<String> {
    let own = question.hint.as_ref().map(|hint| reader.text(hint));
    let bounds = match (question.kind, question.min, question.max) {
        (QuestionKind::Number, Some(min), Some(max)) => Some(reader.words().with(
            "hint-between",
            &[("min", &min.to_string()), ("max", &max.to_string())],
        )),
        _ => None,
    };
    let all: Vec<String> = own.into_iter().chain(bounds).collect();
    (!all.is_empty()).then(|| all.join(" "))
}

/// What is wrong with an answer, in words for its kind. The daemon looks again.
pub(crate) fn wrong(reader: &Reader, question: &Question, answer: &str) -> Option<String> {
    let words = reader.words();
    if answer.is_empty() {
        let key = match question.kind {
            QuestionKind::Choice | QuestionKind::Boolean => "wrong-choose",
            _ => "wrong-empty",
        };
        return question.required.then(|| words.plain(key));
    }
    let signs = i64::try_from(answer.chars().count()).unwrap_or(i64::MAX);
    if let (true, Some(max)) = (question.kind != QuestionKind::Number, question.max)
        && signs > max
    {
        return Some(words.with("wrong-long", &[("max", &max.to_string())]));
    }
    if answer.len() > limits::ANSWER_BYTES_MAX || answer.chars().any(char::is_control) {
        return Some(words.plain("wrong-signs"));
    }
    match question.kind {
        QuestionKind::Text | QuestionKind::Secret => None,
        QuestionKind::Email => (!email(answer)).then(|| words.plain("wrong-email")),
        QuestionKind::Username => (!username(answer)).then(|| words.plain("wrong-username")),
        QuestionKind::Number => number(reader, question, answer),
        QuestionKind::Boolean => {
            (!matches!(answer, "true" | "false")).then(|| words.plain("wrong-choose"))
        }
        QuestionKind::Choice => {
            let known = question.choices.iter().any(|choice| choice.value == answer);
            (!known).then(|| words.plain("wrong-choose"))
        }
    }
}

fn number(reader: &Reader, question: &Question, answer: &str) -> Option<String> {
    let words = reader.words();
    let Ok(number) = answer.parse::<i64>() else {
        return Some(words.plain("wrong-number"));
    };
    let below = question.min.filter(|min| number < *min);
    let above = question.max.filter(|max| number > *max);
    match (below, above) {
        (Some(min), _) => Some(words.with("wrong-small", &[("min", &min.to_string())])),
        (_, Some(max)) => Some(words.with("wrong-large", &[("max", &max.to_string())])),
        _ => None,
    }
}

fn email(text: &str) -> bool {
    text.rsplit_once('@').is_some_and(|(local, domain)| {
        !local.is_empty()
            && !local.contains(char::is_whitespace)
            && domain.parse::<Hostname>().is_ok()
    })
}

fn username(text: &str) -> bool {
    let sign = |b: u8| b.is_ascii_alphanumeric() || b".-_".contains(&b);
    text.bytes().all(sign)
        && text
            .as_bytes()
            .first()
            .is_some_and(u8::is_ascii_alphanumeric)
}

/// The answers to these questions, with what is wrong with each put beside its field.
pub(crate) fn answers(
    reader: &Reader,
    sent: &Sent,
    questions: &[Question],
    fields: &mut [Field],
) -> BTreeMap<PartId, String> {
    let mut answers = BTreeMap::new();
    for question in questions {
        let answer = sent.get(&answer_name(&question.id));
        if let Some(words) = wrong(reader, question, answer) {
            set_wrong(fields, question, Some(words));
        } else if let (Ok(id), false) = (question.id.parse(), answer.is_empty()) {
            answers.insert(id, answer.to_owned());
        }
    }
    answers
}

/// Puts what is wrong with the answer to a question beside its field.
pub(crate) fn set_wrong(fields: &mut [Field], question: &Question, error: Option<String>) {
    let name = answer_name(&question.id);
    if let Some(field) = fields.iter_mut().find(|field| field.id == name) {
        field.error = error;
    }
}

/// Puts what the daemon found wrong beside the fields it is about, and lists everything for the summary.
pub(crate) fn place(
    reader: &Reader,
    fields: &mut [Field],
    problems: &[crate::admin::Problem],
) -> Vec<Wrong> {
    let mut summary = Vec::new();
    for problem in problems {
        let text = reader.text(&problem.message.sentence);
        let at = problem.at.as_deref().and_then(|at| {
            let named = |field: &&mut Field| field.id == at || field.id == answer_name(at);
            fields.iter_mut().find(named)
        });
        if at.is_none() {
            summary.push(Wrong {
                at: None,
                text: text.clone(),
            });
        }
        if let Some(field) = at {
            field.error.get_or_insert(text);
        }
    }
    summary
}

/// The error summary: each field that is wrong, in the order of the page, then the rest.
pub(crate) fn summary(fields: &[Field], rest: Vec<Wrong>) -> Vec<Wrong> {
    let wrong = fields.iter().filter_map(|field| {
        let text = field.error.clone()?;
        Some(Wrong {
            at: Some(field.first_id()),
            text: format!("{} – {text}", field.label),
        })
    });
    wrong.chain(rest).collect()
}

impl Field {
    /// What a link leads to: of several choices the first.
    fn first_id(&self) -> String {
        if self.kind == "choice" {
            format!("{}-1", self.id)
        } else {
            self.id.clone()
        }
    }
}
