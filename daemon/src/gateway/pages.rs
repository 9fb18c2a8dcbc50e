//! The gateway's own pages: light, without script, both languages, the wished one first; JSON for programs.

use std::fmt::Write;
use std::sync::LazyLock;

use base64::Engine;
use http::header::{self, HeaderMap, HeaderValue};
use http::{Response, StatusCode};
use lavoir_core::text::{Language, Text};
use sha2::{Digest, Sha256};

use super::body::{Answer, Cut};
use crate::door::HoldingState;

const STYLE: &str = "*{box-sizing:border-box}body{margin:0 auto;padding:12vh 1.25rem 2rem;max-width:38rem;\
font:1.125rem/1.6 system-ui,sans-serif;color:#22302f;background:#faf8f3}h1{font-size:1.5rem;line-height:1.3;margin:0 0 .5em}\
section+section{margin-top:2.5rem;padding-top:2rem;border-top:1px solid #d8d3c6}a{color:#0b5f63}\
@media(prefers-color-scheme:dark){body{color:#e9e6de;background:#182221}section+section{border-color:#3b4846}a{color:#7fd0d0}}";

static POLICY: LazyLock<HeaderValue> = LazyLock::new(|| {
    let hash = base64::engine::general_purpose::STANDARD.encode(Sha256::digest(STYLE));
    let policy = format!(
        "default-src 'none'; style-src 'sha256-{hash}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    );
    HeaderValue::try_from(policy).unwrap_or(HeaderValue::from_static("default-src 'none'"))
});

/// What a page says, once in each language.
struct Words {
    /// Stable, for programs.
    code: &'static str,
    status: StatusCode,
    title: Text,
    sentences: Text,
    retry_after_s: Option<u32>,
    again: bool,
}

/// Why nothing answers at this address now.
pub(super) fn holding(
    asker: &HeaderMap,
    name: &Text,
    state: HoldingState,
    retry_after_s: u32,
) -> Response<Answer> {
    let (fr, en) = (&name.fr, &name.en);
    let (code, title, sentences) = match state {
        HoldingState::Starting => (
            "starting",
            Text::new(format!("« {fr} » démarre"), format!("“{en}” is starting")),
            Text::new(
                "La machine met ce service en route. Cela peut prendre quelques minutes.",
                "The machine is starting this service. It can take a few minutes.",
            ),
        ),
        HoldingState::Stopped => (
            "stopped",
            Text::new(format!("« {fr} » est arrêté"), format!("“{en}” is stopped")),
            Text::new(
                "Les personnes qui s'occupent de la machine ont arrêté ce service. Ses données sont gardées.",
                "The people who look after the machine have stopped this service. Its data are kept.",
            ),
        ),
        HoldingState::Updating => (
            "updating",
            Text::new(
                format!("« {fr} » se met à jour"),
                format!("“{en}” is being updated"),
            ),
            Text::new(
                "La machine installe une nouvelle version de ce service. Il revient dans quelques minutes, avec ses données.",
                "The machine is installing a new version of this service. It comes back in a few minutes, with its data.",
            ),
        ),
        HoldingState::Broken => (
            "broken",
            Text::new(
                format!("« {fr} » ne fonctionne pas"),
                format!("“{en}” does not work"),
            ),
            Text::new(
                "Quelque chose empêche ce service de fonctionner. Les personnes qui s'occupent de la machine le voient aussi.",
                "Something keeps this service from working. The people who look after the machine see it too.",
            ),
        ),
        HoldingState::Removed => (
            "removed",
            Text::new(
                format!("« {fr} » n'est plus ici"),
                format!("“{en}” is no longer here"),
            ),
            Text::new(
                "Ce service a été retiré de la machine. Cette adresse ne mène plus à rien.",
                "This service has been removed from the machine. This address leads nowhere now.",
            ),
        ),
    };
    let gone = state == HoldingState::Removed;
    page(
        asker,
        &Words {
            code,
            status: if gone {
                StatusCode::GONE
            } else {
                StatusCode::SERVICE_UNAVAILABLE
            },
            title,
            sentences,
            retry_after_s: (!gone).then_some(retry_after_s),
            again: !gone,
        },
    )
}

/// The service behind an open route cannot be reached.
pub(super) fn unreachable(asker: &HeaderMap) -> Response<Answer> {
    page(
        asker,
        &Words {
            code: "unreachable",
            status: StatusCode::BAD_GATEWAY,
            title: Text::new("Ce service ne répond pas", "This service does not answer"),
            sentences: Text::new(
                "La machine fonctionne, mais ce service ne répond pas pour l'instant.",
                "The machine works, but this service does not answer at the moment.",
            ),
            retry_after_s: None,
            again: true,
        },
    )
}

/// The service behind an open route takes too long.
pub(super) fn too_slow(asker: &HeaderMap) -> Response<Answer> {
    page(
        asker,
        &Words {
            code: "too-slow",
            status: StatusCode::GATEWAY_TIMEOUT,
            title: Text::new(
                "Ce service met trop de temps à répondre",
                "This service takes too long to answer",
            ),
            sentences: Text::new(
                "La machine a attendu sa réponse, puis a renoncé. Ce que vous avez demandé a peut-être été fait quand même.",
                "The machine waited for its answer, then gave up. What you asked for may have been done all the same.",
            ),
            retry_after_s: None,
            again: true,
        },
    )
}

/// The body did not come whole.
pub(super) fn cut(asker: &HeaderMap, cut: Cut, max_bytes: u64) -> Response<Answer> {
    match cut {
        Cut::TooLarge => page(
            asker,
            &Words {
                code: "too-large",
                status: StatusCode::PAYLOAD_TOO_LARGE,
                title: Text::new(
                    "C'est trop grand pour ce service",
                    "This is too large for this service",
                ),
                sentences: Text::new(
                    format!(
                        "Ce service accepte au plus {} à la fois. Rien n'a été enregistré.",
                        size(max_bytes, Language::Fr)
                    ),
                    format!(
                        "This service takes at most {} at a time. Nothing was stored.",
                        size(max_bytes, Language::En)
                    ),
                ),
                retry_after_s: None,
                again: false,
            },
        ),
        Cut::Silent => refused(StatusCode::REQUEST_TIMEOUT),
        Cut::Broken => refused(StatusCode::BAD_REQUEST),
    }
}

/// A refusal without a word: whoever gets it has no business here.
pub(super) fn refused(status: StatusCode) -> Response<Answer> {
    let mut response = Response::new(Answer::page(""));
    *response.status_mut() = status;
    response
}

/// So many requests of this client are under way that one more would take the place of others.
pub(super) fn crowded() -> Response<Answer> {
    let mut response = refused(StatusCode::TOO_MANY_REQUESTS);
    response
        .headers_mut()
        .insert(header::RETRY_AFTER, HeaderValue::from(2));
    response
}

/// Said in gRPC's own words (12: unimplemented), so that its clients understand.
pub(super) fn no_grpc() -> Response<Answer> {
    let mut response = refused(StatusCode::OK);
    let headers = response.headers_mut();
    headers.insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("application/grpc"),
    );
    headers.insert("grpc-status", HeaderValue::from(12));
    headers.insert(
        "grpc-message",
        HeaderValue::from_static("services are spoken to in HTTP/1.1"),
    );
    response
}

