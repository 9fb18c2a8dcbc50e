//! A page as a browser without scripts takes it apart: its tags in order, well nested, and what a screen reader makes
//! of them. Enough of HTML for the panel's own pages, and strict about it.
#![allow(dead_code, missing_docs, clippy::unwrap_used)]

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

const VOID: &[&str] = &["meta", "link", "input", "br", "wbr", "img"];

#[derive(Debug, Clone)]
pub struct Element {
    pub tag: String,
    pub attributes: BTreeMap<String, String>,
    pub children: Vec<Node>,
}

#[derive(Debug, Clone)]
pub enum Node {
    Element(Element),
    Text(String),
}

/// Takes a page apart.
///
/// # Panics
/// When a tag is not closed where it should be, or an attribute is not quoted.
pub fn parse(html: &str) -> Element {
    let mut rest = html.trim_start();
    rest = rest
        .strip_prefix("<!doctype html>")
        .expect("a doctype first");
    let root = Element {
        tag: "#page".into(),
        attributes: BTreeMap::new(),
        children: Vec::new(),
    };
    let mut open = vec![root];
    while !rest.is_empty() {
        let at = rest.find('<').unwrap_or(rest.len());
        if at > 0 {
            let text = decode(&rest[..at]);
            open.last_mut().unwrap().children.push(Node::Text(text));
            rest = &rest[at..];
            continue;
        }
        let end = rest
            .find('>')
            .unwrap_or_else(|| panic!("a tag without an end: {rest:.60}"));
        let inside = &rest[1..end];
        rest = &rest[end + 1..];
        if let Some(name) = inside.strip_prefix('/') {
            let closed = open.pop().unwrap();
            assert_eq!(closed.tag, name, "<{}> is closed by </{name}>", closed.tag);
            open.last_mut()
                .expect("more tags are closed than opened")
                .children
                .push(Node::Element(closed));
            continue;
        }
        let element = tag(inside.trim_end_matches('/'));
        if VOID.contains(&element.tag.as_str()) || inside.ends_with('/') {
            open.last_mut()
                .unwrap()
                .children
                .push(Node::Element(element));
        } else {
            open.push(element);
        }
    }
    assert_eq!(
        open.len(),
        1,
        "not closed: {:?}",
        open.iter().map(|one| &one.tag).collect::<Vec<_>>()
    );
    open.pop().unwrap()
}

fn tag(inside: &str) -> Element {
    let name_end = inside.find(char::is_whitespace).unwrap_or(inside.len());
    let (name, mut rest) = inside.split_at(name_end);
    let mut attributes = BTreeMap::new();
    loop {
        rest = rest.trim_start();
        if rest.is_empty() {
            break;
        }
        let end = rest
            .find(|c: char| c == '=' || c.is_whitespace())
            .unwrap_or(rest.len());
        let key = rest[..end].to_owned();
        rest = &rest[end..];
        let mut value = String::new();
        if let Some(after) = rest.strip_prefix('=') {
            let after = after
                .strip_prefix('"')
                .unwrap_or_else(|| panic!("{key} is not quoted in <{inside}>"));
            let close = after
                .find('"')
                .unwrap_or_else(|| panic!("{key} has no end in <{inside}>"));
            value = decode(&after[..close]);
            rest = &after[close + 1..];
        }
        assert!(
            key.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-'),
            "{key:?} is no attribute of <{inside}>"
        );
        assert!(
            attributes.insert(key.clone(), value).is_none(),
            "{key} twice in <{inside}>"
        );
    }
    assert!(
        name.bytes().all(|b| b.is_ascii_alphanumeric()),
        "<{inside}>"
    );
    Element {
        tag: name.to_owned(),
        attributes,
        children: Vec::new(),
    }
}

fn decode(text: &str) -> String {
    let mut text = text.to_owned();
    for (entity, sign) in [
        ("&lt;", "<"),
        ("&gt;", ">"),
        ("&quot;", "\""),
        ("&#x27;", "'"),
        ("&#x2f;", "/"),
        ("&amp;", "&"),
    ] {
        text = text.replace(entity, sign);
    }
    text
}

impl Element {
    pub fn attribute(&self, name: &str) -> Option<&str> {
        self.attributes.get(name).map(String::as_str)
    }

    /// All elements, in the order of the page.
    pub fn all(&self) -> Vec<&Element> {
        let mut found = vec![self];
        for child in &self.children {
            if let Node::Element(child) = child {
                found.extend(child.all());
            }
        }
        found
    }

