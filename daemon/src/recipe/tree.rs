//! YAML as a plain tree which knows its lines. Nothing clever is taken: no anchors, aliases, merge keys, tags,
//! second documents or keys said twice, so that what is read is what is written.

use serde_saphyr::granit_parser::{Event, Parser, ScalarStyle, ScanError, Span};

use lavoir_core::limits;

use super::problem::{Code, Problem, Problems};

/// A value and the line on which it begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Node {
    /// From 1.
    pub line: u32,
    /// What it is.
    pub shape: Shape,
}

/// What a value is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Shape {
    /// Text as written; `plain` when it stands without quotes.
    Scalar {
        /// The text.
        text: String,
        /// Without quotes, so that YAML may see a number or a truth value in it.
        plain: bool,
    },
    /// A list.
    List(Vec<Node>),
    /// A map, in the order of writing.
    Map(Vec<Pair>),
}

/// A key and its value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pair {
    /// The key.
    pub key: String,
    /// The key's line.
    pub line: u32,
    /// The value.
    pub value: Node,
}

impl Node {
    /// Whether nothing is written.
    pub fn is_null(&self) -> bool {
        matches!(&self.shape, Shape::Scalar { text, plain: true } if matches!(text.as_str(), "" | "~" | "null" | "Null" | "NULL"))
    }
}

/// Reads one document. Damage that cannot be read past is returned; the rest is noted.
pub fn parse(text: &str, file: &str, problems: &mut Problems) -> Result<Node, Problem> {
    let mut reader = Reader {
        parser: Parser::new_from_str(text),
        file,
        problems,
    };
    let mut root = None;
    loop {
        let (event, span) = reader.next()?;
        match event {
            Event::StreamStart | Event::DocumentEnd => {}
            Event::StreamEnd => break,
            Event::DocumentStart(..) if root.is_some() => {
                return Err(reader.problem(Code::YamlSeveralDocuments, &span, &[]));
            }
            Event::DocumentStart(..) => {}
            other => root = Some(reader.node(other, &span, 0)?),
        }
    }
    root.ok_or_else(|| Problem::new(Code::YamlSyntax, file, Some(1), &["empty document"]))
}

struct Reader<'i, 'p> {
    parser: Parser<'i, serde_saphyr::granit_parser::StrInput<'i>>,
    file: &'p str,
    problems: &'p mut Problems,
}

fn line_of(span: &Span) -> u32 {
    u32::try_from(span.start.line()).unwrap_or(u32::MAX)
}

impl<'i> Reader<'i, '_> {
    fn problem(&self, code: Code, span: &Span, details: &[&str]) -> Problem {
        Problem::new(code, self.file, Some(line_of(span)), details)
    }

    fn damage(&self, error: &ScanError) -> Problem {
        let line = u32::try_from(error.marker().line()).ok();
        Problem::new(Code::YamlSyntax, self.file, line, &[&error.info()])
    }

    fn next(&mut self) -> Result<(Event<'i>, Span), Problem> {
        loop {
            match self.parser.next_event() {
                Some(Ok((Event::Comment(..), _))) => {}
                Some(Ok(found)) => return Ok(found),
                Some(Err(error)) => return Err(self.damage(&error)),
                None => return Ok((Event::StreamEnd, Span::default())),
            }
        }
    }

    fn node(&mut self, event: Event<'i>, span: &Span, depth: usize) -> Result<Node, Problem> {
        if depth > limits::YAML_DEPTH_MAX {
            return Err(self.problem(Code::YamlTooDeep, span, &[]));
        }
        let line = line_of(span);
        let (anchor, tag) = match &event {
            Event::Scalar(_, _, anchor, tag)
            | Event::SequenceStart(_, anchor, tag)
            | Event::MappingStart(_, anchor, tag) => (*anchor, tag.is_some()),
            Event::Alias(_) | Event::UnresolvedAlias(_) | Event::Anchor(..) => (1, false),
            _ => (0, false),
        };
        if anchor != 0 {
            return Err(self.problem(Code::YamlAnchor, span, &[]));
        }
        if tag {
            return Err(self.problem(Code::YamlTag, span, &[]));
        }
        let shape = match event {
            Event::Scalar(text, style, ..) => Shape::Scalar {
                text: text.into_owned(),
                plain: style == ScalarStyle::Plain,
            },
            Event::SequenceStart(..) => {
                let mut items = Vec::new();
                loop {
                    let (event, span) = self.next()?;
                    if matches!(event, Event::SequenceEnd) {
                        break Shape::List(items);
                    }
                    items.push(self.node(event, &span, depth + 1)?);
                }
            }
            Event::MappingStart(..) => self.map(depth)?,
            _ => return Err(self.problem(Code::YamlSyntax, span, &["unexpected end"])),
        };
        Ok(Node { line, shape })
    }

    fn map(&mut self, depth: usize) -> Result<Shape, Problem> {
        let mut pairs: Vec<Pair> = Vec::new();
        loop {
            let (event, span) = self.next()?;
            if matches!(event, Event::MappingEnd) {
                return Ok(Shape::Map(pairs));
            }
            let key = self.node(event, &span, depth + 1)?;
            let Shape::Scalar { text: key, .. } = key.shape else {
                return Err(self.problem(Code::YamlKey, &span, &[]));
            };
            let line = line_of(&span);
            let (event, value_span) = self.next()?;
            let value = self.node(event, &value_span, depth + 1)?;
            if key == "<<" {
                self.problems
                    .push(self.problem(Code::YamlMergeKey, &span, &[]));
            } else if key.contains("{{") || key.contains("{%") || key.contains("{#") {
                self.problems
                    .push(self.problem(Code::TemplateInKey, &span, &[&key]));
            } else if pairs.iter().any(|p| p.key == key) {
                self.problems
                    .push(self.problem(Code::YamlDuplicateKey, &span, &[&key]));
            } else {
                pairs.push(Pair { key, line, value });
            }
        }
    }
}
