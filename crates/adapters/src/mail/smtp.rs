//! Mail by SMTP, to the server that the operator names, encrypted unless they say otherwise.
//! It does not know when a letter is tried again; it tells whether the server answered, and what.

use std::path::{Path, PathBuf};
use std::time::Duration;

use async_trait::async_trait;
use domain::text::Email;
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Certificate, Tls as Encryption, TlsParameters};
use lettre::transport::smtp::{self, PoolConfig};
use lettre::{AsyncSmtpTransport, AsyncTransport, Tokio1Executor};
use services::mail::{Letter, Refused, Transport};

use super::message::message;

/// Connections that are kept open at most, and for how long without use.
const CONNECTIONS_MAX: u32 = 4;
const IDLE: Duration = Duration::from_secs(30);

/// How a connection is encrypted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tls {
    /// From the first byte; port 465.
    Implicit,
    /// Begins plainly, and goes on only encrypted; port 587.
    StartTls,
    /// Encrypted where the server can.
    Opportunistic,
    None,
}

/// Where a mail server is, and how it is asked.
#[derive(Clone)]
pub struct Server {
    pub host: String,
    pub port: u16,
    pub tls: Tls,
    /// An authority (PEM) that is trusted beside the usual ones.
    pub ca_file: Option<PathBuf>,
    /// User and password.
    pub credentials: Option<(String, String)>,
    /// For each step of the conversation.
    pub timeout: Duration,
}

/// Why a mail server cannot even be asked.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    #[error("{path} cannot be read: {source}")]
    Authority { path: PathBuf, source: std::io::Error },
    #[error("TLS for the mail server cannot be set up: {0}")]
    Tls(String),
}

/// A mail server.
pub struct Smtp {
    mailer: AsyncSmtpTransport<Tokio1Executor>,
    told: String,
}

impl Smtp {
    /// Asks nothing of the server yet. Needs a runtime.
    ///
    /// # Errors
    /// When the authority's file is not there or no certificate.
    pub fn open(server: Server) -> Result<Self, OpenError> {
        let told = format!("{}:{}", server.host, server.port);
        let tls = encryption(&server)?;
        let pool = PoolConfig::new().max_size(CONNECTIONS_MAX).idle_timeout(IDLE);
        let mut builder = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(server.host)
            .port(server.port)
            .tls(tls)
            .timeout(Some(server.timeout))
            .pool_config(pool);
        if let Some((user, password)) = server.credentials {
            builder = builder.credentials(Credentials::new(user, password));
        }
        Ok(Self { mailer: builder.build(), told })
    }
}

fn encryption(server: &Server) -> Result<Encryption, OpenError> {
    if server.tls == Tls::None {
        return Ok(Encryption::None);
    }
    let wrong = |error: smtp::Error| OpenError::Tls(error.to_string());
    let mut parameters = TlsParameters::builder(server.host.clone());
    if let Some(path) = &server.ca_file {
        parameters = parameters.add_root_certificate(authority(path)?);
    }
    let parameters = parameters.build().map_err(wrong)?;
    Ok(match server.tls {
        Tls::Implicit => Encryption::Wrapper(parameters),
        Tls::StartTls => Encryption::Required(parameters),
        Tls::Opportunistic => Encryption::Opportunistic(parameters),
        Tls::None => Encryption::None,
    })
}

fn authority(path: &Path) -> Result<Certificate, OpenError> {
    let pem = std::fs::read(path).map_err(|source| OpenError::Authority { path: path.to_owned(), source })?;
    Certificate::from_pem(&pem).map_err(|error| OpenError::Tls(format!("{}: {error}", path.display())))
}

#[async_trait]
impl Transport for Smtp {
    async fn send(&self, letter: &Letter) -> Result<(), Refused> {
        let message = message(letter)?;
        self.mailer.send(message).await.map(|_| ()).map_err(|error| refused(&error))
    }

    /// What was sent is in other hands.
    async fn forget(&self, _: &str) -> Result<(), Refused> {
        Ok(())
    }

    fn describe(&self) -> String {
        self.told.clone()
    }

    fn stand_in_sender(&self) -> Option<Email> {
        None
    }
}

/// RFC 5321, 4.2: the first digit says whether it is for good. Codes about the connection say nothing about the letter.
fn refused(error: &smtp::Error) -> Refused {
    let reason = error.to_string();
    let code = error.status().map(u16::from);
    match code {
        // Not now, sign in first, not with this password, not without encryption.
        Some(421 | 454 | 530 | 534 | 535 | 538) => Refused::Unreachable(reason),
        Some(_) if error.is_permanent() => Refused::Never(reason),
        Some(_) => Refused::Later(reason),
        // The server does not speak what this letter needs, such as addresses in other scripts.
        None if error.is_client() && reason.contains("non-ascii") => Refused::Never(reason),
        None => Refused::Unreachable(reason),
    }
}

#[cfg(test)]
mod tests {
    use super::super::letter;
    use super::*;

    fn server(port: u16, tls: Tls) -> Server {
        let host = "127.0.0.1".to_owned();
        Server { host, port, tls, ca_file: None, credentials: None, timeout: Duration::from_secs(5) }
    }

    #[tokio::test]
    async fn a_server_that_is_not_there_says_nothing_about_a_letter() {
        let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let smtp = Smtp::open(server(free, Tls::None)).unwrap();
        assert!(matches!(smtp.send(&letter("one")).await, Err(Refused::Unreachable(_))));
        assert_eq!(smtp.describe(), format!("127.0.0.1:{free}"));
    }

    #[tokio::test]
    async fn an_authority_that_is_not_there_is_told_at_the_start() {
        let lost = Server { ca_file: Some(PathBuf::from("no/such.pem")), ..server(25, Tls::StartTls) };
        assert!(Smtp::open(lost).err().unwrap().to_string().contains("no/such.pem"));
    }
}
