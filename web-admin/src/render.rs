//! From a template and plain values to an answer.

use std::sync::Arc;

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use fluent_bundle::{FluentArgs, FluentValue};
use lavoir_core::text::Language;
use minijinja::syntax::SyntaxConfig;
use minijinja::value::{Kwargs, Serde, Value, ValueKind};
use minijinja::{Environment, Error, ErrorKind, UndefinedBehavior, context};

use crate::assets;
use crate::language;
use crate::reader::Reader;
use crate::words::{NoWords, Words};

macro_rules! templates {
    ($($name:literal),* $(,)?) => {
        &[$(($name, include_str!(concat!("../templates/", $name)))),*]
    };
}

/// Every template. The ending `.html` is what makes values escaped.
pub(crate) const TEMPLATES: &[(&str, &str)] = templates!(
    "frame.html",
    "parts.html",
    "message.html",
    "first.html",
    "sign-in.html",
    "home.html",
    "backups.html",
    "backup-add.html",
    "backup-key.html",
    "backup-settings.html",
    "backup-remove.html",
    "snapshots.html",
    "folder.html",
    "restore.html",
    "catalogue.html",
    "recipe.html",
    "install.html",
    "app.html",
    "confirm.html",
    "settings.html",
    "logs.html",
    "secret.html",
    "machine.html",
    "ledger.html",
    "account.html",
    "token.html",
    "help.html",
    "trust.html",
);

/// The pages of one language.
pub(crate) struct Pages {
    pub(crate) words: Arc<Words>,
    templates: Environment<'static>,
}

impl Pages {
    /// Of one language.
    ///
    /// # Errors
    /// A sentence or a template that cannot be read: the tests see it.
    pub(crate) fn new(language: Language) -> Result<Self, NoWords> {
        let words = Arc::new(Words::new(language)?);
        let mut templates = Environment::new();
        templates.set_undefined_behavior(UndefinedBehavior::Strict);
        let syntax = SyntaxConfig::builder()
            .trim_blocks(true)
            .lstrip_blocks(true)
            .build()
            .map_err(|error| NoWords(format!("{error:#}")))?;
        templates.set_syntax(syntax);
        let says = words.clone();
        templates.add_function("t", move |key: &str, args: Kwargs| say(&says, key, &args));
        for (name, text) in TEMPLATES {
            templates
                .add_template(name, text)
                .map_err(|error| NoWords(format!("{error:#}")))?;
        }
        Ok(Self { words, templates })
    }
}

fn say(words: &Words, key: &str, given: &Kwargs) -> Result<String, Error> {
    let mut args = FluentArgs::new();
    let names: Vec<String> = given.args().map(str::to_owned).collect();
    for name in names {
        let value: Value = given.get(&name)?;
        let value = match value.kind() {
            ValueKind::Number => FluentValue::from(i64::try_from(value)?),
            _ => FluentValue::from(value.to_string()),
        };
        args.set(name, value);
    }
    words
        .say(key, Some(&args))
        .map_err(|NoWords(what)| Error::new(ErrorKind::InvalidOperation, format!("words: {what}")))
}

/// What templates are given: plain data, field by field.
macro_rules! shown {
    ($($kind:ty),* $(,)?) => { $(
        impl From<$kind> for Value {
            fn from(shown: $kind) -> Value {
                Value::from(Serde(shown))
            }
        }
    )* };
}

shown!(
    crate::figures::Moment,
    crate::forms::Choice,
    crate::forms::Field,
    crate::forms::Wrong,
    crate::pages::app::StepRow,
    crate::pages::catalogue::Fits,
    crate::pages::catalogue::Group,
    crate::pages::home::Row,
    crate::pages::home::Waiting,
    crate::pages::ledger::Row,
    crate::picture::Bar,
);

/// A chapter of the panel, for the navigation and for help that fits the page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Chapter {
    Home,
    App,
    Catalogue,
    Backups,
    Machine,
    Ledger,
    Account,
    Help,
    Door,
}

impl Chapter {
    fn name(self) -> &'static str {
        match self {
            Chapter::Home => "home",
            Chapter::App => "app",
            Chapter::Catalogue => "catalogue",
            Chapter::Backups => "backups",
            Chapter::Machine => "machine",
            Chapter::Ledger => "ledger",
            Chapter::Account => "account",
            Chapter::Help => "help",
            Chapter::Door => "door",
        }
    }
}

impl Reader {
    /// A page.
    pub(crate) fn page(
        &self,
        template: &str,
        chapter: Chapter,
        title: &str,
        of_page: Value,
    ) -> Response {
        self.page_as(StatusCode::OK, template, chapter, title, of_page)
    }

    /// A page with another status.
    pub(crate) fn page_as(
        &self,
        status: StatusCode,
        template: &str,
        chapter: Chapter,
        title: &str,
        of_page: Value,
    ) -> Response {
        let about = &self.about;
        let of_all = context! {
            title, chapter => chapter.name(),
            lang => language::code(self.language),
            domain => about.domain.as_str(),
            of_lavoir => about.version.as_str(),
            in_preparation => about.in_preparation,
            person => self.session.as_ref().map(|session| session.name.as_str()),
            path => self.path.as_str(),
            form_token => self.form_token(),
            style => assets::style_path(),
            script => assets::script_path(),
            icon => assets::icon_path(),
            refresh => false,
        };
        let rendered = self
            .pages()
            .templates
            .get_template(template)
            // What the page says stands before what all pages say.
            .and_then(|page| page.render(context! { ..of_page, ..of_all }));
        match rendered {
            Ok(html) => {
                let kind = [(header::CONTENT_TYPE, "text/html; charset=utf-8")];
                self.with_visit((status, kind, html).into_response())
            }
            Err(error) => broken(&error),
        }
    }
}

/// A page that could not be made: the tests walk every page, so this is for what nobody thought of.
fn broken(error: &Error) -> Response {
    tracing::error!("a page could not be made: {error:#}");
    let kind = [(header::CONTENT_TYPE, "text/plain; charset=utf-8")];
    let words = "Cette page ne peut pas être montrée ; le journal de la machine dit pourquoi.\n\
                 This page cannot be shown; the box's journal says why.\n";
    (StatusCode::INTERNAL_SERVER_ERROR, kind, words).into_response()
}

/// Go and look there (303): what was sent is not sent again by going back or reloading.
pub(crate) fn see(path: &str) -> Response {
    let mut response = StatusCode::SEE_OTHER.into_response();
    let place = HeaderValue::from_str(path).unwrap_or(HeaderValue::from_static("/"));
    response.headers_mut().insert(header::LOCATION, place);
    response
}
