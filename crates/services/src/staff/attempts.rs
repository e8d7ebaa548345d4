//! How often somebody may fail to sign in, counted by all nodes together where they share buckets.
//! It does not know whether such a member of staff exists, nor passwords.
//!
//! Counting by address of e-mail alone would let a stranger who knows it keep its owner out. So guesses count by address and
//! place: a network, or a device on which this address has signed in before ([`super::devices`]). Many places together
//! are slowed down, too, for a stranger may have many networks; devices that are known are left out of that, so that they get in
//! whatever strangers do. (OWASP describes the idea as *device cookies*.)

use std::net::IpAddr;
use std::time::Duration;

use platform::http::rate::{Client, Policy, RateLimiter, Sharing};
use platform::sealing::MasterKey;

/// Failures of one e-mail address from one place, after which one more passes every ninety seconds…
pub const FAILURES_MAX: u32 = 10;
/// …until none has failed for this long.
pub const WINDOW: Duration = Duration::from_secs(15 * 60);
/// The same from all places together where this address has not signed in before: then one every thirty seconds.
pub const STRANGERS_FAILURES_MAX: u32 = 30;

/// What one attempt is counted by: keyed hashes, which say nothing of who tries.
pub struct Attempt {
    place: String,
    /// `None` from a device that is known.
    address: Option<String>,
}

impl Attempt {
    /// `device`: what tells a device that is known from others.
    pub fn of(master: &MasterKey, email: &str, client: Option<IpAddr>, device: Option<&str>) -> Self {
        let hash = |place: &[&[u8]]| {
            let parts: Vec<&[u8]> = std::iter::once(email.as_bytes()).chain(place.iter().copied()).collect();
            master.hash_text("sign-in attempts", &parts)
        };
        match device {
            Some(device) => Self { place: hash(&[b"device", device.as_bytes()]), address: None },
            None => Self { place: hash(&[b"network", &network(client)]), address: Some(hash(&[])) },
        }
    }
}

pub struct Attempts {
    from_one_place: RateLimiter,
    of_strangers: RateLimiter,
}

impl Attempts {
    pub fn new(sharing: &Sharing) -> Self {
        let limiter = |name, quota| RateLimiter::new(Policy { name, quota, window: WINDOW }).sharing(sharing.clone());
        Self {
            from_one_place: limiter("sign-ins", FAILURES_MAX),
            of_strangers: limiter("sign-ins-of-strangers", STRANGERS_FAILURES_MAX),
        }
    }

    /// Counts an attempt as failed until it is forgiven, so that many at once do not slip through.
    ///
    /// # Errors
    /// How long to wait, in seconds. What is refused is not counted.
    pub async fn begin(&self, attempt: &Attempt) -> Result<(), u32> {
        let place = [Client::Key(&attempt.place)];
        if let Some(wait) = self.from_one_place.spend(&place).await.retry_in {
            return Err(seconds(wait));
        }
        let Some(address) = &attempt.address else { return Ok(()) };
        if let Some(wait) = self.of_strangers.spend(&[Client::Key(address)]).await.retry_in {
            self.from_one_place.give_back(&place).await;
            return Err(seconds(wait));
        }
        Ok(())
    }

    /// The attempt succeeded, or came to no answer: it does not count.
    pub async fn forgive(&self, attempt: &Attempt) {
        self.from_one_place.give_back(&[Client::Key(&attempt.place)]).await;
        if let Some(address) = &attempt.address {
            self.of_strangers.give_back(&[Client::Key(address)]).await;
        }
    }
}

/// Of IPv6 the first half, because one client has a whole /64.
fn network(client: Option<IpAddr>) -> Vec<u8> {
    match client.map(|client| client.to_canonical()) {
        Some(IpAddr::V4(address)) => address.octets().to_vec(),
        Some(IpAddr::V6(address)) => address.octets()[..8].to_vec(),
        None => Vec::new(),
    }
}

fn seconds(wait: Duration) -> u32 {
    u32::try_from(wait.as_secs() + 1).unwrap_or(u32::MAX)
}
