//! The loop that keeps the box's public names certified: look, order when it is time, keep, show, again.
//!
//! When is the core's to say ([`lavoir_core::renewal`]); how is the adapters'. Names of a local network are never
//! ordered: the box's own CA certifies them.

mod one;
mod shown;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use lavoir_core::id::{Hostname, Timestamp};
use lavoir_core::limits;
use lavoir_core::renewal::trouble::Trouble;
use lavoir_core::renewal::{Book, Failure, Now};
use lavoir_core::route::{Behind, Closed, Door};
use tokio::sync::watch;

use crate::config::TlsConfig;
use crate::door::Challenge;
use crate::ports::{
    Authorities, CertificateStore, Clock, Entropy, KeptCertificate, NoCertificate, OwnNames,
    ProofZone,
};

pub use shown::{CertificateCard, Chosen, Health, is_local};

/// The world as the loop needs it.
#[derive(Clone)]
pub struct Ports {
    /// Who certifies.
    pub authorities: Arc<dyn Authorities>,
    /// What is kept.
    pub store: Arc<dyn CertificateStore>,
    /// Our names, seen from outside.
    pub own_names: Arc<dyn OwnNames>,
    /// Where proofs are written into the DNS.
    pub zone: Option<Arc<dyn ProofZone>>,
}

/// What passes between the loop and the gateway.
pub struct Gate {
    /// What the gateway is to answer.
    pub challenges: watch::Sender<Vec<Challenge>>,
    /// What it does answer.
    pub answered: watch::Receiver<Vec<Challenge>>,
    /// For it to do so.
    pub patience: Duration,
}

/// The loop.
pub struct Orders<K, E> {
    ports: Ports,
    settings: TlsConfig,
    panel: Hostname,
    clock: K,
    entropy: E,
    gate: Gate,
    cards: watch::Sender<Vec<CertificateCard>>,
    book: Book,
}

impl<K: Clock, E: Entropy> Orders<K, E> {
    /// Ready to run, with what was remembered. A book that cannot be read is begun anew, and said.
    pub fn new(
        ports: Ports,
        settings: TlsConfig,
        panel: Hostname,
        (clock, entropy): (K, E),
        gate: Gate,
        cards: watch::Sender<Vec<CertificateCard>>,
    ) -> Self {
        let book = ports.store.book().unwrap_or_else(|fault| {
            tracing::error!(%fault, "what was remembered of certificates cannot be read");
            Book::default()
        });
        Self {
            ports,
            settings,
            panel,
            clock,
            entropy,
            gate,
            cards,
            book,
        }
    }

    /// For ever.
    pub async fn run(mut self, mut doors: watch::Receiver<Option<Vec<Door>>>) {
        if doors.wait_for(Option::is_some).await.is_err() {
            return;
        }
        self.pick_up().await;
        loop {
            let hosts = hosts(&self.panel, doors.borrow_and_update().as_deref());
            let next = self.look_at_all(&hosts).await;
            let pause = next.0.saturating_sub(self.clock.now().0);
            let pause = pause.clamp(limits::ORDERS_PAUSE_MS, limits::ORDERS_EVERY_MS_MAX);
            tokio::select! {
                changed = doors.changed() => if changed.is_err() { return },
                () = self.clock.sleep(Duration::from_millis(pause)) => {}
            }
        }
    }

    /// Orders that a crash has cut off: ended where the authority lets us, counted as failures where not.
    pub async fn pick_up(&mut self) {
        for host in self.book.unfinished() {
            let now = self.clock.now();
            let ended = match self.ports.store.under_way(&host) {
                Ok(Some(under_way)) => self.finish(&host, &under_way).await,
                _ => Err(Trouble::Interrupted.into()),
            };
            self.note(&host, ended, 0, true, now);
        }
    }

    /// One round. When the next one is due.
    pub async fn look_at_all(&mut self, hosts: &BTreeSet<Hostname>) -> Timestamp {
        self.book.settle(self.clock.now());
        self.book.forget(|host| hosts.contains(host));
        self.tell(hosts);
        let mut next = Timestamp(u64::MAX);
        let ordered: Vec<&Hostname> = hosts.iter().filter(|host| self.is_ordered(host)).collect();
        for host in ordered {
            let mut now = self.what_now(host);
            if let Now::Keep { .. } = now {
                self.read_window(host).await;
                now = self.what_now(host);
            }
            if let Now::Order { authority, way } = now {
                self.order(host, authority, way).await;
                self.tell(hosts);
                now = self.what_now(host);
            }
            next = next.min(match now {
                Now::Keep { until } | Now::Wait { until } => until,
                Now::Order { .. } => self.clock.now(),
                Now::ClockWrong => Timestamp(u64::MAX),
            });
        }
        next
    }

    fn is_ordered(&self, host: &Hostname) -> bool {
        self.settings.authority.is_some() && !is_local(host)
    }

