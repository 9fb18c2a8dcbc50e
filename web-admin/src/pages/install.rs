//! The form to install a recipe.

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use lavoir_core::app::Doing;
use lavoir_core::id::{AppId, Hostname, PartId, RecipeId};
use lavoir_core::recipe::{Question, Recipe};
use minijinja::context;
use std::collections::BTreeMap;
use std::sync::Arc;

use super::act::lasts;
use super::address::{self, example, free_name};
use super::catalogue;
use crate::admin::{Act, No, RecipeCard, RecipePage};
use crate::form_token::Taken;
use crate::forms::{Field, Wrong, answer_name, answers, asked, place, summary};
use crate::panel::Panel;
use crate::reader::{Reader, SentBy, SignedIn};
use crate::refused;
use crate::render::{Chapter, see};

pub(crate) async fn form(
    State(panel): State<Arc<Panel>>,
    SignedIn(reader, _): SignedIn,
    Path(id): Path<String>,
) -> Response {
    let page = match read(&panel, &reader, &id).await {
        Ok(page) => page,
        Err(response) => return response,
    };
    let suggested = free_name(&panel, page.card.id.as_str());
    let fields = fields(&reader, &page.card, &suggested, |question| {
        question.default.clone().unwrap_or_default()
    });
    show(&reader, StatusCode::OK, &page, &fields, Vec::new())
}

async fn read(panel: &Panel, reader: &Reader, id: &str) -> Result<RecipePage, Response> {
    let id: RecipeId = id
        .parse()
        .map_err(|_| refused::missing(reader, Chapter::Catalogue))?;
    let page = panel.admin.recipe(&id).await;
    page.map_err(|no| refused::no(reader, Chapter::Catalogue, &no, "/catalogue"))
}

fn fields(
    reader: &Reader,
    card: &RecipeCard,
    host: &str,
    value: impl Fn(&Question) -> String,
) -> Vec<Field> {
    let domain = format!(".{}", reader.about.domain);
    let recipe = &card.recipe;
    let key = if recipe.federation.permanent_address {
        "install-host-hint-permanent"
    } else {
        "install-host-hint"
    };
    let of_recipe = example(reader, "host-example", card.id.as_str());
    let mut fields = vec![Field {
        id: "host".into(),
        kind: "address",
        label: reader.t("install-host"),
        hint: Some(format!("{} {of_recipe}", reader.t(key))),
        value: host.strip_suffix(&domain).unwrap_or(host).to_owned(),
        required: true,
        autocomplete: "off",
        suffix: Some(domain),
        ..Field::default()
    }];
    fields.extend(
        recipe
            .questions
            .iter()
            .map(|question| asked(reader, question, &value(question))),
    );
    fields
}

fn show(
    reader: &Reader,
    status: StatusCode,
    page: &RecipePage,
    fields: &[Field],
    rest: Vec<Wrong>,
) -> Response {
    let name = reader.text(&page.card.recipe.name);
    let title = reader.words().with("install-title", &[("name", &name)]);
    let of_page = context! {
        fields => fields.to_vec(), wrong => summary(fields, rest),
        lasts => lasts(reader, &page.lasts, Some(Doing::Install), ("install-lasts", "install-lasts-unknown")), ..catalogue::facts(reader, page)
    };
    reader.page_as(status, "install.html", Chapter::Catalogue, &title, of_page)
}

pub(crate) async fn install(
    State(panel): State<Arc<Panel>>,
    Path(id): Path<String>,
    SentBy(sent, session): SentBy,
) -> Response {
    let reader = &sent.reader;
    let page = match read(&panel, reader, &id).await {
        Ok(page) => page,
        Err(response) => return response,
    };
    let recipe = &page.card.recipe;
    let shown = sent.get("host");
    let typed = shown.to_lowercase();
    let mut fields = fields(reader, &page.card, shown, |question| {
        sent.get(&answer_name(&question.id)).to_owned()
    });
    let host = address::whole(&typed, &reader.about.domain);
    if host.is_none() {
        fields[0].error = Some(address::wrong(&panel, reader, &typed));
    }
    let answers = answers(reader, &sent, &recipe.questions, &mut fields);
    let unsound = fields.iter().any(|field| field.error.is_some());
    let (Some(host), false) = (host, unsound) else {
        let status = StatusCode::UNPROCESSABLE_ENTITY;
        return show(reader, status, &page, &fields, Vec::new());
    };
    let hand = match panel.tokens.take(&sent.form_token) {
        Taken::First(hand) => hand,
        Taken::Done(path) => return see(&path),
        Taken::InHand => return see("/"),
    };
    let app = short_name(&panel, &host, page.card.id.as_str());
    let extra_hosts = extra_hosts(recipe, &host);
    let act = Act::Install {
        recipe: page.card.id.clone(),
        app,
        host,
        extra_hosts,
        answers,
    };
    match super::act::carry_out(&panel, session, act, hand).await {
        Ok(app) => see(&format!("/apps/{app}")),
        Err(no) => not_installed(&panel, reader, &page, fields, &no),
    }
}

fn not_installed(
    panel: &Panel,
    reader: &Reader,
    page: &RecipePage,
    mut fields: Vec<Field>,
    no: &No,
) -> Response {
    let mut rest = place(reader, &mut fields, &no.problems);
    if no.problems.is_empty() {
        let text = format!(
            "{} {}",
            reader.text(&no.message.sentence),
            refused::next_step(reader, &no.message)
        );
        // What the core says of an address belongs to that field.
        if no.message.code.starts_with("host-") {
            let other = address::other(panel, reader, &fields[0].value);
            fields[0].error = Some(format!("{text} {other}"));
        } else {
            rest.push(Wrong { at: None, text });
        }
    }
    show(reader, refused::status(no.kind), page, &fields, rest)
}

/// The first word of the address where it may be a short name and is free; the recipe's otherwise.
fn short_name(panel: &Panel, host: &Hostname, recipe: &str) -> AppId {
    let first = host.as_str().split('.').next().unwrap_or(recipe);
    let wanted = if first.parse::<AppId>().is_ok() {
        first
    } else {
        recipe
    };
    let free = free_name(panel, wanted);
    match free.parse() {
        Ok(app) => app,
        Err(_) => unreachable!("{free} was checked"),
    }
}

fn extra_hosts(recipe: &Recipe, host: &Hostname) -> BTreeMap<PartId, Hostname> {
    let named = recipe.hostnames.iter().filter_map(|extra| {
        let address = extra.default.replace("{host}", host.as_str());
        Some((extra.id.parse().ok()?, address.parse().ok()?))
    });
    named.collect()
}
