//! What is printed and asked: language, colours, prompts, and nothing that could drive the terminal.

use std::borrow::Cow;
use std::fmt::Write as _;
use std::io::{self, BufRead as _, IsTerminal as _, Read as _, Write as _};

use anstyle::{AnsiColor, Style};
use lavoir_core::limits;
use lavoir_core::standing::Sign;
use lavoir_core::text::{Language, Message, Text};
use nix::sys::termios::{self, LocalFlags, SetArg, SpecialCharacterIndices, Termios};
use zeroize::Zeroizing;

use super::args::{Cli, Color};
use super::end::End;

/// Where words go and answers come from.
pub struct Terminal {
    language: Language,
    json: bool,
    colour_out: bool,
    colour_error: bool,
    asks: bool,
    bars: bool,
}

const CTRL_C: char = '\u{3}';

impl Terminal {
    /// As the command line and the environment say.
    pub fn new(cli: &Cli) -> Self {
        let (out, error) = (io::stdout().is_terminal(), io::stderr().is_terminal());
        let plain = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty())
            || std::env::var_os("TERM").is_some_and(|term| term == "dumb");
        let colour = |terminal: bool| match cli.color {
            Color::Always => true,
            Color::Never => false,
            Color::Auto => terminal && !plain,
        };
        Self {
            language: cli
                .lang
                .map_or_else(|| language_of(|name| std::env::var(name).ok()), Into::into),
            json: cli.json,
            colour_out: colour(out),
            colour_error: colour(error),
            asks: io::stdin().is_terminal() && error,
            bars: error && !cli.json && std::env::var_os("TERM").is_none_or(|term| term != "dumb"),
        }
    }

    /// The language of the answers.
    pub fn language(&self) -> Language {
        self.language
    }

    /// Whether the API's answers are printed as they are.
    pub fn json(&self) -> bool {
        self.json
    }

    /// Whether somebody is there to answer.
    pub fn asks(&self) -> bool {
        self.asks
    }

    /// Whether bars can move.
    pub fn bars(&self) -> bool {
        self.bars
    }

    /// A text in the person's language.
    pub fn say<'a>(&self, text: &'a Text) -> &'a str {
        text.get(self.language)
    }

    /// One of two words.
    pub fn pick<'a>(&self, fr: &'a str, en: &'a str) -> &'a str {
        match self.language {
            Language::Fr => fr,
            Language::En => en,
        }
    }

    /// A line on standard output; what comes from elsewhere goes through [`visible`] first.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn line(&self, text: &str) -> Result<(), End> {
        writeln!(io::stdout().lock(), "{text}").map_err(End::from)
    }

    /// Bytes on standard output, as they are.
    ///
    /// # Errors
    /// When they cannot be written.
    pub fn raw(&self, bytes: &[u8]) -> Result<(), End> {
        let mut out = io::stdout().lock();
        out.write_all(bytes)?;
        out.flush().map_err(End::from)
    }

    /// A line on standard error.
    pub fn error_line(&self, text: &str) {
        // Nobody is left to be told that it failed.
        let _ = writeln!(io::stderr().lock(), "{text}");
    }

    /// Sentence, next step, code, on standard error.
    pub fn message(&self, message: &Message) {
        let code = format!("[{}]", visible(&message.code));
        self.error_line(&self.on_error(red(), &visible(self.say(&message.sentence))));
        self.error_line(&format!(
            "{} {}",
            visible(self.say(&message.next_step)),
            self.on_error(Style::new().dimmed(), &code)
        ));
    }

    /// Coloured for standard error.
    pub fn on_error(&self, style: Style, text: &str) -> String {
        paint(self.colour_error, style, text)
    }

    /// Coloured for standard output.
    pub fn on_out(&self, style: Style, text: &str) -> String {
        paint(self.colour_out, style, text)
    }

    /// A state: its sign and its word.
    pub fn state(&self, sign: Sign, words: &Text) -> String {
        let (mark, style) = match sign {
            Sign::Fine => ("✓", AnsiColor::Green.on_default()),
            Sign::Busy => ("…", AnsiColor::Cyan.on_default()),
            Sign::Rest => ("◦", Style::new().dimmed()),
            Sign::Warn => ("!", AnsiColor::Yellow.on_default()),
            Sign::Grave => ("✕", red()),
        };
        self.on_out(style, &format!("{mark} {}", visible(self.say(words))))
    }

    /// Asks for a line; none at the end of input.
    ///
    /// # Errors
    /// When it cannot be read, or Ctrl-C.
    pub fn ask(&self, prompt: &str) -> Result<Option<String>, End> {
        self.prompt(prompt)?;
        let mut line = String::new();
        let most = limits::ANSWER_BYTES_MAX as u64 + 2;
        let read = io::stdin().lock().take(most).read_line(&mut line)?;
        Ok((read > 0).then(|| line.trim_end_matches(['\n', '\r']).to_owned()))
    }

    /// Asks for a line that is not shown while it is typed.
    ///
    /// # Errors
    /// When it cannot be read, or Ctrl-C.
    pub fn ask_hidden(&self, prompt: &str) -> Result<Option<Zeroizing<String>>, End> {
        self.prompt(prompt)?;
        let hidden = Hidden::begin()?;
        let mut line = Zeroizing::new(String::new());
        let most = limits::ANSWER_BYTES_MAX as u64 + 2;
        let read = io::stdin().lock().take(most).read_line(&mut line)?;
        drop(hidden);
        self.error_line("");
        if line.contains(CTRL_C) {
            return Err(End::Interrupted(nothing_done()));
        }
        let line = Zeroizing::new(line.trim_end_matches(['\n', '\r']).to_owned());
        Ok((read > 0).then_some(line))
    }

    /// Asks for a yes; anything else is a no.
    ///
    /// # Errors
    /// When the answer cannot be read.
    pub fn confirm(&self, prompt: &str) -> Result<bool, End> {
        let answer = self.ask(prompt)?.unwrap_or_default();
        Ok(matches!(
            answer.trim().to_lowercase().as_str(),
            "o" | "oui" | "y" | "yes"
        ))
    }

    fn prompt(&self, prompt: &str) -> Result<(), End> {
        let mut error = io::stderr().lock();
        write!(error, "{prompt} ")?;
        error.flush().map_err(End::from)
    }
}

