//! The desk: takes what people ask from the API and the panel, has it prepared and decided, and answers from the
//! catalogue.

use std::sync::Arc;

use futures_util::future::BoxFuture;
use lavoir_core::command::{Action, Actor, Command};
use lavoir_core::id::{AppId, PartId, RecipeId};
use lavoir_core::plan::placeholder_name;
use lavoir_core::state::State;
use lavoir_core::text::Text;
use lavoir_web_admin::{Admin, View};
use subtle::ConstantTimeEq as _;
use zeroize::Zeroizing;

use crate::acts::{Asked, Preparer, Unprepared};
use crate::api::wire::{RecipeCard, RecipeDetail};
use crate::api::{Detail, Kind, Problem};
use crate::catalogue::NoRecipe;
use crate::engine::Engine;
use crate::ports::{AppFiles as _, Entropy as _, World};
use crate::recipe;

/// The desk over an engine.
pub struct Desk<W: World> {
    /// What is decided.
    pub engine: Arc<Engine<W>>,
    /// Makes requests ready.
    pub preparer: Preparer<W>,
    /// What the panel asks for, the first time.
    pub setup_code: String,
    /// The certificate of the box's own authority, PEM.
    pub ca_pem: String,
}

impl<W: World> crate::api::Desk for Desk<W> {
    fn act(&self, asked: Asked) -> BoxFuture<'_, Result<Arc<State>, Problem>> {
        Box::pin(async move {
            let prepared = self
                .preparer
                .prepare(&self.engine.state(), asked)
                .await
                .map_err(problem)?;
            // Until the founding, whoever reaches the socket is the installer.
            let (action, answers) = (prepared.action, prepared.private_answers);
            Ok(self.engine.act(Actor::Installer, action, answers).await?)
        })
    }

    fn read_secret(
        &self,
        app: AppId,
        secret: PartId,
    ) -> BoxFuture<'_, Result<Zeroizing<String>, Problem>> {
        Box::pin(async move {
            let action = Action::ReadSecret {
                app: app.clone(),
                secret: secret.clone(),
            };
            let state = self
                .engine
                .submit(Actor::Installer, Command::Act(action))
                .await?;
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

    fn setup_code(&self) -> String {
        self.setup_code.clone()
    }

    fn ca_pem(&self) -> String {
        self.ca_pem.clone()
    }
}

impl<W: World> Admin for Desk<W> {
    fn view(&self) -> View {
        View::of(&self.engine.state(), env!("CARGO_PKG_VERSION"))
    }

    fn setup_code_is(&self, code: &str) -> bool {
        code.as_bytes().ct_eq(self.setup_code.as_bytes()).into()
    }

    fn fill_random(&self, bytes: &mut [u8; 32]) {
        self.preparer.world.entropy().fill(bytes);
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
    }
}
