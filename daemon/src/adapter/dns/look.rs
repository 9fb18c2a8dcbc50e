//! Our own names, as the world sees them: has it an address, and do we answer there?

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use futures_util::future::{BoxFuture, join_all};
use hickory_proto::op::{Message, Query, ResponseCode};
use hickory_proto::rr::{Name, RecordType};
use lavoir_core::id::Hostname;
use lavoir_core::limits;
use lavoir_core::renewal::trouble::Trouble;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::exchange;
use crate::config::{CheckConfig, Way};
use crate::ports::OwnNames;

/// Addresses of one name that are tried.
const ADDRESSES_MAX: usize = 8;
/// Bytes of an answer that are read.
const ANSWER_BYTES_MAX: u64 = 8 * 1024;

/// Looks from here; a router that does not lead back in makes it blind, which is not held against the name.
pub struct Look(pub CheckConfig);

impl Look {
    async fn addresses(&self, host: &Hostname) -> Result<Vec<IpAddr>, Trouble> {
        let mut found = match self.0.resolver {
            Some(resolver) => {
                let mut all = ask(resolver, host, RecordType::A).await?;
                all.extend(ask(resolver, host, RecordType::AAAA).await?);
                all
            }
            None => match tokio::net::lookup_host((host.as_str(), 0)).await {
                Ok(all) => all.map(|address| address.ip()).collect(),
                Err(error) if is_passing(&error) => return Err(Trouble::Away),
                Err(_) => Vec::new(),
            },
        };
        found.dedup();
        found.truncate(ADDRESSES_MAX);
        if found.is_empty() {
            return Err(Trouble::NoAddress);
        }
        Ok(found)
    }
}

impl OwnNames for Look {
    fn look<'a>(
        &'a self,
        host: &'a Hostname,
        way: Way,
        token: &'a str,
        answer: &'a str,
    ) -> BoxFuture<'a, Result<(), Trouble>> {
        Box::pin(async move {
            let port = match way {
                Way::Dns => return Ok(()),
                Way::Http => self.0.http_port,
                Way::TlsAlpn => self.0.https_port,
            };
            let addresses = self.addresses(host).await?;
            let there = |ip: IpAddr| SocketAddr::new(ip, port);
            let tries = addresses.into_iter().map(async |ip| {
                let limit = Duration::from_millis(limits::NAME_LOOK_MS_MAX);
                let one = async {
                    let stream = TcpStream::connect(there(ip)).await?;
                    match way {
                        Way::Http => says(stream, host, token, answer).await,
                        _ => Ok(true),
                    }
                };
                tokio::time::timeout(limit, one).await
            });
            let seen: Vec<bool> = join_all(tries)
                .await
                .into_iter()
                .filter_map(|one| one.ok()?.ok())
                .collect();
            // One address that leads elsewhere is enough for an authority to go there.
            match seen.as_slice() {
                [] => Err(Trouble::PortClosed(port)),
                all if all.iter().all(|ours| *ours) => Ok(()),
                _ => Err(Trouble::Elsewhere),
            }
        })
    }
}

/// Whether what answers there is this box.
async fn says(
    mut stream: TcpStream,
    host: &Hostname,
    token: &str,
    answer: &str,
) -> io::Result<bool> {
    let request = format!(
        "GET /.well-known/acme-challenge/{token} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).await?;
    let mut page = Vec::new();
    (&mut stream)
        .take(ANSWER_BYTES_MAX)
        .read_to_end(&mut page)
        .await?;
    Ok(page.ends_with(answer.as_bytes()))
}

async fn ask(
    resolver: SocketAddr,
    host: &Hostname,
    kind: RecordType,
) -> Result<Vec<IpAddr>, Trouble> {
    let mut name = Name::from_ascii(host.as_str()).map_err(|_| Trouble::NoAddress)?;
    name.set_fqdn(true);
    let mut question = Message::query();
    question.metadata.recursion_desired = true;
    question.add_query(Query::query(name, kind));
    let bytes = question.to_vec().map_err(|_| Trouble::NoAddress)?;
    // A resolver that is away says nothing about the name.
    let answer = exchange(resolver, &bytes)
        .await
        .map_err(|_| Trouble::Away)?;
    let answer = Message::from_vec(&answer).map_err(|_| Trouble::Away)?;
    if answer.metadata.id != question.metadata.id {
        return Err(Trouble::Away);
    }
    match answer.metadata.response_code {
        ResponseCode::NoError | ResponseCode::NXDomain => {
            let found = answer.answers.iter();
            Ok(found.filter_map(|record| record.data.ip_addr()).collect())
        }
        _ => Err(Trouble::Away),
    }
}

/// The system's resolver says both by one kind of error, and which by its text.
fn is_passing(error: &io::Error) -> bool {
    error.to_string().contains("Temporary failure")
}
