//! One order, from the look at our own name to the certificate on the disk.

use std::sync::Mutex;
use std::time::Duration;

use futures_util::future::BoxFuture;
use lavoir_core::id::Hostname;
use lavoir_core::limits;
use lavoir_core::renewal::trouble::Trouble;
use lavoir_core::renewal::worth;
use tokio::sync::watch;

use super::{Gate, Orders, Ports};
use crate::config::Way;
use crate::door::{Certificate, Challenge};
use crate::ports::{
    Clock, Entropy, KeptCertificate, NoCertificate, Order, Proof, Proofs, UnderWay,
};

impl<K: Clock, E: Entropy> Orders<K, E> {
    pub(super) async fn order(&mut self, host: &Hostname, authority: usize, way: u32) {
        let ways = &self.settings.challenges;
        let way = usize::try_from(way).unwrap_or(0) % ways.len().max(1);
        let way = ways.get(way).copied().unwrap_or(Way::Http);
        let look = self.look_at_own(host, way).await;
        let now = self.clock.now();
        if let Err(found) = &look
            && !self.book.is_worth_asking(host, found, now)
        {
            self.note(host, Err(found.clone().into()), authority, false, now);
            return;
        }
        // On the disk before anybody is asked: a crash must not forget what counts against a limit.
        let held = self.held(host);
        self.book.begin(host, held.is_some(), now);
        if let Err(no) = self.keep_book() {
            self.note(host, Err(no), authority, false, now);
            return;
        }
        let order = Order {
            authority,
            host: host.clone(),
            way,
            // Another authority knows nothing of it.
            replaces: held
                .filter(|held| self.directory(authority).as_ref() == Some(&held.directory))
                .map(|held| held.chain_pem.clone()),
        };
        // An order that another authority has not ended must not keep this one from its turn.
        let asked = self.directory(authority);
        let under_way = self.ports.store.under_way(host).ok().flatten();
        let under_way = under_way.filter(|begun| asked.as_ref() == Some(&begun.directory));
        let ended = match under_way {
            // Certified, but not kept: nothing new is asked for.
            Some(under_way) => match self.finish(host, &under_way).await {
                Err(no) if no.trouble == Trouble::Interrupted => self.place(&order).await,
                ended => ended,
            },
            None => self.place(&order).await,
        };
        let ended = ended.map_err(|no| match (&no.trouble, look) {
            // The authority saw that something is wrong, our own look saw what.
            (Trouble::NotProven, Err(found)) => NoCertificate {
                trouble: found,
                ..no
            },
            _ => no,
        });
        self.note(host, ended, authority, true, now);
        // The gateway is shown what there is now, whether or not there were challenges.
        self.gate.challenges.send_modify(Vec::clear);
    }

    async fn place(&self, order: &Order) -> Result<(), NoCertificate> {
        let shown = Shown {
            gate: &self.gate,
            ports: &self.ports,
            host: &order.host,
            ways: &self.settings.challenges,
            in_dns: Mutex::default(),
        };
        let limit = Duration::from_millis(limits::ORDER_MS_MAX);
        let ordered = self.ports.authorities.order(order, &shown);
        let ordered = tokio::time::timeout(limit, ordered).await;
        shown.take_down().await;
        match ordered {
            Ok(Ok(new)) => self.keep(&order.host, &new),
            Ok(Err(no)) => {
                self.forget_unless_passing(&order.host, &no.trouble);
                Err(no)
            }
            // What is under way stays: the next try begins by ending it.
            Err(_) => Err(NoCertificate::said(
                Trouble::Away,
                "the order takes too long",
            )),
        }
    }

    pub(super) async fn finish(
        &self,
        host: &Hostname,
        under_way: &UnderWay,
    ) -> Result<(), NoCertificate> {
        match self.ports.authorities.finish(host, under_way).await {
            Ok(new) => self.keep(host, &new),
            Err(no) => {
                self.forget_unless_passing(host, &no.trouble);
                Err(no)
            }
        }
    }

    fn keep(&self, host: &Hostname, new: &KeptCertificate) -> Result<(), NoCertificate> {
        // One of an authority that is not asked any more is to be replaced, whatever it is worth.
        let asked = self.settings.authorities();
        let held = self
            .held(host)
            .filter(|held| asked.iter().any(|asked| asked.directory == held.directory));
        let held = held.as_ref().map(|held| &held.paper);
        let short_wanted = self.settings.profile.is_some();
        let now = self.clock.now();
        if let Err(why) = worth::may_replace(held, &new.paper, host, short_wanted, now) {
            self.forget_under_way(host);
            return Err(Trouble::Worse(why).into());
        }
        let kept = self.ports.store.keep_certificate(host, new);
        kept.map_err(|fault| NoCertificate::said(Trouble::NotKept, fault))?;
        self.forget_under_way(host);
        Ok(())
    }

