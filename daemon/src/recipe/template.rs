//! Templates: minijinja held short. No includes, macros, assignments or functions; every variable must be known;
//! steps and output are bounded. Two ways to write: compose scalars (placeholders for what is secret) and files
//! (only quoted literals).

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::io;
use std::sync::Arc;

use lavoir_core::limits;
use minijinja::syntax::SyntaxConfig;
use minijinja::value::{Object, ObjectRepr, Value};
use minijinja::{Environment, Error, ErrorKind, Output, State, UndefinedBehavior};

use super::problem::{Code, Problem};
use super::quote::{self, MARK, Quoted};

/// What a secret or a private answer is in a compose scalar: never its value.
#[derive(Debug)]
pub struct Placeholder {
    /// `SECRET_DB_PASSWORD`.
    pub name: String,
}

impl Object for Placeholder {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Plain
    }

    fn is_true(self: &Arc<Self>) -> bool {
        true
    }

    fn render(self: &Arc<Self>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Reached only through a filter or `~`: the mark makes the rendering fail.
        use fmt::Write;
        f.write_char(MARK)
    }
}

/// Which text is rendered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// A scalar of compose.yaml or a word of a command.
    Scalar,
    /// A file under `files/`.
    File,
}

/// Filters beside those that quote.
pub const FILTERS: [&str; 6] = ["lower", "upper", "int", "bool", "replace", "split"];

/// Parts that the filter `split` makes at the most.
const SPLIT_MAX: usize = 256;

fn environment(way: Way) -> Environment<'static> {
    let mut environment = Environment::empty();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_fuel(Some(limits::TEMPLATE_FUEL_MAX));
    environment.set_recursion_limit(50);
    // Debug output would show variables, and with them secrets.
    environment.set_debug(false);
    let lines = way == Way::File;
    let syntax = SyntaxConfig::builder()
        .keep_trailing_newline(true)
        .trim_blocks(lines)
        .lstrip_blocks(lines)
        .build();
    if let Ok(syntax) = syntax {
        environment.set_syntax(syntax);
    }
    quote::add_filters(&mut environment);
    environment.add_filter("lower", |t: &str| t.to_lowercase());
    environment.add_filter("upper", |t: &str| t.to_uppercase());
    environment.add_filter("int", |t: &str| {
        t.parse::<i64>()
            .map_err(|_| Error::new(ErrorKind::InvalidOperation, "not a whole number"))
    });
    environment.add_filter("bool", |t: &str| match t {
        "true" => Ok(true),
        "false" | "" => Ok(false),
        _ => Err(Error::new(
            ErrorKind::InvalidOperation,
            "neither true nor false",
        )),
    });
    environment.add_filter("replace", |text: &str, from: &str, to: &str| {
        let grown = text.len().saturating_mul(to.len().max(1));
        if from.is_empty() || grown > limits::RENDERED_BYTES_MAX {
            return Err(Error::new(ErrorKind::InvalidOperation, "too long"));
        }
        Ok(text.replace(from, to))
    });
    environment.add_filter("split", |text: &str, by: &str| {
        let parts = text.split(by).filter(|part| !part.is_empty());
        let parts: Vec<Value> = parts.take(SPLIT_MAX + 1).map(Value::from).collect();
        if parts.len() > SPLIT_MAX {
            return Err(Error::new(ErrorKind::InvalidOperation, "too many parts"));
        }
        Ok(parts)
    });
    match way {
        Way::Scalar => environment.set_formatter(write_scalar),
        Way::File => environment.set_formatter(write_file),
    }
    environment
}

/// Texts with `$` doubled; secrets as `${NAME}`.
fn write_scalar(out: &mut Output<'_>, _: &mut State<'_, '_>, value: &Value) -> Result<(), Error> {
    if let Some(placeholder) = value.downcast_object_ref::<Placeholder>() {
        return Ok(write!(out, "${{{}}}", placeholder.name)?);
    }
    let text = match value.downcast_object_ref::<Quoted>() {
        Some(quoted) => quoted.0.clone(),
        None if value.as_object().is_some() || value.is_undefined() || value.is_none() => {
            return Err(Error::new(
                ErrorKind::InvalidOperation,
                "only a text can be written here",
            ));
        }
        None => value.to_string(),
    };
    if text.contains(MARK) {
        return Err(Error::new(ErrorKind::InvalidOperation, CHANGED));
    }
    Ok(out.write_str(&text.replace('$', "$$"))?)
}

const CHANGED: &str = "a secret or private answer must stand whole, without a filter";
const UNQUOTED: &str = "not quoted";

fn write_file(out: &mut Output<'_>, _: &mut State<'_, '_>, value: &Value) -> Result<(), Error> {
    match value.downcast_object_ref::<Quoted>() {
        Some(quoted) => Ok(out.write_str(&quoted.0)?),
        None => Err(Error::new(ErrorKind::InvalidOperation, UNQUOTED)),
    }
}

