//! What orders look like to those who ask.
//! It does not know how an order comes about.

use domain::address::{Address, AddressInput};
use domain::pricing::Total;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// One entry of a price's summary.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TotalView {
    /// `subtotal`, `items_discount`, `discount`, `fulfillment`, `tax`, `fee` or `total`.
    #[serde(rename = "type")]
    pub kind: String,
    /// Minor units of the order's currency; negative for discounts.
    pub amount: i64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub display_text: Option<String>,
}

impl From<&Total> for TotalView {
    fn from(total: &Total) -> Self {
        let kind = serde_json::to_value(total.kind).ok().and_then(|kind| kind.as_str().map(ToOwned::to_owned));
        Self { kind: kind.unwrap_or_default(), amount: total.amount, display_text: total.display_text.clone() }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct LineView {
    #[schema(example = "lin_06e4t0q3cg0p9n5sgyqm0bxvmw")]
    pub id: String,
    pub sku: String,
    pub title: String,
    /// Such as `Large / Blue`; empty for a product without options.
    pub variant: String,
    pub quantity: u32,
    pub unit_price: i64,
    /// What is taken off the whole line.
    pub discount: i64,
    /// The line's tax: on top of its total, or included in it where prices include tax.
    pub tax: i64,
    /// `unit_price × quantity - discount`.
    pub total: i64,
    pub shipped: u32,
    pub refunded: u32,
}

/// Who buys. Personal.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct BuyerView {
    #[serde(default)]
    pub email: Option<String>,
    #[serde(default)]
    pub name: Option<String>,
    #[serde(default)]
    pub phone: Option<String>,
}

/// A postal address. Personal.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct AddressBody {
    pub name: Option<String>,
    #[schema(example = "1 Infinite Loop")]
    pub line1: Option<String>,
    pub line2: Option<String>,
    #[schema(example = "Cupertino")]
    pub city: Option<String>,
    pub region: Option<String>,
    #[schema(example = "95014")]
    pub postal_code: Option<String>,
    /// ISO 3166-1 alpha-2.
    #[schema(example = "US")]
    pub country: Option<String>,
    /// E.164.
    pub phone: Option<String>,
}

impl From<AddressBody> for AddressInput {
    fn from(body: AddressBody) -> Self {
        let AddressBody { name, line1, line2, city, region, postal_code, country, phone } = body;
        Self { name, line1, line2, city, region, postal_code, country, phone }
    }
}

impl From<&Address> for AddressBody {
    fn from(address: &Address) -> Self {
        let text = |text: Option<&str>| text.map(ToOwned::to_owned);
        Self {
            name: text(address.name()),
            line1: Some(address.line1().to_owned()),
            line2: text(address.line2()),
            city: Some(address.city().to_owned()),
            region: text(address.region()),
            postal_code: text(address.postal_code()),
            country: Some(address.country().code().to_owned()),
            phone: address.phone().map(|phone| phone.as_str().to_owned()),
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ShortageView {
    pub sku: String,
    pub requested: i64,
    /// What is left.
    pub available: i64,
}

/// What the buyer must do next.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct NextActionView {
    /// Where the provider wants the buyer.
    pub url: String,
    #[schema(format = DateTime)]
    pub expires_at: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct LineQuantityBody {
    /// The line's id.
    pub line: String,
    #[schema(example = 1)]
    pub quantity: i64,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ShipmentView {
    pub id: String,
    pub lines: Vec<LineQuantityBody>,
    pub carrier: Option<String>,
    pub tracking_number: Option<String>,
    pub tracking_url: Option<String>,
    #[schema(format = DateTime)]
    pub shipped_at: String,
    #[schema(format = DateTime)]
    pub delivered_at: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RefundView {
    pub id: String,
    pub amount: i64,
    /// `requested`, `done` or `failed`.
    pub status: String,
    pub reason: Option<String>,
    /// Why it failed.
    pub failure: Option<String>,
    #[schema(format = DateTime)]
    pub requested_at: String,
}

#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct NoteView {
    pub by: String,
    #[schema(format = DateTime)]
    pub at: String,
    /// Null after the order was erased.
    pub note: Option<String>,
}

/// How an order is paid, and how far that has come.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PaymentView {
    pub provider: String,
    /// No money moves.
    pub test: bool,
    pub amount: i64,
    pub authorized: i64,
    pub captured: i64,
    pub refunded: i64,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ShippingView {
    pub id: String,
    pub name: String,
}

/// Why an order was undone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CancellationView {
    /// `payment_declined`, `payment_expired`, `step_failed` or `by_staff`.
    pub code: String,
    pub message: String,
}

/// How far an order's process is. For staff.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ProcessView {
    /// `idle`, `running`, `waiting` (for the buyer or the next attempt) or `parked` (for staff).
    pub state: String,
    /// The step that is next, or at which it is parked.
    pub step: Option<String>,
    pub attempts: u32,
    pub reason: Option<String>,
}

/// An order.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct OrderView {
    #[schema(example = "ord_06e4t0q3cg0p9n5sgyqm0bxvmw")]
    pub id: String,
    #[schema(example = "7K3M9QXZ")]
    pub number: String,
    /// `pending`, `confirmed`, `completed`, `cancelled` or `rejected`.
    pub status: String,
    /// `pending`, `authorized`, `partially_captured`, `captured`, `partially_refunded`, `refunded`, `voided` or
    /// `declined`.
    pub payment_status: String,
    /// `unfulfilled`, `partially_shipped`, `shipped` or `delivered`.
    pub fulfillment_status: String,
    /// No money moves for it, and nothing should be sent.
    pub test: bool,
    /// `storefront`, `api` or `draft`.
    pub channel: String,
    pub market: String,
    #[schema(example = "USD")]
    pub currency: String,
    pub locale: Option<String>,
    pub lines: Vec<LineView>,
    /// One `subtotal`, one `total`; all but `total` add up to it.
    pub totals: Vec<TotalView>,
    /// Tax that the prices include already.
    pub tax_included: i64,
    /// Null when the order has none, or was erased.
    pub buyer: Option<BuyerView>,
    pub shipping_address: Option<AddressBody>,
    pub shipping_method: Option<ShippingView>,
    pub payment: PaymentView,
    pub shipments: Vec<ShipmentView>,
    pub refunds: Vec<RefundView>,
    /// What the buyer wrote.
    pub note: Option<String>,
    /// What staff wrote; empty for buyers.
    pub staff_notes: Vec<NoteView>,
    pub next_action: Option<NextActionView>,
    pub shortages: Vec<ShortageView>,
    pub cancellation: Option<CancellationView>,
    /// Null for buyers.
    pub process: Option<ProcessView>,
    pub erased: bool,
    /// When the shop's books say that it was placed.
    #[schema(format = DateTime)]
    pub placed_at: String,
    /// When it was written down here.
    #[schema(format = DateTime)]
    pub recorded_at: String,
    #[schema(format = DateTime)]
    pub updated_at: String,
    /// Reads this order: send it as a bearer token. Told to whoever placed the order, and to staff.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub access_token: Option<String>,
}

/// Something that happened to an order, as its buyer is told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Milestone {
    pub kind: MilestoneKind,
    pub at: Timestamp,
}

/// What a buyer is told of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MilestoneKind {
    Placed,
    /// The money is promised.
    Authorized,
    Confirmed,
    Declined,
    /// There was not enough of something.
    Rejected,
    /// The money was taken.
    Paid,
    Shipped,
    Delivered,
    /// Money went back.
    Refunded,
    Cancelled,
}
