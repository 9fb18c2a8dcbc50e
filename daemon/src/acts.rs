//! From what a person asks (a recipe, a name, some answers) to an act whose every choice is made.

use std::collections::BTreeMap;
use std::sync::Arc;

use lavoir_core::app::App;
use lavoir_core::command::Action;
use lavoir_core::day::Day;
use lavoir_core::id::{AppId, Hostname, PartId, RecipeId};
use lavoir_core::ledger::hex;
use lavoir_core::refusal::Refusal;
use lavoir_core::release::{Answer, Release};
use lavoir_core::state::State;
use lavoir_core::text::Text;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::catalogue::{Catalogue, NoRecipe};
use crate::engine::No;
use crate::ports::{AppFiles as _, Clock as _, Entropy as _, Fault, PrivateAnswer, World};
use crate::recipe::{self, BoxFacts, Problem, RecipeFolder, ResolveRequest, Resolved};

/// What a person asks, as the API's bodies and the panel's forms say it.
#[derive(Debug, Clone, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(tag = "ask", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Asked {
    /// Install a recipe.
    Install {
        /// Which.
        recipe: RecipeId,
        /// Under this short name; the recipe's by default.
        #[serde(default)]
        app: Option<AppId>,
        /// Main address; `<app>.<domain>` by default.
        #[serde(default)]
        host: Option<Hostname>,
        /// Further addresses, by the recipe's name for them.
        #[serde(default)]
        extra_hosts: BTreeMap<PartId, Hostname>,
        /// Answers to its questions.
        #[serde(default)]
        answers: BTreeMap<PartId, String>,
    },
    /// Take the recipe as it is in the catalogue now.
    Update {
        /// Which app.
        app: AppId,
        /// Answers to questions that are new, or given anew.
        #[serde(default)]
        answers: BTreeMap<PartId, String>,
    },
    /// Answer some questions anew.
    Change {
        /// Which app.
        app: AppId,
        /// Those answered anew; the others stay.
        #[serde(default)]
        answers: BTreeMap<PartId, String>,
    },
    /// Start, or try again.
    Start {
        /// Which app.
        app: AppId,
    },
    /// Stop.
    Stop {
        /// Which app.
        app: AppId,
    },
    /// Make its containers anew.
    Restart {
        /// Which app.
        app: AppId,
    },
    /// Take away, keep the data.
    Remove {
        /// Which app.
        app: AppId,
    },
    /// Bring back over kept data.
    Reinstall {
        /// Which app.
        app: AppId,
    },
    /// Take away with the data.
    Delete {
        /// Which app.
        app: AppId,
    },
}

impl Asked {
    /// About which app; none when it is to be named after its recipe.
    pub fn app(&self) -> Option<&AppId> {
        match self {
            Asked::Install { app, .. } => app.as_ref(),
            Asked::Update { app, .. }
            | Asked::Change { app, .. }
            | Asked::Start { app }
            | Asked::Stop { app }
            | Asked::Restart { app }
            | Asked::Remove { app }
            | Asked::Reinstall { app }
            | Asked::Delete { app } => Some(app),
        }
    }
}

/// An act ready to be decided, and the answers that stay out of the ledger.
pub struct Prepared {
    /// The act.
    pub action: Action,
    /// To be kept before it is decided.
    pub private_answers: BTreeMap<PartId, PrivateAnswer>,
}

/// Why nothing could be asked of the core.
#[derive(Debug, Clone)]
pub enum Unprepared {
    /// No recipe is called so.
    UnknownRecipe(RecipeId),
    /// The recipe or the answers are unsound; every problem at once.
    Unsound(Vec<Problem>),
    /// A rule said no, or something broke.
    No(No),
}

impl From<No> for Unprepared {
    fn from(no: No) -> Self {
        Unprepared::No(no)
    }
}

/// Prepares acts: from the catalogue, the state, and the answers kept.
pub struct Preparer<W: World> {
    /// The ports.
    pub world: Arc<W>,
    /// The recipes.
    pub catalogue: Catalogue,
    /// What templates may know of the box.
    pub box_facts: BoxFacts,
}

