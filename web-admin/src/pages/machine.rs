//! The machine: in words, in pictures, in a table.

use axum::extract::State;
use axum::response::Response;
use lavoir_core::limits;
use minijinja::{Value, context};
use std::sync::Arc;

use crate::admin::{Amount, Holds, Machine, Sample};
use crate::figures;
use crate::panel::Panel;
use crate::picture::{self, Line};
use crate::reader::{Reader, SignedIn};
use crate::render::Chapter;

pub(crate) async fn page(
    State(panel): State<Arc<Panel>>,
    SignedIn(reader, _): SignedIn,
) -> Response {
    let machine = panel.admin.machine().await;
    let language = reader.language;
    let history = thinned(&machine.history);
    let disks: Vec<Value> = machine
        .disks
        .iter()
        .map(|(holds, amount)| {
            let key = match holds {
                Holds::Everything => "disk-everything",
                Holds::System => "disk-system",
                Holds::Data => "disk-data",
            };
            context! { label => reader.t(key), words => disk(&reader, *amount), bar => bar(*amount) }
        })
        .collect();
    let of_page = context! {
        lead => lead(&reader, &machine),
        processor => machine.processor.as_deref(), cores => machine.cores,
        system => machine.system.as_deref(),
        memory => machine.memory.map(|amount| memory(&reader, amount)),
        disks,
        busy => machine.busy_permille.map(|n| figures::percent(n.into(), language)),
        temperature => machine.temperature_m.map(|m| figures::celsius(m, language)),
        network => machine.network.map(|(come, gone)| network(&reader, come, gone)),
        memory_parts => parts(&reader, &machine),
        pictures => pictures(&reader, &machine, &history),
        table => table(&reader, &history),
    };
    let title = reader.t("machine-title");
    reader.page("machine.html", Chapter::Machine, &title, of_page)
}

fn lead(reader: &Reader, machine: &Machine) -> Option<String> {
    let up = machine.up_s.map(|s| {
        let words = figures::duration(s.saturating_mul(1000), reader.language);
        reader.words().with("machine-up", &[("time", &words)])
    });
    let parts: Vec<String> = machine.model.clone().into_iter().chain(up).collect();
    (!parts.is_empty()).then(|| super::app::sentence(&parts.join(" · ")))
}

fn memory(reader: &Reader, amount: Amount) -> String {
    let figure = |n| figures::memory(n, reader.language);
    let words = [("used", figure(amount.used)), ("all", figure(amount.total))];
    let words = words.each_ref().map(|(name, text)| (*name, text.as_str()));
    reader.words().with("used-of", &words)
}

fn disk(reader: &Reader, amount: Amount) -> String {
    let figure = |n| figures::disk(n, reader.language);
    let words = [("used", figure(amount.used)), ("all", figure(amount.total))];
    let words = words.each_ref().map(|(name, text)| (*name, text.as_str()));
    reader.words().with("used-of", &words)
}

/// Of 100.
fn bar(amount: Amount) -> u64 {
    (amount.used.saturating_mul(100) / amount.total.max(1)).min(100)
}

fn network(reader: &Reader, come: u64, gone: u64) -> String {
    let figure = |n| figures::disk(n, reader.language);
    let words = [("come", figure(come)), ("gone", figure(gone))];
    let words = words.each_ref().map(|(name, text)| (*name, text.as_str()));
    reader.words().with("network-words", &words)
}

/// Who takes the memory: a bar, its sentence, and the same as a table.
fn parts(reader: &Reader, machine: &Machine) -> Option<Value> {
    let whole = machine.memory?;
    let figure = |n| figures::memory(n, reader.language);
    let apps: u64 = machine.memory_by.iter().map(|(_, _, n)| n).sum();
    let mut named: Vec<(String, u64)> = machine
        .memory_by
        .iter()
        .map(|(id, name, bytes)| {
            let name = reader.text(name);
            // Two apps of one recipe have one name.
            let twice = machine
                .memory_by
                .iter()
                .filter(|(_, other, _)| reader.text(other) == name);
            (
                if twice.count() > 1 {
                    format!("{name} ({id})")
                } else {
                    name
                },
                *bytes,
            )
        })
        .collect();
    named.push((reader.t("memory-system"), whole.used.saturating_sub(apps)));
    let free = whole.total.saturating_sub(whole.used);
    let sentence: Vec<String> = named
        .iter()
        .chain([&(reader.t("memory-free"), free)])
        .map(|(name, bytes)| format!("{name} {}", figure(*bytes)))
        .collect();
    let amounts: Vec<u64> = named.iter().map(|(_, bytes)| *bytes).collect();
    let bars = picture::stacked(&amounts, whole.total);
    let rows: Vec<Value> = named
        .iter()
        .enumerate()
        .map(|(place, (name, bytes))| context! { name, amount => figure(*bytes), colour => place % 6 })
        .collect();
    Some(context! {
        label => format!("{} {}", reader.t("parts-label"), sentence.join(", ")),
        bars, rows, free => figure(free),
    })
}

