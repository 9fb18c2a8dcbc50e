//! How the machine does.

use lavoir_core::text::Text;
use lavoir_web_admin::admin::*;

use super::{GIB, ago, apps, no};

pub fn machine(evil: bool) -> Machine {
    let history = (0..288_u64).map(|place| Sample {
        at: ago((288 - place) * 300),
        memory_used: Some(42 * GIB / 10 + (place * 37 % 90) * GIB / 200),
        busy_permille: (place % 40 != 7).then_some(u32::try_from(60 + place * 53 % 310).unwrap()),
        temperature_m: Some(41_000 + i32::try_from(place * 71 % 9_000).unwrap()),
        network: Some((place * 9_973 % 2_400_000, place * 3_001 % 900_000)),
    });
    let name = |fr: &str, en: &str| {
        if evil {
            Text::new(apps::EVIL, apps::EVIL)
        } else {
            Text::new(fr, en)
        }
    };
    Machine {
        model: Some(if evil {
            apps::EVIL.into()
        } else {
            "Dell OptiPlex 3020".into()
        }),
        system: Some("Debian GNU/Linux 13 (trixie)".into()),
        processor: Some("Intel Core i3-4150".into()),
        cores: Some(4),
        up_s: Some(41 * 86_400),
        memory: Some(Amount {
            used: 46 * GIB / 10,
            total: 77 * GIB / 10,
        }),
        disks: vec![
            (
                Holds::System,
                Amount {
                    used: 12_000_000_000,
                    total: 64_000_000_000,
                },
            ),
            (
                Holds::Data,
                Amount {
                    used: 88_000_000_000,
                    total: 500_000_000_000,
                },
            ),
        ],
        busy_permille: Some(124),
        temperature_m: Some(44_300),
        network: Some((182_000, 64_000)),
        memory_by: vec![
            (
                "blog".parse().unwrap(),
                name("WordPress", "WordPress"),
                412 << 20,
            ),
            ("carte".parse().unwrap(), name("uMap", "uMap"), 380 << 20),
            (
                "agenda".parse().unwrap(),
                name("Radicale", "Radicale"),
                61 << 20,
            ),
        ],
        history: history.collect(),
    }
}

pub fn logs(evil: bool, lines: usize) -> Vec<ContainerLines> {
    let written = |n: usize| -> Vec<String> {
        (0..n.min(lines))
            .map(|line| {
                if evil {
                    format!("{} \u{1b}[31m{line}", apps::EVIL)
                } else {
                    format!("172.18.0.3 - - [22/Nov/2026:06:5{}:12 +0000] \"GET /wp-login.php HTTP/1.1\" 200 4{line}", line % 10)
                }
            })
            .collect()
    };
    vec![
        ContainerLines {
            service: if evil { apps::EVIL.into() } else { "db".into() },
            lines: written(4),
            trouble: None,
        },
        ContainerLines {
            service: "app".into(),
            lines: written(200),
            trouble: None,
        },
        ContainerLines {
            service: "mail".into(),
            lines: Vec::new(),
            trouble: Some(
                no(
                    NoKind::Missing,
                    "no-container",
                    "Le conteneur n'est pas là.",
                    "The container is not there.",
                )
                .message,
            ),
        },
    ]
}
