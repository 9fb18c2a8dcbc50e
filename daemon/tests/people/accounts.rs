//! Accounts and sessions.

use std::collections::BTreeMap;

use lavoir::accounts::NewToken;
use lavoir::api::Kind;
use lavoir::engine::Beside;
use lavoir::ports::{Clock as _, KeptPerson, PrivateStore as _, World as _};
use lavoir::recipe::commitment;
use lavoir_core::account::Scope;
use lavoir_core::command::{Action, Actor};
use lavoir_core::id::PersonId;
use lavoir_core::ledger::unhex;
use lavoir_core::limits;
use zeroize::Zeroizing;

use super::{House, NAME, PASSWORD, code_of, comes, me, said};

fn secret(text: &str) -> Zeroizing<String> {
    Zeroizing::new(text.to_owned())
}

#[tokio::test]
async fn the_set_up_code_opens_one_account_once_and_nothing_personal_enters_the_ledger() {
    let house = House::new().await;
    let code = house.code().await;
    assert_eq!(house.code().await, code, "it waits");
    house.accounts.put_right(Some("ZZZZ-ZZZZ")).await.unwrap();
    assert_eq!(house.code().await, code, "a restart keeps it");
    for (given, name, password, expected) in [
        ("AAAA-AAAA", NAME, PASSWORD, "setup-code-wrong"),
        ("", NAME, PASSWORD, "setup-code-wrong"),
        (&*code, " ", PASSWORD, "name-unfit"),
        (&*code, &"é".repeat(100), PASSWORD, "name-unfit"),
        (&*code, NAME, "court", "password-short"),
        (&*code, NAME, "aaaaaaaaaaaaaaa", "password-easy"),
        (&*code, NAME, "anne-marie dupré1", "password-easy"),
        (&*code, NAME, &"long ".repeat(300), "password-long"),
    ] {
        let answer = house.accounts.open_first(given, comes(name, password, ""));
        assert_eq!(code_of(answer.await), expected, "{name} {password}");
    }
    assert_eq!(house.ledger().matches("account-opened").count(), 0);
    // However it is typed.
    let typed = code.to_lowercase().replace('-', " ");
    let begun = house.accounts.open_first(&typed, me()).await;
    let begun = begun.map_err(said).unwrap();
    assert_eq!(
        (begun.known.person, begun.known.name.as_str()),
        (PersonId(1), NAME)
    );
    let again = house.accounts.open_first(&code, me()).await;
    assert_eq!(code_of(again), "setup-code-wrong");
    let left = house.accounts.setup_code().await.map_err(said).unwrap();
    assert!(left.code.is_none() && left.account.as_deref() == Some(NAME));
    // The leaf holds a commitment, which salt and name open.
    let ledger = house.ledger();
    let kept = house.world.private_store().people().await.unwrap();
    let salt = unhex(&kept[0].salt).unwrap();
    let state = house.engine.state();
    let written = &state.accounts().people()[&PersonId(1)].commitment;
    assert_eq!(*written, commitment(&salt, "name", NAME));
    for personal in [
        "Anne",
        "Dupr",
        PASSWORD,
        &*code,
        &*begun.key,
        &*kept[0].salt,
        "argon2",
    ] {
        assert!(!ledger.contains(personal), "{personal} is in the ledger");
    }
}

#[tokio::test]
async fn a_code_that_was_printed_long_ago_still_serves() {
    let house = House::new().await;
    let store = house.world.private_store();
    store.keep_setup_code(None).await.unwrap();
    house.accounts.put_right(Some("KLMN-PQRS\n")).await.unwrap();
    assert_eq!(house.code().await, "KLMN-PQRS");
    let begun = house.accounts.open_first("klmn pqrs", me()).await;
    assert_eq!(code_of(begun), "well");
    // Once it has served, no file brings it back.
    house.accounts.put_right(Some("KLMN-PQRS")).await.unwrap();
    assert!(store.setup_code().await.unwrap().is_none());
}

