//! The same evening in a terminal: each task of it is done in Debian's w3m, over the gateway's real HTTPS.

use std::time::Duration;

use anyhow::{Result, ensure};
use lavoir_tests::appliance::{Appliance, DOMAIN};
use lavoir_tests::notes::Notes;
use lavoir_tests::text_browser::TextBrowser;

const NAME: &str = "Anne-Marie";
const PASSWORD: &str = "quatre mots sans rapport";
/// For an app to be made: its image is built.
const LONG: Duration = Duration::from_secs(300);

#[test]
fn a_first_evening_in_a_text_browser() -> Result<()> {
    let notes = Notes::ready()?;
    let browser = TextBrowser::start(&notes.appliance, DOMAIN, "/")?;
    let told = evening(&notes.appliance, &browser);
    if told.is_err() {
        eprintln!("{}", notes.appliance.logs());
        eprintln!("{}", browser.screen().unwrap_or_default());
    }
    told
}

fn evening(appliance: &Appliance, browser: &TextBrowser) -> Result<()> {
    println!("== the set-up code, wrong and then right");
    browser.read("Entrer avec le code")?;
    let passwords = || -> Result<()> {
        browser.fill("Mot de passe", PASSWORD)?;
        browser.fill("Le même mot de passe", PASSWORD)
    };
    browser.fill("Code de mise en route", "AAAA-AAAA")?;
    browser.fill("Votre nom", NAME)?;
    passwords()?;
    browser.send("Entrer", "Une réponse est à revoir")?;
    let code = appliance.cli(&["setup-code"])?.trim().to_owned();
    browser.mend("Code de mise en route", &code)?;
    passwords()?;
    browser.send("Entrer", "Tout va bien")?;

    println!("== home, the catalogue and its search");
    browser.read("Aucun service n'est encore installé.")?;
    browser.follow("Catalogue", "Que voulez-vous faire ensemble")?;
    browser.fill("Chercher", "essais")?;
    browser.send("Chercher", "Une recette trouvée.")?;
    browser.follow("Notes d'essai", "Données personnelles")?;

    println!("== installed: an answer that will not do, then a good one");
    browser.follow("Installer Notes d'essai", "Avant d'installer")?;
    browser.fill("Adresse du service", "Mon carnet !")?;
    browser.send("Installer", "Une réponse est à revoir")?;
    browser.mend("Adresse du service", "carnet")?;
    browser.send("Installer", "s'installe")?;
    let page = browser.read_in_the_end("Ouvrir le service", LONG)?;
    ensure!(page.contains(&format!("carnet.{DOMAIN}")), "{page}");

    println!("== a setting");
    browser.follow("Réglages", "Réglages de Notes d'essai")?;
    browser.fill("Titre", "Le carnet du Verger")?;
    browser.send("Changer les réglages", "change de réglages")?;
    browser.read_in_the_end("Ouvrir le service", LONG)?;
    browser.read("Le carnet du Verger")?;

    println!("== stopped, on a page that says what it means");
    browser.follow("Arrêter", "Arrêter Notes d'essai ?")?;
    browser.read("Toutes ses données et tous ses réglages.")?;
    browser.send("Arrêter", "s'arrête")?;
    browser.read_in_the_end("Arrêté", LONG)?;
    browser.read_in_the_end("Démarrer", LONG)?;

    println!("== the ledger is searched");
    browser.follow("Registre", "Rien ne s'y efface.")?;
    browser.fill("Chercher", "réglages")?;
    browser.send("Chercher", "Tout voir")?;
    let ledger = browser.read("change des réglages de")?;
    ensure!(!ledger.contains("ouvre, avec le code"), "{ledger}");

    println!("== deleted, once its name is typed");
    browser.follow("Accueil", "Aucun service n'est ouvert.")?;
    browser.follow("Notes d'essai", "Effacer le service et ses données")?;
    browser.follow("Effacer le service et ses données", "Ce qui sera perdu")?;
    browser.send("Effacer pour toujours", "Ce n'est pas le nom demandé.")?;
    browser.mend("Pour confirmer", "carnet")?;
    browser.send("Effacer pour toujours", "La machine efface")?;
    browser.read_in_the_end("Ce service n'est pas sur la machine", LONG)?;

    println!("== the other language, and out");
    browser.follow("Machine", "Mesurer de nouveau")?;
    browser.follow("English", "Measure again")?;
    browser.follow("Français", "Mesurer de nouveau")?;
    browser.follow("Sortir", "Mot de passe oublié")?;

    println!("== nobody else comes in; the right password leads back");
    browser.go(&format!("https://{DOMAIN}/ledger"))?;
    browser.read("Mot de passe oublié")?;
    browser.fill("Votre nom", NAME)?;
    browser.fill("Mot de passe", "pas celui-là, non")?;
    browser.send("Entrer", "réponse est à revoir")?;
    browser.fill("Mot de passe", PASSWORD)?;
    browser.send("Entrer", "Rien ne s'y efface.").map(drop)
}
