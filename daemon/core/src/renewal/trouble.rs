//! Why there is no new TLS certificate, in words (law L11).

use alloc::format;
use alloc::string::{String, ToString as _};

use serde::{Deserialize, Serialize};

use super::worth::Worse;
use crate::id::Hostname;
use crate::text::{Message, Text};

/// Why an order was not placed or came to nothing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Trouble {
    /// The name has no address in the DNS.
    NoAddress,
    /// The name leads to another machine.
    Elsewhere,
    /// Nothing answers on the port that the authority will ask.
    PortClosed(u16),
    /// The authority could not see that the name is ours, for another reason.
    NotProven,
    /// The DNS server that we were to write to refused, or is away.
    DnsServer,
    /// A CAA record forbids this authority.
    Caa,
    /// The authority never issues for this name.
    NameRefused,
    /// The authority's limit is reached.
    Limit,
    /// The authority does not answer, or is broken.
    Away,
    /// What answers in the authority's place is not trusted.
    Untrusted,
    /// The machine's clock is wrong.
    Clock,
    /// The authority does not take the contact address.
    Contact,
    /// The account is not valid any more; the next try makes a new one.
    Account,
    /// The authority refused for a reason of its own.
    Refused,
    /// What came is worse than what is in use.
    Worse(Worse),
    /// The gateway did not take the answer to the challenge.
    Gateway,
    /// The certificate could not be kept on the disk.
    NotKept,
    /// The daemon ended during the order.
    Interrupted,
}

/// Whose doing it is: it decides how long is waited, and whether another authority may help.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cause {
    /// The authority was asked to look and did not find what it needs: this counts against its limits.
    Name,
    /// The authority itself: another one may do better.
    Authority,
    /// Ourselves: no authority was troubled.
    Here,
}

impl Trouble {
    /// Whose doing it is.
    pub fn cause(&self) -> Cause {
        match self {
            Self::NoAddress
            | Self::PortClosed(_)
            | Self::Elsewhere
            | Self::NotProven
            | Self::Interrupted => Cause::Name,
            Self::Caa
            | Self::NameRefused
            | Self::Limit
            | Self::Away
            | Self::Untrusted
            | Self::Contact
            | Self::Account
            | Self::Refused
            | Self::Worse(_) => Cause::Authority,
            Self::DnsServer | Self::Clock | Self::Gateway | Self::NotKept => Cause::Here,
        }
    }

    /// In words. `authority` is its name for people.
    pub fn message(&self, host: &Hostname, authority: &str) -> Message {
        let (code, sentence, next_step) = self.words(host, authority);
        Message {
            code: code.to_string(),
            sentence,
            next_step,
        }
    }

