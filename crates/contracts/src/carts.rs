//! Carts, as far as orders need them.
//! It does not know payments.

use async_trait::async_trait;
use domain::cart::Cart;
use domain::ids::{CartId, OrderId};

use crate::Result;

#[async_trait]
pub trait Carts: Send + Sync {
    /// A cart, for whoever has its token; otherwise as if it did not exist.
    async fn cart(&self, cart: &CartId, token: &str) -> Result<Cart>;

    /// Notes that the cart is becoming this order; no other order can have it then.
    /// Conflict `cart_already_ordered`, with `order_id`, when it is another's.
    async fn begin_order(&self, cart: &CartId, token: &str, order: &OrderId) -> Result<Cart>;

    /// The order was undone: the cart can be ordered again. Of another order's cart nothing happens.
    async fn reopen(&self, cart: &CartId, order: &OrderId) -> Result<()>;
}