    pub fn find(&self, tag: &str) -> Vec<&Element> {
        self.all()
            .into_iter()
            .filter(|one| one.tag == tag)
            .collect()
    }

    pub fn by_id(&self, id: &str) -> Option<&Element> {
        self.all()
            .into_iter()
            .find(|one| one.attribute("id") == Some(id))
    }

    /// Its words, white space gathered.
    pub fn text(&self) -> String {
        let mut text = String::new();
        self.gather(&mut text);
        text.split_ascii_whitespace().collect::<Vec<_>>().join(" ")
    }

    fn gather(&self, out: &mut String) {
        for child in &self.children {
            match child {
                Node::Text(text) => out.push_str(text),
                Node::Element(child) => {
                    out.push(' ');
                    child.gather(out);
                    out.push(' ');
                }
            }
        }
    }

    fn is_hidden(&self) -> bool {
        self.attributes.contains_key("hidden") || self.attribute("type") == Some("hidden")
    }

    /// What a screen reader calls it.
    pub fn name(&self, page: &Element) -> String {
        if let Some(label) = self.attribute("aria-label") {
            return label.to_owned();
        }
        if let Some(ids) = self.attribute("aria-labelledby") {
            let named: Vec<String> = ids
                .split(' ')
                .filter_map(|id| page.by_id(id))
                .map(Element::text)
                .collect();
            return named.join(" ");
        }
        if matches!(self.tag.as_str(), "input" | "select")
            && let Some(id) = self.attribute("id")
        {
            let labels = page.find("label");
            let label = labels
                .iter()
                .find(|label| label.attribute("for") == Some(id));
            return label.map(|label| label.text()).unwrap_or_default();
        }
        match self.tag.as_str() {
            "fieldset" => self
                .find("legend")
                .first()
                .map(|one| one.text())
                .unwrap_or_default(),
            "table" => self
                .find("caption")
                .first()
                .map(|one| one.text())
                .unwrap_or_default(),
            "form" | "nav" | "main" | "header" | "footer" | "section" => String::new(),
            _ => self.text(),
        }
    }

    /// Roles and names, one a line, as a screen reader walks them.
    pub fn outline(&self) -> String {
        let mut out = String::new();
        let body = self.find("body");
        body.first()
            .expect("a body")
            .outline_into(self, 0, &mut out);
        out
    }

    fn outline_into(&self, page: &Element, depth: usize, out: &mut String) {
        if self.is_hidden() {
            return;
        }
        let named =
            self.attribute("aria-label").is_some() || self.attribute("aria-labelledby").is_some();
        let role = match (self.tag.as_str(), self.attribute("role")) {
            (_, Some(role)) => Some(role.to_owned()),
            ("section", _) if named => Some("region".into()),
            ("nav", _) => Some("navigation".into()),
            ("main", _) => Some("main".into()),
            ("header", _) => Some("banner".into()),
            ("footer", _) => Some("contentinfo".into()),
            ("h1", _) => Some("heading 1".into()),
            ("h2", _) => Some("heading 2".into()),
            ("h3", _) => Some("heading 3".into()),
            ("a", _) => Some("link".into()),
            ("button", _) => Some("button".into()),
            ("summary", _) => Some("disclosure".into()),
            ("fieldset", _) => Some("group".into()),
            ("select", _) => Some("combobox".into()),
            ("table", _) => Some("table".into()),
            ("input", _) => Some(
                match self.attribute("type") {
                    Some("radio") => "radio",
                    Some("search") => "searchbox",
                    Some("password") => "password",
                    _ => "textbox",
                }
                .into(),
            ),
            _ => None,
        };
        let mut inner = depth;
        if let Some(role) = &role {
            let name = if matches!(role.as_str(), "status" | "alert") && !named {
                String::new()
            } else {
                self.name(page)
            };
            let current = self
                .attribute("aria-current")
                .map(|_| " (current)")
                .unwrap_or_default();
            let checked = if self.attributes.contains_key("checked") {
                " (checked)"
            } else {
                ""
            };
            let invalid = if self.attributes.contains_key("aria-invalid") {
                " (invalid)"
            } else {
                ""
            };
            let _ = writeln!(
                out,
                "{}{role} {name:?}{current}{checked}{invalid}",
                "  ".repeat(depth)
            );
            inner += 1;
        }
        // What carries its own name says it whole.
        if matches!(
            role.as_deref(),
            Some("link" | "button" | "heading 1" | "heading 2" | "img")
        ) {
            return;
        }
        for child in &self.children {
            if let Node::Element(child) = child {
                child.outline_into(page, inner, out);
            }
        }
    }
}