    fn words(&self, host: &Hostname, authority: &str) -> (&'static str, Text, Text) {
        match self {
            Self::NoAddress => (
                "name-without-address",
                both(
                    format!("Le nom {host} n'a pas d'adresse dans le DNS."),
                    format!("The name {host} has no address in the DNS."),
                ),
                both(
                    "Chez le fournisseur du domaine, créez un enregistrement A (et AAAA en IPv6) vers l'adresse de cette machine.",
                    "At the domain's provider, create an A record (and AAAA for IPv6) with this machine's address.",
                ),
            ),
            Self::Elsewhere => (
                "name-points-elsewhere",
                both(
                    format!("Le nom {host} ne mène pas à cette machine."),
                    format!("The name {host} does not lead to this machine."),
                ),
                both(
                    "Corrigez son enregistrement A ou AAAA, ou la redirection du port 80 dans votre box Internet.",
                    "Correct its A or AAAA record, or the redirection of port 80 in your Internet router.",
                ),
            ),
            Self::PortClosed(port) => (
                "port-closed",
                both(
                    format!("Le port {port} de {host} ne répond pas depuis l'extérieur."),
                    format!("Port {port} of {host} does not answer from outside."),
                ),
                both(
                    format!(
                        "Dans votre box Internet, redirigez le port {port} vers cette machine ; dans le pare-feu, ouvrez-le."
                    ),
                    format!(
                        "In your Internet router, redirect port {port} to this machine; in the firewall, open it."
                    ),
                ),
            ),
            Self::NotProven => (
                "name-not-proven",
                both(
                    format!("{authority} n'a pas pu vérifier que {host} est à vous."),
                    format!("{authority} could not verify that {host} is yours."),
                ),
                both(
                    "Vérifiez le DNS et les ports 80 et 443 ; la cause exacte est dans la ligne suivante et dans le journal.",
                    "Check the DNS and ports 80 and 443; the exact cause is in the next line and in the log.",
                ),
            ),
            Self::DnsServer => (
                "dns-server-refuses",
                both(
                    format!(
                        "Le serveur DNS n'a pas accepté l'enregistrement qui prouve que {host} est à vous."
                    ),
                    format!(
                        "The DNS server did not accept the record that proves that {host} is yours."
                    ),
                ),
                both(
                    "Vérifiez [tls.dns] dans lavoir.toml : serveur, zone, nom et fichier de la clé TSIG, et les droits de cette clé.",
                    "Check [tls.dns] in lavoir.toml: server, zone, name and file of the TSIG key, and what this key may do.",
                ),
            ),
            Self::Caa => (
                "caa-forbids",
                both(
                    format!(
                        "Un enregistrement CAA du domaine interdit à {authority} de certifier {host}."
                    ),
                    format!(
                        "A CAA record of the domain forbids {authority} from certifying {host}."
                    ),
                ),
                both(
                    "Ajoutez cette autorité à l'enregistrement CAA, ou choisissez-en une autre dans [tls].",
                    "Add this authority to the CAA record, or choose another one in [tls].",
                ),
            ),
            Self::NameRefused => (
                "name-refused",
                both(
                    format!("{authority} ne certifie pas le nom {host}."),
                    format!("{authority} does not certify the name {host}."),
                ),
                both(
                    "Choisissez une autre adresse pour ce service, ou une autre autorité dans [tls].",
                    "Choose another address for this app, or another authority in [tls].",
                ),
            ),
            Self::Limit => (
                "authority-limit",
                both(
                    format!(
                        "La limite de {authority} est atteinte : trop de demandes récentes pour {host} ou son domaine."
                    ),
                    format!(
                        "The limit of {authority} is reached: too many recent orders for {host} or its domain."
                    ),
                ),
                both(
                    "Rien à faire : la machine redemande d'elle-même, à la date indiquée.",
                    "Nothing to do: the box asks again by itself, on the date given.",
                ),
            ),
            Self::Away => (
                "authority-away",
                both(
                    format!("{authority} ne répond pas."),
                    format!("{authority} does not answer."),
                ),
                both(
                    "Vérifiez l'accès à Internet ; la machine redemande d'elle-même.",
                    "Check the Internet connection; the box asks again by itself.",
                ),
            ),
            Self::Untrusted => (
                "authority-untrusted",
                both(
                    format!(
                        "Ce qui répond à l'adresse de {authority} n'a pas de certificat reconnu."
                    ),
                    format!(
                        "What answers at the address of {authority} has no certificate that is trusted."
                    ),
                ),
                both(
                    "Pour une autorité privée, donnez sa racine dans [tls] roots ; sinon, un réseau filtrant s'interpose.",
                    "For a private authority, give its root in [tls] roots; otherwise a filtering network stands in between.",
                ),
            ),
            Self::Clock => (
                "clock-wrong",
                both(
                    "L'horloge de la machine est fausse : aucun certificat ne peut être demandé.",
                    "The machine's clock is wrong: no certificate can be ordered.",
                ),
                both(
                    "Mettez-la à l'heure (timedatectl set-ntp true), puis changez la pile de la carte mère si cela revient.",
                    "Set it right (timedatectl set-ntp true); if it happens again, change the battery of the mainboard.",
                ),
            ),
            Self::Contact => (
                "contact-refused",
                both(
                    format!("{authority} n'accepte pas l'adresse de contact."),
                    format!("{authority} does not accept the contact address."),
                ),
                both(
                    "Corrigez contact dans [tls] de lavoir.toml, ou retirez cette ligne.",
                    "Correct contact in [tls] of lavoir.toml, or remove this line.",
                ),
            ),
            Self::Account => (
                "account-revoked",
                both(
                    format!("Le compte de cette machine chez {authority} n'est plus valable."),
                    format!("This box's account with {authority} is not valid any more."),
                ),
                both(
                    "Rien à faire : la machine en crée un nouveau au prochain essai.",
                    "Nothing to do: the box makes a new one at the next try.",
                ),
            ),
            Self::Refused => (
                "authority-refuses",
                both(
                    format!("{authority} a refusé la demande pour {host}."),
                    format!("{authority} refused the order for {host}."),
                ),
                both(
                    "La raison qu'elle donne est dans la ligne suivante et dans le journal.",
                    "The reason it gives is in the next line and in the log.",
                ),
            ),
            Self::Worse(_) => (
                "certificate-worse",
                both(
                    format!(
                        "{authority} a donné pour {host} un certificat moins bon que celui en service ; il n'est pas utilisé."
                    ),
                    format!(
                        "{authority} gave a certificate for {host} that is worse than the one in use; it is not used."
                    ),
                ),
                both(
                    "Vérifiez l'autorité choisie dans [tls] ; l'ancien certificat reste en service.",
                    "Check the authority chosen in [tls]; the old certificate stays in use.",
                ),
            ),
            Self::Gateway => (
                "gateway-away",
                both(
                    "La passerelle n'a pas accepté la réponse à la vérification.",
                    "The gateway did not accept the answer to the challenge.",
                ),
                both(
                    "Regardez lavoir-gateway : systemctl status lavoir-gateway.",
                    "Look at lavoir-gateway: systemctl status lavoir-gateway.",
                ),
            ),
            Self::NotKept => (
                "certificate-not-kept",
                both(
                    "Les fichiers des certificats n'ont pas pu être écrits sur le disque.",
                    "The certificates' files could not be written to the disk.",
                ),
                both(
                    "Vérifiez la place libre et les droits du dossier d'état.",
                    "Check the free space and the permissions of the state folder.",
                ),
            ),
            Self::Interrupted => (
                "order-interrupted",
                both(
                    format!("La demande pour {host} a été interrompue."),
                    format!("The order for {host} was interrupted."),
                ),
                both(
                    "Rien à faire : la machine redemande d'elle-même.",
                    "Nothing to do: the box asks again by itself.",
                ),
            ),
        }
    }
}