/// The variables of one rendering, as a tree two deep: `app.id`, `answers.title`.
#[derive(Default)]
pub struct Variables(BTreeMap<&'static str, BTreeMap<String, Value>>);

impl Variables {
    /// Sets one.
    pub fn set(&mut self, group: &'static str, name: &str, value: Value) {
        self.0
            .entry(group)
            .or_default()
            .insert(name.to_owned(), value);
    }

    fn value(&self) -> Value {
        Value::from_pairs(self.0.iter().map(|(group, members)| {
            let members = members.iter().map(|(n, v)| (n.clone(), v.clone()));
            ((*group).to_owned(), Value::from_pairs(members))
        }))
    }
}

/// Stops when more is written than a rendered text may have.
struct Bounded(Vec<u8>);

impl io::Write for Bounded {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.0.len() + bytes.len() > limits::RENDERED_BYTES_MAX {
            return Err(io::Error::other("too long"));
        }
        self.0.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Renders one text. The problem never shows a value, for it may be secret.
pub fn render(
    way: Way,
    text: &str,
    place: (&str, u32),
    variables: &Variables,
) -> Result<String, Problem> {
    let environment = environment(way);
    let (file, first_line) = place;
    let fault = |error: &Error| rendering_problem(error, file, first_line, way);
    let template = environment.template_from_str(text).map_err(|e| fault(&e))?;
    let mut out = Bounded(Vec::new());
    template
        .render_captured_to(variables.value(), &mut out)
        .map_err(|e| fault(&e))?;
    String::from_utf8(out.0)
        .map_err(|_| Problem::new(Code::NotUtf8, file, Some(first_line), &[file]))
}

fn rendering_problem(error: &Error, file: &str, first_line: u32, way: Way) -> Problem {
    let inside = error
        .line()
        .and_then(|l| u32::try_from(l).ok())
        .unwrap_or(1);
    let line = match way {
        Way::Scalar => first_line,
        Way::File => inside,
    };
    let detail = error.detail().unwrap_or("");
    let code = match error.kind() {
        ErrorKind::SyntaxError => Code::TemplateSyntax,
        ErrorKind::UndefinedError => Code::TemplateUnknownVariable,
        _ if detail == CHANGED => Code::SecretTransformed,
        _ if detail == UNQUOTED => Code::TemplateUnquoted,
        _ => Code::TemplateFails,
    };
    let shown = match code {
        Code::TemplateSyntax | Code::TemplateFails if fixed_detail(detail) => detail.to_owned(),
        Code::TemplateSyntax => detail.to_owned(),
        _ => format!("{:?}", error.kind()),
    };
    Problem::new(code, file, Some(line), &[&shown])
}

/// Details that are ours and hold no value.
fn fixed_detail(detail: &str) -> bool {
    const OURS: [&str; 7] = [
        "too long",
        "too many parts",
        "only a text can be written here",
        "not a whole number",
        "neither true nor false",
        "a quoting filter takes a text, a whole number or a truth value",
        "the value holds a sign that this kind of file cannot hold",
    ];
    OURS.contains(&detail)
}

/// Every variable that a template may look up, whatever way it takes; or why it is no template.
pub fn variables_of(way: Way, text: &str) -> Result<BTreeSet<String>, Error> {
    let environment = environment(way);
    let template = environment.template_from_str(text)?;
    Ok(template.undeclared_variables(true).into_iter().collect())
}

/// Replaces placeholders by their values and `$$` by `$`; any other `$` is refused.
pub fn fill<V: AsRef<str>>(
    text: &str,
    placeholders: &BTreeMap<String, V>,
) -> Result<String, Problem> {
    let mut out = String::with_capacity(text.len());
    walk(text, |part| {
        match part {
            Part::Text(text) => out.push_str(text),
            Part::Dollar => out.push('$'),
            Part::Placeholder(name) => match placeholders.get(name) {
                Some(value) => out.push_str(value.as_ref()),
                None => return Err(Problem::new(Code::PlaceholderUnknown, "", None, &[name])),
            },
        }
        Ok(())
    })?;
    Ok(out)
}

/// The placeholders of a rendered text, or the problem of a stray `$`.
pub fn placeholders_of(text: &str) -> Result<BTreeSet<String>, Problem> {
    let mut found = BTreeSet::new();
    walk(text, |part| {
        if let Part::Placeholder(name) = part {
            found.insert(name.to_owned());
        }
        Ok(())
    })?;
    Ok(found)
}

enum Part<'t> {
    Text(&'t str),
    Dollar,
    Placeholder(&'t str),
}

fn walk<'t>(
    text: &'t str,
    mut take: impl FnMut(Part<'t>) -> Result<(), Problem>,
) -> Result<(), Problem> {
    let mut rest = text;
    while let Some(at) = rest.find('$') {
        take(Part::Text(&rest[..at]))?;
        let after = &rest[at + 1..];
        if let Some(next) = after.strip_prefix('$') {
            take(Part::Dollar)?;
            rest = next;
            continue;
        }
        let named = after.strip_prefix('{').and_then(|t| t.split_once('}'));
        match named {
            Some((name, next)) if placeholder(name) => {
                take(Part::Placeholder(name))?;
                rest = next;
            }
            _ => return Err(Problem::new(Code::Dollar, "", None, &[])),
        }
    }
    take(Part::Text(rest))
}

fn placeholder(name: &str) -> bool {
    (name.starts_with("SECRET_") || name.starts_with("ANSWER_"))
        && name
            .bytes()
            .all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_')
}
