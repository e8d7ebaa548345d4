//! Where an engine is reached: `scheme://user:password@host:port,host:port/name`, taken apart.
//! It does not know which engine; nothing is asked of the network.

use percent_encoding::percent_decode_str;

use super::secret::Secret;

/// A machine by its name or address, and a port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Host {
    pub name: String,
    pub port: u16,
}

impl std::fmt::Display for Host {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.name.contains(':') {
            true => write!(f, "[{}]:{}", self.name, self.port),
            false => write!(f, "{}:{}", self.name, self.port),
        }
    }
}

impl Host {
    /// `name`, `name:port`, `[::1]:port`.
    pub fn parse(text: &str, default_port: u16) -> Result<Self, String> {
        let wrong = || format!("`{text}` is not a host, such as \"db1\" or \"db1:{default_port}\"");
        let (name, port) = match text.strip_prefix('[') {
            Some(rest) => {
                let (name, port) = rest.split_once(']').ok_or_else(wrong)?;
                name.parse::<std::net::Ipv6Addr>().map_err(|_| wrong())?;
                (name, port.strip_prefix(':').or(port.is_empty().then_some("")).ok_or_else(wrong)?)
            }
            None => text.split_once(':').unwrap_or((text, "")),
        };
        let is_known = |letter: char| letter.is_ascii_alphanumeric() || "-._:".contains(letter);
        if name.is_empty() || !name.chars().all(is_known) {
            return Err(wrong());
        }
        let port = if port.is_empty() { default_port } else { port.parse().map_err(|_| wrong())? };
        Ok(Self { name: name.to_owned(), port })
    }

    /// Whether it is this machine: what is said there, nobody else hears.
    pub fn is_loopback(&self) -> bool {
        self.name == "localhost" || self.name.parse().is_ok_and(|ip: std::net::IpAddr| ip.is_loopback())
    }
}

/// An address with all its parts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address {
    pub scheme: String,
    pub user: Option<String>,
    pub password: Option<Secret>,
    pub hosts: Vec<Host>,
    /// What follows the slash: a database's name or number. Empty when nothing does.
    pub name: String,
}

impl Address {
    /// # Errors
    /// A sentence that holds nothing of what might be a password.
    pub fn parse(text: &str, schemes: &[&str], default_port: u16) -> Result<Self, String> {
        let (scheme, rest) =
            text.split_once("://").filter(|(scheme, _)| schemes.contains(scheme)).ok_or_else(|| {
                format!(
                    "it must begin with {}",
                    schemes.iter().map(|name| format!("{name}://")).collect::<Vec<_>>().join(" or ")
                )
            })?;
        let (who, place) = rest.rsplit_once('@').map_or((None, rest), |(who, place)| (Some(who), place));
        if place.contains(['?', '#']) {
            return Err("it must end with the name of the database: what stands behind `?` has keys of its own here, \
                        such as `tls`"
                .to_owned());
        }
        let (hosts, name) = place.split_once('/').unwrap_or((place, ""));
        let hosts = hosts.split(',').map(|host| Host::parse(host, default_port)).collect::<Result<Vec<_>, _>>()?;
        let (user, password) = match who {
            Some(who) => {
                let (user, password) = who.split_once(':').map_or((who, None), |(user, word)| (user, Some(word)));
                (Some(decoded(user)?).filter(|user| !user.is_empty()), password.map(decoded).transpose()?)
            }
            None => (None, None),
        };
        let password = password.filter(|word| !word.is_empty()).map(Secret::new);
        Ok(Self { scheme: scheme.to_owned(), user, password, hosts, name: decoded(name)? })
    }
}

fn decoded(text: &str) -> Result<String, String> {
    let wrong = || "a letter in it is not encoded as addresses want it (% and two digits)".to_owned();
    percent_decode_str(text).decode_utf8().map(|text| text.into_owned()).map_err(|_| wrong())
}

#[cfg(test)]
mod tests {
    use super::*;

    const SCHEMES: &[&str] = &["postgres", "postgresql"];

    fn parsed(text: &str) -> Result<Address, String> {
        Address::parse(text, SCHEMES, 5432)
    }

    #[test]
    fn an_address_is_taken_apart() {
        let address = parsed("postgres://shop:p%40ss%2Fword@db1,db2:6543,[::1]:7000/mart").unwrap();
        let hosts: Vec<_> = address.hosts.iter().map(|host| (host.name.as_str(), host.port)).collect();
        assert_eq!(hosts, [("db1", 5432), ("db2", 6543), ("::1", 7000)]);
        assert_eq!((address.user.as_deref(), address.name.as_str()), (Some("shop"), "mart"));
        assert_eq!(address.password.as_ref().map(Secret::expose), Some("p@ss/word"));
        assert!(!format!("{address:?}").contains("p@ss"));
        let short = parsed("postgresql://localhost").unwrap();
        assert_eq!((short.user, short.password, short.name.as_str()), (None, None, ""));
        assert!(short.hosts[0].is_loopback() && !address.hosts[0].is_loopback());
        // A password as it is often pasted.
        assert_eq!(parsed("postgres://shop:hu@sh@db/x").unwrap().password.as_ref().map(Secret::expose), Some("hu@sh"));
    }

    #[test]
    fn what_is_no_address_is_refused_without_saying_its_password() {
        for wrong in [
            "",
            "db1",
            "mysql://shop:hush@db",
            "postgres://shop:hush@",
            "postgres://shop:hush@db:port/x",
            "postgres://shop:hush@db one/x",
            "postgres://shop:hush@db/x?sslmode=require",
            "postgres://shop:hush%FF@db/x",
            "postgres://shop:hush@[::1/x",
        ] {
            let told = parsed(wrong).unwrap_err();
            assert!(!told.is_empty() && !told.contains("hush"), "{wrong}: {told}");
        }
    }
}
