//! The wish to buy.
//! It does not know whether it can be granted.

use domain::ids::CartId;
use serde::Serialize;

use super::{AddressBody, BuyerView};

/// A cart that is to be ordered, as a page sends it.
#[derive(Clone, Serialize)]
pub struct BuyCart {
    pub cart: CartId,
    #[serde(skip)]
    pub cart_token: String,
    /// Names this attempt: the same one again answers with the same order.
    pub once: String,
    pub buyer: BuyerView,
    pub shipping_address: AddressBody,
    pub shipping_method: Option<String>,
    /// A payment method's id.
    pub payment_method: Option<String>,
    /// What the provider gave the buyer. Never a card number.
    pub payment_token: Option<String>,
    pub note: Option<String>,
    /// BCP 47: the language of titles and mail.
    pub locale: String,
    /// What the buyer saw, in minor units: when the total differs, nothing is ordered.
    pub expected_total: i64,
}
