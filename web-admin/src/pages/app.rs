//! An app's page, and what its containers wrote.

use axum::extract::{FromRequest, FromRequestParts, RawPathParams, Request, State};
use axum::http::request::Parts;
use axum::response::Response;
use lavoir_core::app::{Doing, Intent};
use lavoir_core::id::AppId;
use lavoir_core::limits;
use lavoir_core::observed::Run;
use lavoir_core::recipe::{Keep, QuestionKind};
use lavoir_core::standing::Sign;
use minijinja::{Value, context};
use serde::Serialize;
use std::sync::Arc;

use super::home::standing;
use super::{home, ledger};
use crate::admin::{
    Answered, AppPage, Container, Measure, Session, Setting, Step, StepStanding, Unit,
};
use crate::panel::Panel;
use crate::reader::{Reader, Sent, SentBy, SignedIn};
use crate::render::Chapter;
use crate::{figures, refused};

#[derive(Debug, Clone, Serialize)]
pub(crate) struct StepRow {
    text: String,
    sign: &'static str,
    state: String,
    measure: Option<String>,
    fault: Option<String>,
    now: bool,
}

/// Somebody who is signed in, at the page of an app that is there.
pub(crate) struct At {
    pub(crate) reader: Reader,
    pub(crate) app: AppPage,
}

/// A form about an app that is there.
pub(crate) struct SentAt {
    pub(crate) sent: Sent,
    pub(crate) session: Session,
    pub(crate) app: AppPage,
}

impl FromRequestParts<Arc<Panel>> for At {
    type Rejection = Response;
    async fn from_request_parts(
        parts: &mut Parts,
        panel: &Arc<Panel>,
    ) -> Result<Self, Self::Rejection> {
        let SignedIn(reader, _) = SignedIn::from_request_parts(parts, panel).await?;
        let id = named(parts).await;
        let app = found(panel, &reader, id).await?;
        Ok(Self { reader, app })
    }
}

impl FromRequest<Arc<Panel>> for SentAt {
    type Rejection = Response;
    async fn from_request(request: Request, panel: &Arc<Panel>) -> Result<Self, Self::Rejection> {
        let (mut parts, body) = request.into_parts();
        let id = named(&mut parts).await;
        let request = Request::from_parts(parts, body);
        let SentBy(sent, session) = SentBy::from_request(request, panel).await?;
        // Sent twice, and the first time it was deleted: gone too.
        let app = found(panel, &sent.reader, id).await?;
        Ok(Self { sent, session, app })
    }
}

/// The app that the path names, when it may be a name.
async fn named(parts: &mut Parts) -> Option<AppId> {
    let names = RawPathParams::from_request_parts(parts, &()).await.ok()?;
    let (_, id) = names.iter().find(|(name, _)| *name == "app")?;
    id.parse().ok()
}

async fn found(panel: &Panel, reader: &Reader, id: Option<AppId>) -> Result<AppPage, Response> {
    let app = match id {
        Some(id) => panel.admin.app(&id).await,
        None => None,
    };
    app.ok_or_else(|| refused::gone(reader))
}

pub(crate) async fn page(At { reader, app }: At) -> Response {
    let line = &app.line;
    let (sign, state) = standing(&reader, line);
    let busy = line.doing.is_some();
    let failed = line.sign == Sign::Grave;
    let language = reader.language;
    let of_page = context! {
        id => line.id.as_str(), name => reader.text(&line.name), host => line.host.as_str(),
        open => line.open, sign, state, busy, failed,
        running => line.intent == Intent::Running,
        stopped => line.intent == Intent::Stopped,
        removed => line.intent == Intent::Removed,
        installing => line.doing == Some(Doing::Install),
        deleting => line.intent == Intent::Deleted,
        steps => steps(&reader, &app),
        failure => failure(&reader, &app),
        version => home::short(&line.version), recipe => line.recipe.as_str(),
        update => line.update.as_deref().map(|to| {
            let (from, to) = home::versions(&line.version, to);
            context! { from, to, lasts => likely(&reader, &app, Some(Doing::Update), "app-update-lasts") }
        }),
        lasts => likely(&reader, &app, line.doing, "app-lasts"),
        installed => reader.calendar.date(app.installed_at),
        extra_hosts => app.extra_hosts.iter()
            .map(|(label, host)| context! { label => reader.text(label), host => host.as_str() })
            .collect::<Vec<_>>(),
        settings => settings(&reader, &app.settings),
        changeable => app.settings.iter().any(|setting| setting.question.changeable),
        secrets => app.secrets.iter()
            .map(|(id, label)| context! { id => id.as_str(), label => reader.text(label) })
            .collect::<Vec<_>>(),
        memory => memory(&reader, &app),
        data => app.data_used.map(|bytes| figures::disk(bytes, language)),
        containers => app.containers.iter().map(|one| container(&reader, &app, one)).collect::<Vec<_>>(),
        volumes => app.volumes.iter()
            .map(|(label, keep)| context! { label => reader.text(label), cache => *keep == Keep::Cache })
            .collect::<Vec<_>>(),
        history => app.history.iter().map(|entry| ledger::row(&reader, entry)).collect::<Vec<_>>(),
        live => format!("/apps/{}/live", line.id),
        saved => saved(&reader, &app),
        refresh => busy,
    };
    reader.page("app.html", Chapter::App, &title(&reader, &app), of_page)
}

