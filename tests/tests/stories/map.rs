//! What a user of uMap does: draws a map with a place on it, publishes it, and a visitor sees it.

use std::fs;

use anyhow::{Context as _, Result, ensure};
use lavoir_tests::appliance::{Appliance, DOMAIN};
use serde_json::{Value, json};

const LAYER: &str = "6f0f6c1e-5c0f-4a39-9d0a-1f6f5b6f0001";

/// A map that was drawn.
pub struct Drawn {
    map: u64,
    path: String,
}

fn host() -> String {
    format!("carte.{DOMAIN}")
}

/// Draws a map without an account, with one place on it.
pub fn draw(appliance: &Appliance) -> Result<Drawn> {
    let jar = appliance
        .scratch()
        .join("map.cookies")
        .display()
        .to_string();
    let cookies = ["--cookie", jar.as_str(), "--cookie-jar", jar.as_str()];
    appliance
        .ask(&host(), "/fr/map/new/", &cookies)?
        .expect(200)?;
    let token = cookie(&fs::read_to_string(&jar)?, "csrftoken")?;
    let token = format!("X-CSRFToken: {token}");
    let referer = format!("https://{}/", host());
    let safe = ["--header", token.as_str(), "--referer", referer.as_str()];
    let asked = |path: &str, form: &[&str]| {
        appliance
            .ask(&host(), path, &[&cookies[..], &safe, form].concat())?
            .expect(200)
    };

    let center = json!({"type": "Point", "coordinates": [5.57, 43.29]});
    let settings = json!({"type": "Feature", "geometry": center, "properties": {"zoom": 13, "name": "Les lavoirs"}});
    let center = format!("center={center}");
    let settings = format!("settings={settings}");
    let made = asked(
        "/fr/map/create/",
        &[
            "--data-urlencode",
            "name=Les lavoirs",
            "--data-urlencode",
            &center,
            "--data-urlencode",
            &settings,
        ],
    )?;
    let made: Value = serde_json::from_str(&made)?;
    let map = made["id"].as_u64().context("the map has no number")?;
    let path = made["url"]
        .as_str()
        .context("the map has no address")?
        .to_owned();

    let place = json!({
        "type": "FeatureCollection",
        "features": [{
            "type": "Feature",
            "geometry": {"type": "Point", "coordinates": [5.5707, 43.2927]},
            "properties": {"name": "Lavoir du village"},
        }],
    });
    let file = appliance.scratch().join("layer.geojson");
    fs::write(&file, place.to_string())?;
    let file = format!("geojson=@{};type=application/json", file.display());
    let form = [
        "--form",
        "name=Lavoirs",
        "--form",
        "display_on_load=true",
        "--form",
        "rank=0",
    ];
    let rest = [
        "--form",
        r#"settings={"name":"Lavoirs"}"#,
        "--form",
        file.as_str(),
    ];
    asked(
        &format!("/fr/map/{map}/datalayer/create/{LAYER}/"),
        &[&form[..], &rest].concat(),
    )?;
    // Maps drawn without an account are drafts at first.
    asked(
        &format!("/fr/map/{map}/update/permissions/"),
        &["--data", "edit_status=3&share_status=1"],
    )?;
    Ok(Drawn { map, path })
}

/// Looks at the map as a visitor.
pub fn read_back(appliance: &Appliance, drawn: &Drawn) -> Result<()> {
    let page = appliance.get(&host(), &drawn.path)?.expect(200)?;
    ensure!(page.contains("Les lavoirs"), "the map is gone");
    let layer = appliance
        .get(&host(), &format!("/fr/datalayer/{}/{LAYER}/", drawn.map))?
        .expect(200)?;
    ensure!(
        layer.contains("Lavoir du village"),
        "the place is gone: {layer}"
    );
    Ok(())
}

/// A cookie's value in curl's jar: the seventh column of its line.
fn cookie(jar: &str, name: &str) -> Result<String> {
    let line = jar
        .lines()
        .find_map(|line| line.split_once(&format!("\t{name}\t")));
    Ok(line
        .with_context(|| format!("no cookie {name}"))?
        .1
        .trim()
        .to_owned())
}
