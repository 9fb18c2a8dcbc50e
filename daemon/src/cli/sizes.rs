//! Sizes of files and disks, in the units of disks' labels: powers of a thousand.

use lavoir_core::text::Text;

/// `3,4 Mo`, `3.4 MB`.
pub fn size(bytes: u64) -> Text {
    const UNITS: [(&str, &str); 5] = [
        ("octets", "bytes"),
        ("ko", "kB"),
        ("Mo", "MB"),
        ("Go", "GB"),
        ("To", "TB"),
    ];
    let mut unit = 0;
    let mut scale: u64 = 1;
    while bytes / scale >= 1_000 && unit + 1 < UNITS.len() {
        unit += 1;
        scale *= 1_000;
    }
    let (fr, en) = UNITS[unit];
    let (whole, tenth) = (bytes / scale, bytes % scale * 10 / scale);
    match unit == 0 || whole >= 100 {
        true => Text::new(format!("{whole} {fr}"), format!("{whole} {en}")),
        false => Text::new(
            format!("{whole},{tenth} {fr}"),
            format!("{whole}.{tenth} {en}"),
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::size;

    #[test]
    fn sizes_are_in_words() {
        let said = |bytes| (size(bytes).fr, size(bytes).en);
        let of = |fr: &str, en: &str| (fr.to_owned(), en.to_owned());
        assert_eq!(said(0), of("0 octets", "0 bytes"));
        assert_eq!(said(999), of("999 octets", "999 bytes"));
        assert_eq!(said(3_456_789), of("3,4 Mo", "3.4 MB"));
        assert_eq!(said(999_999), of("999 ko", "999 kB"));
        assert_eq!(said(u64::MAX).0, "18446744 To");
    }
}
