//! The address that people type for a service: what it becomes, as an example in words, and what would do where it
//! will not.

use lavoir_core::id::{AppId, Hostname};

use super::catalogue::plain_letters;
use crate::panel::Panel;
use crate::reader::Reader;

/// What was typed, under the box's domain unless it says so itself.
pub(crate) fn whole(typed: &str, domain: &str) -> Option<Hostname> {
    let whole = if typed.contains('.') {
        typed.to_owned()
    } else {
        format!("{typed}.{domain}")
    };
    whole.parse().ok()
}

/// “With “journal” the address will be https://journal.verger.example.”
pub(crate) fn example(reader: &Reader, key: &str, word: &str) -> String {
    let address = format!("https://{word}.{}", reader.about.domain);
    let words = [("word", word), ("address", address.as_str())];
    reader.words().with(key, &words)
}

/// Why what was typed is no address, and what would be one.
pub(crate) fn wrong(panel: &Panel, reader: &Reader, typed: &str) -> String {
    if typed.is_empty() {
        return reader.t("wrong-empty");
    }
    format!("{} {}", reader.t("wrong-host"), other(panel, reader, typed))
}

/// Something like it that may be an address and is free.
pub(crate) fn other(panel: &Panel, reader: &Reader, typed: &str) -> String {
    let domain = format!(".{}", reader.about.domain);
    let word = word_like(typed.strip_suffix(&domain).unwrap_or(typed));
    let free = free_name(panel, &word);
    example(reader, "host-instead", &free)
}

/// The name itself, or with the first number that is free: neither an app nor an address has it.
pub(crate) fn free_name(panel: &Panel, wanted: &str) -> String {
    let apps = panel.admin.apps();
    let taken = |name: &str| {
        let address =
            |app: &crate::admin::AppLine| app.host.as_str().split('.').next() == Some(name);
        apps.iter()
            .any(|app| app.id.as_str() == name || address(app))
    };
    let numbered = (2..1_000).map(|n| format!("{wanted}-{n}"));
    std::iter::once(wanted.to_owned())
        .chain(numbered)
        .find(|name| !taken(name) && name.parse::<AppId>().is_ok())
        .unwrap_or_else(|| "service".to_owned())
}

/// A word of an address, as near to what was typed as can be.
fn word_like(typed: &str) -> String {
    let mut word = String::new();
    for sign in plain_letters(typed).chars() {
        if sign.is_ascii_alphanumeric() {
            word.push(sign);
        } else if !word.is_empty() && !word.ends_with('-') {
            word.push('-');
        }
    }
    // Room for a number behind it.
    word.truncate(24);
    let word = word.trim_matches('-');
    match word.parse::<AppId>() {
        Ok(_) => word.to_owned(),
        Err(_) => "service".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_become_words_of_an_address() {
        for (typed, word) in [
            ("Mon carnet !", "mon-carnet"),
            ("Fête du vélo", "fete-du-velo"),
            ("  --blog--", "blog"),
            ("…", "service"),
            ("", "service"),
            (
                "une adresse beaucoup trop longue pour tenir",
                "une-adresse-beaucoup-tro",
            ),
        ] {
            assert_eq!(word_like(typed), word, "{typed}");
        }
        assert_eq!(
            whole("blog", "verger.example").unwrap().as_str(),
            "blog.verger.example"
        );
        assert_eq!(
            whole("blog.example.org", "verger.example")
                .unwrap()
                .as_str(),
            "blog.example.org"
        );
        assert!(whole("mon carnet", "verger.example").is_none());
    }
}
