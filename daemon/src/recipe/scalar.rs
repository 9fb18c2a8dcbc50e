//! Taking typed values from the YAML tree, and noting what is not of its type.

use lavoir_core::id::PartId;

use super::compose::Word;
use super::problem::{Code, Problems};
use super::tree::{Node, Pair, Shape};
use super::units;

/// Takes values and gathers problems of one file.
pub struct Scalars<'p> {
    file: &'static str,
    problems: &'p mut Problems,
}

/// Whether a text holds a template.
pub fn templated(text: &str) -> bool {
    text.contains("{{") || text.contains("{%") || text.contains("{#")
}

impl<'p> Scalars<'p> {
    /// For one file.
    pub fn new(file: &'static str, problems: &'p mut Problems) -> Self {
        Self { file, problems }
    }

    /// Notes a problem.
    pub fn add(&mut self, code: Code, line: u32, details: &[&str]) {
        self.problems.add(code, self.file, line, details);
    }

    /// Notes a key that has no effect here.
    pub fn not_carried_out(&mut self, pair: &Pair, under: &str) {
        let path = match under {
            "" => pair.key.clone(),
            _ => format!("{under}.{}", pair.key),
        };
        self.add(Code::KeyNotCarriedOut, pair.line, &[&path]);
    }

    fn wrong(&mut self, node: &Node, what: &str, expected: &str) {
        self.add(Code::WrongType, node.line, &[what, expected]);
    }

    /// A map's pairs.
    pub fn map<'n>(&mut self, node: &'n Node, what: &str) -> &'n [Pair] {
        match &node.shape {
            Shape::Map(pairs) => pairs,
            _ => {
                self.wrong(node, what, "map");
                &[]
            }
        }
    }

    /// A list's items.
    pub fn list<'n>(&mut self, node: &'n Node, what: &str) -> &'n [Node] {
        match &node.shape {
            Shape::List(items) => items,
            _ => {
                self.wrong(node, what, "list");
                &[]
            }
        }
    }

    /// A text, which may be a template.
    pub fn text(&mut self, node: &Node, what: &str) -> Option<Word> {
        match &node.shape {
            Shape::Scalar { text, plain } => {
                if *plain && units::ambiguous(text) {
                    self.add(Code::YamlAmbiguous, node.line, &[what, text]);
                    return None;
                }
                Some(Word {
                    text: text.clone(),
                    line: node.line,
                })
            }
            _ => {
                self.wrong(node, what, "text");
                None
            }
        }
    }

    /// A text that is no template and takes no interpolation.
    pub fn fixed(&mut self, node: &Node, what: &str) -> Option<Word> {
        let word = match &node.shape {
            Shape::Scalar { text, .. } if !node.is_null() => Word {
                text: text.clone(),
                line: node.line,
            },
            _ => {
                self.wrong(node, what, "text");
                return None;
            }
        };
        if templated(&word.text) || word.text.contains('$') {
            self.add(Code::TemplateNotHere, node.line, &[what]);
            return None;
        }
        if word.text.chars().any(char::is_control) {
            self.wrong(node, what, "one line of text");
            return None;
        }
        Some(word)
    }

    /// A text read by `parse`, or a note saying what was expected.
    pub fn parsed<T>(
        &mut self,
        node: &Node,
        what: &str,
        expected: &str,
        parse: impl Fn(&str) -> Option<T>,
    ) -> Option<T> {
        let word = self.fixed(node, what)?;
        let value = parse(&word.text);
        if value.is_none() {
            self.wrong(node, what, expected);
        }
        value
    }

    /// `true` or `false`.
    pub fn flag(&mut self, node: &Node, what: &str) -> Option<bool> {
        match &node.shape {
            Shape::Scalar { text, plain: true } if text == "true" => Some(true),
            Shape::Scalar { text, plain: true } if text == "false" => Some(false),
            _ => {
                self.wrong(node, what, "true, false");
                None
            }
        }
    }

    /// Command words: a list, or one text split like a shell does. A text with a template is refused, for an
    /// answer could then make words of its own.
    pub fn command(&mut self, node: &Node, what: &str) -> Option<Vec<Word>> {
        let words = match &node.shape {
            Shape::List(items) => {
                let words: Vec<Word> = items.iter().filter_map(|n| self.text(n, what)).collect();
                if words.len() != items.len() {
                    return None;
                }
                words
            }
            Shape::Scalar { .. } => {
                let word = self.text(node, what)?;
                if templated(&word.text) {
                    self.add(Code::TemplateInShell, node.line, &[what]);
                    return None;
                }
                let Some(words) = shlex::split(&word.text) else {
                    self.wrong(node, what, "closed quotes");
                    return None;
                };
                let line = word.line;
                words.into_iter().map(|text| Word { text, line }).collect()
            }
            Shape::Map(_) => {
                self.wrong(node, what, "list");
                return None;
            }
        };
        if words.is_empty() {
            self.wrong(node, what, "at least one word");
            return None;
        }
        Some(words)
    }

    /// The name of a part: of a service, a volume, a secret.
    pub fn part_id(&mut self, text: &str, line: u32) {
        if text.parse::<PartId>().is_err() {
            self.add(Code::BadId, line, &[text]);
        }
    }
}