    fn what_now(&self, host: &Hostname) -> Now {
        let held = self.held(host);
        let authorities = self.settings.authorities();
        // One from an authority that is no longer wanted is served, and replaced at once.
        let wanted = held.filter(|held| authorities.iter().any(|a| a.directory == held.directory));
        let life = wanted.as_ref().map(|held| held.paper.life);
        let now = self.clock.now();
        self.book
            .what_now(host, life.as_ref(), authorities.len(), now)
    }

    fn held(&self, host: &Hostname) -> Option<KeptCertificate> {
        self.ports.store.certificate(host).unwrap_or_else(|fault| {
            tracing::warn!(%host, %fault, "a certificate that is kept cannot be read");
            None
        })
    }

    async fn read_window(&mut self, host: &Hostname) {
        let now = self.clock.now();
        if !self.book.window_is_due(host, now) {
            return;
        }
        let Some(held) = self.held(host) else { return };
        let place = |a: &crate::config::AuthorityConfig| a.directory == held.directory;
        let Some(authority) = self.settings.authorities().iter().position(place) else {
            return;
        };
        let asked = self.ports.authorities.window(authority, &held.chain_pem);
        let (window, again_ms) = match asked.await {
            Ok(Some((window, again_ms))) => (Some(window), again_ms),
            Ok(None) => (None, u64::MAX),
            Err(no) => {
                tracing::debug!(%host, ?no, "the authority did not say when to renew");
                (None, 0)
            }
        };
        self.book.note_window(host, window, again_ms, now);
        let _ = self.keep_book();
    }

    /// What came of an order or of a try: into the book, the log and the cards.
    fn note(
        &mut self,
        host: &Hostname,
        ended: Result<(), NoCertificate>,
        authority: usize,
        asked: bool,
        now: Timestamp,
    ) {
        let chance = self.chance();
        match ended {
            Ok(()) => {
                tracing::info!(%host, "a new TLS certificate");
                self.book.succeed(host, chance);
            }
            Err(no) => {
                let name = self.authority_name(authority);
                let message = no.trouble.message(host, &name);
                let detail = no.detail.as_deref().unwrap_or("");
                tracing::warn!(%host, code = message.code, detail, "{}", message.sentence.en);
                let failure = Failure {
                    at: now,
                    authority,
                    trouble: no.trouble,
                    detail: no.detail,
                    asked,
                };
                self.book.fail(host, failure, no.again, chance);
            }
        }
        // A failure to keep it was said; the pauses in memory hold all the same.
        let _ = self.keep_book();
    }

    fn keep_book(&self) -> Result<(), NoCertificate> {
        self.ports.store.keep_book(&self.book).map_err(|fault| {
            tracing::error!(%fault, "what is remembered of certificates cannot be kept");
            NoCertificate::said(Trouble::NotKept, fault)
        })
    }

    fn chance(&self) -> u64 {
        let mut bytes = [0; 8];
        self.entropy.fill(&mut bytes);
        u64::from_le_bytes(bytes)
    }

    fn directory(&self, place: usize) -> Option<String> {
        let authorities = self.settings.authorities();
        authorities
            .get(place)
            .map(|authority| authority.directory.clone())
    }

    fn authority_name(&self, place: usize) -> String {
        let authorities = self.settings.authorities();
        let found = authorities.get(place);
        found.map_or_else(|| "?".to_owned(), |authority| authority.name.clone())
    }

    /// Shows how each name stands.
    fn tell(&self, hosts: &BTreeSet<Hostname>) {
        let names: BTreeMap<String, String> = self
            .settings
            .authorities()
            .into_iter()
            .map(|authority| (authority.directory, authority.name))
            .collect();
        let now = self.clock.now();
        let card = |host: &Hostname| {
            if !self.is_ordered(host) {
                return CertificateCard::own(host);
            }
            let held = self.held(host);
            let last = self
                .book
                .memory(host)
                .and_then(|memory| memory.last.as_ref());
            let told = last.map(|last| {
                let name = self.authority_name(last.authority);
                (last.trouble.message(host, &name), last.detail.clone())
            });
            let clock = || Trouble::Clock.message(host, "");
            let what_now = self.what_now(host);
            let told = match what_now {
                Now::ClockWrong => Some((clock(), None)),
                _ => told,
            };
            CertificateCard::ordered(host, held.as_ref(), &names, told, what_now, now)
        };
        self.cards.send_replace(hosts.iter().map(card).collect());
    }
}

/// The box's addresses: the panel's, and those of all apps that are not removed.
fn hosts(panel: &Hostname, doors: Option<&[Door]>) -> BTreeSet<Hostname> {
    let gone = |door: &&Door| {
        matches!(
            door.behind,
            Behind::Closed {
                why: Closed::Removed,
                ..
            }
        )
    };
    let of_apps = doors.unwrap_or_default().iter().filter(|door| !gone(door));
    of_apps
        .map(|door| door.host.clone())
        .chain([panel.clone()])
        .collect()
}
