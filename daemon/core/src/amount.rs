//! Memory and disk in words: memory in powers of 1024 (Mio, Gio), disk in powers of 1000 (Mo, Go), each as it is sold.

use alloc::format;
use alloc::string::{String, ToString as _};

use crate::text::{Language, Text};

const NO_BREAK: char = '\u{a0}';
const MIB: u64 = 1024 * 1024;

/// 12 345 or 12,345.
pub fn number(n: u64, language: Language) -> String {
    let digits = n.to_string();
    let between = match language {
        Language::Fr => '\u{202f}',
        Language::En => ',',
    };
    let mut out = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            out.push(between);
        }
        out.push(digit);
    }
    out
}

/// Tenths: 4,6 or 4.6; a whole number has no comma, nor has what is large.
pub fn tenths(tenths: u64, language: Language) -> String {
    let (whole, rest) = (tenths / 10, tenths % 10);
    if rest == 0 || whole >= 100 {
        return number(if rest >= 5 { whole + 1 } else { whole }, language);
    }
    let comma = match language {
        Language::Fr => ',',
        Language::En => '.',
    };
    format!("{}{comma}{rest}", number(whole, language))
}

/// Memory.
pub fn memory(bytes: u64, language: Language) -> String {
    let units = match language {
        Language::Fr => ["Kio", "Mio", "Gio"],
        Language::En => ["KiB", "MiB", "GiB"],
    };
    scaled(bytes, 1024, units, language)
}

/// Disk, and files.
pub fn disk(bytes: u64, language: Language) -> String {
    let units = match language {
        Language::Fr => ["ko", "Mo", "Go"],
        Language::En => ["kB", "MB", "GB"],
    };
    scaled(bytes, 1000, units, language)
}

/// Memory given in MiB, in both languages.
pub fn memory_mib(mib: u64) -> Text {
    let bytes = mib.saturating_mul(MIB);
    Text::new(memory(bytes, Language::Fr), memory(bytes, Language::En))
}

/// Disk given in MiB, in both languages: a round number, as such needs are.
pub fn disk_mib(mib: u64) -> Text {
    let bytes = mib.saturating_mul(MIB);
    let bytes = match bytes {
        0..1_000_000_000 => bytes.next_multiple_of(10_000_000),
        _ => bytes,
    };
    Text::new(disk(bytes, Language::Fr), disk(bytes, Language::En))
}

fn scaled(bytes: u64, base: u64, units: [&str; 3], language: Language) -> String {
    let giga = base * base * base;
    let (amount, unit) = if bytes >= giga {
        (bytes / (giga / 10), units[2])
    } else if bytes >= 10 * base * base {
        (bytes / (base * base) * 10, units[1])
    } else if bytes >= base * base {
        (bytes / (base * base / 10), units[1])
    } else {
        (bytes.div_ceil(base) * 10, units[0])
    };
    format!("{}{NO_BREAK}{unit}", tenths(amount, language))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_sizes() {
        use Language::{En, Fr};
        assert_eq!(number(1_234_567, Fr), "1\u{202f}234\u{202f}567");
        assert_eq!(number(1_234, En), "1,234");
        assert_eq!(memory(4_831_838_208, Fr), "4,5\u{a0}Gio");
        assert_eq!(memory(182 << 20, En), "182\u{a0}MiB");
        assert_eq!(disk(412_000_000_000, Fr), "412\u{a0}Go");
        assert_eq!(disk(1_500_000_000, En), "1.5\u{a0}GB");
        assert_eq!(disk(2_500_000, Fr), "2,5\u{a0}Mo");
        assert_eq!(disk(0, Fr), "0\u{a0}ko");
        assert_eq!(memory_mib(576).fr, "576\u{a0}Mio");
        assert_eq!(disk_mib(2_000).fr, "2\u{a0}Go");
        assert_eq!(disk_mib(300).en, "320\u{a0}MB");
        assert_eq!(disk_mib(950).en, "1\u{a0}GB");
    }
}
