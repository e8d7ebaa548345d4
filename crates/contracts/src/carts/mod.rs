//! Carts: filling them as a shopper, and as far as orders need them.
//! It does not know payments.

mod quotes;
mod views;
mod wishes;

use async_trait::async_trait;
use domain::cart::Cart;
use domain::ids::{CartId, LineId, OrderId};

pub use quotes::{QuoteBody, QuoteLineView, QuoteView, ShippingOptionView};
pub use views::{CartLineView, CartView, ProblemDetailView, ProblemType, ProblemView, TotalType, TotalView};
pub use wishes::{ChangeCart, ChangeLine, CreateCart, LineBody};

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

/// What shoppers do with a cart. Whoever has no token for it is answered as if it did not exist. A change is made on whatever
/// version is there; one that became an order refuses it with `cart_already_ordered` and `order_id`.
#[async_trait]
pub trait Shopping: Send + Sync {
    /// A new cart and its token, which is told only here.
    async fn create(&self, wish: &CreateCart) -> Result<(CartView, String)>;

    /// With today's prices, and with what stands against ordering it.
    async fn view(&self, cart: &CartId, token: &str) -> Result<CartView>;

    async fn change(&self, cart: &CartId, token: &str, wish: &ChangeCart) -> Result<CartView>;

    /// A SKU that is there already gets more of it.
    async fn add(&self, cart: &CartId, token: &str, line: &LineBody) -> Result<CartView>;

    async fn change_line(&self, cart: &CartId, token: &str, line: &LineId, wish: &ChangeLine) -> Result<CartView>;

    async fn remove_line(&self, cart: &CartId, token: &str, line: &LineId) -> Result<CartView>;

    /// What a cart, or lines, would come to now; with the ways of sending it when the country is known.
    async fn quote(&self, wish: &QuoteBody) -> Result<QuoteView>;
}