impl<W: World> Preparer<W> {
    /// Makes every choice that the act leaves open.
    ///
    /// # Errors
    /// All that is unsound in recipe and answers, at once.
    pub async fn prepare(&self, state: &State, asked: Asked) -> Result<Prepared, Unprepared> {
        let plain = |action| {
            Ok(Prepared {
                action,
                private_answers: BTreeMap::new(),
            })
        };
        match asked {
            Asked::Install {
                recipe,
                app,
                host,
                extra_hosts,
                answers,
            } => {
                let app = match app {
                    Some(app) => app,
                    None => recipe
                        .as_str()
                        .parse()
                        .map_err(|_| Unprepared::UnknownRecipe(recipe.clone()))?,
                };
                let host = match host {
                    Some(host) => host,
                    None => default_host(&app, &self.box_facts.domain)?,
                };
                let folder = self.read(&recipe)?;
                let day = Some(self.today());
                let answers = text_keys(answers);
                let request = self.request(app.clone(), host, extra_hosts, answers, day);
                let resolved =
                    recipe::resolve(&folder, request.resolve).map_err(Unprepared::Unsound)?;
                let private_answers = private_answers(&resolved, &request.salt);
                Ok(Prepared {
                    action: Action::Install {
                        app,
                        release: Box::new(resolved.release),
                    },
                    private_answers,
                })
            }
            Asked::Update { app, answers } => {
                let old = &find(state, &app)?.release;
                let folder = self.read(&old.recipe)?;
                refuse_fixed(old, &folder, &answers)?;
                let day = Some(self.today());
                let (release, private_answers) =
                    self.anew(&app, old, &folder, answers, day).await?;
                Ok(Prepared {
                    action: Action::Update {
                        app,
                        release: Box::new(release),
                    },
                    private_answers,
                })
            }
            Asked::Change { app, answers } => {
                let old = &find(state, &app)?.release;
                let folder = self.read(&old.recipe)?;
                refuse_fixed(old, &folder, &answers)?;
                // Images are made anew by an update, never in passing.
                let day = old.made_on().cloned();
                let (release, private_answers) =
                    self.anew(&app, old, &folder, answers, day).await?;
                Ok(Prepared {
                    action: Action::Change {
                        app,
                        release: Box::new(release),
                    },
                    private_answers,
                })
            }
            Asked::Start { app } => plain(Action::Start { app }),
            Asked::Stop { app } => plain(Action::Stop { app }),
            Asked::Restart { app } => plain(Action::Restart { app }),
            Asked::Remove { app } => plain(Action::Remove { app }),
            Asked::Reinstall { app } => plain(Action::Reinstall { app }),
            Asked::Delete { app } => plain(Action::Delete { app }),
        }
    }

    fn read(&self, name: &RecipeId) -> Result<RecipeFolder, Unprepared> {
        self.catalogue.read(name).map_err(|none| match none {
            NoRecipe::Unknown => Unprepared::UnknownRecipe(name.clone()),
            NoRecipe::Unsound(problems) => Unprepared::Unsound(problems),
        })
    }

    fn today(&self) -> Day {
        Day::of(self.world.clock().now())
    }

    fn request(
        &self,
        app: AppId,
        host: Hostname,
        extra_hosts: BTreeMap<PartId, Hostname>,
        answers: BTreeMap<String, String>,
        day: Option<Day>,
    ) -> Salted {
        let mut salt = [0u8; 32];
        self.world.entropy().fill(&mut salt);
        let box_facts = self.box_facts.clone();
        Salted {
            resolve: ResolveRequest {
                app,
                host,
                extra_hosts,
                answers,
                box_facts,
                day,
                salt,
            },
            salt,
        }
    }