/// At most as many points as a picture has room for.
fn thinned(history: &[Sample]) -> Vec<Sample> {
    let step = history.len().div_ceil(limits::PICTURE_POINTS_MAX).max(1);
    history.iter().copied().step_by(step).collect()
}

fn pictures(reader: &Reader, machine: &Machine, history: &[Sample]) -> Vec<Value> {
    let language = reader.language;
    let all_memory = machine.memory.map_or(0, |amount| amount.total);
    let memory = Line {
        points: points(history, |sample| sample.memory_used),
        top: all_memory,
    };
    let busy = Line {
        points: points(history, |sample| sample.busy_permille.map(u64::from)),
        top: 1_000,
    };
    let degrees = |sample: &Sample| sample.temperature_m.map(|m| u64::try_from(m).unwrap_or(0));
    let temperature = Line {
        points: points(history, degrees),
        top: 100_000,
    };
    let come = points(history, |sample| sample.network.map(|(come, _)| come));
    let most = come.iter().flatten().max().copied().unwrap_or(0);
    let network = Line {
        points: come,
        top: picture::round_up(most),
    };
    let celsius = |m: u64| figures::celsius(i32::try_from(m).unwrap_or(0), language);
    let drawn = [
        draw(reader, "memory", &memory, history, |n| {
            figures::memory(n, language)
        }),
        draw(reader, "busy", &busy, history, |n| {
            figures::percent(n, language)
        }),
        draw(reader, "temperature", &temperature, history, celsius),
        draw(reader, "network", &network, history, |n| {
            figures::disk(n, language)
        }),
    ];
    drawn.into_iter().flatten().collect()
}

fn points(history: &[Sample], of: impl Fn(&Sample) -> Option<u64>) -> Vec<Option<u64>> {
    history.iter().map(of).collect()
}

/// None when there is nothing to draw.
fn draw(
    reader: &Reader,
    what: &str,
    line: &Line,
    history: &[Sample],
    figure: impl Fn(u64) -> String,
) -> Option<Value> {
    let known: Vec<u64> = line.points.iter().flatten().copied().collect();
    let (least, most) = (known.iter().min()?, known.iter().max()?);
    if known.len() < 2 {
        return None;
    }
    let sentence = reader.words().with(
        &format!("picture-{what}"),
        &[("least", &figure(*least)), ("most", &figure(*most))],
    );
    Some(context! {
        title => reader.t(&format!("picture-{what}-title")),
        label => sentence, path => line.path(),
        top => figure(line.top), middle => figure(line.top / 2),
        from => history.first().map(|sample| reader.calendar.lately(sample.at)),
        to => history.last().map(|sample| reader.calendar.lately(sample.at)),
    })
}

/// The same figures as a table: a dozen rows.
fn table(reader: &Reader, history: &[Sample]) -> Vec<Value> {
    let language = reader.language;
    let none = || reader.t("unknown");
    let step = history.len().div_ceil(12).max(1);
    let rows = history.iter().rev().step_by(step).map(|sample| {
        context! {
            when => reader.calendar.moment(sample.at),
            memory => sample.memory_used.map_or_else(none, |n| figures::memory(n, language)),
            busy => sample.busy_permille.map_or_else(none, |n| figures::percent(n.into(), language)),
            temperature => sample.temperature_m.map_or_else(none, |m| figures::celsius(m, language)),
            come => sample.network.map_or_else(none, |(n, _)| figures::disk(n, language)),
            gone => sample.network.map_or_else(none, |(_, n)| figures::disk(n, language)),
        }
    });
    rows.collect()
}
