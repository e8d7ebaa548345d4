//! What shoppers do to a cart.
//! It does not know prices.

use serde::{Deserialize, Deserializer};
use utoipa::ToSchema;

#[derive(Debug, Deserialize, ToSchema)]
pub struct CreateCart {
    #[schema(example = "EUR")]
    pub currency: String,
    /// In which titles are shown; the shop's default unless told.
    #[serde(default)]
    pub locale: Option<String>,
    /// Where it will be sent.
    #[serde(default)]
    pub country: Option<String>,
    #[serde(default)]
    #[schema(max_items = 200)]
    pub lines: Option<Vec<LineBody>>,
}

#[derive(Debug, Clone, Deserialize, ToSchema)]
#[schema(as = NewLine)]
pub struct LineBody {
    #[schema(min_length = 1, max_length = 64)]
    pub sku: String,
    #[schema(minimum = 1, maximum = 1_000_000)]
    pub quantity: i64,
}

/// What is not sent stays as it is.
#[derive(Debug, Deserialize, ToSchema)]
pub struct ChangeCart {
    /// Where it will be sent; null: not known any more.
    #[serde(default, deserialize_with = "sent")]
    #[schema(value_type = Option<String>)]
    pub country: Option<Option<String>>,
    #[serde(default)]
    pub locale: Option<String>,
    /// All lines get today's prices in it.
    #[serde(default)]
    pub currency: Option<String>,
}

/// What is not sent stays as it is.
#[derive(Debug, Deserialize, ToSchema)]
pub struct ChangeLine {
    #[serde(default)]
    #[schema(minimum = 1, maximum = 1_000_000)]
    pub quantity: Option<i64>,
    /// The shopper saw today's price and takes it.
    #[serde(default)]
    pub accept_price: Option<bool>,
}

/// Tells `null` from what was not sent.
fn sent<'de, D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Option<Option<String>>, D::Error> {
    Option::deserialize(deserializer).map(Some)
}