fn both(fr: impl Into<String>, en: impl Into<String>) -> Text {
    Text::new(fr, en)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use alloc::collections::BTreeSet;

    #[test]
    fn each_has_its_code_and_speaks_both_languages() {
        let all = [
            Trouble::NoAddress,
            Trouble::Elsewhere,
            Trouble::PortClosed(80),
            Trouble::NotProven,
            Trouble::DnsServer,
            Trouble::Caa,
            Trouble::NameRefused,
            Trouble::Limit,
            Trouble::Away,
            Trouble::Untrusted,
            Trouble::Clock,
            Trouble::Contact,
            Trouble::Account,
            Trouble::Refused,
            Trouble::Worse(Worse::Shorter),
            Trouble::Gateway,
            Trouble::NotKept,
            Trouble::Interrupted,
        ];
        let host = "blog.example.org".parse().unwrap();
        let mut codes = BTreeSet::new();
        for trouble in &all {
            let message = trouble.message(&host, "Let's Encrypt");
            for text in [&message.sentence, &message.next_step] {
                assert!(
                    text.fr.ends_with('.') && text.en.ends_with('.'),
                    "{message:?}"
                );
                assert_ne!(text.fr, text.en);
            }
            codes.insert(message.code);
        }
        assert_eq!(codes.len(), all.len());
    }
}
