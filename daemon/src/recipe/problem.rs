//! What is wrong with a recipe or an answer: a stable code, where, a sentence and the next step (law L11).

use lavoir_core::text::{Message, Text};

pub use super::words::Code;

/// One fault, said so that its author can mend it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Stable: `image-without-digest`.
    pub code: &'static str,
    /// Path inside the recipe's folder, or `answers`.
    pub file: String,
    /// Line in that file, from 1.
    pub line: Option<u32>,
    /// Which answer, where it is about one.
    pub about: Option<String>,
    /// What is wrong.
    pub sentence: Text,
    /// What to do.
    pub next_step: Text,
}

impl Problem {
    /// A problem with its words filled in; `{0}`, `{1}` in them stand for `details`.
    pub fn new(code: Code, file: &str, line: Option<u32>, details: &[&str]) -> Self {
        let words = code.words();
        let text = |fr: &str, en: &str| Text::new(filled(fr, details), filled(en, details));
        Self {
            code: words.code,
            file: file.to_owned(),
            line,
            about: details
                .first()
                .filter(|_| file == super::answers::ANSWERS)
                .map(|id| shown(id)),
            sentence: text(words.fr, words.en),
            next_step: text(words.next_fr, words.next_en),
        }
    }

    /// The same as a message for people, without the place.
    pub fn message(&self) -> Message {
        Message {
            code: self.code.to_owned(),
            sentence: self.sentence.clone(),
            next_step: self.next_step.clone(),
        }
    }
}

/// Fills `{0}` to `{9}`; details come from outside, so each is cut and freed of control signs.
fn filled(words: &str, details: &[&str]) -> String {
    let mut out = String::with_capacity(words.len() + 40);
    let mut rest = words;
    while let Some(open) = rest.find('{') {
        let bytes = rest.as_bytes();
        let index = bytes.get(open + 1).filter(|b| b.is_ascii_digit());
        match (index, bytes.get(open + 2)) {
            (Some(digit), Some(b'}')) => {
                out.push_str(&rest[..open]);
                let detail = details.get(usize::from(digit - b'0')).unwrap_or(&"");
                out.push_str(&shown(detail));
                rest = &rest[open + 3..];
            }
            _ => {
                out.push_str(&rest[..=open]);
                rest = &rest[open + 1..];
            }
        }
    }
    out.push_str(rest);
    out
}

/// At most this many signs of a detail are shown.
const DETAIL_SIGNS_MAX: usize = 200;

fn shown(detail: &str) -> String {
    let mut out: String = detail
        .chars()
        .take(DETAIL_SIGNS_MAX)
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect();
    if detail.chars().nth(DETAIL_SIGNS_MAX).is_some() {
        out.push('…');
    }
    out
}

/// Problems as they are gathered.
#[derive(Debug, Default)]
pub struct Problems(Vec<Problem>);

impl Problems {
    /// None yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Notes one.
    pub fn add(&mut self, code: Code, file: &str, line: impl Into<Option<u32>>, details: &[&str]) {
        self.0.push(Problem::new(code, file, line.into(), details));
    }

    /// Notes one made elsewhere.
    pub fn push(&mut self, problem: Problem) {
        self.0.push(problem);
    }

    /// Whether one speaks of `file`.
    pub fn speaks_of(&self, file: &str) -> bool {
        self.0.iter().any(|p| p.file == file)
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How many.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// By file, then line, each once.
    pub fn sorted(mut self) -> Vec<Problem> {
        self.0
            .sort_by(|a, b| (&a.file, a.line, a.code).cmp(&(&b.file, b.line, b.code)));
        self.0.dedup();
        self.0
    }
}