/// When it was last saved; nothing where backups go nowhere yet, which home tells.
fn saved(reader: &Reader, app: &AppPage) -> Option<String> {
    match (app.saved, app.saves) {
        (Some(at), _) => {
            let when = reader.calendar.moment(at).words;
            Some(reader.words().with("app-saved", &[("when", &when)]))
        }
        (None, true) => Some(reader.t("app-never-saved")),
        (None, false) => None,
    }
}

/// The title is the answer: “The blog is being installed”.
fn title(reader: &Reader, app: &AppPage) -> String {
    let name = reader.text(&app.line.name);
    let key = match app.line.doing {
        Some(Doing::Install) => "app-installing",
        Some(Doing::Update) => "app-updating",
        Some(Doing::Change) => "app-changing",
        Some(Doing::Start) => "app-starting",
        Some(Doing::Stop) => "app-stopping",
        Some(Doing::Restart) => "app-restarting",
        Some(Doing::Remove) => "app-removing",
        Some(Doing::Reinstall) => "app-reinstalling",
        Some(Doing::Delete) => "app-deleting",
        Some(Doing::Restore) => "app-restoring",
        Some(Doing::RollBack) => "app-going-back",
        None if app.line.sign == Sign::Grave => "app-broken",
        None => return name,
    };
    reader.words().with(key, &[("name", &name)])
}

/// How long it is likely to take, where that was seen on this box.
fn likely(reader: &Reader, app: &AppPage, doing: Option<Doing>, key: &str) -> Option<String> {
    let about = figures::about(app.lasts.likely(doing?)?, reader.language);
    Some(reader.words().with(key, &[("about", &about)]))
}

fn memory(reader: &Reader, app: &AppPage) -> String {
    let aside = figures::memory_mib(app.ram_mib.into(), reader.language);
    let words = reader.words();
    if app.line.intent != Intent::Running {
        return words.with("app-memory-needs", &[("aside", &aside)]);
    }
    match app.memory_used {
        Some(used) => {
            let used = figures::memory(used, reader.language);
            words.with("app-memory-used", &[("used", &used), ("aside", &aside)])
        }
        None => words.with("app-memory", &[("aside", &aside)]),
    }
}

fn settings(reader: &Reader, settings: &[Setting]) -> Vec<Value> {
    let shown = settings.iter().map(|setting| {
        let answer = match &setting.answer {
            Answered::No => reader.t("answer-none"),
            Answered::Private => reader.t("answer-private"),
            Answered::Public(text) => in_words(reader, setting, text),
        };
        context! {
            label => reader.text(&setting.question.label), answer,
            fixed => !setting.question.changeable,
        }
    });
    shown.collect()
}

/// An answer as it was offered.
fn in_words(reader: &Reader, setting: &Setting, answer: &str) -> String {
    match (setting.question.kind, answer) {
        (QuestionKind::Boolean, "true") => reader.t("yes"),
        (QuestionKind::Boolean, _) => reader.t("no"),
        (_, "") => reader.t("answer-none"),
        _ => setting
            .question
            .choices
            .iter()
            .find(|choice| choice.value == answer)
            .map_or_else(|| answer.to_owned(), |choice| reader.text(&choice.label)),
    }
}

fn container(reader: &Reader, app: &AppPage, container: &Container) -> Value {
    let at_rest = app.line.intent != Intent::Running;
    let (sign, key) = match (container.run, container.one_shot) {
        (Some(Run::Exited(0)), true) => ("fine", "run-ended-well"),
        (Some(Run::Healthy), _) => ("fine", "run-well"),
        (Some(Run::Starting | Run::Created), _) => ("busy", "run-starting"),
        (Some(Run::Unhealthy), _) => ("grave", "run-unwell"),
        (Some(Run::Exited(_)), _) if at_rest => ("rest", "run-ended"),
        (Some(Run::Exited(_)), _) => ("grave", "run-ended"),
        (None, _) => ("rest", "run-absent"),
    };
    let language = reader.language;
    let memory = container.memory.map(|used| {
        let used = figures::memory(used, language);
        match container.memory_max {
            Some(max) => reader.words().with(
                "memory-of",
                &[("used", &used), ("all", &figures::memory(max, language))],
            ),
            None => used,
        }
    });
    context! {
        service => container.service.as_str(), image => container.image.as_str(), sign, state => reader.t(key), memory,
    }
}