#[tokio::test]
async fn one_code_used_twice_at_the_same_moment_opens_one_account() {
    let house = House::new().await;
    let code = house.code().await;
    let other = || comes("Quelqu'un d'autre", PASSWORD, "192.0.2.8");
    let (one, two) = tokio::join!(
        house.accounts.open_first(&code, me()),
        house.accounts.open_first(&code, other()),
    );
    let mut codes = [code_of(one), code_of(two)];
    codes.sort();
    assert_eq!(codes, ["setup-code-used", "well"]);
    assert_eq!(house.engine.state().accounts().people().len(), 1);
    let kept = house.world.private_store().people().await.unwrap();
    let salt = unhex(&kept[0].salt).unwrap();
    let state = house.engine.state();
    let written = &state.accounts().people()[&PersonId(1)].commitment;
    assert_eq!(*written, commitment(&salt, "name", &kept[0].name));
}

#[tokio::test]
async fn an_unknown_name_and_a_wrong_password_take_the_same_work_and_give_the_same_answer() {
    let (house, _) = House::opened().await;
    let mut answers = Vec::new();
    for name in [NAME, "Personne"] {
        let before = house.accounts.passwords().checked();
        let answer = house.accounts.sign_in(comes(name, "ce n'est pas lui", ""));
        let problem = answer.await.err().unwrap();
        answers.push((problem.kind, problem.message, problem.problems.len()));
        assert_eq!(house.accounts.passwords().checked(), before + 1, "{name}");
    }
    assert_eq!(answers[0], answers[1]);
    // Nobody's password is nobody's: none opens it.
    let empty = house.accounts.sign_in(comes("Personne", "", ""));
    assert_eq!(code_of(empty.await), "sign-in-wrong");
    let typed = house
        .accounts
        .sign_in(comes("  anne-marie   DUPRÉ", PASSWORD, ""));
    assert_eq!(code_of(typed.await), "well");
}

#[tokio::test]
async fn a_row_to_which_no_entry_came_lets_nobody_in() {
    let (house, _) = House::opened().await;
    let store = house.world.private_store();
    let mut orphan: KeptPerson = store.people().await.unwrap().remove(0);
    orphan.person = PersonId(2);
    orphan.name = "Fantôme".into();
    store.keep_person(&orphan).await.unwrap();
    let answer = house.accounts.sign_in(comes("Fantôme", PASSWORD, ""));
    assert_eq!(code_of(answer.await), "sign-in-wrong");
    let names = house.accounts.names().await.unwrap();
    assert_eq!(names, BTreeMap::from([(PersonId(1), NAME.to_owned())]));
}

#[tokio::test]
async fn whoever_guesses_is_slowed_down_and_shuts_nobody_out() {
    let (house, _) = House::opened().await;
    let guess = |name: &'static str, from: &'static str| {
        house
            .accounts
            .sign_in(comes(name, "au hasard, toujours", from))
    };
    for name in [NAME, "Personne"] {
        for _ in 0..limits::WRONG_PASSWORDS_A_MINUTE_MAX {
            assert_eq!(code_of(guess(name, "198.51.100.9").await), "sign-in-wrong");
        }
        let before = house.accounts.passwords().checked();
        let late = guess(name, "203.0.113.4").await.err().unwrap();
        assert_eq!(
            (late.kind, late.message.code.as_str()),
            (Kind::TooOften, "sign-in-too-often")
        );
        assert_eq!(
            house.accounts.passwords().checked(),
            before,
            "no work for it"
        );
    }
    // Even the right password, from where nobody of that name was before; but not from home.
    let abroad = house.accounts.sign_in(comes(NAME, PASSWORD, "203.0.113.4"));
    assert_eq!(code_of(abroad.await), "sign-in-too-often");
    assert_eq!(code_of(house.accounts.sign_in(me()).await), "well");
    house.world.pass(61_000);
    let abroad = house.accounts.sign_in(comes(NAME, PASSWORD, "203.0.113.4"));
    assert_eq!(code_of(abroad.await), "well");
    // Home is not open to guesses without end either.
    for _ in 0..limits::WRONG_PASSWORDS_A_MINUTE_MAX {
        assert_eq!(code_of(guess(NAME, "192.0.2.7").await), "sign-in-wrong");
    }
    assert_eq!(
        code_of(house.accounts.sign_in(me()).await),
        "sign-in-too-often"
    );
}

