//! What has to be kept of certificates: one file each, whole or not at all, readable by the daemon alone.

use std::io;
use std::path::{Path, PathBuf};

use lavoir_core::id::Hostname;
use lavoir_core::renewal::Book;
use lavoir_core::text::Text;
use serde::Serialize;
use serde::de::DeserializeOwned;
use zeroize::Zeroizing;

use super::durable::{self, Access};
use crate::ports::{Answer, CertificateStore, Fault, KeptCertificate, UnderWay};

/// The folder.
pub struct CertificateFolder(PathBuf);

impl CertificateFolder {
    /// Opens it, or makes it.
    ///
    /// # Errors
    /// As the file system says.
    pub fn open(folder: &Path) -> io::Result<Self> {
        durable::make_folder(folder)?;
        Ok(Self(folder.to_owned()))
    }

    fn of(&self, kind: &str, host: &Hostname) -> PathBuf {
        self.0.join(format!("{kind}-{host}.json"))
    }
}

impl CertificateStore for CertificateFolder {
    fn book(&self) -> Answer<Book> {
        Ok(read(&self.0.join("book.json"))?.unwrap_or_default())
    }

    fn keep_book(&self, book: &Book) -> Answer<()> {
        write(&self.0.join("book.json"), book)
    }

    fn certificate(&self, host: &Hostname) -> Answer<Option<KeptCertificate>> {
        read(&self.of("certificate", host))
    }

    fn keep_certificate(&self, host: &Hostname, certificate: &KeptCertificate) -> Answer<()> {
        write(&self.of("certificate", host), certificate)
    }

    fn under_way(&self, host: &Hostname) -> Answer<Option<UnderWay>> {
        read(&self.of("order", host))
    }

    fn keep_under_way(&self, host: &Hostname, under_way: Option<&UnderWay>) -> Answer<()> {
        let path = self.of("order", host);
        match under_way {
            Some(under_way) => write(&path, under_way),
            None => match std::fs::remove_file(&path) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => Err(fault(&path, &error)),
                _ => Ok(()),
            },
        }
    }
}

fn read<T: DeserializeOwned>(path: &Path) -> Answer<Option<T>> {
    let bytes = durable::read(path).map_err(|error| fault(path, &error))?;
    let Some(bytes) = bytes.map(Zeroizing::new) else {
        return Ok(None);
    };
    match serde_json::from_slice(&bytes) {
        Ok(read) => Ok(Some(read)),
        // Its kind and place only: the text may hold a key.
        Err(error) => Err(fault(
            path,
            &format!("{:?}, column {}", error.classify(), error.column()),
        )),
    }
}

fn write(path: &Path, what: &impl Serialize) -> Answer<()> {
    let bytes = serde_json::to_vec(what).map_err(|error| fault(path, &error))?;
    let bytes = Zeroizing::new(bytes);
    durable::write(path, &bytes, Access::PRIVATE).map_err(|error| fault(path, &error))
}

fn fault(path: &Path, error: &dyn std::fmt::Display) -> Fault {
    let path = path.display();
    Fault::passing(
        "certificate-not-kept",
        Text::new(
            format!("Un fichier des certificats TLS est abîmé ou inutilisable : {path} : {error}."),
            format!(
                "A file of the TLS certificates is damaged or cannot be used: {path}: {error}."
            ),
        ),
        Text::new(
            "Vérifiez la place libre et les droits du dossier d'état.",
            "Check the free space and the permissions of the state folder.",
        ),
    )
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use lavoir_core::id::Timestamp;
    use lavoir_core::renewal::Life;
    use lavoir_core::renewal::worth::Paper;
    use std::os::unix::fs::PermissionsExt as _;

    #[test]
    fn kept_closed_and_found_again() {
        let dir = tempfile::tempdir().unwrap();
        let host: Hostname = "a.example.org".parse().unwrap();
        let folder = CertificateFolder::open(dir.path()).unwrap();
        assert_eq!(folder.book().unwrap(), Book::default());
        let mut book = Book::default();
        book.begin(&host, false, Timestamp(1_800_000_000_000));
        folder.keep_book(&book).unwrap();
        let under_way = UnderWay {
            directory: "d".into(),
            url: "u".into(),
            key_pem: "secret".into(),
        };
        folder.keep_under_way(&host, Some(&under_way)).unwrap();
        let certificate = KeptCertificate {
            directory: "d".into(),
            paper: Paper {
                names: vec![host.clone()],
                life: Life {
                    not_before: Timestamp(0),
                    not_after: Timestamp(1),
                },
                self_signed: false,
                key_fits: true,
            },
            chain_pem: "chain".into(),
            key_pem: "secret".into(),
        };
        folder.keep_certificate(&host, &certificate).unwrap();
        assert!(!format!("{under_way:?}{certificate:?}").contains("secret"));

        let again = CertificateFolder::open(dir.path()).unwrap();
        assert_eq!(again.book().unwrap(), book);
        assert_eq!(again.certificate(&host).unwrap(), Some(certificate));
        assert_eq!(again.under_way(&host).unwrap(), Some(under_way));
        for entry in std::fs::read_dir(dir.path()).unwrap() {
            let mode = entry.unwrap().metadata().unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600);
        }
        again.keep_under_way(&host, None).unwrap();
        again.keep_under_way(&host, None).unwrap();
        assert_eq!(again.under_way(&host).unwrap(), None);
        std::fs::write(dir.path().join("book.json"), "{\"secret").unwrap();
        let fault = again.book().unwrap_err();
        assert!(!fault.message.sentence.en.contains("secret"));
    }
}
