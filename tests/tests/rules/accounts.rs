//! Accounts and tokens: who may open, reset, make and end them, row by row.

use lavoir_core::account::Scope;
use lavoir_core::id::TokenId;

use super::*;

const DAY: u64 = limits::DAY_MS;

fn open(number: u64) -> Action {
    Action::OpenAccount {
        person: PersonId(number),
        commitment: "c0ffee".into(),
    }
}

fn reset(number: u64) -> Action {
    Action::ResetPassword {
        person: PersonId(number),
    }
}

fn change_password(number: u64) -> Action {
    Action::ChangePassword {
        person: PersonId(number),
    }
}

fn token(number: u64, scope: Scope, until: u64) -> Action {
    Action::MakeToken {
        token: TokenId(number),
        scope,
        until: Timestamp(until),
    }
}

fn revoke(number: u64) -> Action {
    Action::RevokeToken {
        token: TokenId(number),
    }
}

const ANNE: Actor = Actor::Person(PersonId(1));
const NOBODY: Actor = Actor::Person(PersonId(9));
const PROGRAM: fn(u64) -> Actor = |number| Actor::Token(TokenId(number));

impl Box_ {
    fn by(&mut self, actor: Actor, action: Action) -> &'static str {
        self.ask(actor, Command::Act(action))
    }
}

pub fn rows(b: &mut Box_) {
    // The set-up code opens one account, once.
    assert_eq!(
        b.by(ANNE, open(1)),
        "not-yours",
        "nobody has an account yet"
    );
    assert_eq!(b.act(reset(1)), "no-such-person");
    assert_eq!(b.act(Action::MakeSetupCode), "setup-code-waits");
    assert_eq!(b.act(open(2)), "number-taken");
    assert!(b.state.accounts().setup_code_waits());
    assert_eq!(b.act(open(1)), "yes");
    assert!(!b.state.accounts().setup_code_waits());
    assert_eq!(b.act(open(2)), "setup-code-used");
    assert_eq!(b.act(reset(1)), "setup-code-used");
    // Before the founding, whoever has the account acts alone; others do not.
    assert_eq!(b.by(ANNE, simple("absent", STOP)), "no-such-app");
    assert_eq!(b.by(NOBODY, simple("absent", STOP)), "not-yours");
    assert_eq!(b.by(ANNE, change_password(1)), "yes");
    assert_eq!(b.by(ANNE, change_password(2)), "not-yours");
    assert_eq!(b.act(change_password(1)), "not-yours");
    assert_eq!(b.by(ANNE, Action::MakeSetupCode), "not-yours", "root alone");
    // Tokens: a scope, an end, a number of their own.
    assert_eq!(b.by(ANNE, token(1, Scope::Read, b.next)), "token-life");
    let too_long = b.next + limits::TOKEN_LIFE_MS_MAX + 1;
    assert_eq!(b.by(ANNE, token(1, Scope::Read, too_long)), "token-life");
    assert_eq!(b.by(ANNE, token(2, Scope::Read, DAY)), "number-taken");
    assert_eq!(b.by(ANNE, token(1, Scope::Read, DAY)), "yes");
    assert_eq!(b.by(ANNE, token(2, Scope::Act, DAY)), "yes");
    assert_eq!(b.act(token(3, Scope::Act, DAY)), "yes");
    assert_eq!(b.by(PROGRAM(1), simple("absent", STOP)), "token-reads-only");
    assert_eq!(b.by(PROGRAM(2), simple("absent", STOP)), "no-such-app");
    assert_eq!(b.by(PROGRAM(4), simple("absent", STOP)), "token-ended");
    // A program gives no power on.
    assert_eq!(b.by(PROGRAM(2), token(4, Scope::Act, DAY)), "not-yours");
    assert_eq!(b.by(PROGRAM(2), Action::MakeSetupCode), "not-yours");
    assert_eq!(b.by(ANNE, revoke(3)), "not-yours", "root made it");
    assert_eq!(b.by(ANNE, revoke(2)), "yes");
    assert_eq!(b.by(ANNE, revoke(2)), "no-such-token");
    assert_eq!(b.by(PROGRAM(2), simple("absent", STOP)), "token-ended");
    assert_eq!(
        b.by(ANNE, token(2, Scope::Act, DAY)),
        "number-taken",
        "no number twice"
    );
    // A new code resets the password, and ends that person's tokens.
    assert_eq!(b.act(Action::MakeSetupCode), "yes");
    assert_eq!(b.act(open(2)), "account-there");
    assert_eq!(
        b.by(ANNE, reset(1)),
        "not-yours",
        "the code stands for root"
    );
    assert_eq!(b.act(reset(1)), "yes");
    assert_eq!(b.by(PROGRAM(1), simple("absent", STOP)), "token-ended");
    assert_eq!(b.by(PROGRAM(3), simple("absent", STOP)), "no-such-app");
    // By time.
    let then = std::mem::replace(&mut b.next, DAY);
    assert_eq!(b.by(PROGRAM(3), simple("absent", STOP)), "token-ended");
    b.next = then;
    let mut number = b.state.accounts().next_token().0;
    while b.state.accounts().tokens().len() < limits::TOKENS_MAX {
        assert_eq!(b.act(token(number, Scope::Read, DAY)), "yes");
        number += 1;
    }
    assert_eq!(b.act(token(number, Scope::Read, DAY)), "too-many-tokens");
}

#[test]
fn who_may_open_reset_make_and_end() {
    let mut b = Box_::bare();
    assert_eq!(b.act(open(1)), "not-prepared");
    b.ask(Actor::Installer, prepare());
    rows(&mut b);
}

#[test]
fn each_of_them_has_its_class() {
    for (action, class) in [
        (open(1), Class::B),
        (reset(1), Class::B),
        (Action::MakeSetupCode, Class::B),
        (token(1, Scope::Read, 1), Class::B),
        (change_password(1), Class::A),
        (revoke(1), Class::A),
    ] {
        assert_eq!(class_of(&action), class, "{action:?}");
        assert_eq!(action.app(), None);
    }
}
