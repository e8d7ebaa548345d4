//! Carts as they are kept: a primary document each, changed by compare-and-set, forgotten a month after the last change.
//! It does not know prices.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use contracts::{Error, Kind, Result};
use domain::cart::Cart;
use domain::ids::CartId;
use jiff::{SignedDuration, Timestamp};
use platform::documents::{Collection, Conditional, Document, Expected, Put};
use platform::entropy::draw;
use serde::{Deserialize, Serialize};

use super::{Access, Carts};
use crate::machinery::stored;

pub const CARTS: Collection = Collection::primary("carts");
/// After the last change.
pub const KEPT_FOR: SignedDuration = SignedDuration::from_hours(30 * 24);

/// A cart as it is there, or was a moment ago.
#[derive(Debug, Clone)]
pub(super) struct StoredCart {
    pub cart: Cart,
    pub token_hash: String,
    pub version: u64,
    pub expires_at: Timestamp,
}

#[derive(Serialize, Deserialize)]
struct Body {
    /// A keyed hash, base64url.
    token_hash: String,
    cart: Cart,
}

impl Carts {
    /// 256 random bits.
    pub(super) fn random_token(&self) -> String {
        URL_SAFE_NO_PAD.encode(draw::<32>(self.entropy.as_ref()))
    }

    /// 256 bits that only this shop can make of an idempotency key, so that a repeated request is told the same token.
    pub(super) fn derived_token(&self, from: [u8; 16]) -> String {
        self.master.hash_text("cart token of a repeated request", &[&from])
    }

    pub(super) fn token_hash(&self, token: &str) -> String {
        self.master.hash_text("cart token", &[token.as_bytes()])
    }

    /// The cart, for who may see it; otherwise as if it did not exist.
    pub(super) async fn open(&self, id: &CartId, access: Access<'_>) -> Result<StoredCart> {
        let document = self.documents.get(CARTS, id.as_str(), self.clock.now()).await.map_err(stored)?;
        let there = document.as_ref().map(read).transpose()?;
        let may_see = |cart: &StoredCart| match access {
            Access::Staff => true,
            // Both are keyed hashes: how long the comparison takes tells nothing of the token.
            Access::Token(token) => token.is_some_and(|token| self.token_hash(token) == cart.token_hash),
        };
        there.filter(may_see).ok_or_else(|| Error::not_found("cart"))
    }

    /// Keeps a new cart. When its id is there already, that one is answered.
    pub(super) async fn put_new(&self, cart: Cart, token: &str) -> Result<StoredCart> {
        let new = StoredCart { token_hash: self.token_hash(token), version: 0, expires_at: self.expiry(), cart };
        match self.put_if(&new, Expected::Absent).await? {
            Conditional::Written(version) => Ok(StoredCart { version, ..new }),
            Conditional::Differs(Some(there)) => read(&there),
            Conditional::Differs(None) => Err(Error::unavailable("the cart was removed meanwhile", 1)),
        }
    }

    /// Writes a changed cart on the version that was seen; `None`: somebody was faster.
    pub(super) async fn put(&self, seen: &StoredCart, cart: Cart) -> Result<Option<StoredCart>> {
        let next = StoredCart { cart, expires_at: self.expiry(), ..seen.clone() };
        match self.put_if(&next, Expected::Version(seen.version)).await? {
            Conditional::Written(version) => Ok(Some(StoredCart { version, ..next })),
            Conditional::Differs(_) => Ok(None),
        }
    }

    /// Removes a cart on the version that was seen: it expires now, and is deleted later.
    pub(super) async fn remove(&self, seen: &StoredCart) -> Result<()> {
        let gone = StoredCart { expires_at: self.clock.now(), ..seen.clone() };
        match self.put_if(&gone, Expected::Version(seen.version)).await? {
            Conditional::Written(_) => Ok(()),
            Conditional::Differs(_) => Err(stale()),
        }
    }

    async fn put_if(&self, cart: &StoredCart, expected: Expected) -> Result<Conditional> {
        let body = Body { token_hash: cart.token_hash.clone(), cart: cart.cart.clone() };
        let body = serde_json::to_string(&body).map_err(|error| Error::internal(error.to_string()))?;
        let put = Put {
            collection: CARTS,
            id: cart.cart.id.to_string(),
            body: body.into(),
            entries: Vec::new(),
            expires: Some(cart.expires_at),
        };
        self.documents.put_if(put, expected, self.clock.now()).await.map_err(stored)
    }

    fn expiry(&self) -> Timestamp {
        self.clock.now().checked_add(KEPT_FOR).unwrap_or(Timestamp::MAX)
    }
}

pub(super) fn stale() -> Error {
    Error::new(Kind::Stale, "precondition_failed", "the cart has changed since you read it")
}

fn read(document: &Document) -> Result<StoredCart> {
    let body: Body = document.read().map_err(stored)?;
    Ok(StoredCart {
        cart: body.cart,
        token_hash: body.token_hash,
        version: document.version,
        expires_at: document.expires.unwrap_or(Timestamp::MAX),
    })
}
