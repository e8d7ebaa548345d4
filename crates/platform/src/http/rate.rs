//! How often one client may ask: a token bucket each, in this process or shared with others.
//! It does not know who staff are; the caller says who is exempt, and who counts by a key of their own.

mod buckets;

use std::net::{IpAddr, Ipv6Addr};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use axum::http::{HeaderMap, HeaderName, HeaderValue};
use sha2::{Digest, Sha256};

use self::buckets::Buckets;
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

impl Policy {
    /// After how long one more may be asked, in microseconds.
    pub fn each_us(&self) -> u64 {
        (self.window_us() / u64::from(self.quota.max(1))).max(1)
    }

    pub fn window_us(&self) -> u64 {
        micros(self.window).max(1)
    }
}

/// Who asks.
#[derive(Debug, Clone, Copy)]
pub enum Client<'a> {
    /// Of IPv6 the network counts, because one client has a whole /64.
    Address(IpAddr),
    /// A credential, or a name that someone tries to sign in with.
    Key(&'a str),
    /// Whoever a credential belongs to.
    User(&'a str),
}

impl Client<'_> {
    fn id(&self) -> u128 {
        let (kind, text) = match self {
            Self::Address(address) => match address.to_canonical() {
                IpAddr::V4(address) => return address.to_ipv6_mapped().into(),
                IpAddr::V6(address) => {
                    return u128::from(Ipv6Addr::from_bits(address.to_bits() & !u128::from(u64::MAX)));
                }
            },
            Self::Key(text) => ("key", text),
            Self::User(text) => ("user", text),
        };
        short_hash(&[kind.as_bytes(), text.as_bytes()])
    }
}

/// Where a bucket is kept that several processes share, and how large it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bucket {
    /// Tells policies and clients apart, and nobody who a client is.
    pub key: String,
    pub policy: Policy,
}

/// What is left in a bucket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Level {
    /// Until it is full again.
    pub full_in: Duration,
    /// Set when nothing could be taken: when it can.
    pub retry_in: Option<Duration>,
}

/// Buckets that several processes share. They are a help, not a truth: who cannot reach them decides alone.
#[async_trait]
pub trait SharedBuckets: Send + Sync {
    /// Takes one from each bucket, or from none when one of them is empty; in one round trip. Answers in their order.
    ///
    /// `None` when they cannot be asked now; how long to wait for that is the implementation's to bound.
    async fn take(&self, buckets: &[Bucket]) -> Option<Vec<Level>>;

    /// Puts one back into each bucket that is not full. Where that cannot be told now, time does the same.
    async fn give_back(&self, buckets: &[Bucket]);
}

/// With whom a limiter counts together: with nobody, unless somebody is named.
#[derive(Clone, Default)]
pub struct Sharing(pub Option<Arc<dyn SharedBuckets>>);

impl std::fmt::Debug for Sharing {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(if self.0.is_some() { "shared" } else { "alone" })
    }
}

/// Buckets by client.
pub struct RateLimiter {
    policy: Policy,
    own: Buckets,
    sharing: Sharing,
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
    /// Counts in this process.
    pub fn new(policy: Policy) -> RateLimiter {
        let policy = Policy { quota: policy.quota.max(1), ..policy };
        RateLimiter { policy, own: Buckets::new(CLIENTS_MAX), sharing: Sharing::default() }
    }

    /// Counts together with others; with what is known here when they cannot be asked.
    pub fn sharing(self, sharing: Sharing) -> RateLimiter {
        RateLimiter { sharing, ..self }
    }

    pub fn is_shared(&self) -> bool {
        self.sharing.0.is_some()
    }

