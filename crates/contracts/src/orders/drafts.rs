//! Draft orders: what staff write down for phone and wholesale buyers until it is an order.
//! It does not price anything.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{AddressBody, BuyerView};

/// A line of a draft.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DraftLine {
    #[schema(example = "MUG-STN-S")]
    pub sku: String,
    #[schema(example = 1)]
    pub quantity: i64,
    /// Minor units; without it the shop's own price counts.
    #[serde(default)]
    pub unit_price: Option<i64>,
    /// Without it the product's own title counts.
    #[serde(default)]
    pub title: Option<String>,
    /// Taken off the whole line.
    #[serde(default)]
    pub discount: i64,
}

/// A draft as staff send it.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DraftBody {
    #[schema(example = "USD")]
    pub currency: String,
    #[serde(default)]
    pub locale: Option<String>,
    /// At most 1,000.
    #[schema(max_items = 1000)]
    pub lines: Vec<DraftLine>,
    #[serde(default)]
    pub buyer: Option<BuyerView>,
    #[serde(default)]
    pub shipping_address: Option<AddressBody>,
    /// One of the shop's methods; or nothing is sent, or `shipping_amount` says what it costs.
    #[serde(default)]
    pub shipping_method: Option<String>,
    #[serde(default)]
    pub shipping_amount: Option<i64>,
    /// Taken off the whole order.
    #[serde(default)]
    pub discount: i64,
    /// Whether the address's country is taxed as the settings say; without, there is no tax.
    #[serde(default)]
    pub with_tax: bool,
    /// `manual` unless told otherwise.
    #[serde(default)]
    pub payment_provider: Option<String>,
    /// What the books say; now, unless told otherwise.
    #[serde(default)]
    #[schema(format = DateTime)]
    pub placed_at: Option<String>,
    #[serde(default)]
    pub note: Option<String>,
    /// Your own number for it, such as an invoice's.
    #[serde(default)]
    #[schema(max_length = 100)]
    pub reference: Option<String>,
}

/// A draft as staff read it.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DraftView {
    #[schema(example = "dft_06e4t0q3cg0p9n5sgyqm0bxvmw")]
    pub id: String,
    /// The order that it became.
    pub order_id: Option<String>,
    /// What staff wrote; send it back changed to replace it.
    pub draft: DraftBody,
    #[schema(format = DateTime)]
    pub created_at: String,
    #[schema(format = DateTime)]
    pub updated_at: String,
}
