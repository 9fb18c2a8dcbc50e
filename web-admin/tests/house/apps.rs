//! Apps in every state.

use lavoir_core::app::{Doing, Failure, Intent};
use lavoir_core::id::Revision;
use lavoir_core::lasting::Times;
use lavoir_core::observed::Run;
use lavoir_core::recipe::{Keep, Question, Recipe};
use lavoir_core::standing::Sign;
use lavoir_core::text::{Message, Text};
use lavoir_web_admin::admin::*;

use super::{ago, recipes};

/// What every word from outside becomes in a hostile house.
pub const EVIL: &str = "\"><script>alert(1)</script><img src=x onerror=alert(2)>&lt;b&gt;'--";

pub fn quiet_app(id: &str, name: &str, recipe: &str) -> AppPage {
    let questions: Vec<Question> = serde_json::from_value(recipes::questions()).unwrap();
    let settings = questions.into_iter().map(|question| {
        let answer = match question.id.as_str() {
            "title" => Answered::Public("Nouvelles du Verger".into()),
            "language" => Answered::Public("fr_FR".into()),
            "size" => Answered::Public("50".into()),
            "visible" => Answered::Public("true".into()),
            "key" => Answered::No,
            _ => Answered::Private,
        };
        Setting { question, answer }
    });
    let container = |service: &str, memory: u64| Container {
        service: service.into(),
        image: format!("lavoir/{recipe}-{service}:4f2a91"),
        one_shot: false,
        run: Some(Run::Healthy),
        memory: Some(memory << 20),
        memory_max: Some(512 << 20),
    };
    AppPage {
        line: AppLine {
            id: id.parse().unwrap(),
            name: Text::new(name, name),
            recipe: recipe.parse().unwrap(),
            version: "6.8.12-1".into(),
            host: format!("{id}.verger.example").parse().unwrap(),
            open: false,
            sign: Sign::Rest,
            state: Text::new("Arrêté", "Stopped"),
            intent: Intent::Stopped,
            doing: None,
            steps: None,
            health: Health::Unseen,
            update: None,
            revision: Revision(390),
        },
        installed_at: ago(41 * 86_400),
        extra_hosts: Vec::new(),
        settings: settings.collect(),
        secrets: vec![(
            "admin_password".parse().unwrap(),
            Text::new(
                "Premier mot de passe du premier compte",
                "First password of the first account",
            ),
        )],
        ram_mib: 576,
        memory_used: None,
        data_used: Some(640_000_000),
        containers: vec![container("db", 140), container("app", 272)],
        volumes: vec![
            (
                Text::new(
                    "Base de données : articles, pages, comptes, réglages",
                    "Database: articles, pages, accounts, settings",
                ),
                Keep::Database,
            ),
            (
                Text::new("Images envoyées", "Pictures uploaded"),
                Keep::Data,
            ),
        ],
        permanent_address: false,
        progress: None,
        failure: None,
        update: None,
        lasts: Times::of(Doing::Stop, [9_000, 17_000, 16_000]),
        saved: (id == "blog" || id == "agenda").then(|| ago(14_400)),
        saves: true,
        history: Vec::new(),
    }
}

pub fn open_app(id: &str, name: &str, recipe: &str) -> AppPage {
    let mut app = quiet_app(id, name, recipe);
    app.line.open = true;
    app.line.sign = Sign::Fine;
    app.line.state = Text::new("Ouvert", "Open");
    app.line.intent = Intent::Running;
    app.line.health = Health::Well;
    app.memory_used = Some(412 << 20);
    app
}

pub fn blog(update: bool) -> AppPage {
    let mut app = open_app("blog", "WordPress", "wordpress");
    if update {
        app.lasts = Times::of(Doing::Update, [64_000, 71_000]);
        app.line.update = Some("6.8.13-1".into());
        let questions: Vec<Question> = serde_json::from_value(recipes::questions()).unwrap();
        app.update = Some(Update {
            version: "6.8.13-1".into(),
            notes: Some(Text::new(
                "Les extensions ajoutées se mettent à jour dans le tableau de bord : vérifiez qu'elles suivent.",
                "Plugins that were added are updated in the dashboard: check that they follow.",
            )),
            questions: questions
                .into_iter()
                .filter(|question| question.id == "title")
                .collect(),
        });
    }
    app
}

pub fn calendar() -> AppPage {
    open_app("agenda", "Radicale", "radicale")
}

pub fn map_being_installed() -> AppPage {
    let mut app = quiet_app("carte", "uMap", "umap");
    app.line.intent = Intent::Running;
    app.line.sign = Sign::Busy;
    app.line.state = Text::new("Installation", "Installing");
    app.line.doing = Some(Doing::Install);
    app.line.steps = Some((3, 8));
    let step = |kind: &str, standing, began: Option<u64>, ended: Option<u64>| Step {
        text: lavoir_core::standing::step_words(kind),
        standing,
        measure: None,
        began: began.map(ago),
        ended: ended.map(ago),
        fault: None,
        lines: Vec::new(),
    };
    let mut steps = vec![
        step("make-network", StepStanding::Done, Some(131), Some(130)),
        step("make-volume", StepStanding::Done, Some(130), Some(129)),
        step("write-files", StepStanding::Done, Some(129), Some(128)),
        step("build-image", StepStanding::UnderWay, Some(108), None),
        step("pull-image", StepStanding::Again, Some(20), None),
        step("start-container", StepStanding::Waiting, None, None),
        step("await-health", StepStanding::Waiting, None, None),
        step("probe-health", StepStanding::Waiting, None, None),
    ];
    steps[3].measure = Some(Measure {
        done: 7,
        total: Some(19),
        unit: Unit::Steps,
    });
    steps[4].measure = Some(Measure {
        done: 212_000_000,
        total: Some(380_000_000),
        unit: Unit::Bytes,
    });
    steps[4].fault = Some(Message {
        code: "image-away".into(),
        sentence: Text::new(
            "L'image n'a pas pu être téléchargée.",
            "The image could not be downloaded.",
        ),
        next_step: Text::new("Vérifiez le réseau.", "Check the network."),
    });
    app.progress = Some(Progress { steps });
    app.lasts = Times::of(Doing::Install, [190_000]);
    app
}

