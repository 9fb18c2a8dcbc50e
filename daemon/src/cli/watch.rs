//! Following what is under way: bars on a terminal, plain lines elsewhere, the API's lines with `--json`.

use std::collections::BTreeMap;
use std::time::Duration;

use anstyle::AnsiColor;
use bytes::Bytes;
use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use lavoir_core::id::{AppId, Revision, Timestamp};
use lavoir_core::text::{Message, Text};

use super::client::{Client, Lines};
use super::end::End;
use super::terminal::{Terminal, visible};
use crate::api::wire::{FailureCard, Outcome, Picture};
use crate::ports::{Measure, Unit};
use crate::progress::{Standing, StepProgress};

/// A daemon that restarts is waited for: so often, so long apart.
const COMES_BACK_TRIES: u32 = 30;
const COMES_BACK_PAUSE: Duration = Duration::from_secs(1);

/// Follows a decision about an app until it ended.
///
/// # Errors
/// When it did not succeed, the daemon is gone, or Ctrl-C.
pub async fn follow(
    client: &Client,
    terminal: &Terminal,
    app: &AppId,
    revision: Option<Revision>,
) -> Result<(), End> {
    let mut view = View::new(terminal);
    let outcome = tokio::select! {
        outcome = until_it_ends(client, terminal, app, revision, &mut view) => outcome,
        _ = tokio::signal::ctrl_c() => Err(interrupted(app)),
    };
    view.close();
    match outcome? {
        Outcome::Settled => Ok(()),
        outcome if terminal.json() => match outcome {
            Outcome::Overtaken => Ok(()),
            _ => Err(End::DidNotSucceed),
        },
        Outcome::Overtaken => {
            terminal.error_line(terminal.pick(
                "Une décision plus récente a pris la suite.",
                "A later decision has taken over.",
            ));
            Ok(())
        }
        Outcome::Failed { failure } => {
            tell_failure(terminal, &failure);
            terminal.error_line(&again(terminal, app));
            Err(End::DidNotSucceed)
        }
        Outcome::WentBack { failure } => {
            tell_failure(terminal, &failure);
            terminal.error_line(terminal.pick(
                "Le service est revenu à ce qu'il était avant, avec ses données ; il fonctionne.",
                "The app went back to what it was before, with its data; it works.",
            ));
            Err(End::DidNotSucceed)
        }
    }
}

async fn until_it_ends(
    client: &Client,
    terminal: &Terminal,
    app: &AppId,
    revision: Option<Revision>,
    view: &mut View,
) -> Result<Outcome, End> {
    let path = match revision {
        Some(revision) => format!("/v1/apps/{app}/progress?revision={}", revision.0),
        None => format!("/v1/apps/{app}/progress"),
    };
    let mut tries = 0;
    loop {
        match client.lines(&path).await {
            Ok(mut lines) => {
                if let Some(outcome) = read(&mut lines, terminal, view, &mut tries).await? {
                    return Ok(outcome);
                }
            }
            Err(End::Away(_)) if (1..COMES_BACK_TRIES).contains(&tries) => {}
            Err(end) => return Err(end),
        }
        tries += 1;
        if tries >= COMES_BACK_TRIES {
            return Err(gone(app));
        }
        tokio::time::sleep(COMES_BACK_PAUSE).await;
    }
}

async fn read(
    lines: &mut Lines,
    terminal: &Terminal,
    view: &mut View,
    tries: &mut u32,
) -> Result<Option<Outcome>, End> {
    while let Some(line) = lines.next().await? {
        *tries = 0;
        if let Some(outcome) = show(&line, terminal, view)? {
            return Ok(Some(outcome));
        }
    }
    Ok(None)
}

fn show(line: &Bytes, terminal: &Terminal, view: &mut View) -> Result<Option<Outcome>, End> {
    let picture: Picture = serde_json::from_slice(line).map_err(std::io::Error::other)?;
    if terminal.json() {
        terminal.line(&String::from_utf8_lossy(line))?;
    } else {
        view.show(terminal, &picture);
    }
    Ok(picture.outcome)
}

fn tell_failure(terminal: &Terminal, failure: &FailureCard) {
    match &failure.message {
        Some(message) => terminal.message(message),
        None => terminal.message(&Message {
            code: failure.code.clone(),
            sentence: failure.sentence.clone(),
            next_step: Text::new(
                "Le journal du démon en dit plus : « journalctl -u lavoir-daemon ».",
                "The daemon's log says more: “journalctl -u lavoir-daemon”.",
            ),
        }),
    }
    if !failure.lines.is_empty() {
        terminal.error_line(terminal.pick("Les dernières lignes :", "The last lines:"));
        for line in &failure.lines {
            terminal.error_line(&format!("  | {}", visible(line)));
        }
    }
}

fn again(terminal: &Terminal, app: &AppId) -> String {
    match terminal.language() {
        lavoir_core::text::Language::Fr => format!(
            "Pour essayer encore : « lavoir app start {app} » ; pour regarder : « lavoir app logs {app} »."
        ),
        lavoir_core::text::Language::En => {
            format!("To try again: “lavoir app start {app}”; to look: “lavoir app logs {app}”.")
        }
    }
}

fn interrupted(app: &AppId) -> End {
    End::Interrupted(Message {
        code: "interrupted".to_owned(),
        sentence: Text::new(
            "Vous ne regardez plus ; la machine continue.",
            "You no longer watch; the box goes on.",
        ),
        next_step: Text::new(
            format!("Pour regarder à nouveau : « lavoir app watch {app} »."),
            format!("To look again: “lavoir app watch {app}”."),
        ),
    })
}