/// Elsewhere on the same host.
pub(super) fn redirect(status: StatusCode, location: HeaderValue) -> Response<Answer> {
    let mut response = refused(status);
    response.headers_mut().insert(header::LOCATION, location);
    response
}

fn size(bytes: u64, language: Language) -> String {
    let (fr, en, unit) = match bytes {
        0..1_000_000 => ("ko", "kB", 1_000),
        1_000_000..1_000_000_000 => ("Mo", "MB", 1_000_000),
        _ => ("Go", "GB", 1_000_000_000),
    };
    let (whole, tenth) = (bytes / unit, bytes % unit * 10 / unit);
    match language {
        Language::Fr if tenth == 0 => format!("{whole}\u{a0}{fr}"),
        Language::Fr => format!("{whole},{tenth}\u{a0}{fr}"),
        Language::En if tenth == 0 => format!("{whole} {en}"),
        Language::En => format!("{whole}.{tenth} {en}"),
    }
}

fn page(asker: &HeaderMap, words: &Words) -> Response<Answer> {
    let language = language(asker);
    let (body, kind) = if wants_json(asker) {
        (json(words, language), "application/problem+json")
    } else {
        (html(words, language), "text/html; charset=utf-8")
    };
    let mut response = Response::new(Answer::page(body));
    *response.status_mut() = words.status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    headers.insert(header::CONTENT_SECURITY_POLICY, POLICY.clone());
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(
        header::VARY,
        HeaderValue::from_static("accept, accept-language"),
    );
    headers.insert(
        header::X_CONTENT_TYPE_OPTIONS,
        HeaderValue::from_static("nosniff"),
    );
    headers.insert(
        header::REFERRER_POLICY,
        HeaderValue::from_static("no-referrer"),
    );
    if let Some(seconds) = words.retry_after_s {
        headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    }
    response
}

