//! Answers: from the command line, from a file, from whoever sits at the terminal. A secret never stands on the
//! command line, where every process can read it.

use std::collections::BTreeMap;
use std::io::{self, Read as _};
use std::path::Path;

use anstyle::Style;
use lavoir_core::id::PartId;
use lavoir_core::limits;
use lavoir_core::recipe::{Question, QuestionKind};
use lavoir_core::text::{Language, Text};

use super::args::AnswerArgs;
use super::end::End;
use super::terminal::{Terminal, visible};

/// Answers by question.
pub type Answers = BTreeMap<PartId, String>;

/// The answers that were given; the command line wins over the file.
///
/// # Errors
/// When a file cannot be read, or a secret stands on the command line.
pub fn given(args: &AnswerArgs, questions: &[Question]) -> Result<Answers, End> {
    let mut answers = match &args.answers_file {
        Some(file) => from_file(file)?,
        None => Answers::new(),
    };
    for (id, value) in &args.answers {
        let secret = questions
            .iter()
            .any(|q| q.id == id.as_str() && q.kind == QuestionKind::Secret);
        let value = match (value.as_str(), value.strip_prefix('@')) {
            ("-", _) => read_limited(io::stdin().lock())?,
            // `@@` is a literal `@`.
            (_, Some(literal)) if literal.starts_with('@') && !secret => literal.to_owned(),
            (_, Some(file)) => read_file(Path::new(file))?,
            _ if secret => return Err(secret_in_sight(id)),
            _ => value.clone(),
        };
        answers.insert(id.clone(), value);
    }
    let unknown: Vec<&PartId> = answers
        .keys()
        .filter(|id| !questions.iter().any(|q| q.id == id.as_str()))
        .collect();
    match unknown.first() {
        Some(id) => Err(no_such_question(id, questions)),
        None => Ok(answers),
    }
}

/// Asks what is not answered yet, where somebody is there to answer; else says what is missing.
///
/// # Errors
/// When a required answer is missing.
pub fn complete(
    terminal: &Terminal,
    questions: &[Question],
    answers: &mut Answers,
    ask: bool,
) -> Result<(), End> {
    let open = |answers: &Answers, question: &&Question| {
        !answers.keys().any(|id| id.as_str() == question.id)
    };
    if ask {
        for question in questions {
            if !open(answers, &question) {
                continue;
            }
            let Ok(id) = question.id.parse() else {
                continue;
            };
            let default = question.default.as_deref();
            if let Some(answer) = ask_one(terminal, question, default)? {
                answers.insert(id, answer);
            }
        }
    }
    let missing: Vec<&Question> = questions
        .iter()
        .filter(|q| q.required && q.default.is_none() && open(answers, q))
        .collect();
    if missing.is_empty() {
        Ok(())
    } else {
        Err(answers_missing(&missing))
    }
}

/// Asks the questions that may be answered anew; an empty answer leaves the old one.
///
/// # Errors
/// When an answer cannot be read.
pub fn anew(
    terminal: &Terminal,
    questions: &[Question],
    old: &BTreeMap<PartId, Option<String>>,
) -> Result<Answers, End> {
    terminal.error_line(terminal.pick(
        "Une réponse vide laisse tout comme avant.",
        "An empty answer leaves things as they are.",
    ));
    let mut answers = Answers::new();
    for question in questions.iter().filter(|q| q.changeable) {
        let Ok(id) = question.id.parse::<PartId>() else {
            continue;
        };
        let before = old.get(&id).and_then(Option::as_deref);
        let kept = Question {
            required: false,
            ..question.clone()
        };
        if let Some(answer) = ask_one(terminal, &kept, before)?
            && Some(answer.as_str()) != before
        {
            answers.insert(id, answer);
        }
    }
    Ok(answers)
}

/// One answer; none when nothing was answered and nothing need be. The daemon has the last word on whether it is
/// good.
fn ask_one(
    terminal: &Terminal,
    question: &Question,
    default: Option<&str>,
) -> Result<Option<String>, End> {
    let label = visible(terminal.say(&question.label)).into_owned();
    terminal.error_line("");
    terminal.error_line(&terminal.on_error(Style::new().bold(), &label));
    if let Some(hint) = &question.hint {
        terminal.error_line(&visible(terminal.say(hint)));
    }
    for (place, choice) in question.choices.iter().enumerate() {
        let text = visible(terminal.say(&choice.label)).into_owned();
        terminal.error_line(&format!("  {}. {text}", place + 1));
    }
    loop {
        let answer = if question.kind == QuestionKind::Secret {
            let prompt = terminal.pick("(rien ne s'affiche) >", "(nothing is shown) >");
            terminal
                .ask_hidden(prompt)?
                .map(|hidden| hidden.to_string())
        } else {
            terminal.ask(&prompt(terminal, question, default))?
        };
        let Some(answer) = answer else {
            return Ok(None);
        };
        let answer = answer.trim();
        match (answer, default) {
            ("", Some(default)) => return Ok(Some(default.to_owned())),
            ("", None) if !question.required => return Ok(None),
            ("", None) => {
                terminal.error_line(terminal.pick("Il faut une réponse.", "An answer is needed."))
            }
            _ => match meant(question, answer) {
                Ok(answer) => return Ok(Some(answer)),
                Err(why) => terminal.error_line(terminal.say(&why)),
            },
        }
    }
}

