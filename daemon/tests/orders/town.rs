//! Everything around the loop, in memory and to be told what to do: an authority, a disk, a clock, a gateway.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::future::BoxFuture;
use lavoir::config::{TlsConfig, Way};
use lavoir::door::Challenge;
use lavoir::orders::{CertificateCard, Gate, Orders, Ports};
use lavoir::ports::*;
use lavoir_core::id::{Hostname, Timestamp};
use lavoir_core::renewal::trouble::Trouble;
use lavoir_core::renewal::worth::Paper;
use lavoir_core::renewal::{Book, Life, Window};
use lavoir_core::text::Text;
use tokio::sync::watch;

pub const NOW: u64 = 1_800_000_000_000;
pub const MINUTE: u64 = 60_000;
pub const DAY: u64 = 24 * 60 * MINUTE;
pub const FIRST: &str = "https://first.example/dir";
pub const SECOND: &str = "https://second.example/dir";

pub fn host(name: &str) -> Hostname {
    name.parse().unwrap()
}

/// What the authority does with the next order.
#[derive(Clone)]
pub enum Does {
    /// A certificate such as this.
    Gives(fn(&mut KeptCertificate)),
    /// Refuses.
    Fails(Trouble),
    /// Says when to come again.
    Limits(Timestamp),
    /// Certifies, and then the power goes: nothing ever comes back.
    GoesSilent,
    /// Certifies, and the answer is lost on the way.
    LosesTheAnswer,
}

#[derive(Default)]
pub struct Facts {
    /// Told one by one; then it gives good ones.
    pub does: VecDeque<Does>,
    /// Every order: from whom, for what, how, whether it replaces one.
    pub orders: Vec<(usize, String, Way, bool)>,
    /// Orders that were ended later.
    pub finished: u32,
    pub book: Option<String>,
    pub certificates: BTreeMap<Hostname, KeptCertificate>,
    pub under_way: BTreeMap<Hostname, UnderWay>,
    /// The disk takes no certificates; nothing at all.
    pub disk_full: bool,
    pub disk_broken: bool,
    /// What our own look finds.
    pub found: Option<Trouble>,
    /// Proofs that stand in the DNS.
    pub in_dns: BTreeSet<String>,
    pub window: Option<(Window, u64)>,
    /// Orders placed that the book on the disk did not know of.
    pub unnoted: u32,
}

#[derive(Clone)]
pub struct Town {
    facts: Arc<Mutex<Facts>>,
    now: Arc<AtomicU64>,
}

impl Town {
    pub fn new() -> Self {
        Self {
            facts: Arc::default(),
            now: Arc::new(AtomicU64::new(NOW)),
        }
    }

    pub fn facts(&self) -> std::sync::MutexGuard<'_, Facts> {
        self.facts.lock().unwrap()
    }

    pub fn set(&self, now: u64) {
        self.now.store(now, Ordering::SeqCst);
    }

    pub fn time(&self) -> u64 {
        self.now.load(Ordering::SeqCst)
    }

    pub fn certificate(&self, directory: &str, name: &Hostname) -> KeptCertificate {
        KeptCertificate {
            directory: directory.into(),
            paper: Paper {
                names: vec![name.clone()],
                life: Life {
                    not_before: Timestamp(self.time().saturating_sub(60 * MINUTE)),
                    not_after: Timestamp(self.time() + 90 * DAY),
                },
                self_signed: false,
                key_fits: true,
            },
            chain_pem: format!("chain of {}", self.time()),
            key_pem: "key".into(),
        }
    }

    fn give(&self, directory: &str, name: &Hostname) -> KeptCertificate {
        self.certificate(directory, name)
    }
}

fn broken() -> Fault {
    Fault::passing(
        "certificate-not-kept",
        Text::new("x", "x"),
        Text::new("y", "y"),
    )
}

impl Authorities for Town {
    fn order<'a>(
        &'a self,
        order: &'a Order,
        proofs: &'a dyn Proofs,
    ) -> BoxFuture<'a, Result<KeptCertificate, NoCertificate>> {
        Box::pin(async move {
            let directory = [FIRST, SECOND][order.authority];
            let does = {
                let mut facts = self.facts();
                let name = order.host.to_string();
                facts
                    .orders
                    .push((order.authority, name, order.way, order.replaces.is_some()));
                let noted = facts.book.clone().is_some_and(|book| {
                    let book: Book = serde_json::from_str(&book).unwrap();
                    book.unfinished().contains(&order.host)
                });
                facts.unnoted += u32::from(!noted);
                facts.does.pop_front().unwrap_or(Does::Gives(|_| ()))
            };
            let proof = match order.way {
                Way::Dns => Proof::Dns {
                    value: format!("proof {}", self.time()),
                },
                _ => Proof::Http {
                    token: "token".into(),
                    answer: "answer".into(),
                },
            };
            proofs.show(proof).await?;
            match does {
                Does::Fails(trouble) => Err(NoCertificate::said(trouble, "it said so")),
                Does::Limits(again) => Err(NoCertificate {
                    again: Some(again),
                    ..Trouble::Limit.into()
                }),
                Does::Gives(change) => {
                    proofs.keep(&UnderWay {
                        directory: directory.into(),
                        url: "order".into(),
                        key_pem: "key".into(),
                    })?;
                    let mut given = self.give(directory, &order.host);
                    change(&mut given);
                    Ok(given)
                }
                Does::GoesSilent | Does::LosesTheAnswer => {
                    proofs.keep(&UnderWay {
                        directory: directory.into(),
                        url: "order".into(),
                        key_pem: "key".into(),
                    })?;
                    match does {
                        Does::GoesSilent => std::future::pending().await,
                        _ => Err(Trouble::Away.into()),
                    }
                }
            }
        })
    }

    fn finish<'a>(
        &'a self,
        name: &'a Hostname,
        under_way: &'a UnderWay,
    ) -> BoxFuture<'a, Result<KeptCertificate, NoCertificate>> {
        Box::pin(async move {
            let does = self.facts().does.pop_front();
            if let Some(Does::Fails(trouble)) = does {
                return Err(trouble.into());
            }
            self.facts().finished += 1;
            Ok(self.give(&under_way.directory, name))
        })
    }

    fn window<'a>(
        &'a self,
        _: usize,
        _: &'a str,
    ) -> BoxFuture<'a, Result<Option<(Window, u64)>, NoCertificate>> {
        Box::pin(async move { Ok(self.facts().window) })
    }
}

