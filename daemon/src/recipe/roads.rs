//! The roads into an app: routes, well-known paths, its health question, ports.

use lavoir_core::recipe::Recipe;
use lavoir_core::release::{HttpHealth, PublishedPort, Route, WellKnown, WellKnownAnswer};

use super::RECIPE;
use super::problem::{Code, Problem};
use super::resolve::part;
use super::values::Values;

/// What the gateway passes on.
pub fn routes(recipe: &Recipe, values: &Values) -> Result<Vec<Route>, Problem> {
    let mut routes = Vec::new();
    for route in &recipe.routes {
        let host = match &route.hostname {
            None => &values.host,
            Some(id) => values
                .extra_hosts
                .get(&part(id)?)
                .ok_or_else(|| Problem::new(Code::UnknownHostname, RECIPE, None, &[id]))?,
        };
        routes.push(Route {
            host: host.clone(),
            path: route.path.clone(),
            service: part(&route.service)?,
            port: route.port,
            body_max_mib: route.body_max_mib,
        });
    }
    Ok(routes)
}

/// Paths under `/.well-known/`.
pub fn well_known(recipe: &Recipe) -> Result<Vec<WellKnown>, Problem> {
    let mut found = Vec::new();
    for known in &recipe.well_known {
        let answer = match (&known.redirect, &known.service, known.port) {
            (Some(path), None, None) => WellKnownAnswer::Redirect(path.clone()),
            (None, Some(service), Some(port)) => WellKnownAnswer::Service {
                service: part(service)?,
                port,
            },
            _ => {
                return Err(Problem::new(
                    Code::WellKnownAnswers,
                    RECIPE,
                    None,
                    &[&known.path],
                ));
            }
        };
        found.push(WellKnown {
            path: known.path.clone(),
            answer,
        });
    }
    Ok(found)
}

/// The question that is answered when the app is well.
pub fn health(recipe: &Recipe) -> Result<Option<HttpHealth>, Problem> {
    let Some(health) = &recipe.health else {
        return Ok(None);
    };
    Ok(Some(HttpHealth {
        service: part(&health.service)?,
        port: health.port,
        path: health.path.clone(),
        status: health.status.clone(),
        start_s: health.start_s,
    }))
}

/// Ports on the machine itself.
pub fn ports(recipe: &Recipe) -> Result<Vec<PublishedPort>, Problem> {
    let port = |p: &lavoir_core::recipe::Port| {
        Ok(PublishedPort {
            service: part(&p.service)?,
            port: p.port,
            protocol: p.protocol,
        })
    };
    recipe.ports.iter().map(port).collect()
}
