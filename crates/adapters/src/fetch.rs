//! Fetches pictures from the web for imports: only public addresses, wherever a name or a redirect leads.
//! It does not know which product a picture is of.
//!
//! A name is looked up once per connection, and the connection goes to the very addresses that were judged, so that a
//! second look-up cannot lead elsewhere. No proxy is asked: it would connect in our place.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::{Bytes, BytesMut};
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::{Client, Response, StatusCode, Url, header};
use services::transfer::{FetchError, Fetcher};

/// The largest picture.
const BYTES_MAX: usize = 20 * 1024 * 1024;
const REDIRECTS_MAX: usize = 3;
/// From the first look-up to the last byte.
const TIME_MAX: Duration = Duration::from_secs(15);
const CONNECT_MAX: Duration = Duration::from_secs(5);

/// Fetches over HTTP.
pub struct HttpFetcher {
    client: Client,
    allows: Allows,
}

/// Which private addresses may be asked after all.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Allows {
    #[default]
    PublicOnly,
    /// This machine's own, too: for tests, which have nothing else to ask.
    Loopback,
}

impl Allows {
    fn admits(self, ip: IpAddr) -> bool {
        is_public(ip) || (self == Self::Loopback && ip == IpAddr::V4(Ipv4Addr::LOCALHOST))
    }
}

/// Looks a name up, and answers only addresses that may be asked.
struct Judge(Allows);

impl Resolve for Judge {
    fn resolve(&self, name: Name) -> Resolving {
        let allows = self.0;
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
            let found: Vec<SocketAddr> = found.collect();
            // One private address among public ones is reason enough to keep away.
            if found.iter().any(|address| !allows.admits(address.ip())) {
                return Err(Box::new(FetchError::Private) as Box<dyn std::error::Error + Send + Sync>);
            }
            Ok(Box::new(found.into_iter()) as Addrs)
        })
    }
}

impl HttpFetcher {
    /// # Errors
    /// Where TLS cannot be set up.
    pub fn new(allows: Allows) -> Result<Self, reqwest::Error> {
        let client = Client::builder()
            .dns_resolver(Arc::new(Judge(allows)))
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .connect_timeout(CONNECT_MAX)
            .timeout(TIME_MAX)
            .user_agent(concat!("CloudMart/", env!("CARGO_PKG_VERSION")))
            .build()?;
        Ok(Self { client, allows })
    }

    async fn follow(&self, url: &str) -> Result<Bytes, FetchError> {
        let mut url = Url::parse(url).map_err(|_| FetchError::Address)?;
        for _ in 0..=REDIRECTS_MAX {
            self.judge(&url)?;
            let request = self.client.get(url.clone()).header(header::ACCEPT, "image/jpeg, image/png, image/webp");
            let response = request.send().await.map_err(|error| told(&error))?;
            match response.status() {
                StatusCode::OK => return body(response).await,
                status if status.is_redirection() => {
                    let location = response.headers().get(header::LOCATION).and_then(|value| value.to_str().ok());
                    let next = location.and_then(|location| url.join(location).ok());
                    url = next.ok_or(FetchError::Status(status.as_u16()))?;
                }
                status => return Err(FetchError::Status(status.as_u16())),
            }
        }
        Err(FetchError::Redirects(REDIRECTS_MAX))
    }

    /// Names are judged when they are looked up; an address that is written out is not, so it is judged here.
    fn judge(&self, url: &Url) -> Result<(), FetchError> {
        if !matches!(url.scheme(), "http" | "https") || !url.username().is_empty() || url.password().is_some() {
            return Err(FetchError::Address);
        }
        let host = url.host_str().ok_or(FetchError::Address)?;
        let bare = host.trim_start_matches('[').trim_end_matches(']');
        match bare.parse::<IpAddr>() {
            Ok(ip) if !self.allows.admits(ip) => Err(FetchError::Private),
            _ => Ok(()),
        }
    }
}

#[async_trait]
impl Fetcher for HttpFetcher {
    async fn fetch(&self, url: &str) -> Result<Bytes, FetchError> {
        tokio::time::timeout(TIME_MAX, self.follow(url)).await.unwrap_or(Err(FetchError::TimedOut))
    }
}

/// The whole body, if it is a picture by its first bytes.
async fn body(mut response: Response) -> Result<Bytes, FetchError> {
    let mut bytes = BytesMut::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| told(&error))? {
        if bytes.len() + chunk.len() > BYTES_MAX {
            return Err(FetchError::TooLarge(BYTES_MAX));
        }
        bytes.extend_from_slice(&chunk);
        if bytes.len() >= HEAD_BYTES && !is_picture(&bytes) {
            return Err(FetchError::NoPicture);
        }
    }
    if is_picture(&bytes) { Ok(bytes.freeze()) } else { Err(FetchError::NoPicture) }
}

