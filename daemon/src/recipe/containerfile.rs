//! image/Containerfile: every image it stands on is the box's own base, an earlier stage, or has a digest.

use super::problem::{Code, Problems};
use super::service::pinned;

/// Notes what is wrong; returns the names of the stages.
pub fn check(text: &str, file: &str, problems: &mut Problems) -> Vec<String> {
    let mut stages: Vec<String> = Vec::new();
    let mut count = 0;
    // Directives that would make the engine read other lines than these.
    for (line, comment) in (1_u32..).zip(text.lines()) {
        let Some(comment) = comment.trim().strip_prefix('#') else {
            break;
        };
        let directive = comment.split('=').next().unwrap_or("").trim();
        if ["escape", "syntax", "check"].contains(&directive.to_ascii_lowercase().as_str()) {
            problems.add(Code::FromWithoutDigest, file, line, &[comment.trim()]);
        }
    }
    for (line, instruction) in instructions(text) {
        let mut words = instruction.split_whitespace();
        let verb = words.next().unwrap_or("").to_ascii_uppercase();
        match verb.as_str() {
            "FROM" => {
                let mut words = words.filter(|w| !w.starts_with("--"));
                let from = words.next().unwrap_or("");
                if !known(from, &stages) {
                    problems.add(Code::FromWithoutDigest, file, line, &[from]);
                }
                let name = words
                    .next()
                    .filter(|w| w.eq_ignore_ascii_case("as"))
                    .and_then(|_| words.next());
                stages.push(name.unwrap_or("").to_owned());
                count += 1;
            }
            "COPY" => {
                for from in words.filter_map(|w| w.strip_prefix("--from=")) {
                    let numbered = from.parse::<usize>().is_ok_and(|n| n + 1 < count);
                    if !numbered && !known(from, &stages) {
                        problems.add(Code::FromWithoutDigest, file, line, &[from]);
                    }
                }
            }
            "ADD"
                if words
                    .clone()
                    .any(|w| w.contains("://") || w.starts_with("git@")) =>
            {
                problems.add(Code::AddFromOutside, file, line, &[&instruction]);
            }
            // The base alone is an argument; another could name any image.
            "ARG" if count == 0 && !words.clone().any(|w| w.starts_with("BASE=")) => {
                problems.add(Code::FromWithoutDigest, file, line, &[&instruction]);
            }
            _ => {}
        }
    }
    if count == 0 {
        problems.add(Code::ContainerfileEmpty, file, 1, &[]);
    }
    stages.retain(|s| !s.is_empty());
    stages
}

fn known(from: &str, stages: &[String]) -> bool {
    matches!(from, "${BASE}" | "$BASE" | "scratch")
        || (!from.is_empty() && stages.iter().any(|s| s == from))
        || pinned(from)
}

/// Instructions with their first lines; continued lines joined, comments left out.
fn instructions(text: &str) -> Vec<(u32, String)> {
    let mut found: Vec<(u32, String)> = Vec::new();
    let mut open = false;
    for (number, line) in (1_u32..).zip(text.lines()) {
        let trimmed = line.trim();
        if trimmed.is_empty() || trimmed.starts_with('#') {
            continue;
        }
        let (part, continues) = match trimmed.strip_suffix('\\') {
            Some(part) => (part, true),
            None => (trimmed, false),
        };
        match found.last_mut() {
            Some((_, joined)) if open => {
                joined.push(' ');
                joined.push_str(part);
            }
            _ => found.push((number, part.to_owned())),
        }
        open = continues;
    }
    found
}
