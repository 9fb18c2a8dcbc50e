//! Sizes, durations and words as the Compose Specification writes them.

/// `256m`, `1gb`, `1073741824`: bytes.
pub fn bytes(text: &str) -> Option<u64> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let amount: u64 = text[..digits].parse().ok()?;
    let factor: u64 = match text[digits..].to_ascii_lowercase().as_str() {
        "" | "b" => 1,
        "k" | "kb" => 1 << 10,
        "m" | "mb" => 1 << 20,
        "g" | "gb" => 1 << 30,
        _ => return None,
    };
    amount.checked_mul(factor)
}

/// `1h5m10s20ms`: milliseconds, rounded up. Units come in falling order, each once.
pub fn duration_ms(text: &str) -> Option<u64> {
    const UNITS: [(&str, u64); 5] = [
        ("h", 3_600_000_000),
        ("m", 60_000_000),
        ("s", 1_000_000),
        ("ms", 1_000),
        ("us", 1),
    ];
    let mut micros: u64 = 0;
    let mut least = 0;
    let mut rest = text;
    if rest.is_empty() {
        return None;
    }
    while !rest.is_empty() {
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let amount: u64 = rest[..digits].parse().ok()?;
        rest = &rest[digits..];
        let mut thousandths = 0;
        if let Some(after) = rest.strip_prefix('.') {
            let digits = after.bytes().take_while(u8::is_ascii_digit).count();
            thousandths = decimals(&after[..digits])?;
            rest = &after[digits..];
        }
        let letters = rest.bytes().take_while(u8::is_ascii_lowercase).count();
        let place = UNITS
            .iter()
            .position(|(unit, _)| *unit == &rest[..letters])?;
        if place < least {
            return None;
        }
        least = place + 1;
        rest = &rest[letters..];
        let unit = UNITS[place].1;
        micros = micros
            .checked_add(amount.checked_mul(unit)?)?
            .checked_add(thousandths * unit / 1_000)?;
    }
    Some(micros.div_ceil(1_000))
}

/// `1.5`: thousandths.
pub fn milli(text: &str) -> Option<u32> {
    let (whole, part) = text.split_once('.').unwrap_or((text, "0"));
    if !whole.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let whole: u32 = whole.parse().ok()?;
    whole
        .checked_mul(1_000)?
        .checked_add(u32::try_from(decimals(part)?).ok()?)
}

/// Up to three digits after the point, as thousandths.
fn decimals(digits: &str) -> Option<u64> {
    if digits.is_empty() || digits.len() > 3 || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    format!("{digits:0<3}").parse().ok()
}

/// Octal permission bits, `0640` or `640`.
pub fn mode(text: &str) -> Option<u32> {
    if !(3..=4).contains(&text.len()) || !text.bytes().all(|b| (b'0'..=b'7').contains(&b)) {
        return None;
    }
    u32::from_str_radix(text, 8).ok()
}

/// `33:33`.
pub fn owner(text: &str) -> Option<(u32, u32)> {
    let (uid, gid) = text.split_once(':')?;
    let number = |t: &str| {
        (!t.is_empty() && t.bytes().all(|b| b.is_ascii_digit()))
            .then(|| t.parse().ok())
            .flatten()
    };
    Some((number(uid)?, number(gid)?))
}

/// What YAML 1.1 or 1.2 readers may take for something else than text when it stands without quotes.
pub fn ambiguous(text: &str) -> bool {
    const WORDS: [&str; 12] = [
        "y", "n", "yes", "no", "on", "off", "~", "null", "", ".inf", ".nan", "-.inf",
    ];
    let lower = text.to_ascii_lowercase();
    if WORDS.contains(&lower.as_str()) {
        return true;
    }
    if lower == "true" || lower == "false" {
        return lower != text;
    }
    let number_like = text
        .bytes()
        .next()
        .is_some_and(|b| b.is_ascii_digit() || b == b'+' || b == b'-' || b == b'.')
        && text
            .bytes()
            .all(|b| b.is_ascii_hexdigit() || b"+-._:xXoOTZt ".contains(&b));
    // A plain whole number means the same to everybody.
    let whole = text.strip_prefix('-').unwrap_or(text);
    let plain_whole = !whole.is_empty()
        && whole.len() <= 18
        && whole.bytes().all(|b| b.is_ascii_digit())
        && (whole == "0" || !whole.starts_with('0'));
    // Addresses and versions with several points are texts for all.
    let several_points = text.matches('.').count() > 1 && !text.contains(':');
    number_like && !plain_whole && !several_points
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes() {
        for (text, expected) in [
            ("256m", Some(256 << 20)),
            ("1gb", Some(1 << 30)),
            ("64K", Some(64 << 10)),
            ("2b", Some(2)),
            ("1024", Some(1024)),
            ("", None),
            ("m", None),
            ("1.5g", None),
            ("-1m", None),
            ("99999999999999999999g", None),
            ("18446744073709551615g", None),
        ] {
            assert_eq!(bytes(text), expected, "{text}");
        }
    }

    #[test]
    fn durations() {
        for (text, expected) in [
            ("1h5m10s20ms", Some(3_910_020)),
            ("90s", Some(90_000)),
            ("2.5s", Some(2_500)),
            ("1us", Some(1)),
            ("", None),
            ("5", None),
            ("1s1h", None),
            ("1s1s", None),
            ("s", None),
            ("1d", None),
        ] {
            assert_eq!(duration_ms(text), expected, "{text}");
        }
    }

    #[test]
    fn numbers() {
        assert_eq!(milli("1.5"), Some(1_500));
        assert_eq!(milli("2"), Some(2_000));
        assert_eq!(milli("0.25"), Some(250));
        assert_eq!(milli("1.2345"), None);
        assert_eq!(milli("+1"), None);
        assert_eq!(mode("0640"), Some(0o640));
        assert_eq!(mode("888"), None);
        assert_eq!(owner("33:33"), Some((33, 33)));
        assert_eq!(owner("www-data"), None);
    }

    #[test]
    fn words_that_readers_take_differently() {
        for text in [
            "yes", "No", "0755", "1.0", "1e3", "0x1F", "TRUE", "12:30", "+1",
        ] {
            assert!(ambiguous(text), "{text}");
        }
        for text in [
            "true",
            "false",
            "0",
            "-5",
            "8080",
            "db",
            "127.0.0.1",
            "utf8mb4",
            "a=b",
        ] {
            assert!(!ambiguous(text), "{text}");
        }
    }
}
