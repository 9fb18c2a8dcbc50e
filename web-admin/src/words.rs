//! The panel's own sentences, in Fluent: `locales/<language>/*.ftl`. Neither language falls back on the other: a
//! sentence that is missing breaks its page, which the tests see.

use fluent_bundle::concurrent::FluentBundle;
use fluent_bundle::{FluentArgs, FluentResource, FluentValue};
use lavoir_core::text::Language;
use unic_langid::langid;

use crate::{figures, typography};

type Bundle = FluentBundle<FluentResource>;

macro_rules! sources {
    ($($name:literal),* $(,)?) => {
        &[$((
            include_str!(concat!("../locales/fr/", $name, ".ftl")),
            include_str!(concat!("../locales/en/", $name, ".ftl")),
        )),*]
    };
}

/// The sentences, French and English, file by file.
pub(crate) const SOURCES: &[(&str, &str)] = sources!(
    "frame",
    "entry",
    "home",
    "catalogue",
    "app",
    "backups",
    "machine",
    "ledger",
    "account",
    "help",
    "refusals"
);

/// Why a sentence could not be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct NoWords(pub(crate) String);

/// All sentences of one language.
pub(crate) struct Words(Bundle);

impl Words {
    pub(crate) fn new(language: Language) -> Result<Self, NoWords> {
        let tag = match language {
            Language::Fr => langid!("fr"),
            Language::En => langid!("en"),
        };
        let mut bundle = Bundle::new_concurrent(vec![tag]);
        // Marks that isolate directions are for other scripts; copied text would carry them along.
        bundle.set_use_isolating(false);
        bundle.set_formatter(Some(match language {
            Language::Fr => |value, _| formatted(value, Language::Fr),
            Language::En => |value, _| formatted(value, Language::En),
        }));
        for (fr, en) in SOURCES {
            let source = match language {
                Language::Fr => typography::french(fr),
                Language::En => typography::english(en),
            };
            let read = FluentResource::try_new(source)
                .map_err(|(_, errors)| NoWords(format!("{errors:?}")))?;
            bundle
                .add_resource(read)
                .map_err(|errors| NoWords(format!("{errors:?}")))?;
        }
        Ok(Self(bundle))
    }

    /// One sentence.
    pub(crate) fn say(&self, key: &str, args: Option<&FluentArgs<'_>>) -> Result<String, NoWords> {
        let pattern = self
            .0
            .get_message(key)
            .and_then(|message| message.value())
            .ok_or_else(|| NoWords(key.to_owned()))?;
        let mut errors = Vec::new();
        let text = self.0.format_pattern(pattern, args, &mut errors);
        if errors.is_empty() {
            Ok(text.into_owned())
        } else {
            Err(NoWords(format!("{key}: {errors:?}")))
        }
    }

    /// A sentence without arguments, for the panel's own code: the tests know all its keys.
    pub(crate) fn plain(&self, key: &str) -> String {
        self.say(key, None).unwrap_or_else(|no| no.0)
    }

    /// A sentence with texts in it, for the panel's own code.
    pub(crate) fn with(&self, key: &str, texts: &[(&str, &str)]) -> String {
        let mut args = FluentArgs::new();
        for (name, text) in texts {
            args.set(*name, FluentValue::from(*text));
        }
        self.say(key, Some(&args)).unwrap_or_else(|no| no.0)
    }

    /// A sentence with a count in it.
    pub(crate) fn count(&self, key: &str, n: u64) -> String {
        let mut args = FluentArgs::new();
        args.set("n", FluentValue::from(n));
        self.say(key, Some(&args)).unwrap_or_else(|no| no.0)
    }
}

fn formatted(value: &FluentValue<'_>, language: Language) -> Option<String> {
    let FluentValue::Number(number) = value else {
        return None;
    };
    // Counts only: nothing here has a fraction or a sign.
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    Some(figures::number(number.value as u64, language))
}