fn failed(app: &mut AppPage, doing: Doing) {
    app.failure = Some(FailureFacts {
        failure: Failure {
            doing,
            step: "probe-health".into(),
            code: "no-answer".into(),
            at: ago(7_200),
        },
        message: Some(Message {
            code: "no-answer".into(),
            sentence: Text::new(
                "Le service n'a pas répondu en 180 secondes.",
                "The app did not answer within 180 seconds.",
            ),
            next_step: Text::new(
                "Lisez ses dernières lignes ci-dessous, puis réessayez avec « lavoir app start ».",
                "Read its last lines below, then try again with “lavoir app start”.",
            ),
        }),
        lines: vec![
            "PHP Fatal error:  Allowed memory size of 134217728 bytes exhausted".into(),
            "[core:notice] AH00094: Command line: 'apache2 -D FOREGROUND'".into(),
        ],
    });
}

pub fn files_broken() -> AppPage {
    let mut app = open_app("fichiers", "Nextcloud", "photos");
    app.line.open = false;
    app.line.sign = Sign::Grave;
    app.line.state = Text::new("En panne", "Broken");
    app.line.health = Health::Unwell;
    app.containers[1].run = Some(Run::Exited(137));
    failed(&mut app, Doing::Install);
    app
}

pub fn forum_stopped() -> AppPage {
    let mut app = quiet_app("forum", "Discourse", "divers");
    for container in &mut app.containers {
        container.run = Some(Run::Exited(0));
        container.memory = None;
    }
    app
}

pub fn votes_went_back() -> AppPage {
    let mut app = open_app("votes", "Decidim", "decidim");
    app.line.sign = Sign::Warn;
    app.line.state = Text::new(
        "Ouvert, revenu à la version d'avant",
        "Open, back at the version before",
    );
    failed(&mut app, Doing::Update);
    app
}

pub fn wiki_removed() -> AppPage {
    let mut app = quiet_app("wiki", "DokuWiki", "divers");
    app.line.intent = Intent::Removed;
    app.line.state = Text::new("Retiré, données gardées", "Removed, data kept");
    app.containers.clear();
    app
}

fn evil() -> Text {
    Text::new(EVIL, EVIL)
}

/// Every word that a recipe, a container or a visitor could have written.
pub fn poison(app: &mut AppPage) {
    app.line.name = evil();
    app.line.version = EVIL.into();
    app.line.state = evil();
    app.extra_hosts = vec![(evil(), app.line.host.clone())];
    for (_, label) in &mut app.secrets {
        *label = evil();
    }
    for (label, _) in &mut app.volumes {
        *label = evil();
    }
    for setting in &mut app.settings {
        poison_question(&mut setting.question);
        if matches!(setting.answer, Answered::Public(_)) {
            setting.answer = Answered::Public(EVIL.into());
        }
    }
    for container in &mut app.containers {
        container.service = EVIL.into();
        container.image = EVIL.into();
    }
    for step in app
        .progress
        .iter_mut()
        .flat_map(|progress| &mut progress.steps)
    {
        step.text = evil();
        step.lines = vec![EVIL.into()];
    }
    if let Some(failure) = &mut app.failure {
        failure.failure.code = EVIL.into();
        failure.failure.step = EVIL.into();
        failure.lines = vec![EVIL.into()];
        if let Some(message) = &mut failure.message {
            message.sentence = evil();
            message.next_step = evil();
        }
    }
    if let Some(update) = &mut app.update {
        update.notes = Some(evil());
        update.version = EVIL.into();
    }
    if app.line.update.is_some() {
        app.line.update = Some(EVIL.into());
    }
}

fn poison_question(question: &mut Question) {
    question.label = evil();
    question.hint = Some(evil());
    for choice in &mut question.choices {
        choice.label = evil();
        choice.value = EVIL.into();
    }
}

pub fn poison_recipe(recipe: &mut Recipe) {
    recipe.name = evil();
    recipe.summary = evil();
    recipe.description = evil();
    recipe.version = EVIL.into();
    recipe.upstream.name = EVIL.into();
    recipe.upstream.licence = EVIL.into();
    recipe.upstream.source = "javascript:alert(3)".into();
    recipe.upstream.website = Some(format!("https://example.org/{EVIL}"));
    recipe.mail.note = Some(evil());
    recipe.sign_on.note = Some(evil());
    recipe.federation.note = Some(evil());
    for role in &mut recipe.roles {
        role.label = evil();
    }
    for data in &mut recipe.privacy.data {
        data.what = evil();
        data.kept = evil();
    }
    for question in &mut recipe.questions {
        poison_question(question);
        question.default = Some(EVIL.into());
    }
}