fn prompt(terminal: &Terminal, question: &Question, default: Option<&str>) -> String {
    let kind = match question.kind {
        QuestionKind::Boolean => terminal.pick("oui/non ", "yes/no "),
        QuestionKind::Choice => terminal.pick("numéro ", "number "),
        _ => "",
    };
    let default = default.map(|default| match (question.kind, default) {
        (QuestionKind::Boolean, "true") => terminal.pick("oui", "yes").to_owned(),
        (QuestionKind::Boolean, _) => terminal.pick("non", "no").to_owned(),
        (QuestionKind::Choice, value) => question
            .choices
            .iter()
            .position(|choice| choice.value == value)
            .map_or_else(|| value.to_owned(), |place| (place + 1).to_string()),
        (_, value) => visible(value).into_owned(),
    });
    match default {
        Some(default) => format!("{kind}[{default}] >"),
        None => format!("{kind}>"),
    }
}

/// What a person means by what they typed.
fn meant(question: &Question, answer: &str) -> Result<String, Text> {
    match question.kind {
        QuestionKind::Boolean => match answer.to_lowercase().as_str() {
            "o" | "oui" | "y" | "yes" | "true" => Ok("true".to_owned()),
            "n" | "non" | "no" | "false" => Ok("false".to_owned()),
            _ => Err(Text::new("Répondez oui ou non.", "Answer yes or no.")),
        },
        QuestionKind::Choice => {
            let by_value = question.choices.iter().find(|c| c.value == answer);
            let by_place = answer
                .parse::<usize>()
                .ok()
                .and_then(|place| question.choices.get(place.checked_sub(1)?));
            by_value
                .or(by_place)
                .map(|choice| choice.value.clone())
                .ok_or_else(|| Text::new("Donnez un des numéros.", "Give one of the numbers."))
        }
        QuestionKind::Number if answer.parse::<i64>().is_err() => Err(Text::new(
            "Donnez un nombre entier.",
            "Give a whole number.",
        )),
        _ => Ok(answer.to_owned()),
    }
}

fn from_file(file: &Path) -> Result<Answers, End> {
    let text = read_file(file)?;
    let unsound = |reason: String| {
        let file = file.display();
        End::not_understood(
            "answers-unsound",
            Text::new(
                format!("Les réponses de {file} ne se lisent pas ({reason})."),
                format!("The answers in {file} cannot be read ({reason})."),
            ),
            Text::new(
                "Une réponse par ligne, sous le nom que donne « lavoir recipe show » : title = \"Les nouvelles\".",
                "One answer a line, under the name that “lavoir recipe show” gives: title = \"The news\".",
            ),
        )
    };
    // The parser's own message would repeat the line, which may be a secret.
    let table: toml::Table = toml::from_str(&text)
        .map_err(|error: toml::de::Error| unsound(error.message().to_owned()))?;
    table
        .into_iter()
        .map(|(id, value)| {
            let value = match value {
                toml::Value::String(text) => text,
                toml::Value::Integer(number) => number.to_string(),
                toml::Value::Boolean(yes) => yes.to_string(),
                _ => return Err(unsound(format!("{id}: text, number, true or false"))),
            };
            match id.parse() {
                Ok(id) => Ok((id, value)),
                Err(_) => Err(unsound(id)),
            }
        })
        .collect()
}

pub(super) fn read_file(file: &Path) -> Result<String, End> {
    let opened = std::fs::File::open(file).map_err(|error| {
        let file = file.display();
        End::refused(
            "answer-file",
            Text::new(
                format!("Le fichier {file} ne s'ouvre pas ({error})."),
                format!("The file {file} cannot be opened ({error})."),
            ),
            Text::new(
                "Vérifiez son nom et ses droits.",
                "Check its name and its rights.",
            ),
        )
    })?;
    read_limited(opened)
}

fn read_limited(from: impl io::Read) -> Result<String, End> {
    let mut text = String::new();
    from.take(limits::API_BODY_BYTES_MAX as u64)
        .read_to_string(&mut text)?;
    if text.ends_with('\n') {
        text.pop();
        if text.ends_with('\r') {
            text.pop();
        }
    }
    Ok(text)
}

fn secret_in_sight(id: &PartId) -> End {
    End::not_understood(
        "secret-in-sight",
        Text::new(
            format!("« {id} » est secret : sur la ligne de commande, tout le monde peut le lire."),
            format!("“{id}” is secret: on the command line everybody can read it."),
        ),
        Text::new(
            format!(
                "Écrivez-le dans un fichier et donnez --answer {id}=@FICHIER, ou {id}=- pour l'entrée standard."
            ),
            format!(
                "Write it into a file and give --answer {id}=@FILE, or {id}=- for standard input."
            ),
        ),
    )
}

fn no_such_question(id: &PartId, questions: &[Question]) -> End {
    let known: Vec<&str> = questions.iter().map(|q| q.id.as_str()).collect();
    let known = visible(&known.join(", ")).into_owned();
    End::not_understood(
        "no-such-question",
        Text::new(
            format!("La recette ne pose pas de question « {id} »."),
            format!("The recipe asks no question “{id}”."),
        ),
        Text::new(
            format!("Ses questions : {known}."),
            format!("Its questions: {known}."),
        ),
    )
}

fn answers_missing(missing: &[&Question]) -> End {
    let list = |language: Language| {
        let each = missing
            .iter()
            .map(|q| format!("{} ({})", visible(&q.id), visible(q.label.get(language))));
        each.collect::<Vec<_>>().join(", ")
    };
    End::not_understood(
        "answers-missing",
        Text::new(
            format!("Il manque des réponses : {}.", list(Language::Fr)),
            format!("Some answers are missing: {}.", list(Language::En)),
        ),
        Text::new(
            "Donnez chacune avec --answer id=valeur, ou toutes avec --answers-file FICHIER.",
            "Give each with --answer id=value, or all with --answers-file FILE.",
        ),
    )
}