#[tokio::test]
async fn a_flood_of_sign_ins_takes_bounded_memory() {
    let (house, _) = House::opened().await;
    let before = house.accounts.passwords().checked();
    let flood = (0..120).map(|number| {
        let accounts = house.accounts.clone();
        tokio::spawn(async move {
            let name = format!("inondation {number}");
            code_of(accounts.sign_in(comes(&name, PASSWORD, "")).await)
        })
    });
    let answers = futures_util::future::join_all(flood).await;
    let of = |code: &str| {
        answers
            .iter()
            .filter(|answer| *answer.as_ref().unwrap() == code)
            .count()
    };
    let most = limits::PASSWORDS_AT_ONCE_MAX + limits::PASSWORDS_WAITING_MAX;
    assert!(of("sign-in-wrong") >= most, "{}", of("sign-in-wrong"));
    assert!(of("sign-in-busy") > 0);
    assert_eq!(of("sign-in-wrong") + of("sign-in-busy"), 120);
    let checked = house.accounts.passwords().checked() - before;
    assert_eq!(checked, of("sign-in-wrong") as u64);
    assert_eq!(
        code_of(house.accounts.sign_in(me()).await),
        "well",
        "then all is well again"
    );
}

#[tokio::test]
async fn sessions_are_renewed_and_end() {
    let (house, first) = House::opened().await;
    let who = async |key: &str| house.accounts.who(key).await.unwrap();
    assert_eq!(who(&first.key).await.unwrap(), first.known);
    // A key from outside is worth nothing, before a sign-in and after it.
    for key in ["", "chosen-by-somebody-else", &"x".repeat(5_000)] {
        assert_eq!(who(key).await, None);
    }
    let second = house.accounts.sign_in(me()).await.map_err(said).unwrap();
    assert_ne!(*first.key, *second.key);
    assert_ne!(first.known.session, second.known.session);
    assert!(
        second
            .key
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
    );
    // Kept as hashes.
    let kept = house
        .world
        .private_store()
        .sessions(PersonId(1))
        .await
        .unwrap();
    assert!(
        kept.iter()
            .all(|session| session.key != second.key.as_bytes())
    );
    house
        .accounts
        .end_other_sessions(&second.known)
        .await
        .unwrap();
    assert_eq!(who(&first.key).await, None);
    house.accounts.sign_out(&second.key).await.unwrap();
    assert_eq!(who(&second.key).await, None);
    house.accounts.sign_out("never was").await.unwrap();
    // Unused it ends early, used it ends in the end.
    let idle = house.accounts.sign_in(me()).await.map_err(said).unwrap();
    house.world.pass(limits::SESSION_IDLE_MS_MAX);
    assert_eq!(who(&idle.key).await, None);
    let used = house.accounts.sign_in(me()).await.map_err(said).unwrap();
    let begun = house.world.now();
    while house.world.now().0 + limits::SESSION_IDLE_MS_MAX / 2
        < begun.0 + limits::SESSION_LIFE_MS_MAX
    {
        house.world.pass(limits::SESSION_IDLE_MS_MAX / 2);
        assert!(who(&used.key).await.is_some());
    }
    house.world.pass(limits::SESSION_IDLE_MS_MAX / 2);
    assert_eq!(who(&used.key).await, None);
    assert!(
        house
            .accounts
            .sessions(PersonId(1))
            .await
            .unwrap()
            .is_empty()
    );
}

#[tokio::test]
async fn a_new_password_ends_all_sessions() {
    let (house, begun) = House::opened().await;
    let new = "un autre, bien long";
    for (old, given, expected) in [
        ("faux, tout à fait", new, "password-wrong"),
        (PASSWORD, "court", "password-short"),
    ] {
        let answer = house
            .accounts
            .change_password(&begun.known, secret(old), secret(given));
        assert_eq!(code_of(answer.await), expected);
    }
    let answer = house
        .accounts
        .change_password(&begun.known, secret(PASSWORD), secret(new));
    let fresh = answer.await.map_err(said).unwrap();
    assert_eq!(house.last_actor(), Actor::Person(PersonId(1)));
    assert_eq!(house.accounts.who(&begun.key).await.unwrap(), None);
    assert!(house.accounts.who(&fresh.key).await.unwrap().is_some());
    assert_eq!(code_of(house.accounts.sign_in(me()).await), "sign-in-wrong");
    assert_eq!(
        code_of(house.accounts.sign_in(comes(NAME, new, "")).await),
        "well"
    );
}