impl CertificateStore for Town {
    fn book(&self) -> Answer<Book> {
        let book = self.facts().book.clone();
        Ok(book.map_or_else(Book::default, |text| serde_json::from_str(&text).unwrap()))
    }
    fn keep_book(&self, book: &Book) -> Answer<()> {
        if self.facts().disk_broken {
            return Err(broken());
        }
        self.facts().book = Some(serde_json::to_string(book).unwrap());
        Ok(())
    }
    fn certificate(&self, name: &Hostname) -> Answer<Option<KeptCertificate>> {
        Ok(self.facts().certificates.get(name).cloned())
    }
    fn keep_certificate(&self, name: &Hostname, certificate: &KeptCertificate) -> Answer<()> {
        if self.facts().disk_full {
            return Err(broken());
        }
        let certificate = certificate.clone();
        self.facts().certificates.insert(name.clone(), certificate);
        Ok(())
    }
    fn under_way(&self, name: &Hostname) -> Answer<Option<UnderWay>> {
        Ok(self.facts().under_way.get(name).cloned())
    }
    fn keep_under_way(&self, name: &Hostname, under_way: Option<&UnderWay>) -> Answer<()> {
        let mut facts = self.facts();
        match under_way {
            Some(under_way) => facts.under_way.insert(name.clone(), under_way.clone()),
            None => facts.under_way.remove(name),
        };
        Ok(())
    }
}

impl OwnNames for Town {
    fn look<'a>(
        &'a self,
        _: &'a Hostname,
        _: Way,
        _: &'a str,
        _: &'a str,
    ) -> BoxFuture<'a, Result<(), Trouble>> {
        Box::pin(async move { self.facts().found.clone().map_or(Ok(()), Err) })
    }
}

impl ProofZone for Town {
    fn put<'a>(
        &'a self,
        _: &'a Hostname,
        text: &'a str,
    ) -> BoxFuture<'a, Result<(), NoCertificate>> {
        Box::pin(async move {
            self.facts().in_dns.insert(text.to_owned());
            Ok(())
        })
    }
    fn remove<'a>(
        &'a self,
        _: &'a Hostname,
        text: &'a str,
    ) -> BoxFuture<'a, Result<(), NoCertificate>> {
        Box::pin(async move {
            self.facts().in_dns.remove(text);
            Ok(())
        })
    }
}

impl Clock for Town {
    fn now(&self) -> Timestamp {
        Timestamp(self.time())
    }
    async fn sleep(&self, duration: Duration) {
        tokio::time::sleep(duration).await;
    }
}

impl Entropy for Town {
    fn fill(&self, bytes: &mut [u8]) {
        bytes.fill(0);
    }
}

/// The loop over a town, and its cards. A gateway answers what it is told to, if there is one.
pub struct Running {
    pub orders: Orders<Town, Town>,
    pub cards: watch::Receiver<Vec<CertificateCard>>,
    pub gateway: Option<tokio::task::JoinHandle<()>>,
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Some(gateway) = &self.gateway {
            gateway.abort();
        }
    }
}

pub fn start(town: &Town, with_gateway: bool, change: impl FnOnce(&mut TlsConfig)) -> Running {
    let mut settings = TlsConfig {
        authority: Some(FIRST.into()),
        ..TlsConfig::default()
    };
    change(&mut settings);
    let all = Arc::new(town.clone());
    let ports = Ports {
        authorities: all.clone(),
        store: all.clone(),
        own_names: all.clone(),
        zone: Some(all),
    };
    let (challenges, mut asked) = watch::channel(Vec::<Challenge>::new());
    let (answers, answered) = watch::channel(Vec::new());
    let gateway = with_gateway.then(|| {
        tokio::spawn(async move {
            while asked.changed().await.is_ok() {
                let now = asked.borrow_and_update().clone();
                answers.send_replace(now);
            }
        })
    });
    let gate = Gate {
        challenges,
        answered,
        patience: Duration::from_millis(if with_gateway { 10_000 } else { 50 }),
    };
    let (tell, cards) = watch::channel(Vec::new());
    let chances = (town.clone(), town.clone());
    let orders = Orders::new(
        ports,
        settings,
        host("box.example.org"),
        chances,
        gate,
        tell,
    );
    Running {
        orders,
        cards,
        gateway,
    }
}

impl Running {
    /// One round over one name; when the next is due.
    pub async fn round(&mut self, name: &str) -> u64 {
        self.orders
            .look_at_all(&BTreeSet::from([host(name)]))
            .await
            .0
    }

    /// The one card, as it is after a round.
    pub fn card(&self) -> CertificateCard {
        self.cards.borrow()[0].clone()
    }

    /// Its trouble's code.
    pub fn code(&self) -> String {
        self.card()
            .trouble
            .map_or_else(String::new, |trouble| trouble.code)
    }
}
