//! Recipes, cut short.

use lavoir_core::recipe::Recipe;
use lavoir_web_admin::admin::{Fit, RecipeCard};
use serde_json::json;

use super::House;

pub fn all() -> Vec<Recipe> {
    vec![
        recipe(
            "decidim",
            "Decidim",
            "decide",
            ("Proposer, débattre, voter", "Propose, debate, vote"),
            1_300,
        ),
        recipe(
            "mastodon",
            "Mastodon",
            "talk",
            ("Un réseau social local", "A local social network"),
            2_100,
        ),
        recipe(
            "peertube",
            "PeerTube",
            "publish",
            (
                "Publier des vidéos sans publicité",
                "Publish videos without advertising",
            ),
            3_000,
        ),
        recipe(
            "photos",
            "Photos",
            "share",
            (
                "Garder les photos de tout le monde",
                "Keep everybody's photographs",
            ),
            600,
        ),
        recipe(
            "radicale",
            "Radicale",
            "organise",
            (
                "Un agenda et des contacts partagés",
                "A shared calendar and contacts",
            ),
            96,
        ),
        recipe(
            "umap",
            "uMap",
            "map",
            (
                "Dessiner des cartes à plusieurs, sur le fond d'OpenStreetMap",
                "Draw maps together, on OpenStreetMap's background",
            ),
            608,
        ),
        recipe(
            "wordpress",
            "WordPress",
            "publish",
            (
                "Un site ou un blog que plusieurs personnes écrivent ensemble",
                "A site or a blog that several people write together",
            ),
            576,
        ),
        recipe(
            "divers",
            "Divers",
            "",
            ("Tout le reste", "All the rest"),
            64,
        ),
    ]
}

pub fn recipe(id: &str, name: &str, purpose: &str, summary: (&str, &str), ram_mib: u32) -> Recipe {
    let purposes: Vec<&str> = [purpose]
        .into_iter()
        .filter(|one| !one.is_empty())
        .collect();
    serde_json::from_value(json!({
        "format": 1, "id": id, "version": "6.8.12-1",
        "name": {"fr": name, "en": name},
        "summary": {"fr": summary.0, "en": summary.1},
        "description": {
            "fr": "Il sert à publier : des articles, des pages, des photos. Plusieurs personnes peuvent écrire, chacune avec son rôle.\nLe site arrive prêt à l'emploi ; la page d'installation n'est jamais ouverte au public.",
            "en": "It is for publishing: articles, pages, photographs. Several people can write, each with their role.\nThe site comes up ready for use; the installation page is never open to the public."
        },
        "purposes": purposes,
        "upstream": {"name": name, "version": "6.8.12", "licence": "GPL-2.0-or-later",
            "source": "https://example.org/source", "website": "https://example.org"},
        "needs": {"ram_mib": ram_mib, "disk_mib": 2000, "architectures": ["amd64"]},
        "questions": questions(),
        "privacy": {"data": [
            {"what": {"fr": "Comptes : nom, adresse de courriel", "en": "Accounts: name, e-mail address"}, "where": "db",
             "kept": {"fr": "Tant que le compte existe", "en": "As long as the account exists"}}]},
        "mail": {"supported": false, "note": {"fr": "Un mot de passe oublié se change depuis un autre compte.", "en": "A forgotten password is changed from another account."}},
        "sign_on": {"kind": "none"},
        "federation": {"kind": if id == "mastodon" { "activitypub" } else { "none" }, "permanent_address": id == "mastodon"},
        "roles": [{"id": "editor", "label": {"fr": "Relit et publie les textes de tout le monde", "en": "Reviews and publishes everybody's texts"}}],
    }))
    .unwrap()
}

pub fn questions() -> serde_json::Value {
    json!([
        {"id": "title", "kind": "text", "required": true, "max": 80, "default": "Le Verger",
         "label": {"fr": "Titre du site", "en": "Title of the site"},
         "hint": {"fr": "Il s'affiche en haut de chaque page.", "en": "It is shown at the top of every page."}},
        {"id": "language", "kind": "choice", "required": true, "default": "fr_FR",
         "label": {"fr": "Langue du site", "en": "Language of the site"},
         "choices": [{"value": "fr_FR", "label": {"fr": "Français", "en": "French"}},
                     {"value": "en_US", "label": {"fr": "Anglais", "en": "English"}}]},
        {"id": "admin", "kind": "username", "required": true, "max": 40, "changeable": false, "personal": true,
         "label": {"fr": "Nom du premier compte", "en": "Name of the first account"},
         "hint": {"fr": "Il administre le site.", "en": "It administers the site."}},
        {"id": "email", "kind": "email", "required": true, "personal": true,
         "label": {"fr": "Adresse de courriel du premier compte", "en": "E-mail address of the first account"}},
        {"id": "size", "kind": "number", "min": 1, "max": 500, "default": "50",
         "label": {"fr": "Taille des envois, en Mio", "en": "Size of uploads, in MiB"}},
        {"id": "key", "kind": "secret",
         "label": {"fr": "Clé du service de cartes", "en": "Key of the map service"}},
        {"id": "visible", "kind": "boolean", "required": true, "default": "true",
         "label": {"fr": "Les moteurs de recherche peuvent-ils montrer ce site ?", "en": "May search engines show this site?"}}
    ])
}

impl House {
    pub fn card(&self, mut recipe: Recipe) -> RecipeCard {
        if self.hostile {
            super::apps::poison_recipe(&mut recipe);
        }
        let fit = match recipe.id.as_str() {
            "peertube" => Fit::LacksMemory(1_400),
            "photos" => Fit::LacksDisk(90_000),
            "mastodon" => Fit::OtherProcessor,
            _ => Fit::Fits,
        };
        let apps = self.apps.lock().unwrap();
        let of_it = apps
            .iter()
            .filter(|app| app.line.recipe.as_str() == recipe.id);
        RecipeCard {
            id: recipe.id.parse().unwrap(),
            installed: of_it.map(|app| app.line.id.clone()).collect(),
            recipe,
            fit,
        }
    }
}