/// While it lives, what is typed is not shown. Ctrl-C ends the line instead of the process, which would leave the
/// terminal blind.
struct Hidden(Termios);

impl Hidden {
    fn begin() -> Result<Self, End> {
        let before = termios::tcgetattr(io::stdin()).map_err(io::Error::from)?;
        let mut hidden = before.clone();
        hidden
            .local_flags
            .remove(LocalFlags::ECHO | LocalFlags::ISIG);
        hidden.control_chars[SpecialCharacterIndices::VEOL as usize] = CTRL_C as u8;
        termios::tcsetattr(io::stdin(), SetArg::TCSAFLUSH, &hidden).map_err(io::Error::from)?;
        Ok(Self(before))
    }
}

impl Drop for Hidden {
    fn drop(&mut self) {
        let _ = termios::tcsetattr(io::stdin(), SetArg::TCSANOW, &self.0);
    }
}

fn nothing_done() -> Message {
    Message {
        code: "interrupted".to_owned(),
        sentence: Text::new("Interrompu.", "Interrupted."),
        next_step: Text::new(
            "Rien n'a été demandé à la machine.",
            "Nothing was asked of the box.",
        ),
    }
}

fn red() -> Style {
    AnsiColor::Red.on_default().bold()
}

fn paint(colour: bool, style: Style, text: &str) -> String {
    if colour {
        format!("{style}{text}{style:#}")
    } else {
        text.to_owned()
    }
}

/// The language that the environment asks for: the first of `LC_ALL`, `LC_MESSAGES`, `LANG` that says one.
pub(super) fn language_of(variable: impl Fn(&str) -> Option<String>) -> Language {
    let asked = ["LC_ALL", "LC_MESSAGES", "LANG"]
        .into_iter()
        .find_map(|name| variable(name).filter(|value| !value.is_empty()));
    match asked {
        Some(value) if value.to_ascii_lowercase().starts_with("fr") => Language::Fr,
        _ => Language::En,
    }
}

/// A text from a container or a recipe, on one line, with nothing in it that a terminal obeys or that turns the
/// reading direction round.
pub fn visible(text: &str) -> Cow<'_, str> {
    let hidden = |c: char| {
        c.is_control()
            || matches!(c, '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    if !text.contains(hidden) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        match c {
            '\t' => shown.push_str("    "),
            '\n' => shown.push('⏎'),
            '\r' => {}
            c if hidden(c) => {
                let _ = write!(shown, "\\u{{{:x}}}", u32::from(c));
            }
            c => shown.push(c),
        }
    }
    Cow::Owned(shown)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_a_terminal_obeys_is_shown() {
        for (text, shown) in [
            ("Le blog : prêt", "Le blog : prêt"),
            ("\u{1b}[2J\u{1b}]0;x\u{7}", "\\u{1b}[2J\\u{1b}]0;x\\u{7}"),
            ("a\u{9b}31m", "a\\u{9b}31m"),
            ("a\tb\r\nc", "a    b⏎c"),
            ("user\u{202e}exe", "user\\u{202e}exe"),
        ] {
            assert_eq!(visible(text), shown);
        }
    }

    #[test]
    fn language_comes_from_the_environment() {
        let of = |pairs: &[(&str, &str)]| {
            language_of(|name| {
                let pair = pairs.iter().find(|(key, _)| *key == name);
                pair.map(|(_, value)| (*value).to_owned())
            })
        };
        assert_eq!(of(&[("LANG", "fr_FR.UTF-8")]), Language::Fr);
        assert_eq!(
            of(&[("LC_ALL", "C"), ("LANG", "fr_FR.UTF-8")]),
            Language::En
        );
        assert_eq!(of(&[("LC_ALL", ""), ("LC_MESSAGES", "fr")]), Language::Fr);
        assert_eq!(of(&[]), Language::En);
    }
}