/// RFC 9457, with the second language beside the first.
fn json(words: &Words, language: Language) -> String {
    let mut problem = serde_json::json!({
        "type": "about:blank",
        "status": words.status.as_u16(),
        "title": words.title.get(language),
        "detail": words.sentences.get(language),
        "code": words.code,
        "texts": { "title": words.title, "detail": words.sentences },
    });
    if let (Some(seconds), Some(problem)) = (words.retry_after_s, problem.as_object_mut()) {
        problem.insert("retry_after_s".to_owned(), seconds.into());
    }
    problem.to_string()
}

fn html(words: &Words, first: Language) -> String {
    let second = match first {
        Language::Fr => Language::En,
        Language::En => Language::Fr,
    };
    let mut page = String::with_capacity(2_048);
    let _ = write!(
        page,
        "<!doctype html>\n<html lang=\"{}\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width\">\n<meta name=\"robots\" content=\"noindex\">\n\
         <title>{}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n<main>\n",
        tag(first),
        escaped(words.title.get(first)),
    );
    for (language, level) in [(first, "h1"), (second, "h2")] {
        let _ = writeln!(
            page,
            "<section lang=\"{}\">\n<{level}>{}</{level}>\n<p>{}</p>",
            tag(language),
            escaped(words.title.get(language)),
            escaped(words.sentences.get(language)),
        );
        if words.again {
            let again = match language {
                Language::Fr => "Réessayer",
                Language::En => "Try again",
            };
            let _ = writeln!(page, "<p><a href=\"\">{again}</a></p>");
        }
        page.push_str("</section>\n");
    }
    page.push_str("</main>\n</body>\n</html>\n");
    page
}

fn tag(language: Language) -> &'static str {
    match language {
        Language::Fr => "fr",
        Language::En => "en",
    }
}

fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            // Before ; ? ! and inside guillemets French sets spaces that do not break.
            _ => out.push(c),
        }
    }
    out.replace("« ", "«\u{a0}").replace(" »", "\u{a0}»")
}

/// The weighted items of an `Accept…` field, in thousandths.
fn weighted(value: &str) -> impl Iterator<Item = (String, u16)> {
    value.split(',').take(32).filter_map(|item| {
        let mut parts = item.split(';').map(str::trim);
        let name = parts
            .next()
            .filter(|name| !name.is_empty())?
            .to_ascii_lowercase();
        let weight = parts
            .filter_map(|part| part.strip_prefix("q=").or_else(|| part.strip_prefix("Q=")))
            .find_map(|q| q.trim().parse::<f32>().ok())
            .unwrap_or(1.0);
        // Truncation is wanted: three decimals are all that the RFC knows.
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
        let weight = (weight.clamp(0.0, 1.0) * 1_000.0) as u16;
        Some((name, weight))
    })
}

fn field<'a>(asker: &'a HeaderMap, name: &header::HeaderName) -> &'a str {
    asker
        .get(name)
        .and_then(|value| value.to_str().ok())
        .unwrap_or("")
}

