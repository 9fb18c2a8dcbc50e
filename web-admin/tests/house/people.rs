//! Accounts: sessions and tokens.

use lavoir_core::id::Timestamp;
use lavoir_web_admin::admin::*;

use super::{NOW, ago, apps};

pub fn account(evil: bool, who: &Session) -> Account {
    let line = |id, s, browser: &str| SessionLine {
        id,
        since: ago(s),
        last_used: ago(s / 60),
        browser: if evil {
            apps::EVIL.into()
        } else {
            browser.into()
        },
    };
    let sessions = vec![
        line(
            who.id,
            3_600,
            "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
        ),
        line(
            77,
            200_000,
            "Mozilla/5.0 (Linux; Android 15) Chrome/142.0 Mobile Safari/537.36",
        ),
    ];
    let tokens = vec![TokenLine {
        id: 4,
        label: if evil {
            apps::EVIL.into()
        } else {
            "Tableau de la salle".into()
        },
        scope: TokenScope::Read,
        made: ago(500_000),
        ends: Timestamp(NOW + 2_000_000_000),
        last_used: Some(ago(600)),
    }];
    Account { sessions, tokens }
}