fn gone(app: &AppId) -> End {
    End::Away(Message {
        code: "daemon-gone".to_owned(),
        sentence: Text::new(
            "Le démon s'est arrêté pendant que vous regardiez.",
            "The daemon stopped while you were watching.",
        ),
        next_step: Text::new(
            format!("Il reprendra où il en était. Puis : « lavoir app watch {app} »."),
            format!("It will go on where it was. Then: “lavoir app watch {app}”."),
        ),
    })
}

/// How pictures are shown.
struct View {
    bars: Option<Bars>,
    /// What was said of each step, by revision-free place: its text and standing.
    said: BTreeMap<usize, (Text, Standing)>,
}

struct Bars {
    all: MultiProgress,
    now: Option<(usize, Text, ProgressBar)>,
}

impl View {
    fn new(terminal: &Terminal) -> Self {
        let bars = terminal.bars().then(|| Bars {
            all: MultiProgress::new(),
            now: None,
        });
        Self {
            bars,
            said: BTreeMap::new(),
        }
    }

    fn show(&mut self, terminal: &Terminal, picture: &Picture) {
        let steps = picture.steps.len();
        for (place, step) in picture.steps.iter().enumerate() {
            let told = (step.text.clone(), step.standing);
            if step.standing != Standing::Waiting && self.said.get(&place) != Some(&told) {
                self.said.insert(place, told);
                self.tell(terminal, place, steps, step);
            }
            if let Some(bars) = &mut self.bars
                && step.standing == Standing::UnderWay
            {
                bars.move_on(terminal, place, steps, step);
            }
        }
    }

    fn tell(&mut self, terminal: &Terminal, place: usize, steps: usize, step: &StepProgress) {
        let text = visible(terminal.say(&step.text)).into_owned();
        let number = format!("[{}/{steps}]", place + 1);
        let line = match step.standing {
            Standing::Waiting => return,
            // The bar says so.
            Standing::UnderWay if self.bars.is_some() => return,
            Standing::UnderWay => format!("{number} {text}…"),
            Standing::Done => {
                let mark = terminal.on_error(AnsiColor::Green.on_default(), "✓");
                format!("{number} {mark} {text}{}", lasted(step))
            }
            Standing::Again | Standing::Failed => {
                let mark = terminal.on_error(AnsiColor::Yellow.on_default(), "!");
                let fault = step
                    .fault
                    .as_ref()
                    .map(|fault| terminal.say(&fault.sentence));
                let then = match step.standing {
                    Standing::Again => terminal.pick(" Nouvel essai.", " Trying again."),
                    _ => "",
                };
                format!(
                    "{number} {mark} {text} : {}{then}",
                    visible(fault.unwrap_or_default())
                )
            }
        };
        match &mut self.bars {
            Some(bars) => {
                bars.end(place);
                bars.all.suspend(|| terminal.error_line(&line));
            }
            None => terminal.error_line(&line),
        }
    }

    fn close(&mut self) {
        if let Some(bars) = &mut self.bars {
            if let Some((_, _, bar)) = bars.now.take() {
                bar.finish_and_clear();
            }
            let _ = bars.all.clear();
        }
    }
}

impl Bars {
    fn move_on(&mut self, terminal: &Terminal, place: usize, steps: usize, step: &StepProgress) {
        if self
            .now
            .as_ref()
            .is_none_or(|(at, text, _)| *at != place || *text != step.text)
        {
            if let Some((_, _, old)) = self.now.take() {
                old.finish_and_clear();
            }
            let bar = self.all.add(ProgressBar::no_length());
            bar.set_prefix(format!("[{}/{steps}]", place + 1));
            bar.set_message(visible(terminal.say(&step.text)).into_owned());
            bar.enable_steady_tick(Duration::from_millis(120));
            bar.set_style(style(None));
            self.now = Some((place, step.text.clone(), bar));
        }
        if let Some((_, _, bar)) = &self.now
            && let Some(measure) = step.measure
        {
            bar.set_style(style(Some(measure)));
            match measure.total {
                Some(total) => bar.set_length(total),
                None => bar.unset_length(),
            }
            bar.set_position(measure.done);
        }
    }

    fn end(&mut self, place: usize) {
        if self.now.as_ref().is_some_and(|(at, _, _)| *at == place)
            && let Some((_, _, bar)) = self.now.take()
        {
            bar.finish_and_clear();
        }
    }
}

fn style(measure: Option<Measure>) -> ProgressStyle {
    let template = match measure.map(|measure| (measure.unit, measure.total.is_some())) {
        Some((Unit::Bytes, true)) => {
            "{prefix} {spinner} {wide_msg} {bar:20} {bytes}/{total_bytes} {elapsed}"
        }
        Some((Unit::Bytes, false)) => "{prefix} {spinner} {wide_msg} {bytes} {elapsed}",
        Some((Unit::Steps, true)) => "{prefix} {spinner} {wide_msg} {bar:20} {pos}/{len} {elapsed}",
        Some((Unit::Steps, false)) => "{prefix} {spinner} {wide_msg} {pos} {elapsed}",
        None => "{prefix} {spinner} {wide_msg} {elapsed}",
    };
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_spinner())
}

fn lasted(step: &StepProgress) -> String {
    let (Some(Timestamp(began)), Some(Timestamp(ended))) = (step.began, step.ended) else {
        return String::new();
    };
    match ended.saturating_sub(began) / 1000 {
        0 => String::new(),
        seconds @ 1..60 => format!(" ({seconds} s)"),
        seconds => format!(" ({} min {:02} s)", seconds / 60, seconds % 60),
    }
}