/// Everything a page must be, whatever it shows. Gives what is wrong.
pub fn faults(html: &str, language: &str) -> Vec<String> {
    let page = parse(html);
    let mut faults = Vec::new();
    let mut must = |holds: bool, what: String| {
        if !holds {
            faults.push(what);
        }
    };
    must(
        html.len() <= 34_000,
        format!(
            "{} bytes: with sheet and script more than 50 kB",
            html.len()
        ),
    );
    must(
        page.find("html")[0].attribute("lang") == Some(language),
        "the page's language".into(),
    );
    for landmark in ["main", "header", "footer", "h1", "title"] {
        must(page.find(landmark).len() == 1, format!("one {landmark}"));
    }
    let mut level = 0;
    let mut ids = BTreeSet::new();
    for one in page.all() {
        let here = format!("<{} {:?}>", one.tag, one.attributes);
        if let Some(new) = one
            .tag
            .strip_prefix('h')
            .and_then(|n| n.parse::<u32>().ok())
        {
            must(
                new <= level + 1,
                format!("{here} comes after a heading {level}"),
            );
            must(!one.text().is_empty(), format!("{here} is empty"));
            level = new;
        }
        if let Some(id) = one.attribute("id") {
            must(
                ids.insert(id.to_owned()),
                format!("{here}: the id stands twice"),
            );
        }
        let seen = !one.is_hidden();
        let asks = matches!(
            one.tag.as_str(),
            "input" | "select" | "button" | "a" | "summary" | "fieldset"
        );
        let speaks =
            asks || one.attribute("role") == Some("img") || one.attribute("role") == Some("region");
        if speaks && seen {
            must(
                !one.name(&page).trim().is_empty(),
                format!("{here} has no name"),
            );
        }
        for (attribute, value) in &one.attributes {
            must(
                !attribute.starts_with("on") && attribute != "style",
                format!("{here}: {attribute}"),
            );
            if matches!(
                attribute.as_str(),
                "aria-labelledby" | "aria-describedby" | "for"
            ) {
                for id in value.split(' ') {
                    must(
                        page.by_id(id).is_some(),
                        format!("{here}: nothing has the id {id}"),
                    );
                }
            }
            if matches!(attribute.as_str(), "href" | "src" | "action") {
                let anchor = value.strip_prefix('#').map(|id| page.by_id(id).is_some());
                must(
                    anchor.unwrap_or(true),
                    format!("{here} leads nowhere on the page"),
                );
                let local = value.starts_with('/') && !value.starts_with("//");
                let outside = one.tag == "a" && value.starts_with("https://");
                must(
                    anchor.is_some() || local || outside,
                    format!("{here} leads to {value}"),
                );
            }
        }
        must(
            one.tag != "style",
            format!("{here}: a sheet inside the page"),
        );
        if one.tag == "script" {
            let from = one.attribute("src").unwrap_or_default();
            must(
                from.starts_with("/assets/") && one.text().is_empty(),
                format!("{here}: a script inside the page"),
            );
        }
        if one.tag == "form"
            && one.attribute("method") == Some("post")
            && one.attribute("action") != Some("/language")
        {
            let token = one
                .all()
                .into_iter()
                .any(|field| field.attribute("name") == Some("form_token"));
            must(token, format!("{here} has no token"));
        }
        if one.attribute("type") == Some("password") {
            must(
                one.attribute("value").is_none(),
                format!("{here} shows a secret"),
            );
        }
    }
    if language == "fr" {
        let text = page.find("body")[0].text();
        for sign in [" ;", " !", " ?", " :", "« ", " »", "'"] {
            // Containers' own lines and codes are shown as they are.
            let proper = page.find("pre").is_empty();
            must(
                !proper || !text.contains(sign),
                format!(
                    "French has no-break spaces and ’, not {sign:?}: {}",
                    around(&text, sign)
                ),
            );
        }
    }
    faults
}

fn around(text: &str, what: &str) -> String {
    let Some(at) = text.find(what) else {
        return String::new();
    };
    let from = text[..at]
        .char_indices()
        .rev()
        .nth(20)
        .map_or(0, |(place, _)| place);
    text[from..].chars().take(50).collect()
}