/// As many as tell a picture.
const HEAD_BYTES: usize = 12;

fn is_picture(bytes: &[u8]) -> bool {
    let is_webp = bytes.starts_with(b"RIFF") && bytes.get(8..12) == Some(b"WEBP");
    bytes.starts_with(b"\xff\xd8\xff") || bytes.starts_with(b"\x89PNG\r\n\x1a\n") || is_webp
}

fn told(error: &reqwest::Error) -> FetchError {
    if error.is_timeout() {
        return FetchError::TimedOut;
    }
    let mut cause: &dyn std::error::Error = error;
    loop {
        if let Some(FetchError::Private) = cause.downcast_ref() {
            return FetchError::Private;
        }
        match cause.source() {
            Some(inner) => cause = inner,
            None => return FetchError::Unreachable(cause.to_string()),
        }
    }
}

/// Whether an address is anybody's on the web: by the registries of RFC 6890 and its successors, whatever is not
/// globally reachable is private.
fn is_public(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => is_public_v4(ip),
        IpAddr::V6(ip) => is_public_v6(ip),
    }
}

fn is_public_v4(ip: Ipv4Addr) -> bool {
    let [a, b, c, _] = ip.octets();
    let is_shared = a == 100 && (64..128).contains(&b);
    let is_protocol = a == 192 && b == 0 && c == 0;
    let is_relay = a == 192 && b == 88 && c == 99;
    let is_benchmark = a == 198 && (b == 18 || b == 19);
    !(a == 0
        || a >= 240
        || ip.is_loopback()
        || ip.is_private()
        || ip.is_link_local()
        || ip.is_multicast()
        || ip.is_broadcast()
        || ip.is_documentation()
        || is_shared
        || is_protocol
        || is_relay
        || is_benchmark)
}

