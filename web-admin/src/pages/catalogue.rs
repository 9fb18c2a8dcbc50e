//! The catalogue and a recipe's card.

use axum::extract::{Path, Query, State};
use axum::response::Response;
use lavoir_core::id::RecipeId;
use lavoir_core::limits;
use lavoir_core::recipe::{FederationKind, Purpose, QuestionKind, Recipe, SignOnKind};
use lavoir_core::text::Language;
use minijinja::context;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

use crate::admin::{Fit, RecipeCard, RecipePage};
use crate::panel::Panel;
use crate::reader::{Reader, SignedIn};
use crate::render::Chapter;
use crate::{figures, refused, typography};

/// In the order in which people look for them.
pub(crate) const PURPOSES: &[(Purpose, &str)] = &[
    (Purpose::Publish, "purpose-publish"),
    (Purpose::Share, "purpose-share"),
    (Purpose::Organise, "purpose-organise"),
    (Purpose::Map, "purpose-map"),
    (Purpose::Talk, "purpose-talk"),
    (Purpose::Decide, "purpose-decide"),
    (Purpose::Trade, "purpose-trade"),
];

#[derive(Debug, Clone, Serialize)]
pub(crate) struct Card {
    id: String,
    name: String,
    summary: String,
    fit: Fits,
    needs: String,
    installed: usize,
}

#[derive(Debug, Clone, Serialize)]
pub(crate) struct Fits {
    sign: &'static str,
    words: String,
    fits: bool,
}

#[derive(Debug, Clone, Serialize)]
pub(crate) struct Group {
    title: String,
    id: String,
    cards: Vec<Card>,
}

#[derive(Deserialize)]
pub(crate) struct Looked {
    #[serde(default)]
    q: String,
}

pub(crate) async fn all(
    State(panel): State<Arc<Panel>>,
    SignedIn(reader, _): SignedIn,
    Query(Looked { q }): Query<Looked>,
) -> Response {
    let looked: String = q.trim().chars().take(limits::SEARCH_BYTES_MAX).collect();
    let catalogue = panel.admin.catalogue().await;
    let found: Vec<&RecipeCard> = catalogue
        .recipes
        .iter()
        .filter(|card| finds(&card.recipe, &looked, &reader))
        .collect();
    let mut groups = Vec::new();
    for (purpose, key) in PURPOSES {
        let of_it = |card: &&&RecipeCard| card.recipe.purposes.first() == Some(purpose);
        let cards: Vec<Card> = found
            .iter()
            .filter(of_it)
            .map(|one| card(&reader, one))
            .collect();
        if !cards.is_empty() {
            groups.push(Group {
                title: reader.t(key),
                id: (*key).to_owned(),
                cards,
            });
        }
    }
    let other = |card: &&&RecipeCard| card.recipe.purposes.is_empty();
    let cards: Vec<Card> = found
        .iter()
        .filter(other)
        .map(|one| card(&reader, one))
        .collect();
    if !cards.is_empty() {
        groups.push(Group {
            title: reader.t("purpose-other"),
            id: "purpose-other".into(),
            cards,
        });
    }
    let of_page = context! {
        looked, groups, found => found.len(), all => catalogue.recipes.len(),
        room => room(&reader, catalogue.room.ram_mib, catalogue.room.disk_mib),
    };
    let title = reader.t("catalogue-title");
    reader.page("catalogue.html", Chapter::Catalogue, &title, of_page)
}

fn room(reader: &Reader, ram_mib: u64, disk_mib: u64) -> String {
    reader.words().with(
        "catalogue-room",
        &[
            ("memory", &figures::memory_mib(ram_mib, reader.language)),
            ("disk", &figures::disk_mib(disk_mib, reader.language)),
        ],
    )
}

/// Every word typed stands somewhere in what the recipe says of itself, or in what it is for.
fn finds(recipe: &Recipe, looked: &str, reader: &Reader) -> bool {
    let mut said = String::new();
    for text in [&recipe.name, &recipe.summary, &recipe.description] {
        said.push_str(text.get(reader.language));
        said.push(' ');
    }
    said.push_str(&recipe.id);
    for purpose in &recipe.purposes {
        for (_, key) in PURPOSES.iter().filter(|(one, _)| one == purpose) {
            said.push(' ');
            said.push_str(&reader.t(key));
        }
    }
    let said = plain_letters(&said);
    plain_letters(looked)
        .split_whitespace()
        .all(|word| said.contains(word))
}

/// Small letters without accents: what people type on a telephone.
pub(crate) fn plain_letters(text: &str) -> String {
    let plain = |sign: char| match sign {
        'à' | 'â' | 'ä' => 'a',
        'ç' => 'c',
        'é' | 'è' | 'ê' | 'ë' => 'e',
        'î' | 'ï' => 'i',
        'ô' | 'ö' => 'o',
        'ù' | 'û' | 'ü' => 'u',
        '’' => '\'',
        other => other,
    };
    text.to_lowercase().chars().map(plain).collect()
}

fn card(reader: &Reader, card: &RecipeCard) -> Card {
    Card {
        id: card.id.to_string(),
        name: reader.text(&card.recipe.name),
        summary: reader.text(&card.recipe.summary),
        fit: fits(reader, card.fit),
        needs: needs(reader, &card.recipe),
        installed: card.installed.len(),
    }
}