    /// The recipe as it is now, with the answers given before and those given anew. An answer that stays the same
    /// keeps its commitment, so that nothing seems to have changed.
    async fn anew(
        &self,
        app: &AppId,
        old: &Release,
        folder: &RecipeFolder,
        given: BTreeMap<PartId, String>,
        day: Option<Day>,
    ) -> Result<(Release, BTreeMap<PartId, PrivateAnswer>), Unprepared> {
        let kept = self
            .world
            .app_files()
            .private_answers(app, old)
            .await
            .map_err(No::from)?;
        let mut answers: BTreeMap<String, String> = BTreeMap::new();
        for (id, answer) in &old.answers {
            if !folder
                .recipe
                .questions
                .iter()
                .any(|question| question.id == id.as_str())
            {
                continue;
            }
            let text = match answer {
                Answer::Public(text) => Some(text.clone()),
                Answer::Private { .. } => kept.get(id).map(|value| value.to_string()),
            };
            // An optional question left empty is not an answer.
            answers.extend(
                text.filter(|text| !text.is_empty())
                    .map(|text| (id.to_string(), text)),
            );
        }
        answers.extend(text_keys(given));
        let known_hosts = old.extra_hosts.iter().filter(|(id, _)| {
            folder
                .recipe
                .hostnames
                .iter()
                .any(|hostname| hostname.id == id.as_str())
        });
        let extra_hosts = known_hosts
            .map(|(id, host)| (id.clone(), host.clone()))
            .collect();
        let request = self.request(app.clone(), old.host.clone(), extra_hosts, answers, day);
        let mut resolved = recipe::resolve(folder, request.resolve).map_err(Unprepared::Unsound)?;
        let mut private_answers = private_answers(&resolved, &request.salt);
        for (id, value) in &kept {
            let same = private_answers
                .get(id)
                .is_some_and(|answer| *answer.value == **value);
            if let (true, Some(answer)) = (same, old.answers.get(id)) {
                resolved.release.answers.insert(id.clone(), answer.clone());
                private_answers.remove(id);
            }
        }
        Ok((resolved.release, private_answers))
    }
}

struct Salted {
    resolve: ResolveRequest,
    salt: [u8; 32],
}

fn private_answers(resolved: &Resolved, salt: &[u8; 32]) -> BTreeMap<PartId, PrivateAnswer> {
    let kept = resolved.private_answers.iter().map(|(id, value)| {
        let answer = PrivateAnswer {
            commitment: recipe::commitment(salt, id.as_str(), value),
            salt: hex(salt),
            value: Zeroizing::new(value.clone()),
        };
        (id.clone(), answer)
    });
    kept.collect()
}

fn text_keys(answers: BTreeMap<PartId, String>) -> BTreeMap<String, String> {
    answers
        .into_iter()
        .map(|(id, answer)| (id.into(), answer))
        .collect()
}

fn find<'a>(state: &'a State, app: &AppId) -> Result<&'a App, Unprepared> {
    state
        .apps()
        .get(app)
        .ok_or_else(|| No::from(Refusal::NoSuchApp { app: app.clone() }).into())
}

fn default_host(app: &AppId, domain: &str) -> Result<Hostname, Unprepared> {
    format!("{app}.{domain}").parse().map_err(|_| {
        let fault = Fault::lasting(
            "host-malformed",
            Text::new(
                format!("« {app}.{domain} » n'est pas une adresse possible."),
                format!("“{app}.{domain}” is not a possible address."),
            ),
            Text::new(
                "Donnez une adresse avec --host.",
                "Give an address with --host.",
            ),
        );
        No::from(fault).into()
    })
}

/// A question that cannot be answered anew keeps its answer.
fn refuse_fixed(
    old: &Release,
    folder: &RecipeFolder,
    given: &BTreeMap<PartId, String>,
) -> Result<(), Unprepared> {
    for question in folder
        .recipe
        .questions
        .iter()
        .filter(|question| !question.changeable)
    {
        let Ok(id) = question.id.parse::<PartId>() else {
            continue;
        };
        let same = match (given.get(&id), old.answers.get(&id)) {
            (None, _) => true,
            (Some(new), Some(Answer::Public(before))) => new == before,
            (Some(_), _) => false,
        };
        if !same {
            let label = &question.label;
            let fault = Fault::lasting(
                "answer-fixed",
                Text::new(
                    format!("La réponse à « {} » ne peut plus changer.", label.fr),
                    format!("The answer to “{}” can no longer change.", label.en),
                ),
                Text::new("Laissez-la telle quelle.", "Leave it as it is."),
            );
            return Err(No::from(fault).into());
        }
    }
    Ok(())
}
