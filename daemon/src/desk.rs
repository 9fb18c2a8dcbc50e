//! The desk: takes what people ask from the API and the panel, has it prepared and decided, and answers from the
//! catalogue.

use std::collections::BTreeMap;
use std::sync::Arc;

use futures_util::future::BoxFuture;
use lavoir_core::command::{Action, Actor, Command};
use lavoir_core::id::{AppId, Hostname, PartId, RecipeId};
use lavoir_core::plan::placeholder_name;
use lavoir_core::refusal::Refusal;
use lavoir_core::state::State;
use lavoir_core::text::Text;
use zeroize::Zeroizing;

use crate::acts::{Asked, Preparer, Unprepared};
use crate::api::wire::{RecipeCard, RecipeDetail};
use crate::api::{Detail, Kind, Problem};
use crate::catalogue::NoRecipe;
use crate::engine::{Engine, No};
use crate::ports::{AppFiles as _, World};
use crate::recipe;

/// The desk over an engine.
pub struct Desk<W: World> {
    /// What is decided.
    pub engine: Arc<Engine<W>>,
    /// Makes requests ready.
    pub preparer: Preparer<W>,
    /// The certificate of the box's own authority, PEM.
    pub ca_pem: String,
}

impl<W: World> crate::api::Desk for Desk<W> {
    fn act(&self, actor: Actor, asked: Asked) -> BoxFuture<'_, Result<Arc<State>, Problem>> {
        Box::pin(async move {
            let hosts = Hosts::of(&asked);
            let prepared = self
                .preparer
                .prepare(&self.engine.state(), asked)
                .await
                .map_err(problem)?;
            let (action, answers) = (prepared.action, prepared.private_answers);
            let decided = self.engine.act(actor, action, answers).await;
            decided.map_err(|no| hosts.point_out(no))
        })
    }

    fn read_secret(
        &self,
        actor: Actor,
        app: AppId,
        secret: PartId,
    ) -> BoxFuture<'_, Result<Zeroizing<String>, Problem>> {
        Box::pin(async move {
            let action = Action::ReadSecret {
                app: app.clone(),
                secret: secret.clone(),
            };
            let state = self.engine.submit(actor, Command::Act(action)).await?;
            let decided = state.apps().get(&app).ok_or_else(Problem::inside)?;
            let files = self.preparer.world.app_files();
            let mut values = files.values(&app, &decided.release).await?;
            values
                .0
                .remove(&placeholder_name("SECRET", &secret))
                .ok_or_else(Problem::inside)
        })
    }

    fn recipes(&self) -> Vec<RecipeCard> {
        let catalogue = &self.preparer.catalogue;
        let sound = catalogue
            .names()
            .into_iter()
            .filter_map(|name| match catalogue.read(&name) {
                Ok(folder) => Some(card(name, &folder.recipe)),
                Err(_) => {
                    tracing::warn!(recipe = %name, "unsound; see “lavoir recipe check”");
                    None
                }
            });
        sound.collect()
    }

    fn recipe(&self, id: &RecipeId) -> Result<RecipeDetail, Problem> {
        let folder = self
            .preparer
            .catalogue
            .read(id)
            .map_err(|none| match none {
                NoRecipe::Unknown => problem(Unprepared::UnknownRecipe(id.clone())),
                NoRecipe::Unsound(problems) => problem(Unprepared::Unsound(problems)),
            })?;
        let domain = &self.preparer.box_facts.domain;
        Ok(RecipeDetail {
            card: card(id.clone(), &folder.recipe),
            description: folder.recipe.description,
            upstream: folder.recipe.upstream,
            default_host: format!("{id}.{domain}").parse().ok(),
            questions: folder.recipe.questions,
        })
    }

    fn ca_pem(&self) -> String {
        self.ca_pem.clone()
    }
}

/// The addresses that were asked for, so that a refusal can say which of them it is about.
#[derive(Default)]
struct Hosts {
    main: Option<Hostname>,
    extra: BTreeMap<PartId, Hostname>,
}

impl Hosts {
    fn of(asked: &Asked) -> Self {
        match asked {
            Asked::Install {
                host, extra_hosts, ..
            } => Self {
                main: host.clone(),
                extra: extra_hosts.clone(),
            },
            _ => Self::default(),
        }
    }

    fn point_out(&self, no: No) -> Problem {
        let host = match &no {
            No::Refused(
                Refusal::HostTaken { host, .. }
                | Refusal::HostIsPanel { host }
                | Refusal::HostOutside { host, .. },
            ) => Some(host.clone()),
            _ => None,
        };
        let problem = Problem::from(no);
        let field = host.map(|host| {
            let extra = self.extra.iter().find(|(_, extra)| **extra == host);
            match extra {
                Some((id, _)) if self.main.as_ref() != Some(&host) => id.to_string(),
                _ => "host".to_owned(),
            }
        });
        let detail = field.map(|field| Detail {
            message: problem.message.clone(),
            at: Some(field.clone()),
            field: Some(field),
        });
        problem.with(detail)
    }
}

fn card(id: RecipeId, recipe: &lavoir_core::recipe::Recipe) -> RecipeCard {
    RecipeCard {
        id,
        name: recipe.name.clone(),
        summary: recipe.summary.clone(),
        version: recipe.version.clone(),
        ram_mib: recipe.needs.ram_mib,
        disk_mib: recipe.needs.disk_mib,
    }
}

fn problem(unprepared: Unprepared) -> Problem {
    match unprepared {
        Unprepared::No(no) => no.into(),
        Unprepared::UnknownRecipe(name) => Problem::new(
            Kind::Missing,
            "no-such-recipe",
            Text::new(
                format!("Aucune recette ne s'appelle « {name} »."),
                format!("No recipe is called “{name}”."),
            ),
            Text::new(
                "La liste est dans « lavoir recipe list ».",
                "See the list in “lavoir recipe list”.",
            ),
        ),
        Unprepared::Unsound(problems) => Problem::new(
            Kind::Unfit,
            "recipe-or-answers-unsound",
            Text::new(
                "La recette ou les réponses ne conviennent pas.",
                "The recipe or the answers will not do.",
            ),
            Text::new(
                "Corrigez chaque point, puis redemandez.",
                "Put each point right, then ask again.",
            ),
        )
        .with(problems.into_iter().map(detail)),
    }
}

fn detail(problem: recipe::Problem) -> Detail {
    let at = match problem.line {
        Some(line) => format!("{}:{line}", problem.file),
        None => problem.file.clone(),
    };
    Detail {
        message: problem.message(),
        at: Some(at),
        field: problem.about,
    }
}
