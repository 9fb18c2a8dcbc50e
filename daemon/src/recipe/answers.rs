//! Answers to a recipe's questions: is each of its kind, and which stay out of the ledger?

use std::collections::BTreeMap;

use lavoir_core::id::Hostname;
use lavoir_core::limits;
use lavoir_core::recipe::{Question, QuestionKind, Recipe};
use lavoir_core::text::Text;

use super::problem::{Code, Problems};
use super::quote::{MARK, breaks};

/// Where answers' problems are said to stand.
pub const ANSWERS: &str = "answers";

/// Whether an answer is kept beside the ledger (law L6).
pub fn private(question: &Question) -> bool {
    question.personal
        || matches!(
            question.kind,
            QuestionKind::Email | QuestionKind::Secret | QuestionKind::Username
        )
}

/// Every question's answer, defaults filled in; empty where nothing was answered and nothing has to be.
pub fn complete(
    recipe: &Recipe,
    given: &BTreeMap<String, String>,
    problems: &mut Problems,
) -> BTreeMap<String, String> {
    for id in given.keys() {
        if !recipe.questions.iter().any(|q| q.id == *id) {
            problems.add(Code::AnswerUnknown, ANSWERS, None, &[id]);
        }
    }
    let mut answers = BTreeMap::new();
    for question in &recipe.questions {
        let answer = given
            .get(&question.id)
            .filter(|a| !a.trim().is_empty())
            .or(question.default.as_ref());
        let answer = match answer {
            None if question.required => {
                let label = [question.id.as_str(), &question.label.fr, &question.label.en];
                problems.add(Code::AnswerMissing, ANSWERS, None, &label);
                continue;
            }
            None if question.kind == QuestionKind::Boolean => "false",
            None => "",
            Some(answer) => {
                if let Err(expected) = valid(question, answer) {
                    let details = [
                        question.id.as_str(),
                        &question.label.fr,
                        &question.label.en,
                        &expected.fr,
                        &expected.en,
                    ];
                    problems.add(Code::AnswerInvalid, ANSWERS, None, &details);
                    continue;
                }
                answer.as_str()
            }
        };
        answers.insert(question.id.clone(), answer.to_owned());
    }
    answers
}

/// Whether an answer is of its question's kind; otherwise what was expected. The answer itself is never repeated.
pub fn valid(question: &Question, answer: &str) -> Result<(), Text> {
    let most = limits::ANSWER_BYTES_MAX;
    if answer.len() > most {
        return expected(
            format!("au plus {most} octets"),
            format!("at most {most} bytes"),
        );
    }
    if answer.chars().any(|c| breaks(c) || c == MARK) {
        return expected(
            "une seule ligne, sans signe de commande",
            "a single line, without control characters",
        );
    }
    let signs = i64::try_from(answer.chars().count()).unwrap_or(i64::MAX);
    if question.kind != QuestionKind::Number
        && let Some(max) = question.max
        && signs > max
    {
        return expected(
            format!("au plus {max} caractères"),
            format!("at most {max} characters"),
        );
    }
    match question.kind {
        QuestionKind::Text | QuestionKind::Secret => Ok(()),
        QuestionKind::Email if email(answer) => Ok(()),
        QuestionKind::Email => expected(
            "une adresse de courriel telle que nom@exemple.org",
            "an e-mail address such as name@example.org",
        ),
        QuestionKind::Username if username(answer) => Ok(()),
        QuestionKind::Username => expected(
            "un nom de lettres sans accent, chiffres, point, tiret ou souligné, commençant par une lettre ou un chiffre",
            "a name of unaccented letters, digits, dots, hyphens or underscores, beginning with a letter or digit",
        ),
        QuestionKind::Number => number(question, answer),
        QuestionKind::Boolean if matches!(answer, "true" | "false") => Ok(()),
        QuestionKind::Boolean => expected("true ou false", "true or false"),
        QuestionKind::Choice if question.choices.iter().any(|c| c.value == answer) => Ok(()),
        QuestionKind::Choice => {
            let values: Vec<&str> = question.choices.iter().map(|c| c.value.as_str()).collect();
            let values = values.join(", ");
            expected(format!("l'un de : {values}"), format!("one of: {values}"))
        }
    }
}

fn expected(fr: impl Into<String>, en: impl Into<String>) -> Result<(), Text> {
    Err(Text::new(fr, en))
}

fn number(question: &Question, answer: &str) -> Result<(), Text> {
    // One way to write each number: no sign of plus, no zeros before it.
    let number = answer
        .parse::<i64>()
        .ok()
        .filter(|n| n.to_string() == answer);
    let inside = number.is_some_and(|n| {
        question.min.is_none_or(|min| n >= min) && question.max.is_none_or(|max| n <= max)
    });
    if inside {
        return Ok(());
    }
    let bound = |n: Option<i64>| n.map_or("…".to_owned(), |n| n.to_string());
    let (min, max) = (bound(question.min), bound(question.max));
    expected(
        format!("un nombre entier de {min} à {max}"),
        format!("a whole number from {min} to {max}"),
    )
}

fn email(text: &str) -> bool {
    let Some((local, domain)) = text.rsplit_once('@') else {
        return false;
    };
    let sign = |b: u8| b.is_ascii_alphanumeric() || b"!#%&'*+-/=?^_{|}~.".contains(&b);
    (1..=64).contains(&local.len())
        && local.bytes().all(sign)
        && !local.starts_with(['.', '-'])
        && !local.ends_with('.')
        && !local.contains("..")
        && domain.to_ascii_lowercase().parse::<Hostname>().is_ok()
}

fn username(text: &str) -> bool {
    text.len() <= 60
        && text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b))
        && text
            .bytes()
            .next()
            .is_some_and(|b| b.is_ascii_alphanumeric())
}
