//! Carts, and quotes: what shoppers mean to buy, and what it would come to.
//! It does not know payments, and it moves no stock: it asks what there is and what it costs.

mod changes;
mod create;
pub mod http;
mod quotes;
mod shelf;
mod shopping;
mod store;
#[cfg(test)]
mod tests;
mod views;

use std::sync::Arc;

use async_trait::async_trait;
use contracts::caller::Caller;
use contracts::catalog::Catalog;
use contracts::inventory::Inventory;
use contracts::shop::Shop;
use contracts::{Error, Result};
use domain::cart::{self, Cart};
use domain::ids::{CartId, OrderId};
use platform::clock::Clock;
use platform::documents::Documents;
use platform::entropy::Entropy;
use platform::naming;
use platform::sealing::MasterKey;

use crate::machinery::Machinery;
pub use store::{CARTS, KEPT_FOR};

/// How often a note about an order is written again when the shopper changes the cart meanwhile.
const ATTEMPTS: usize = 5;

pub struct Carts {
    documents: Arc<dyn Documents>,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
    master: MasterKey,
    shop: Arc<dyn Shop>,
    catalog: Arc<dyn Catalog>,
    inventory: Arc<dyn Inventory>,
}

/// By what right somebody sees a cart.
#[derive(Clone, Copy)]
enum Access<'a> {
    Token(Option<&'a str>),
    Staff,
}

impl<'a> Access<'a> {
    fn of(caller: &'a Caller) -> Self {
        if caller.is_staff() { Self::Staff } else { Self::Token(caller.token.as_deref()) }
    }
}

impl Carts {
    pub fn new(
        machinery: &Machinery,
        shop: Arc<dyn Shop>,
        catalog: Arc<dyn Catalog>,
        inventory: Arc<dyn Inventory>,
    ) -> Self {
        Self {
            documents: machinery.documents.clone(),
            clock: machinery.clock.clone(),
            entropy: machinery.entropy.clone(),
            master: machinery.vault.master().clone(),
            shop,
            catalog,
            inventory,
        }
    }

    fn id_bytes(&self) -> [u8; 16] {
        naming::fresh(self.clock.now(), self.entropy.as_ref())
    }

    /// Changes a cart on whatever version is there, again when somebody is faster. `change` answers whether there is
    /// anything to write.
    async fn note(
        &self,
        id: &CartId,
        access: Access<'_>,
        change: impl Fn(&mut Cart) -> Result<bool> + Send,
    ) -> Result<Cart> {
        for _ in 0..ATTEMPTS {
            let seen = self.open(id, access).await?;
            let mut cart = seen.cart.clone();
            if !change(&mut cart)? {
                return Ok(cart);
            }
            if let Some(written) = self.put(&seen, cart).await? {
                return Ok(written.cart);
            }
        }
        Err(Error::unavailable("the cart keeps changing", 1))
    }
}

#[async_trait]
impl contracts::carts::Carts for Carts {
    async fn cart(&self, cart: &CartId, token: &str) -> Result<Cart> {
        Ok(self.open(cart, Access::Token(Some(token))).await?.cart)
    }

    async fn begin_order(&self, cart: &CartId, token: &str, order: &OrderId) -> Result<Cart> {
        let now = self.clock.now();
        let begin = |cart: &mut Cart| {
            let is_noted = cart.order() == Some(order);
            cart.begin_order(order.clone(), now).map_err(refused)?;
            Ok(!is_noted)
        };
        self.note(cart, Access::Token(Some(token)), begin).await
    }

    async fn reopen(&self, cart: &CartId, order: &OrderId) -> Result<()> {
        let now = self.clock.now();
        let reopened = self.note(cart, Access::Staff, |cart| Ok(cart.reopen(order, now))).await;
        match reopened {
            Err(error) if error.kind == contracts::Kind::NotFound => Ok(()),
            other => other.map(|_| ()),
        }
    }
}

/// What a cart's refusal means to a caller, where the body is about one line.
fn refused(error: cart::Error) -> Error {
    let message = error.to_string();
    match error {
        cart::Error::TooManyLines => Error::field("", "too_many_lines", message),
        cart::Error::Quantity(_) => Error::field("/quantity", "out_of_range", message),
        cart::Error::NoSuchLine => Error::not_found("line"),
        cart::Error::AlreadyOrdered { order } => {
            Error::conflict("cart_already_ordered", message).with("order_id", order.as_str())
        }
        cart::Error::Price => Error::internal(message),
    }
}
