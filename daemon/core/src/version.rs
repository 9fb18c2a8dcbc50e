//! Which of two versions of a recipe is the later one.
//!
//! A version is upstream's, a dash, and the recipe's own count: `6.8.3-1`. Upstream's is compared as Debian compares: runs of
//! digits as numbers, what stands between them sign by sign, letters before other signs, and `~` before everything,
//! even the end (`1.0~rc1` is before `1.0`). Many spell their previews in other ways, so a run of letters that says
//! one (`alpha`, `beta`, `pre`, `preview`, `dev`, `rc`) counts as if a `~` stood before it, and a dash or a dot there as
//! nothing. The count is a number.

use alloc::string::String;
use core::cmp::Ordering;
use core::iter::Peekable;
use core::str::Chars;

/// Words for what comes before a version.
const PREVIEWS: [&str; 6] = ["alpha", "beta", "pre", "preview", "dev", "rc"];

/// How `a` stands to `b`; none when one of them is no version, so that nothing can be said.
pub fn compare(a: &str, b: &str) -> Option<Ordering> {
    let (a, b) = (split(a)?, split(b)?);
    Some(upstream(a.0, b.0).then(a.1.cmp(&b.1)))
}

/// The first number, where there is one that can be counted with.
pub fn main_number(version: &str) -> Option<u64> {
    let (upstream, _) = split(version)?;
    let end = upstream
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(upstream.len());
    upstream[..end].parse().ok()
}

/// Upstream's version and the count. Upstream's begins with a digit: a branch's name or a commit has no order.
fn split(version: &str) -> Option<(&str, u64)> {
    let (upstream, count) = version.rsplit_once('-')?;
    let digits = !count.is_empty() && count.bytes().all(|b| b.is_ascii_digit());
    (digits && upstream.starts_with(|c: char| c.is_ascii_digit()))
        .then(|| count.parse().ok().map(|count| (upstream, count)))
        .flatten()
}

fn upstream(a: &str, b: &str) -> Ordering {
    let (a, b) = (plain(a), plain(b));
    let (mut a, mut b) = (a.chars().peekable(), b.chars().peekable());
    loop {
        let order = between(&mut a, &mut b).then_with(|| numbers(&mut a, &mut b));
        if order != Ordering::Equal || (a.peek().is_none() && b.peek().is_none()) {
            return order;
        }
    }
}

/// With previews spelled as Debian spells them: `5.0-rc.2`, `5.0rc2`, `5.0.beta1` → `5.0~rc2`, `5.0~beta1`.
fn plain(version: &str) -> String {
    let mut plain = String::new();
    let mut rest = version;
    while let Some(first) = rest.chars().next() {
        let letters = |c: char| c.is_ascii_alphabetic();
        let length = if letters(first) {
            rest.find(|c| !letters(c)).unwrap_or(rest.len())
        } else {
            first.len_utf8()
        };
        let (word, after) = rest.split_at(length);
        rest = after;
        if PREVIEWS.contains(&word.to_ascii_lowercase().as_str()) {
            let kept = plain.trim_end_matches(['-', '.', '_', '~']).len();
            plain.truncate(kept);
            plain.push('~');
            rest = rest.trim_start_matches(['.', '-']);
        }
        plain.push_str(&word.to_ascii_lowercase());
    }
    plain
}

/// What stands before the next digit, sign by sign.
fn between(a: &mut Peekable<Chars<'_>>, b: &mut Peekable<Chars<'_>>) -> Ordering {
    let weight = |sign: Option<char>| match sign {
        Some('~') => (0, '~'),
        None => (1, ' '),
        Some(letter) if letter.is_ascii_alphabetic() => (2, letter),
        Some(other) => (3, other),
    };
    let sign = |of: &mut Peekable<Chars<'_>>| of.next_if(|c| !c.is_ascii_digit());
    loop {
        let (x, y) = (sign(a), sign(b));
        if x.is_none() && y.is_none() {
            return Ordering::Equal;
        }
        let order = weight(x).cmp(&weight(y));
        if order != Ordering::Equal {
            return order;
        }
    }
}

/// The next run of digits, of any length.
fn numbers(a: &mut Peekable<Chars<'_>>, b: &mut Peekable<Chars<'_>>) -> Ordering {
    let number = |of: &mut Peekable<Chars<'_>>| {
        let mut digits = String::new();
        while let Some(digit) = of.next_if(char::is_ascii_digit) {
            if !(digits.is_empty() && digit == '0') {
                digits.push(digit);
            }
        }
        digits
    };
    let (x, y) = (number(a), number(b));
    x.len().cmp(&y.len()).then_with(|| x.cmp(&y))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_stand_in_their_order() {
        let in_order = [
            "0.9-9",
            "1.0-alpha-1",
            "1.0.beta2-1",
            "1.0-beta.10-1",
            "1.0~rc1-1",
            "1.0rc2-1",
            "1.0-rc.3-1",
            "1.0-1",
            "1.0-2",
            "1.0-10",
            "1.0a-1",
            "1.0.0-1",
            "1.0.1-1",
            "1.0.1+git20260101-1",
            "1.9-1",
            "1.10-1",
            "2024.11-1",
            "2026.02-1",
            "2026.2.1-1",
            "99999999999999999999999999.1-1",
        ];
        for (n, a) in in_order.iter().enumerate() {
            for (m, b) in in_order.iter().enumerate() {
                assert_eq!(compare(a, b), Some(n.cmp(&m)), "{a} {b}");
            }
        }
        for (a, b) in [
            ("1.0-rc1-2", "1.0~RC1-2"),
            ("1.01-1", "1.1-1"),
            ("3.0-preview1-1", "3.0.preview.1-1"),
        ] {
            assert_eq!(compare(a, b), Some(Ordering::Equal), "{a} {b}");
        }
    }

    #[test]
    fn what_is_no_version_has_no_order() {
        for odd in [
            "",
            "1.0",
            "-1",
            "main-1",
            "v1.0-1",
            "1.0-",
            "1.0-x",
            "1.0-99999999999999999999",
        ] {
            assert_eq!(compare(odd, "1.0-1"), None, "{odd}");
            assert_eq!(compare("1.0-1", odd), None, "{odd}");
        }
    }
}
