//! What is asked of a quote and what it answers.

use domain::country::Country;
use domain::ids::ProductId;
use domain::locale::Locale;
use domain::money::Currency;
use domain::pricing::Total;
use domain::quantity::Quantity;
use domain::sku::Sku;

/// What is to be priced.
#[derive(Debug, Clone)]
pub struct Request {
    pub currency: Currency,
    /// In which the shipping method is named.
    pub locale: Locale,
    /// `None` until it is known.
    pub country: Option<Country>,
    pub lines: Vec<RequestLine>,
    /// Taken off the whole, in minor units, not negative.
    pub order_discount: i64,
    pub tax: TaxRule,
    pub shipping: ShippingRule,
    /// Staff may sell what is not for sale, and in currencies that the shop does not offer, at prices they name.
    pub by_staff: bool,
    /// Where the caller's body has these things.
    pub pointers: Pointers,
}

#[derive(Debug, Clone)]
pub struct RequestLine {
    pub sku: Sku,
    pub quantity: Quantity,
    /// Instead of the offer's price.
    pub unit_price: Option<i64>,
    /// Instead of the offer's title.
    pub title: Option<String>,
    /// Taken off the whole line, not negative.
    pub discount: i64,
}

impl RequestLine {
    /// At the shop's own price.
    pub fn new(sku: Sku, quantity: Quantity) -> Self {
        Self { sku, quantity, unit_price: None, title: None, discount: 0 }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TaxRule {
    /// As the country has it; none while the country is not known.
    ByCountry,
    None,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ShippingRule {
    /// The id of one of the shop's methods.
    ByMethod(String),
    /// An amount that staff name.
    Amount(i64),
    /// Nothing is sent, or no method is chosen yet.
    None,
}

/// JSON pointers into the caller's body; a line's is `{lines}/3/sku`.
#[derive(Debug, Clone, Copy)]
pub struct Pointers {
    pub lines: &'static str,
    pub currency: &'static str,
    pub country: &'static str,
    pub shipping_method: &'static str,
    pub shipping_amount: &'static str,
    pub order_discount: &'static str,
}

impl Default for Pointers {
    fn default() -> Self {
        Self {
            lines: "/lines",
            currency: "/currency",
            country: "/country",
            shipping_method: "/shipping_method",
            shipping_amount: "/shipping_amount",
            order_discount: "/discount",
        }
    }
}

/// What it comes to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Quoted {
    pub currency: Currency,
    /// One per line of the request, in its order.
    pub lines: Vec<QuotedLine>,
    /// One `subtotal`, one `total`; all but `total` add up to it.
    pub totals: Vec<Total>,
    /// Tax that the total includes without an entry of its own.
    pub tax_included: i64,
    /// Whether this country's prices include tax; false while it is not known.
    pub prices_include_tax: bool,
    /// Tax on shipping, on top or included as that of the lines is.
    pub shipping_tax: i64,
    /// Set when a method was chosen.
    pub shipping: Option<ShippingOption>,
    /// What lines come to, all discounts taken off: the sum on which free shipping depends.
    pub goods: i64,
    pub total: i64,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QuotedLine {
    pub sku: Sku,
    pub product: ProductId,
    pub slug: String,
    pub title: String,
    /// Such as `Large / Blue`; empty for a product without options.
    pub variant: String,
    pub image: Option<String>,
    pub quantity: Quantity,
    pub unit_price: i64,
    /// The line's own discount.
    pub discount: i64,
    /// The line's share of the order's discount.
    pub order_discount: i64,
    /// On top of `total`, or included in it where prices include tax.
    pub tax: i64,
    /// `unit_price × quantity - discount`.
    pub total: i64,
}

/// A way to send, and what it costs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShippingOption {
    pub id: String,
    /// In the reader's language.
    pub name: String,
    pub amount: i64,
    /// The fewest and the most days that it takes.
    pub estimate_days: Option<(u16, u16)>,
}
