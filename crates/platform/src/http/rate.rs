//! How often one client may ask: a token bucket each, in this process.
//! It does not know who staff are; the caller says who is exempt. Other processes keep their own buckets.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::time::Duration;

use axum::http::{HeaderMap, HeaderName, HeaderValue};
use parking_lot::Mutex;
use sha2::{Digest, Sha256};
use tokio::time::Instant;

use super::problem::Problem;

static RATE_LIMIT: HeaderName = HeaderName::from_static("ratelimit");
static RATE_LIMIT_POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");

/// Clients remembered at once. When there are more, those not seen for longest are forgotten first.
pub const CLIENTS_MAX: usize = 100_000;

/// At most `quota` at once, refilled evenly over `window`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Policy {
    /// Shown to callers.
    pub name: &'static str,
    pub quota: u32,
    pub window: Duration,
}

/// Buckets by client.
pub struct RateLimiter {
    policy: Policy,
    began: Instant,
    clients_max: usize,
    buckets: Mutex<Generations>,
}

/// When each client's bucket is full again, in microseconds since the limiter began (GCRA's theoretical arrival time).
/// Two generations, so that forgetting costs nothing: when the young one is full, the old one goes.
#[derive(Default)]
struct Generations {
    young: HashMap<u128, u64>,
    old: HashMap<u128, u64>,
}

/// What became of one request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Spent {
    policy: Policy,
    /// Requests left right now.
    pub remaining: u32,
    /// Until the bucket is full again.
    pub full_in: Duration,
    /// Set when the request is refused: when the next one will pass.
    pub retry_in: Option<Duration>,
}

impl RateLimiter {
    pub fn new(policy: Policy) -> RateLimiter {
        RateLimiter {
            policy: Policy { quota: policy.quota.max(1), ..policy },
            began: Instant::now(),
            clients_max: CLIENTS_MAX,
            buckets: Mutex::default(),
        }
    }

    /// Takes one from the bucket of an address; of IPv6 the network counts, because one client has a whole /64.
    pub fn spend_ip(&self, client: IpAddr) -> Spent {
        self.spend(match client.to_canonical() {
            IpAddr::V4(address) => address.to_ipv6_mapped().into(),
            IpAddr::V6(address) => u128::from(Ipv6Addr::from_bits(address.to_bits() & !u128::from(u64::MAX))),
        })
    }

    /// Takes one from the bucket of anything else, such as a name that someone tries to sign in with.
    pub fn spend_key(&self, key: &str) -> Spent {
        let hash = Sha256::digest(key);
        let mut short = [0; 16];
        short.copy_from_slice(&hash[..16]);
        self.spend(u128::from_be_bytes(short))
    }

    fn spend(&self, client: u128) -> Spent {
        let now = micros(self.began.elapsed());
        let window = micros(self.policy.window).max(1);
        let each = (window / u64::from(self.policy.quota)).max(1);
        let mut buckets = self.buckets.lock();
        let full_at = buckets.get(client).unwrap_or(0).max(now);
        let after = full_at + each;
        let refused = after - now > window;
        let full_at = if refused { full_at } else { after };
        buckets.put(client, full_at, self.clients_max);
        drop(buckets);
        let left = window.saturating_sub(full_at - now) / each;
        Spent {
            policy: self.policy,
            remaining: if refused { 0 } else { u32::try_from(left).unwrap_or(u32::MAX) },
            full_in: Duration::from_micros(full_at - now),
            retry_in: refused.then(|| Duration::from_micros(after - now - window)),
        }
    }
}

impl Generations {
    fn get(&self, client: u128) -> Option<u64> {
        self.young.get(&client).or_else(|| self.old.get(&client)).copied()
    }

    fn put(&mut self, client: u128, full_at: u64, clients_max: usize) {
        if self.young.len() >= clients_max / 2 && !self.young.contains_key(&client) {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(client, full_at);
    }
}

impl Spent {
    pub fn is_refused(&self) -> bool {
        self.retry_in.is_some()
    }

    /// # Errors
    /// 429 with `Retry-After`
    pub fn check(&self) -> Result<(), Problem> {
        match self.retry_in {
            Some(retry_in) => Err(Problem::too_many(whole_seconds(retry_in).max(1))),
            None => Ok(()),
        }
    }

    /// `RateLimit` and `RateLimit-Policy` (draft-ietf-httpapi-ratelimit-headers).
    pub fn write_to(&self, headers: &mut HeaderMap) {
        let Policy { name, quota, window } = self.policy;
        let policy = format!("\"{name}\";q={quota};w={}", window.as_secs().max(1));
        let left = format!("\"{name}\";r={};t={}", self.remaining, whole_seconds(self.full_in));
        for (name, value) in [(&RATE_LIMIT_POLICY, policy), (&RATE_LIMIT, left)] {
            if let Ok(value) = HeaderValue::try_from(value) {
                headers.insert(name, value);
            }
        }
    }
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX / 4).min(u64::MAX / 4)
}

/// Rounded up, so that who waits that long has waited long enough.
fn whole_seconds(duration: Duration) -> u32 {
    u32::try_from(duration.as_millis().div_ceil(1_000)).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limiter() -> RateLimiter {
        RateLimiter::new(Policy { name: "default", quota: 3, window: Duration::from_secs(30) })
    }

    #[tokio::test(start_paused = true)]
    async fn a_bucket_empties_and_refills() {
        let limiter = limiter();
        let client: IpAddr = "9.9.9.9".parse().unwrap();
        let left: Vec<u32> = (0..3).map(|_| limiter.spend_ip(client).remaining).collect();
        assert_eq!(left, [2, 1, 0]);
        let refused = limiter.spend_ip(client);
        assert_eq!(refused.retry_in, Some(Duration::from_secs(10)));
        let problem = refused.check().unwrap_err();
        assert_eq!((problem.status().as_u16(), problem.code()), (429, "too_many_requests"));
        let mut headers = HeaderMap::new();
        refused.write_to(&mut headers);
        assert_eq!(headers["ratelimit-policy"], "\"default\";q=3;w=30");
        assert_eq!(headers["ratelimit"], "\"default\";r=0;t=30");
        assert!(limiter.spend_ip("9.9.9.8".parse().unwrap()).check().is_ok());
        tokio::time::advance(Duration::from_secs(10)).await;
        assert!(limiter.spend_ip(client).check().is_ok());
        assert!(limiter.spend_ip(client).check().is_err());
        tokio::time::advance(Duration::from_secs(300)).await;
        assert_eq!(limiter.spend_ip(client).remaining, 2);
    }

    #[tokio::test(start_paused = true)]
    async fn one_network_is_one_client() {
        let limiter = limiter();
        for address in ["2001:db8::1", "2001:db8::2", "2001:db8::3"] {
            assert!(limiter.spend_ip(address.parse().unwrap()).check().is_ok());
        }
        assert!(limiter.spend_ip("2001:db8::4".parse().unwrap()).check().is_err());
        assert!(limiter.spend_ip("2001:db8:0:1::4".parse().unwrap()).check().is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn memory_is_bounded() {
        let limiter = RateLimiter { clients_max: 100, ..limiter() };
        for n in 0..1_000 {
            limiter.spend_key(&n.to_string());
            limiter.spend_key("often");
        }
        let buckets = limiter.buckets.lock();
        assert!(buckets.young.len() + buckets.old.len() <= 100);
        drop(buckets);
        assert!(limiter.spend_key("often").check().is_err());
    }
}
