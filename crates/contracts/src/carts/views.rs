//! Carts and quotes as those see them whom they belong to.
//! It does not know how they are kept.

use domain::cart::ProblemCode;
use serde::Serialize;
use utoipa::ToSchema;

use crate::catalog::Availability;

/// All amounts are minor units of `currency`.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = Cart)]
pub struct CartView {
    #[schema(example = "crt_06e4t0q3cg0p9n5sgyqm0bxvmw")]
    pub id: String,
    #[schema(example = "EUR")]
    pub currency: String,
    #[schema(example = "main")]
    pub market: String,
    pub locale: String,
    /// Where it will be sent; null until that is known.
    pub country: Option<String>,
    pub lines: Vec<CartLineView>,
    /// One `subtotal`, one `total`; all but `total` add up to it. Lines that cannot be bought are not counted.
    pub totals: Vec<TotalView>,
    /// Tax that the total includes without an entry of its own.
    #[schema(minimum = 0)]
    pub tax_included: i64,
    /// Whether prices include tax; false while the country is not known.
    pub prices_include_tax: bool,
    /// What stands against ordering it as it is.
    pub problems: Vec<ProblemView>,
    /// How many things there are, over all lines.
    pub item_count: u64,
    /// The order that it became or is becoming; then it cannot be changed.
    pub order_id: Option<String>,
    #[schema(format = DateTime)]
    pub created_at: String,
    #[schema(format = DateTime)]
    pub updated_at: String,
    /// 30 days after the last change.
    #[schema(format = DateTime)]
    pub expires_at: String,
}

#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = CartLine)]
pub struct CartLineView {
    #[schema(example = "lin_06e4t0q3cg0p9n5sgyqm0bxvmw")]
    pub id: String,
    pub sku: String,
    /// Null for what the shop does not know any more.
    pub product_id: Option<String>,
    /// The product's.
    pub slug: Option<String>,
    pub title: String,
    /// Such as `Large / Blue`; empty for a product without options.
    pub variant: String,
    /// Relative to the shop's address.
    pub image: Option<String>,
    #[schema(minimum = 1, maximum = 1_000_000)]
    pub quantity: u32,
    /// Today's; null where it cannot be bought.
    #[schema(minimum = 0)]
    pub unit_price: Option<i64>,
    /// What the shopper saw when adding it.
    #[schema(minimum = 0)]
    pub seen_unit_price: i64,
    /// `unit_price × quantity`.
    #[schema(minimum = 0)]
    pub total: Option<i64>,
    pub availability: Availability,
}

/// An entry of a price's summary, in the terms of the Universal Commerce Protocol.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = Total)]
pub struct TotalView {
    #[serde(rename = "type")]
    pub kind: TotalType,
    /// Negative for discounts.
    pub amount: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub display_text: Option<String>,
}

#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum TotalType {
    Subtotal,
    ItemsDiscount,
    Discount,
    Fulfillment,
    Fee,
    Tax,
    Total,
}

#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = CartProblem)]
pub struct ProblemView {
    /// Which line of a cart it is about.
    pub line_id: Option<String>,
    /// Which entry of `lines` it is about; null where that is not among them.
    #[schema(example = "/lines/0")]
    pub pointer: Option<String>,
    pub sku: String,
    pub code: ProblemType,
    /// For people.
    pub message: String,
    pub detail: ProblemDetailView,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = CartProblemCode)]
pub enum ProblemType {
    PriceChanged,
    InsufficientStock,
    Unavailable,
}

/// The numbers behind a problem; those that do not belong to it are absent.
#[derive(Debug, Clone, Default, Serialize, ToSchema)]
#[schema(as = CartProblemDetail)]
pub struct ProblemDetailView {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub previous_unit_price: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unit_price: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub requested: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub available: Option<i64>,
}

impl From<domain::pricing::Total> for TotalView {
    fn from(total: domain::pricing::Total) -> Self {
        use domain::pricing::TotalKind;
        let kind = match total.kind {
            TotalKind::Subtotal => TotalType::Subtotal,
            TotalKind::ItemsDiscount => TotalType::ItemsDiscount,
            TotalKind::Discount => TotalType::Discount,
            TotalKind::Fulfillment => TotalType::Fulfillment,
            TotalKind::Fee => TotalType::Fee,
            TotalKind::Tax => TotalType::Tax,
            TotalKind::Total => TotalType::Total,
        };
        Self { kind, amount: total.amount, display_text: total.display_text }
    }
}

impl From<ProblemCode> for ProblemType {
    fn from(code: ProblemCode) -> Self {
        match code {
            ProblemCode::PriceChanged => Self::PriceChanged,
            ProblemCode::InsufficientStock => Self::InsufficientStock,
            ProblemCode::Unavailable => Self::Unavailable,
        }
    }
}
