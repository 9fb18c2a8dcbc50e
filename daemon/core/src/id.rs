//! Identifiers. Each is checked when it is made, so that whoever holds one need not check again.

use alloc::borrow::ToOwned;
use alloc::string::String;
use core::fmt;
use core::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::limits;

/// Milliseconds since 1970-01-01T00:00:00Z.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, Default,
)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(transparent)]
pub struct Timestamp(pub u64);

/// The ledger index of the entry that last decided what an app is to be. A later decision has a greater one.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, Default,
)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(transparent)]
pub struct Revision(pub u64);

/// A person's identity number. The name stands in the private table, never in the ledger (law L6).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(transparent)]
pub struct PersonId(pub u64);

/// A token's number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(transparent)]
pub struct TokenId(pub u64);

/// Why a text is not an identifier of its kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotAnId {
    /// What was expected, for a message.
    pub expected: &'static str,
}

impl fmt::Display for NotAnId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "expected {}", self.expected)
    }
}

impl core::error::Error for NotAnId {}

macro_rules! checked_text {
    ($(#[$doc:meta])* $name:ident, $check:path, $expected:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// The text itself.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = NotAnId;
            fn from_str(text: &str) -> Result<Self, NotAnId> {
                if $check(text) { Ok(Self(text.to_owned())) } else { Err(NotAnId { expected: $expected }) }
            }
        }

        impl TryFrom<String> for $name {
            type Error = NotAnId;
            fn try_from(text: String) -> Result<Self, NotAnId> {
                text.parse()
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> String {
                id.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

checked_text!(
    /// An app's short name on this box, also part of Docker names: `blog`.
    AppId,
    is_slug,
    "a short name: 1 to 30 small letters, digits or hyphens, beginning with a letter, not ending with a hyphen"
);
checked_text!(
    /// A recipe's short name, which is its folder's: `wordpress`.
    RecipeId,
    is_slug,
    "a recipe's short name: 1 to 30 small letters, digits or hyphens, beginning with a letter"
);
checked_text!(
    /// The short name of a part of a recipe: a service, a volume, a secret, a question.
    PartId,
    is_part,
    "1 to 40 small letters, digits, hyphens or underscores, beginning with a letter"
);
checked_text!(
    /// The short name of a repository of backups: `cave`.
    RepositoryId,
    is_slug,
    "a short name: 1 to 30 small letters, digits or hyphens, beginning with a letter, not ending with a hyphen"
);
checked_text!(
    /// A snapshot's whole name in its repository (restic: SHA-256 of its file): 64 small hexadecimal digits.
    SnapshotId,
    is_sha256,
    "64 small hexadecimal digits"
);
checked_text!(
    /// A host name in the DNS (RFC 1123), at least two labels, small letters, no final dot.
    Hostname,
    is_hostname,
    "a host name such as blog.example.org: small letters, digits and hyphens, with at least one dot"
);

fn is_slug(text: &str) -> bool {
    (1..=limits::SLUG_BYTES_MAX).contains(&text.len())
        && text
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
        && text.as_bytes()[0].is_ascii_lowercase()
        && !text.ends_with('-')
        && !text.contains("--")
}

fn is_part(text: &str) -> bool {
    (1..=limits::PART_BYTES_MAX).contains(&text.len())
        && text
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-' || b == b'_')
        && text.as_bytes()[0].is_ascii_lowercase()
}

fn is_sha256(text: &str) -> bool {
    text.len() == 64
        && text
            .bytes()
            .all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
}

fn is_hostname(text: &str) -> bool {
    let label = |l: &str| {
        (1..=63).contains(&l.len())
            && l.bytes()
                .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
            && !l.starts_with('-')
            && !l.ends_with('-')
    };
    let last = text.rsplit('.').next().unwrap_or("");
    text.len() <= 253
        && text.contains('.')
        && text.split('.').all(label)
        // An all-digit last label would make it an IPv4 address.
        && !last.bytes().all(|b| b.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hostnames() {
        for good in [
            "blog.example.org",
            "a.b",
            "xn--caf-dma.fr",
            "lavoir.home.arpa",
        ] {
            assert!(good.parse::<Hostname>().is_ok(), "{good}");
        }
        for bad in [
            "",
            "blog",
            "Blog.example.org",
            "a..b",
            ".a.b",
            "a.b.",
            "-a.b",
            "a-.b",
            "a_b.c",
            "127.0.0.1",
            "a b.c",
            "é.fr",
        ] {
            assert!(bad.parse::<Hostname>().is_err(), "{bad}");
        }
    }

    #[test]
    fn slugs() {
        for good in ["blog", "b", "blog-2", "a1"] {
            assert!(good.parse::<AppId>().is_ok(), "{good}");
        }
        for bad in [
            "",
            "2blog",
            "Blog",
            "blog-",
            "b--c",
            "b/c",
            "../x",
            "b c",
            "b_c",
            "abcdefghijabcdefghijabcdefghijx",
        ] {
            assert!(bad.parse::<AppId>().is_err(), "{bad}");
        }
    }
}