fn is_public_v6(ip: Ipv6Addr) -> bool {
    let parts = ip.segments();
    // Addresses that carry one of IPv4 are as private as that one: mapped, compatible, NAT64, 6to4.
    let carried = |high: u16, low: u16| {
        let [a, b] = high.to_be_bytes();
        let [c, d] = low.to_be_bytes();
        Ipv4Addr::new(a, b, c, d)
    };
    match parts {
        [0, 0, 0, 0, 0, 0xffff | 0, high, low] => parts[..6] != [0; 6] && is_public_v4(carried(high, low)),
        [0x64, 0xff9b, 0, 0, 0, 0, high, low] => is_public_v4(carried(high, low)),
        [0x2002, high, low, ..] => is_public_v4(carried(high, low)),
        // Of what is global only 2000::/3 is given out; Teredo, benchmarks, ORCHID and documentation are in it.
        [0x2001, second, ..] if second < 0x200 || second == 0xdb8 => false,
        [0x3fff, second, ..] if second < 0x1000 => false,
        [first, ..] => (0x2000..0x4000).contains(&first),
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::TcpListener;

    use super::*;

    const PNG: &[u8] = b"\x89PNG\r\n\x1a\n and the rest";

    fn with_tls() {
        let _ = rustls::crypto::ring::default_provider().install_default();
    }

    fn fetcher(allows: Allows) -> HttpFetcher {
        with_tls();
        HttpFetcher::new(allows).unwrap()
    }

    /// Answers each connection with the next of these, and is gone after the last.
    fn server(answers: Vec<Vec<u8>>) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let serve = move || {
            for answer in answers {
                let (mut stream, _) = listener.accept().unwrap();
                let mut head = [0; 4_096];
                let _ = stream.read(&mut head).unwrap();
                let _ = stream.write_all(&answer);
            }
        };
        std::thread::Builder::new().spawn(serve).unwrap();
        format!("http://{address}")
    }

    fn answer(status: &str, headers: &str, body: &[u8]) -> Vec<u8> {
        let head = format!("HTTP/1.1 {status}\r\nconnection: close\r\ncontent-length: {}\r\n{headers}\r\n", body.len());
        [head.as_bytes(), body].concat()
    }

    fn leads_to(location: &str) -> Vec<u8> {
        answer("302 Found", &format!("location: {location}\r\n"), b"")
    }

    #[test]
    fn only_addresses_of_the_web_are_public() {
        for private in [
            "0.0.0.0",
            "0.1.2.3",
            "10.1.2.3",
            "100.64.0.1",
            "127.0.0.1",
            "127.9.9.9",
            "169.254.169.254",
            "172.16.0.1",
            "172.31.255.255",
            "192.0.0.8",
            "192.0.2.1",
            "192.88.99.1",
            "192.168.1.1",
            "198.18.0.1",
            "198.51.100.1",
            "203.0.113.9",
            "224.0.0.1",
            "239.1.1.1",
            "240.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::127.0.0.1",
            "::8.8.8.8",
            "::ffff:10.0.0.1",
            "::ffff:169.254.169.254",
            "64:ff9b::a00:1",
            "64:ff9b:1::1",
            "100::1",
            "2001::1",
            "2001:db8::1",
            "2002:a00:1::1",
            "2002:7f00:1::",
            "3fff::1",
            "fc00::1",
            "fd00:ec2::254",
            "fe80::1",
            "fec0::1",
            "ff02::1",
            "5f00::1",
        ] {
            assert!(!is_public(private.parse().unwrap()), "{private}");
        }
        for public in [
            "8.8.8.8",
            "1.1.1.1",
            "100.63.0.1",
            "172.32.0.1",
            "2606:4700::1111",
            "2a00:1450::1",
            "::ffff:8.8.8.8",
            "64:ff9b::808:808",
        ] {
            assert!(is_public(public.parse().unwrap()), "{public}");
        }
    }

    #[tokio::test]
    async fn private_addresses_are_refused_however_they_are_written() {
        let fetcher = fetcher(Allows::PublicOnly);
        let here = server(vec![answer("200 OK", "", PNG)]);
        let port = here.rsplit(':').next().unwrap();
        for url in [
            here.clone(),
            format!("http://localhost:{port}/"),
            format!("http://[::1]:{port}/"),
            format!("http://[::ffff:127.0.0.1]:{port}/"),
            format!("http://2130706433:{port}/"),
            format!("http://0x7f.1:{port}/"),
            format!("http://127.1:{port}/"),
            "http://169.254.169.254/latest/meta-data/".to_owned(),
            "http://[fd00:ec2::254]/".to_owned(),
        ] {
            assert_eq!(fetcher.fetch(&url).await, Err(FetchError::Private), "{url}");
        }
        for url in
            ["file:///etc/passwd", "ftp://example.com/", "gopher://x/", "http://user:pass@example.com/", "nothing"]
        {
            assert_eq!(fetcher.fetch(url).await, Err(FetchError::Address), "{url}");
        }
    }

    #[tokio::test]
    async fn redirects_are_judged_like_the_first_address() {
        let fetcher = fetcher(Allows::Loopback);
        let good = server(vec![answer("200 OK", "", PNG)]);
        let from = server(vec![leads_to(&good)]);
        assert_eq!(fetcher.fetch(&from).await.unwrap(), PNG);
        for private in ["http://192.168.0.1/", "http://169.254.169.254/x", "//10.0.0.1/", "http://[fe80::1]/"] {
            let from = server(vec![leads_to(private)]);
            assert_eq!(fetcher.fetch(&from).await, Err(FetchError::Private), "{private}");
        }
        let from = server(vec![leads_to("file:///etc/passwd")]);
        assert_eq!(fetcher.fetch(&from).await, Err(FetchError::Address));
        let round = server((0..=REDIRECTS_MAX).map(|_| leads_to("/again")).collect());
        assert_eq!(fetcher.fetch(&round).await, Err(FetchError::Redirects(REDIRECTS_MAX)));
    }

    #[tokio::test]
    async fn only_pictures_within_bounds_are_taken() {
        let fetcher = fetcher(Allows::Loopback);
        let html = server(vec![answer("200 OK", "content-type: image/png\r\n", b"<html><script>alert(1)</script>")]);
        assert_eq!(fetcher.fetch(&html).await, Err(FetchError::NoPicture));
        let svg = server(vec![answer("200 OK", "content-type: image/svg+xml\r\n", b"<svg xmlns='x'/>")]);
        assert_eq!(fetcher.fetch(&svg).await, Err(FetchError::NoPicture));
        let missing = server(vec![answer("404 Not Found", "", PNG)]);
        assert_eq!(fetcher.fetch(&missing).await, Err(FetchError::Status(404)));
        let huge = [PNG, &vec![0; BYTES_MAX]].concat();
        let huge = server(vec![answer("200 OK", "", &huge)]);
        assert_eq!(fetcher.fetch(&huge).await, Err(FetchError::TooLarge(BYTES_MAX)));
        let gone = server(vec![]);
        assert!(matches!(fetcher.fetch(&gone).await, Err(FetchError::Unreachable(_))));
    }
}