fn needs(reader: &Reader, recipe: &Recipe) -> String {
    let (ram, disk) = (recipe.needs.ram_mib.into(), recipe.needs.disk_mib.into());
    reader.words().with(
        "recipe-needs",
        &[
            ("memory", &figures::memory_mib(ram, reader.language)),
            ("disk", &figures::disk_mib(disk, reader.language)),
        ],
    )
}

fn fits(reader: &Reader, fit: Fit) -> Fits {
    let words = reader.words();
    let language: Language = reader.language;
    let (sign, text) = match fit {
        Fit::Fits => ("fine", words.plain("fits")),
        Fit::LacksMemory(mib) => (
            "grave",
            words.with(
                "lacks-memory",
                &[("amount", &figures::memory_mib(mib, language))],
            ),
        ),
        Fit::LacksDisk(mib) => (
            "grave",
            words.with(
                "lacks-disk",
                &[("amount", &figures::disk_mib(mib, language))],
            ),
        ),
        Fit::OtherProcessor => ("grave", words.plain("other-processor")),
        Fit::Unknown => ("rest", words.plain("fit-unknown")),
    };
    Fits {
        sign,
        words: text,
        fits: matches!(fit, Fit::Fits | Fit::Unknown),
    }
}

pub(crate) async fn one(
    State(panel): State<Arc<Panel>>,
    SignedIn(reader, _): SignedIn,
    Path(id): Path<String>,
) -> Response {
    let Ok(id) = id.parse::<RecipeId>() else {
        return refused::missing(&reader, Chapter::Catalogue);
    };
    let page = match panel.admin.recipe(&id).await {
        Ok(page) => page,
        Err(no) => return refused::no(&reader, Chapter::Catalogue, &no, "/catalogue"),
    };
    let title = reader.text(&page.card.recipe.name);
    let of_page = facts(&reader, &page);
    reader.page("recipe.html", Chapter::Catalogue, &title, of_page)
}

/// What a recipe says of itself.
pub(crate) fn facts(reader: &Reader, page: &RecipePage) -> minijinja::Value {
    let recipe = &page.card.recipe;
    let note = |note: &Option<lavoir_core::text::Text>| note.as_ref().map(|note| reader.text(note));
    let personal: Vec<(String, String)> = recipe
        .privacy
        .data
        .iter()
        .map(|data| (reader.text(&data.what), inside(&reader.text(&data.kept))))
        .collect();
    let fixed: Vec<String> = recipe
        .questions
        .iter()
        .filter(|question| !question.changeable)
        .map(|question| reader.text(&question.label))
        .collect();
    let ports: Vec<String> = recipe
        .ports
        .iter()
        .map(|port| format!("{} {:?}", port.port, port.protocol).to_uppercase())
        .collect();
    let roles: Vec<String> = recipe
        .roles
        .iter()
        .map(|role| reader.text(&role.label))
        .collect();
    context! {
        id => page.card.id.as_str(),
        name => reader.text(&recipe.name),
        summary => reader.text(&recipe.summary),
        description => typography::paragraphs(&recipe.description, reader.language),
        version => recipe.version.as_str(), upstream => recipe.upstream.name.as_str(),
        licence => recipe.upstream.licence.as_str(),
        source => web(&recipe.upstream.source), source_words => recipe.upstream.source.as_str(),
        website => recipe.upstream.website.as_deref().and_then(web),
        website_words => recipe.upstream.website.as_deref(),
        fit => fits(reader, page.card.fit), needs => needs(reader, recipe),
        room => room(reader, page.room.ram_mib, page.room.disk_mib),
        personal, fixed, ports, roles,
        permanent_address => recipe.federation.permanent_address,
        mail => recipe.mail.supported, mail_note => note(&recipe.mail.note),
        sign_on => reader.t(match recipe.sign_on.kind {
            SignOnKind::None => "sign-on-own",
            SignOnKind::Oidc | SignOnKind::Ldap => "sign-on-box",
        }),
        sign_on_note => note(&recipe.sign_on.note),
        federates => recipe.federation.kind != FederationKind::None,
        federation_note => note(&recipe.federation.note),
        asks => recipe.questions.iter().filter(|q| q.kind != QuestionKind::Secret).count(),
        installed => page.card.installed.iter().map(ToString::to_string).collect::<Vec<_>>(),
    }
}

/// As it stands inside a sentence: without a capital, but for words that are nothing but capitals.
fn inside(text: &str) -> String {
    let mut signs = text.chars();
    let first = signs.next();
    if signs.clone().next().is_some_and(char::is_uppercase) {
        return text.to_owned();
    }
    let first = first.into_iter().flat_map(char::to_lowercase);
    first.chain(signs).collect()
}

/// An address that may be a link: a recipe's word could be anything.
pub(crate) fn web(address: &str) -> Option<&str> {
    let sound = |rest: &str| !rest.is_empty() && rest.chars().all(|c| c.is_ascii_graphic());
    address
        .strip_prefix("https://")
        .filter(|rest| sound(rest))
        .map(|_| address)
}