/// The better liked of the two; French when nothing is said.
fn language(asker: &HeaderMap) -> Language {
    let (mut fr, mut en) = (0, 0);
    for (name, weight) in weighted(field(asker, &header::ACCEPT_LANGUAGE)) {
        match name.split('-').next() {
            Some("fr") => fr = fr.max(weight),
            Some("en") => en = en.max(weight),
            _ => {}
        }
    }
    if en > fr { Language::En } else { Language::Fr }
}

fn wants_json(asker: &HeaderMap) -> bool {
    let (mut json, mut html) = (0, 0);
    for (name, weight) in weighted(field(asker, &header::ACCEPT)) {
        match name.as_str() {
            "text/html" | "application/xhtml+xml" => html = html.max(weight),
            name if name == "application/json"
                || (name.starts_with("application/") && name.ends_with("+json")) =>
            {
                json = json.max(weight);
            }
            _ => {}
        }
    }
    json > html
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used)]
mod tests {
    use super::*;
    use http_body_util::BodyExt;

    fn asker(accept: &str, languages: &str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(header::ACCEPT, accept.parse().unwrap());
        headers.insert(header::ACCEPT_LANGUAGE, languages.parse().unwrap());
        headers
    }

    async fn text(response: Response<Answer>) -> String {
        let bytes = response.into_body().collect().await.unwrap().to_bytes();
        String::from_utf8(bytes.to_vec()).unwrap()
    }

    #[test]
    fn what_is_wished() {
        for (languages, expected) in [
            ("", Language::Fr),
            ("fr", Language::Fr),
            ("en-GB", Language::En),
            ("de, en;q=0.5", Language::En),
            ("en;q=0.4, fr-CA;q=0.8", Language::Fr),
            ("fr;q=0, en", Language::En),
            ("*", Language::Fr),
        ] {
            assert_eq!(language(&asker("*/*", languages)), expected, "{languages}");
        }
        for (accept, json) in [
            ("*/*", false),
            ("application/json", true),
            ("application/activity+json, application/ld+json", true),
            (
                "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
                false,
            ),
            ("application/json;q=0.5, text/html", false),
        ] {
            assert_eq!(wants_json(&asker(accept, "fr")), json, "{accept}");
        }
    }

    #[tokio::test]
    async fn pages_are_light_and_escaped_and_speak_both_languages() {
        let name = Text::new("Le <blog> d'été", "The <blog>");
        for state in [
            HoldingState::Starting,
            HoldingState::Stopped,
            HoldingState::Updating,
            HoldingState::Broken,
            HoldingState::Removed,
        ] {
            let response = holding(&asker("text/html", "en"), &name, state, 7);
            let gone = state == HoldingState::Removed;
            assert_eq!(response.status(), if gone { 410 } else { 503 });
            assert_eq!(response.headers().contains_key(header::RETRY_AFTER), !gone);
            let page = text(response).await;
            assert!(page.len() < 5_000, "{} bytes", page.len());
            assert!(
                !page.contains("<blog>") && !page.contains("<script"),
                "{page}"
            );
            assert!(page.contains("<html lang=\"en\">"));
            let (en, fr) = (
                page.find("<section lang=\"en\">").unwrap(),
                page.find("<section lang=\"fr\">").unwrap(),
            );
            assert!(en < fr);
            assert!(page.contains("Le &lt;blog&gt; d&#39;été"));
        }
    }

    #[tokio::test]
    async fn programs_get_json() {
        let response = holding(
            &asker("application/json", "fr"),
            &Text::new("Le blog", "The blog"),
            HoldingState::Updating,
            90,
        );
        assert_eq!(
            response.headers()[header::CONTENT_TYPE],
            "application/problem+json"
        );
        assert_eq!(response.headers()[header::RETRY_AFTER], "90");
        let problem: serde_json::Value = serde_json::from_str(&text(response).await).unwrap();
        assert_eq!(problem["status"], 503);
        assert_eq!(problem["code"], "updating");
        assert_eq!(problem["title"], "« Le blog » se met à jour");
        assert_eq!(
            problem["texts"]["title"]["en"],
            "“The blog” is being updated"
        );
    }

    #[test]
    fn sizes() {
        assert_eq!(size(1_500_000, Language::Fr), "1,5\u{a0}Mo");
        assert_eq!(size(64_000, Language::En), "64 kB");
    }
}