fn steps(reader: &Reader, app: &AppPage) -> Vec<StepRow> {
    let Some(progress) = &app.progress else {
        return Vec::new();
    };
    progress
        .steps
        .iter()
        .map(|step| step_row(reader, step))
        .collect()
}

fn step_row(reader: &Reader, step: &Step) -> StepRow {
    let took = step.began.map(|began| {
        let end = step
            .ended
            .filter(|_| step.standing != StepStanding::UnderWay);
        let ms = end.unwrap_or(reader.about.now).0.saturating_sub(began.0);
        figures::duration(ms, reader.language)
    });
    let took = took.unwrap_or_default();
    let (sign, state) = match step.standing {
        StepStanding::Waiting => ("rest", reader.t("step-waiting")),
        StepStanding::UnderWay => ("busy", took),
        StepStanding::Again => ("warn", reader.t("step-again")),
        StepStanding::Done => ("fine", took),
        StepStanding::Failed => ("grave", reader.t("step-failed")),
    };
    let now = matches!(step.standing, StepStanding::UnderWay | StepStanding::Again);
    StepRow {
        text: sentence(&reader.text(&step.text)),
        sign,
        state,
        measure: step
            .measure
            .filter(|_| now)
            .map(|measure| measured(reader, measure)),
        fault: step
            .fault
            .as_ref()
            .filter(|_| step.standing != StepStanding::Done)
            .map(|fault| reader.text(&fault.sentence)),
        now,
    }
}

pub(crate) fn measured(reader: &Reader, measure: Measure) -> String {
    let figure = |n: u64| match measure.unit {
        Unit::Bytes => figures::disk(n, reader.language),
        Unit::Steps => figures::number(n, reader.language),
    };
    let done = figure(measure.done);
    let words = reader.words();
    match (measure.unit, measure.total) {
        (Unit::Bytes, Some(all)) => {
            words.with("measure-of", &[("done", &done), ("all", &figure(all))])
        }
        (Unit::Bytes, None) => done,
        (Unit::Steps, Some(all)) => {
            words.with("measure-step-of", &[("done", &done), ("all", &figure(all))])
        }
        (Unit::Steps, None) => words.with("measure-step", &[("done", &done)]),
    }
}

/// With a capital letter.
pub(crate) fn sentence(text: &str) -> String {
    let mut signs = text.chars();
    let first = signs.next().into_iter().flat_map(char::to_uppercase);
    first.chain(signs).collect()
}

fn failure(reader: &Reader, app: &AppPage) -> Option<Value> {
    let failure = app.failure.as_ref()?;
    let own = failure.message.as_ref();
    Some(context! {
        sentence => reader.text(&failure.failure.text()),
        own => own.map(|message| reader.text(&message.sentence)),
        next_step => own.map(|message| refused::next_step_or(reader, message, "next-failure")),
        when => reader.calendar.moment(failure.failure.at),
        lines => bounded(&failure.lines, limits::LOG_LINES_SHOWN_MAX, 8 * 1024),
        went_back => app.line.sign == Sign::Warn,
    })
}

/// The last lines that fit, so that no page grows without end.
pub(crate) fn bounded(lines: &[String], count: usize, bytes: usize) -> Vec<String> {
    let mut left = bytes;
    let fitting = lines.iter().rev().take(count).map_while(|line| {
        let line: String = line
            .chars()
            .filter(|sign| *sign == '\t' || !sign.is_control())
            .take(limits::LOG_LINE_BYTES_MAX)
            .collect();
        left = left.checked_sub(line.len() + 1)?;
        Some(line)
    });
    let mut kept: Vec<String> = fitting.collect();
    kept.reverse();
    kept
}

pub(crate) async fn logs(State(panel): State<Arc<Panel>>, At { reader, app }: At) -> Response {
    let back = format!("/apps/{}", app.line.id);
    let lines = panel
        .admin
        .logs(&app.line.id, limits::LOG_LINES_ON_PAGE)
        .await;
    let written = match lines {
        Ok(written) => written,
        Err(no) => return refused::no(&reader, Chapter::App, &no, &back),
    };
    let each = limits::LOG_BYTES_ON_PAGE_MAX / written.len().max(1);
    let containers: Vec<Value> = written
        .iter()
        .map(|one| {
            context! {
                service => one.service.as_str(),
                lines => bounded(&one.lines, limits::LOG_LINES_ON_PAGE, each),
                trouble => one.trouble.as_ref().map(|no| reader.text(&no.sentence)),
            }
        })
        .collect();
    let name = reader.text(&app.line.name);
    let title = reader.words().with("logs-title", &[("name", &name)]);
    let of_page = context! { id => app.line.id.as_str(), name => name.as_str(), containers };
    reader.page("logs.html", Chapter::App, &title, of_page)
}
