//! From the daemon's words to the panel's.

use lavoir_core::account::Scope;
use lavoir_web_admin::admin as seen;

use crate::accounts::{Begun, ComesIn, Known, TokenCard};
use crate::acts::Asked;
use crate::api::{Kind, Problem, wire};
use crate::ports::{KeptSession, Measure, Unit};
use crate::progress::{AppProgress, Standing, StepProgress};

pub(super) fn no(problem: Problem) -> seen::No {
    // The journal tells more of what broke, under a number.
    let operation = (problem.kind == Kind::Broken).then(|| {
        let operation = format!("{:08x}", rand::random::<u32>());
        tracing::error!(operation, code = problem.message.code, "an answer broke");
        operation
    });
    seen::No {
        kind: kind(problem.kind),
        message: problem.message,
        problems: problem
            .problems
            .into_iter()
            .map(|detail| seen::Problem {
                at: detail.field.or(detail.at),
                message: detail.message,
            })
            .collect(),
        operation,
    }
}

fn kind(kind: Kind) -> seen::NoKind {
    match kind {
        Kind::SignedOut => seen::NoKind::SignedOut,
        Kind::Forbidden => seen::NoKind::Forbidden,
        Kind::Missing => seen::NoKind::Missing,
        Kind::Conflict | Kind::NoRoom => seen::NoKind::Conflict,
        Kind::Unsound | Kind::TooLarge | Kind::Unfit => seen::NoKind::Unfit,
        Kind::TooOften => seen::NoKind::TooOften,
        Kind::Broken | Kind::Away => seen::NoKind::Broken,
    }
}

pub(super) fn session(known: Known) -> seen::Session {
    seen::Session {
        person: known.person,
        name: known.name,
        id: known.session,
        since: known.since,
    }
}

pub(super) fn known(session: &seen::Session) -> Known {
    Known {
        person: session.person,
        name: session.name.clone(),
        session: session.id,
        since: session.since,
    }
}

pub(super) fn begun(begun: Begun) -> seen::NewSession {
    seen::NewSession {
        token: begun.key,
        lasts_s: lavoir_core::limits::SESSION_LIFE_MS_MAX / 1_000,
        session: session(begun.known),
    }
}

pub(super) fn credentials(given: seen::Credentials) -> ComesIn {
    ComesIn {
        name: given.name,
        password: given.password,
        from: given.from,
        browser: given.browser,
    }
}

pub(super) fn session_line(kept: KeptSession) -> seen::SessionLine {
    seen::SessionLine {
        id: kept.id,
        since: kept.since,
        last_used: kept.last_used,
        browser: kept.browser,
    }
}

pub(super) fn token_line(card: TokenCard) -> seen::TokenLine {
    seen::TokenLine {
        id: card.token.0,
        label: card.label,
        scope: match card.scope {
            Scope::Read => seen::TokenScope::Read,
            Scope::Act => seen::TokenScope::Act,
        },
        made: card.since,
        ends: card.until,
        last_used: card.last_used,
    }
}

pub(super) fn scope(scope: seen::TokenScope) -> Scope {
    match scope {
        seen::TokenScope::Read => Scope::Read,
        seen::TokenScope::Act => Scope::Act,
    }
}

pub(super) fn asked(act: seen::Act) -> Asked {
    match act {
        seen::Act::Install {
            recipe,
            app,
            host,
            extra_hosts,
            answers,
        } => Asked::Install {
            recipe,
            app: Some(app),
            host: Some(host),
            extra_hosts,
            answers,
        },
        seen::Act::Update(app, answers) => Asked::Update { app, answers },
        seen::Act::Change(app, answers) => Asked::Change { app, answers },
        seen::Act::Start(app) => Asked::Start { app },
        seen::Act::Stop(app) => Asked::Stop { app },
        seen::Act::Restart(app) => Asked::Restart { app },
        seen::Act::Remove(app) => Asked::Remove { app },
        seen::Act::Reinstall(app) => Asked::Reinstall { app },
        seen::Act::Delete(app) => Asked::Delete { app },
    }
}

pub(super) fn health(health: wire::Health) -> seen::Health {
    match health {
        wire::Health::Unseen => seen::Health::Unseen,
        wire::Health::Well => seen::Health::Well,
        wire::Health::Starting => seen::Health::Starting,
        wire::Health::Unwell => seen::Health::Unwell,
    }
}

pub(super) fn progress(progress: AppProgress) -> seen::Progress {
    seen::Progress {
        steps: progress.steps.into_iter().map(step).collect(),
    }
}

fn step(step: StepProgress) -> seen::Step {
    seen::Step {
        text: step.text,
        standing: match step.standing {
            Standing::Waiting => seen::StepStanding::Waiting,
            Standing::UnderWay => seen::StepStanding::UnderWay,
            Standing::Again => seen::StepStanding::Again,
            Standing::Done => seen::StepStanding::Done,
            Standing::Failed => seen::StepStanding::Failed,
        },
        measure: step.measure.map(measure),
        began: step.began,
        ended: step.ended,
        fault: step.fault,
        lines: step.lines,
    }
}

pub(super) fn measure(measure: Measure) -> seen::Measure {
    seen::Measure {
        done: measure.done,
        total: measure.total,
        unit: match measure.unit {
            Unit::Bytes => seen::Unit::Bytes,
            Unit::Steps => seen::Unit::Steps,
        },
    }
}

pub(super) fn amount(amount: wire::Amount) -> seen::Amount {
    seen::Amount {
        used: amount.used,
        total: amount.total,
    }
}

pub(super) fn holds(holds: wire::Holds) -> seen::Holds {
    match holds {
        wire::Holds::Everything => seen::Holds::Everything,
        wire::Holds::System => seen::Holds::System,
        wire::Holds::Data => seen::Holds::Data,
    }
}

pub(super) fn sample(sample: wire::Sample) -> seen::Sample {
    seen::Sample {
        at: sample.at,
        memory_used: sample.memory_used,
        busy_permille: sample.busy_permille,
        temperature_m: sample.temperature_m,
        network: sample.network.map(|flow| (flow.come, flow.gone)),
    }
}
