//! Quotes: what lines or a cart would come to if they were ordered now.
//! It does not know who asks.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{LineBody, ProblemView, TotalView};
use crate::catalog::Availability;

/// Either `currency` and `lines`, or `cart_id` and its token.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(as = QuoteRequest)]
pub struct QuoteBody {
    /// Of a cart: its own unless told.
    #[serde(default)]
    #[schema(example = "EUR")]
    pub currency: Option<String>,
    #[serde(default)]
    #[schema(max_items = 1_000)]
    pub lines: Option<Vec<LineBody>>,
    #[serde(default)]
    pub cart_id: Option<String>,
    /// Or as `Authorization: Bearer …`.
    #[serde(default)]
    pub cart_token: Option<String>,
    /// Without it there is neither tax nor shipping. Of a cart: its own unless told.
    #[serde(default)]
    pub country: Option<String>,
    /// The id of one of the `shipping_options`.
    #[serde(default)]
    pub shipping_method: Option<String>,
    #[serde(default)]
    pub locale: Option<String>,
}

/// All amounts are minor units of `currency`.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Quote)]
pub struct QuoteView {
    pub currency: String,
    pub country: Option<String>,
    pub lines: Vec<QuoteLineView>,
    /// One `subtotal`, one `total`; all but `total` add up to it.
    pub totals: Vec<TotalView>,
    /// Tax that the total includes without an entry of its own.
    #[schema(minimum = 0)]
    pub tax_included: i64,
    /// Whether prices include tax; false while the country is not known.
    pub prices_include_tax: bool,
    /// The one that was chosen.
    pub shipping_method: Option<String>,
    /// Empty while the country is not known.
    pub shipping_options: Vec<ShippingOptionView>,
    pub problems: Vec<ProblemView>,
}

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = QuoteLine)]
pub struct QuoteLineView {
    pub sku: String,
    pub product_id: String,
    /// The product's.
    pub slug: String,
    pub title: String,
    /// Such as `Large / Blue`; empty for a product without options.
    pub variant: String,
    /// Relative to the shop's address.
    pub image: Option<String>,
    #[schema(minimum = 1, maximum = 1_000_000)]
    pub quantity: u32,
    #[schema(minimum = 0)]
    pub unit_price: i64,
    /// On top of `total`, or included in it where prices include tax.
    #[schema(minimum = 0)]
    pub tax: i64,
    /// `unit_price × quantity`.
    #[schema(minimum = 0)]
    pub total: i64,
    pub availability: Availability,
}

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ShippingOption)]
pub struct ShippingOptionView {
    pub id: String,
    pub name: String,
    #[schema(minimum = 0)]
    pub amount: i64,
    /// The fewest and the most days that it takes.
    #[schema(value_type = Option<Vec<u16>>, min_items = 2, max_items = 2)]
    pub estimate_days: Option<(u16, u16)>,
}