#[tokio::test]
async fn a_lost_password_is_reset_with_a_new_code() {
    let (house, begun) = House::opened().await;
    let code = house.accounts.new_setup_code().await.map_err(said).unwrap();
    assert_eq!(code.account.as_deref(), Some(NAME));
    let code = code.code.unwrap();
    let same = house.accounts.new_setup_code().await.map_err(said).unwrap();
    assert_eq!(*same.code.unwrap(), *code, "one that waits is shown again");
    assert_eq!(house.ledger().matches("setup-code-made").count(), 1);
    assert!(
        house.accounts.who(&begun.key).await.unwrap().is_some(),
        "not used yet"
    );
    let new = "un autre, bien long";
    let other = house
        .accounts
        .open_first(&code, comes("Quelqu'un", new, ""));
    assert_eq!(code_of(other.await), "name-other");
    let reset = house.accounts.open_first(&code, comes(NAME, new, ""));
    let reset = reset.await.map_err(said).unwrap();
    assert_eq!(reset.known.person, PersonId(1));
    assert!(house.ledger().contains("password-reset"));
    assert_eq!(house.accounts.who(&begun.key).await.unwrap(), None);
    assert_eq!(
        code_of(house.accounts.open_first(&code, me()).await),
        "setup-code-wrong"
    );
    assert_eq!(code_of(house.accounts.sign_in(me()).await), "sign-in-wrong");
    assert_eq!(
        code_of(house.accounts.sign_in(comes(NAME, new, "")).await),
        "well"
    );
}

#[tokio::test]
async fn whoever_goes_away_in_the_middle_leaves_no_password_without_its_entry() {
    for looks in 1..5 {
        let (house, _) = House::opened().await;
        let person = PersonId(1);
        let mut asked = Box::pin(house.engine.act_keeping(
            Actor::Person(person),
            Action::ChangePassword { person },
            Beside::Password(person, secret("$another$"), None),
        ));
        for _ in 0..looks {
            let _ = futures_util::poll!(&mut asked);
            if house.password().await == "$another$" {
                break;
            }
            tokio::task::yield_now().await;
        }
        drop(asked);
        for _ in 0..20 {
            tokio::task::yield_now().await;
        }
        let written = house.ledger().contains("password-changed");
        assert_eq!(house.password().await == "$another$", written, "{looks}");
        assert!(written, "{looks}");
    }
}

#[tokio::test]
async fn a_reset_ends_what_is_in_flight() {
    let (house, begun) = House::opened().await;
    let code = house.accounts.new_setup_code().await.map_err(said).unwrap();
    let new = "un autre, bien long";
    let late = house.accounts.sign_in(comes(NAME, PASSWORD, ""));
    let mut late = Box::pin(late);
    // The old password is being looked at.
    let _ = futures_util::poll!(&mut late);
    let code = code.code.unwrap();
    let reset = house.accounts.open_first(&code, comes(NAME, new, ""));
    let reset = reset.await.map_err(said).unwrap();
    assert_eq!(code_of(late.await), "sign-in-wrong");
    let asked = || NewToken {
        label: "essai".into(),
        scope: Scope::Act,
        days: 3,
    };
    let me = || Actor::Person(PersonId(1));
    let make = |session| house.accounts.make_token(me(), Some(session), asked());
    let ended = make(begun.known.session).await.err().unwrap();
    assert_eq!(ended.kind, Kind::SignedOut);
    assert!(!house.ledger().contains("token-made"));
    assert_eq!(code_of(make(reset.known.session).await), "well");
    // Nor does a change in the ended session take the new password back.
    let change = house
        .accounts
        .change_password(&begun.known, secret(new), secret(PASSWORD));
    assert_eq!(code_of(change.await), "signed-out");
    assert!(!house.ledger().contains("password-changed"));
    let in_new = house.accounts.sign_in(comes(NAME, new, "")).await;
    assert_eq!(code_of(in_new), "well");
}

#[tokio::test]
async fn a_code_that_waits_and_was_lost_is_made_anew() {
    let (house, _) = House::opened().await;
    let lost = house.accounts.new_setup_code().await.map_err(said).unwrap();
    let store = house.world.private_store();
    store.keep_setup_code(None).await.unwrap();
    let fresh = house.accounts.new_setup_code().await.map_err(said).unwrap();
    let fresh = fresh.code.unwrap();
    assert_ne!(*fresh, *lost.code.unwrap());
    assert_eq!(house.ledger().matches("setup-code-made").count(), 1);
    let reset = house.accounts.open_first(&fresh, me()).await;
    assert_eq!(code_of(reset), "well");
}
