//! The private table keeps its word, in memory as in SQLite.

use lavoir::adapter::sqlite::Sqlite;
use lavoir::ports::{KeptPerson, KeptSession, KeptToken, PrivateStore, RestsOn, World as _};
use lavoir_core::id::{PersonId, Timestamp, TokenId};
use lavoir_tests::memory::Memory;
use zeroize::Zeroizing;

fn person(number: u64, name: &str) -> KeptPerson {
    KeptPerson {
        person: PersonId(number),
        name: name.into(),
        salt: "00".into(),
        password: Zeroizing::new("$argon2id$".into()),
    }
}

fn session(key: u8, since: u64) -> KeptSession {
    KeptSession {
        id: 0,
        key: [key; 32],
        person: PersonId(1),
        since: Timestamp(since),
        last_used: Timestamp(since),
        browser: "w3m".into(),
    }
}

fn rests_on(session: u64, password: &str) -> RestsOn {
    RestsOn {
        session,
        password: Zeroizing::new(password.into()),
    }
}

async fn keeps_its_word(store: &impl PrivateStore) {
    // People: a row in place of one to which no entry came.
    store.keep_person(&person(1, "wrong")).await.unwrap();
    store.keep_person(&person(1, "Anne")).await.unwrap();
    let people = store.people().await.unwrap();
    assert_eq!((people.len(), people[0].name.as_str()), (1, "Anne"));
    // The code.
    assert!(store.setup_code().await.unwrap().is_none());
    store.keep_setup_code(Some("A")).await.unwrap();
    store.keep_setup_code(Some("B")).await.unwrap();
    assert_eq!(store.setup_code().await.unwrap().unwrap().as_str(), "B");
    store.keep_setup_code(None).await.unwrap();
    assert!(store.setup_code().await.unwrap().is_none());
    // Sessions: at most two here, the oldest goes.
    let mut numbers = Vec::new();
    for key in 1..=3 {
        let made = session(key, u64::from(key) * 100);
        let begun = store.begin_session(&made, "$argon2id$", 2).await;
        numbers.push(begun.unwrap().unwrap());
    }
    // None with a password that is another one by now, none for nobody.
    let late = store.begin_session(&session(7, 300), "$old$", 2).await;
    assert_eq!(late.unwrap(), None);
    let mut nobodys = session(7, 300);
    nobodys.person = PersonId(9);
    let late = store.begin_session(&nobodys, "$argon2id$", 2).await;
    assert_eq!(late.unwrap(), None);
    assert!(store.session(&[7; 32]).await.unwrap().is_none());
    assert!(numbers[0] < numbers[1] && numbers[1] < numbers[2]);
    assert!(store.session(&[1; 32]).await.unwrap().is_none());
    store.use_session(numbers[1], Timestamp(900)).await.unwrap();
    let second = store.session(&[2; 32]).await.unwrap().unwrap();
    assert_eq!((second.id, second.last_used), (numbers[1], Timestamp(900)));
    let listed: Vec<u64> = store
        .sessions(PersonId(1))
        .await
        .unwrap()
        .iter()
        .map(|session| session.id)
        .collect();
    assert_eq!(listed, [numbers[2], numbers[1]]);
    store
        .forget_sessions(Timestamp(0), Timestamp(500))
        .await
        .unwrap();
    assert!(store.session(&[3; 32]).await.unwrap().is_none());
    let fourth = store.begin_session(&session(4, 950), "$argon2id$", 9).await;
    let fourth = fourth.unwrap().unwrap();
    store
        .end_sessions_but(PersonId(1), numbers[1])
        .await
        .unwrap();
    assert!(store.session(&[4; 32]).await.unwrap().is_none());
    // One's own change: with the hash that was checked, in a session of one's own that lives.
    for (session, was) in [(numbers[1], "$old$"), (fourth, "$argon2id$")] {
        let rests_on = rests_on(session, was);
        let set = store.set_password(PersonId(1), "$other$", Some(&rests_on));
        assert!(!set.await.unwrap(), "{session} {was}");
    }
    assert!(store.session(&[2; 32]).await.unwrap().is_some());
    let own = rests_on(numbers[1], "$argon2id$");
    let set = store.set_password(PersonId(1), "$mine$", Some(&own));
    assert!(set.await.unwrap());
    let begun = store.begin_session(&session(2, 960), "$mine$", 9).await;
    assert!(begun.unwrap().is_some());
    let set = store.set_password(PersonId(1), "$other$", None).await;
    assert!(set.unwrap());
    assert!(store.session(&[2; 32]).await.unwrap().is_none());
    assert_eq!(
        store.people().await.unwrap()[0].password.as_str(),
        "$other$"
    );
    // Places.
    let at = Timestamp(1_000);
    store
        .note_place(PersonId(1), "192.0.2.7", at, 3)
        .await
        .unwrap();
    for (person, place, since, known) in [
        (1, "192.0.2.7", 900, true),
        (1, "192.0.2.7", 1_001, false),
        (1, "192.0.2.8", 0, false),
        (0, "192.0.2.7", 0, false),
    ] {
        let knows = store.knows_place(PersonId(person), place, Timestamp(since));
        assert_eq!(knows.await.unwrap(), known, "{person} {place} {since}");
    }
    // Tokens.
    let token = KeptToken {
        token: TokenId(1),
        key: [9; 32],
        label: "backup".into(),
        last_used: None,
    };
    assert!(!store.keep_token(&token, Some(fourth)).await.unwrap());
    assert!(store.tokens().await.unwrap().is_empty());
    let begun = store.begin_session(&session(5, 970), "$other$", 9).await;
    assert!(store.keep_token(&token, begun.unwrap()).await.unwrap());
    assert!(store.keep_token(&token, None).await.unwrap());
    store.use_token(TokenId(1), Timestamp(7)).await.unwrap();
    let kept = store.token(&[9; 32]).await.unwrap().unwrap();
    assert_eq!(kept.last_used, Some(Timestamp(7)));
    assert_eq!(store.tokens().await.unwrap(), [kept]);
    assert!(store.token(&[8; 32]).await.unwrap().is_none());
    store.forget_token(TokenId(1)).await.unwrap();
    assert!(store.tokens().await.unwrap().is_empty());
}

#[tokio::test]
async fn in_memory() {
    keeps_its_word(Memory::still().private_store()).await;
}

#[tokio::test]
async fn in_sqlite() {
    let dir = tempfile::tempdir().unwrap();
    let store = Sqlite::open(&dir.path().join("lavoir.db")).await.unwrap();
    keeps_its_word(&store).await;
}