    /// What the authority may have certified before the line broke is ended by the next try: asked for anew, it would
    /// count against the authority's limits each time.
    fn forget_unless_passing(&self, host: &Hostname, trouble: &Trouble) {
        use Trouble::{Away, Clock, Limit, Untrusted};
        if !matches!(trouble, Away | Clock | Limit | Untrusted) {
            self.forget_under_way(host);
        }
    }

    fn forget_under_way(&self, host: &Hostname) {
        if let Err(fault) = self.ports.store.keep_under_way(host, None) {
            tracing::warn!(%host, %fault, "an order that has ended cannot be forgotten");
        }
    }

    /// Sees the name as the world does, as far as that can be told from here.
    async fn look_at_own(&self, host: &Hostname, way: Way) -> Result<(), Trouble> {
        let mut bytes = [0; 16];
        self.entropy.fill(&mut bytes);
        let token = format!("self-{}", lavoir_core::ledger::hex(&bytes));
        let answer = format!("{token}.{host}");
        if way == Way::Http {
            let challenge = Challenge::Http {
                host: host.clone(),
                token: token.clone(),
                answer: answer.clone(),
            };
            show(&self.gate, challenge).await.map_err(|no| no.trouble)?;
        }
        let look = self.ports.own_names.look(host, way, &token, &answer).await;
        self.gate.challenges.send_modify(Vec::clear);
        look
    }
}

/// Has the gateway answer a challenge, and waits until it does.
async fn show(gate: &Gate, challenge: Challenge) -> Result<(), NoCertificate> {
    gate.challenges
        .send_modify(|all| all.push(challenge.clone()));
    let mut answered: watch::Receiver<Vec<Challenge>> = gate.answered.clone();
    let there = answered.wait_for(|all| all.contains(&challenge));
    match tokio::time::timeout(gate.patience, there).await {
        Ok(Ok(_)) => Ok(()),
        _ => Err(Trouble::Gateway.into()),
    }
}

/// What is shown to the world for one order.
struct Shown<'a> {
    gate: &'a Gate,
    ports: &'a Ports,
    host: &'a Hostname,
    ways: &'a [Way],
    in_dns: Mutex<Vec<String>>,
}

impl Shown<'_> {
    async fn take_down(&self) {
        self.gate.challenges.send_modify(Vec::clear);
        let texts = match self.in_dns.lock() {
            Ok(mut texts) => std::mem::take(&mut *texts),
            Err(_) => Vec::new(),
        };
        let Some(zone) = &self.ports.zone else { return };
        for text in texts {
            if let Err(no) = zone.remove(self.host, &text).await {
                tracing::warn!(host = %self.host, ?no, "a proof stays in the DNS");
            }
        }
    }
}

impl Proofs for Shown<'_> {
    fn show(&self, proof: Proof) -> BoxFuture<'_, Result<(), NoCertificate>> {
        Box::pin(async move {
            match proof {
                Proof::Http { token, answer } => {
                    let host = self.host.clone();
                    let challenge = Challenge::Http {
                        host,
                        token,
                        answer,
                    };
                    show(self.gate, challenge).await
                }
                Proof::TlsAlpn { chain_pem, key_pem } => {
                    let certificate = Certificate {
                        hostnames: vec![self.host.clone()],
                        chain_pem,
                        key_pem,
                    };
                    show(self.gate, Challenge::TlsAlpn { certificate }).await
                }
                Proof::Dns { value } => {
                    let Some(zone) = &self.ports.zone else {
                        return Err(Trouble::DnsServer.into());
                    };
                    // Noted first: also what was half written is taken away.
                    if let Ok(mut texts) = self.in_dns.lock() {
                        texts.push(value.clone());
                    }
                    zone.put(self.host, &value).await
                }
            }
        })
    }

    fn keep(&self, under_way: &UnderWay) -> Result<(), NoCertificate> {
        let kept = self.ports.store.keep_under_way(self.host, Some(under_way));
        kept.map_err(|fault| NoCertificate::said(Trouble::NotKept, fault))
    }

    fn ways(&self) -> &[Way] {
        self.ways
    }
}