    /// Takes one from the bucket of each, or from none when one of them is empty. The scarcest is told of.
    pub async fn spend(&self, clients: &[Client<'_>]) -> Spent {
        // Counted here in any case, so that a client does not begin anew when the others are gone.
        let own = self.spend_here(clients);
        let Some(shared) = &self.sharing.0 else { return own };
        let buckets: Vec<Bucket> = clients.iter().map(|client| self.bucket(client)).collect();
        let levels = shared.take(&buckets).await.filter(|levels| levels.len() == buckets.len());
        levels.map_or(own, |levels| self.scarcest(&levels))
    }

    /// Puts one back into the bucket of each: it turned out that what was asked for does not count.
    pub async fn give_back(&self, clients: &[Client<'_>]) {
        let ids: Vec<u128> = clients.iter().map(Client::id).collect();
        self.own.give_back(&ids, &self.policy);
        if let Some(shared) = &self.sharing.0 {
            let buckets: Vec<Bucket> = clients.iter().map(|client| self.bucket(client)).collect();
            shared.give_back(&buckets).await;
        }
    }

    /// The same with what this process knows alone, at once.
    pub fn spend_here(&self, clients: &[Client<'_>]) -> Spent {
        let ids: Vec<u128> = clients.iter().map(Client::id).collect();
        self.scarcest(&self.own.take(&ids, &self.policy))
    }

    fn bucket(&self, client: &Client<'_>) -> Bucket {
        let id = short_hash(&[self.policy.name.as_bytes(), &client.id().to_be_bytes()]);
        Bucket { key: format!("{}:{id:032x}", self.policy.name), policy: self.policy }
    }

    fn scarcest(&self, levels: &[Level]) -> Spent {
        let (window, each) = (self.policy.window_us(), self.policy.each_us());
        let spent = levels.iter().map(|level| {
            let left = window.saturating_sub(micros(level.full_in)) / each;
            Spent {
                policy: self.policy,
                remaining: if level.retry_in.is_some() { 0 } else { u32::try_from(left).unwrap_or(u32::MAX) },
                full_in: level.full_in,
                retry_in: level.retry_in,
            }
        });
        let scarcest = spent.max_by_key(|spent| (spent.retry_in, spent.full_in));
        let untouched =
            Spent { policy: self.policy, remaining: self.policy.quota, full_in: Duration::ZERO, retry_in: None };
        scarcest.unwrap_or(untouched)
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

fn short_hash(parts: &[&[u8]]) -> u128 {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update(part.len().to_be_bytes());
        hash.update(part);
    }
    let mut short = [0; 16];
    short.copy_from_slice(&hash.finalize()[..16]);
    u128::from_be_bytes(short)
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
    use std::collections::BTreeMap;

    use parking_lot::Mutex;

    use super::*;

    fn policy() -> Policy {
        Policy { name: "default", quota: 3, window: Duration::from_secs(30) }
    }

    fn limiter() -> RateLimiter {
        RateLimiter::new(policy())
    }

    fn address(text: &str) -> Client<'static> {
        Client::Address(text.parse().unwrap())
    }

    #[tokio::test(start_paused = true)]
    async fn a_bucket_empties_and_refills() {
        let limiter = limiter();
        let client = [address("9.9.9.9")];
        let left: Vec<u32> = (0..3).map(|_| limiter.spend_here(&client).remaining).collect();
        assert_eq!(left, [2, 1, 0]);
        let refused = limiter.spend(&client).await;
        assert_eq!(refused.retry_in, Some(Duration::from_secs(10)));
        let problem = refused.check().unwrap_err();
        assert_eq!((problem.status().as_u16(), problem.code()), (429, "too_many_requests"));
        let mut headers = HeaderMap::new();
        refused.write_to(&mut headers);
        assert_eq!(headers["ratelimit-policy"], "\"default\";q=3;w=30");
        assert_eq!(headers["ratelimit"], "\"default\";r=0;t=30");
        assert!(limiter.spend_here(&[address("9.9.9.8")]).check().is_ok());
        tokio::time::advance(Duration::from_secs(10)).await;
        assert!(limiter.spend_here(&client).check().is_ok());
        assert!(limiter.spend_here(&client).check().is_err());
        tokio::time::advance(Duration::from_secs(300)).await;
        assert_eq!(limiter.spend_here(&client).remaining, 2);
    }

    #[tokio::test(start_paused = true)]
    async fn one_network_is_one_client() {
        let limiter = limiter();
        for network in ["2001:db8::1", "2001:db8::2", "2001:db8::3"] {
            assert!(limiter.spend_here(&[address(network)]).check().is_ok());
        }
        assert!(limiter.spend_here(&[address("2001:db8::4")]).check().is_err());
        assert!(limiter.spend_here(&[address("2001:db8:0:1::4")]).check().is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn of_several_buckets_the_scarcest_decides_and_a_refusal_costs_nothing() {
        let limiter = limiter();
        for key in ["a", "b", "c"] {
            assert!(limiter.spend_here(&[Client::Key(key), Client::User("one")]).check().is_ok());
        }
        let refused = limiter.spend_here(&[Client::Key("d"), Client::User("one")]);
        assert_eq!((refused.remaining, refused.retry_in), (0, Some(Duration::from_secs(10))));
        assert_eq!(limiter.spend_here(&[Client::Key("d")]).remaining, 2);
        assert_eq!(limiter.spend_here(&[Client::Key("one")]).remaining, 2, "a key is no user");
    }

    /// Others' buckets, until they are gone.
    #[derive(Default)]
    struct Others {
        buckets: Mutex<BTreeMap<String, u32>>,
        are_gone: Mutex<bool>,
    }

    #[async_trait]
    impl SharedBuckets for Others {
        async fn take(&self, buckets: &[Bucket]) -> Option<Vec<Level>> {
            if *self.are_gone.lock() {
                return None;
            }
            let mut counted = self.buckets.lock();
            let levels = buckets.iter().map(|bucket| {
                let count = counted.entry(bucket.key.clone()).or_default();
                *count += 1;
                let full_in = Duration::from_secs(10 * u64::from(*count));
                Level { full_in, retry_in: (*count > bucket.policy.quota).then_some(Duration::from_secs(7)) }
            });
            Some(levels.collect())
        }

        async fn give_back(&self, buckets: &[Bucket]) {
            let mut counted = self.buckets.lock();
            for bucket in buckets {
                counted.entry(bucket.key.clone()).and_modify(|count| *count = count.saturating_sub(1));
            }
        }
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_given_back_was_not_spent() {
        let limiter = limiter();
        let client = [address("9.9.9.9")];
        assert_eq!([limiter.spend(&client).await.remaining, limiter.spend(&client).await.remaining], [2, 1]);
        limiter.give_back(&client).await;
        assert_eq!(limiter.spend(&client).await.remaining, 1);
        for _ in 0..9 {
            limiter.give_back(&client).await;
        }
        assert_eq!(limiter.spend(&client).await.remaining, 2, "a bucket is never more than full");

        let others = Arc::new(Others::default());
        let shared = limiter.sharing(Sharing(Some(others.clone())));
        shared.spend(&client).await;
        shared.give_back(&client).await;
        assert!(others.buckets.lock().values().all(|count| *count == 0));
    }

    #[tokio::test(start_paused = true)]
    async fn nodes_count_together_and_each_alone_when_they_must() {
        let others = Arc::new(Others::default());
        let node = || limiter().sharing(Sharing(Some(others.clone())));
        let (one, other) = (node(), node());
        let client = [address("9.9.9.9")];
        let mut left = Vec::new();
        for limiter in [&one, &other, &one] {
            left.push(limiter.spend(&client).await.remaining);
        }
        assert_eq!(left, [2, 1, 0]);
        assert_eq!(other.spend(&client).await.retry_in, Some(Duration::from_secs(7)));
        assert!(others.buckets.lock().keys().all(|key| key.starts_with("default:") && !key.contains("9.9")));
        *others.are_gone.lock() = true;
        // Each knows what it counted itself.
        assert_eq!((one.spend(&client).await.remaining, other.spend(&client).await.remaining), (0, 0));
        assert!(one.spend(&client).await.is_refused());
    }
}
