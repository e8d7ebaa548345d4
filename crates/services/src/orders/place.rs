//! Places an order: parse once, gather facts (prices, settings, now), decide, then drive its process.
//! It does not know who pays how; a payment is opened under the order's id and driven later.

use std::sync::Arc;

use contracts::caller::Caller;
use contracts::payments::OpenPayment;
use contracts::{Error, Kind, Result};
use domain::cart::Cart;
use domain::country::Country;
use domain::field::FieldError;
use domain::ids::{CartId, DraftId, LineId, OrderId, OrderNumber};
use domain::locale::Locale;
use domain::money::Currency;
use domain::order::{Channel, Fact, Line, MAX_LINES, Order, PaymentChoice, Placement, Shipping, Status};
use domain::quantity::Quantity;
use domain::seal::Sealed;
use domain::sku::Sku;
use jiff::Timestamp;
use platform::entropy::draw;
use platform::log::StreamId;
use platform::log::executor::{Command, Decision, ExecuteError, RunError};
use platform::sealing::DataKey;

use super::kinds::{CartFact, CartKind, NumberFact, NumberKind, cart_stream, number_stream};
use super::personal::{self, Buyer, check_text, email_lookup, read_address, read_buyer, seal};
use super::{LOST_S, OrderKind, Orders, stream};
use crate::machinery::{cause, refused, stored};
use crate::quoting::{self, Pointers, Quoted, RequestLine, ShippingRule, TaxRule};
use contracts::orders::{AddressBody, BuyerView};

/// How many order numbers are drawn before giving up. With 10^12 of them, the second draw is already rare.
const NUMBERS_DRAWN: u32 = 8;
/// The longest payment token, in characters.
const TOKEN_MAX: usize = 500;
/// The code of a refusal: the cart is another order.
const CART_ORDERED: &str = "cart_already_ordered";
/// The code of a refusal: this name was used for another wish.
pub const REUSED: &str = "idempotency_key_reused";

/// What somebody wants to buy.
pub struct PlaceOrder {
    pub id: OrderId,
    /// SHA-256 of the request, in hexadecimal.
    pub body_hash: String,
    pub channel: Channel,
    pub currency: String,
    pub locale: Option<String>,
    pub lines: WantedLines,
    pub buyer: Option<BuyerView>,
    pub shipping_address: Option<AddressBody>,
    pub shipping: WantedShipping,
    pub provider: Option<String>,
    pub token: Option<String>,
    pub note: Option<String>,
    pub expected_total: Option<i64>,
    pub order_discount: i64,
    pub with_tax: bool,
    pub placed_at: Option<Timestamp>,
    pub draft: Option<DraftId>,
}

/// Where the lines come from.
pub enum WantedLines {
    Listed(Vec<WantedLine>),
    Cart { id: CartId, token: String },
}

/// A line as it was sent.
pub struct WantedLine {
    pub sku: String,
    pub quantity: i64,
    /// Staff only.
    pub unit_price: Option<i64>,
    pub title: Option<String>,
    pub discount: i64,
}

/// How it is to be sent.
pub enum WantedShipping {
    Method(Option<String>),
    /// Staff only: this amount, by no method of the shop's.
    Amount(i64),
}

/// An order after its placing.
pub struct Placed {
    pub order: Arc<Order>,
    /// It had been placed before, by the same request.
    pub repeated: bool,
}

/// What became of the order that a cart names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// It is there.
    Placed,
    /// It is on its way.
    Awaited,
    /// It was undone, or never came about: the cart may become another one.
    Nothing,
}

/// A wish whose every part was read and found acceptable.
struct Parsed {
    currency: Currency,
    locale: Locale,
    lines: Vec<RequestLine>,
    cart: Option<(CartId, String)>,
    buyer: Buyer,
    address: Option<domain::address::Address>,
    country: Option<Country>,
    payment: PaymentChoice,
    token: Option<String>,
}

impl Orders {
    /// Places an order and drives it as far as it goes within [`super::Limits::payment_wait`].
    ///
    /// # Errors
    /// `Invalid` with the fields that are wrong · `price_changed` · `cart_already_ordered` ·
    /// `idempotency_key_reused` when the same id was used with another body.
    pub async fn place(self: &Arc<Self>, wish: PlaceOrder, caller: &Caller) -> Result<Placed> {
        // A cart may have moved on since its order, so that one is looked for first.
        if matches!(wish.lines, WantedLines::Cart { .. })
            && let Some(placed) = self.placed_before(&wish, caller).await?
        {
            return Ok(placed);
        }
        match self.place_new(&wish, caller).await {
            Ok(placed) => Ok(placed),
            // What is refused today may have been ordered yesterday.
            Err(refusal) => self.placed_before(&wish, caller).await?.ok_or(refusal),
        }
    }

    /// Takes the wish for one that is heard for the first time, as nearly all are. What was done before under its id
    /// is found on the way, and is not done twice.
    async fn place_new(self: &Arc<Self>, wish: &PlaceOrder, caller: &Caller) -> Result<Placed> {
        let parsed = self.parse(wish, caller).await?;
        let quoted = self.quote(wish, &parsed).await?;
        check_expected(wish, &quoted)?;
        if let Some((cart, token)) = &parsed.cart {
            self.claim_cart(cart, token, &wish.id).await?;
        }
        let (claimed, learned) = match self.write(wish, &parsed, quoted, caller).await {
            Ok(written) => written,
            Err(NotWritten { error, is_certain }) => {
                if let Some((cart, _)) = parsed.cart.as_ref().filter(|_| is_certain) {
                    self.let_go_of_cart(cart, &wish.id).await;
                }
                return Err(error);
            }
        };
        let order = self.drive_for_a_while(&wish.id, learned, caller).await?;
        self.after(&order, &wish.id).await;
        Ok(Placed { order, repeated: claimed == Claimed::AlreadyThere })
    }

    /// The order that the same request placed before, driven on; `None` when there is none.
    async fn placed_before(self: &Arc<Self>, wish: &PlaceOrder, caller: &Caller) -> Result<Option<Placed>> {
        let (known, _) = self.read(&wish.id).await?;
        let Some(placement) = &known.placement else { return Ok(None) };
        if placement.body_hash != wish.body_hash {
            return Err(reused());
        }
        if known.status == Status::Pending && !known.process.authorized {
            // A crash may have come between the order and its payment.
            let key = self.machinery.vault.key(wish.id.as_str()).await.map_err(personal::unsealed)?;
            self.payments.open(opening(&wish.id, placement, wish.token.as_deref(), &key), caller).await?;
        }
        let order = self.drive_for_a_while(&wish.id, Vec::new(), caller).await?;
        self.after(&order, &wish.id).await;
        Ok(Some(Placed { order, repeated: true }))
    }

    async fn parse(&self, wish: &PlaceOrder, caller: &Caller) -> Result<Parsed> {
        let mut errors = Vec::new();
        let settings = &self.shop.settings().await?.settings;
        let is_draft = wish.channel == Channel::Draft;
        let (currency, lines, cart, cart_locale) = match &wish.lines {
            WantedLines::Listed(lines) => {
                let currency = Currency::parse(&wish.currency);
                if let Err(error) = &currency {
                    errors.push(FieldError::new("/currency", "unknown_currency", error.to_string()));
                }
                (currency.ok(), read_lines(lines, &mut errors), None, None)
            }
            WantedLines::Cart { id, token } => {
                let cart = self.carts.cart(id, token).await?;
                if !wish.currency.is_empty() && wish.currency != cart.currency.code() {
                    errors.push(FieldError::new("/currency", "not_the_carts", "the cart is in another currency"));
                }
                if cart.is_empty() {
                    errors.push(FieldError::new("/cart_id", "empty_cart", "the cart is empty"));
                }
                let lines = cart.lines().iter().map(|line| RequestLine::new(line.sku.clone(), line.quantity));
                let (currency, lines) = (cart.currency, lines.collect());
                (Some(currency), lines, Some((id.clone(), token.clone())), Some(cart.locale))
            }
        };
        let locale = match wish.locale.as_deref().map(Locale::parse) {
            Some(Ok(locale)) => locale,
            Some(Err(error)) => {
                errors.push(FieldError::new("/locale", "unknown_locale", error.to_string()));
                settings.default_locale.clone()
            }
            None => cart_locale.unwrap_or_else(|| settings.default_locale.clone()),
        };
        let buyer = read_buyer(wish.buyer.clone(), "/buyer", !is_draft, &mut errors);
        let address = match wish.shipping_address.clone() {
            Some(body) => read_address(body, "/shipping_address", &buyer.view, &mut errors),
            None => {
                if !is_draft {
                    errors.push(FieldError::new("/shipping_address", "required", "an address is needed"));
                }
                None
            }
        };
        if let WantedShipping::Method(None) = wish.shipping
            && !is_draft
        {
            errors.push(FieldError::new("/shipping_method", "required", "choose one of the shipping methods"));
        }
        check_text(wish.note.as_deref(), "/note", personal::NOTE_MAX, &mut errors);
        let payment = self.read_payment(wish, caller, &mut errors).await?;
        if errors.is_empty()
            && let (Some(currency), Some(payment)) = (currency, payment)
        {
            let country = address.as_ref().map(domain::address::Address::country);
            let token = wish.token.clone();
            return Ok(Parsed { currency, locale, lines, cart, buyer, address, country, payment, token });
        }
        Err(Error::invalid(errors))
    }

    async fn read_payment(
        &self,
        wish: &PlaceOrder,
        caller: &Caller,
        errors: &mut Vec<FieldError>,
    ) -> Result<Option<PaymentChoice>> {
        let settings = self.shop.settings().await?;
        let Some(name) = &wish.provider else {
            errors.push(FieldError::new("/payment/provider", "required", "choose one of the payment methods"));
            return Ok(None);
        };
        let method = settings.settings.payment_method(name);
        let provider = method.map_or(name.as_str(), |method| method.provider.as_str());
        let staff_may = caller.is_staff() && wish.channel == Channel::Draft;
        let offered = method.is_some() || staff_may;
        let Some(info) = self.payments.provider(provider).filter(|_| offered) else {
            let message = "this shop does not offer this payment method";
            errors.push(FieldError::new("/payment/provider", "unknown_payment_method", message));
            return Ok(None);
        };
        let before = errors.len();
        check_text(wish.token.as_deref(), "/payment/token", TOKEN_MAX, errors);
        if info.needs_token && wish.token.as_deref().is_none_or(str::is_empty) {
            errors.push(FieldError::new("/payment/token", "required", "this payment method needs a token"));
        }
        let choice = PaymentChoice { provider: provider.to_owned(), test: info.test };
        Ok((errors.len() == before).then_some(choice))
    }

    async fn quote(&self, wish: &PlaceOrder, parsed: &Parsed) -> Result<Quoted> {
        let settings = self.shop.settings().await?;
        let skus: Vec<Sku> = parsed.lines.iter().map(|line| line.sku.clone()).collect();
        let offers = self.catalog.offers(&skus, parsed.currency, &parsed.locale).await?;
        let request = quoting::Request {
            currency: parsed.currency,
            locale: parsed.locale.clone(),
            country: parsed.country,
            lines: parsed.lines.clone(),
            order_discount: wish.order_discount,
            tax: if wish.with_tax { TaxRule::ByCountry } else { TaxRule::None },
            shipping: match &wish.shipping {
                WantedShipping::Method(Some(id)) => ShippingRule::ByMethod(id.clone()),
                WantedShipping::Method(None) => ShippingRule::None,
                WantedShipping::Amount(amount) => ShippingRule::Amount(*amount),
            },
            by_staff: wish.channel == Channel::Draft,
            pointers: Pointers { country: "/shipping_address/country", ..Pointers::default() },
        };
        quoting::quote(&settings.settings, &offers, &request)
    }

    /// Makes the cart become this order. A cart that was becoming an order which was undone, or which never came
    /// about, is taken over.
    async fn claim_cart(&self, cart: &CartId, token: &str, order: &OrderId) -> Result<()> {
        let refusal = match self.carts.begin_order(cart, token, order).await {
            Ok(_) => return Ok(()),
            Err(error) if error.code == CART_ORDERED => error,
            Err(error) => return Err(error),
        };
        let held = self.carts.cart(cart, token).await?;
        let Some(other) = held.order().cloned() else { return Err(refusal) };
        if self.fate_of(&other, &held).await? != Fate::Nothing {
            return Err(refusal);
        }
        self.carts.reopen(cart, &other).await?;
        self.carts.begin_order(cart, token, order).await.map(|_| ())
    }

    /// What became of the order that this cart names.
    pub(super) async fn fate_of(&self, order: &OrderId, cart: &Cart) -> Result<Fate> {
        let (state, _) = self.read(order).await?;
        let age_s = self.machinery.clock.now().as_second() - cart.updated_at.as_second();
        Ok(match state.status {
            Status::Rejected | Status::Cancelled => Fate::Nothing,
            _ if state.exists() => Fate::Placed,
            _ if age_s > LOST_S => Fate::Nothing,
            _ => Fate::Awaited,
        })
    }

    pub(super) async fn let_go_of_cart(&self, cart: &CartId, order: &OrderId) {
        if let Err(error) = self.carts.reopen(cart, order).await {
            tracing::warn!(%cart, %error, "a cart could not be opened again; its next order does it");
        }
    }

    /// Makes the order durable, in two steps: its key and its stock, which it cannot be read or sold without; then the
    /// order with its payment. Within a step nothing waits for anything, so that both share the same commits
    /// (docs/adr/0008-an-order-in-four-commits.md). Answers what was learned about its process on the way.
    async fn write(
        &self,
        wish: &PlaceOrder,
        parsed: &Parsed,
        quoted: Quoted,
        caller: &Caller,
    ) -> std::result::Result<(Claimed, Vec<Fact>), NotWritten> {
        let lookup = parsed.buyer.email.as_ref().map(|email| email_lookup(self.machinery.vault.master(), email));
        let key = self.machinery.vault.new_key(wish.id.as_str(), lookup);
        let wanted: Vec<(Sku, Quantity)> = quoted.lines.iter().map(|line| (line.sku.clone(), line.quantity)).collect();
        let (key, reserved) = futures::join!(self.machinery.vault.keep(key), self.reserve(&wish.id, &wanted, caller));
        let key = key.map_err(personal::unsealed)?;
        // Where the inventory does not answer, the order's process asks it again.
        let learned: Vec<Fact> = reserved.into_iter().collect();
        let placement = self.placement(wish, parsed, quoted, &key)?;
        let opening = opening(&wish.id, &placement, parsed.token.as_deref(), &key);
        let (opened, claimed) = futures::join!(
            self.payments.open(opening, caller),
            self.claim_number(&wish.id, placement, &learned, caller)
        );
        if let Err(NotWritten { error, .. }) = &claimed
            && error.code == CART_ORDERED
        {
            // No retry will ever need what is held; should this fail, it expires.
            let _ = self.inventory.release(&wish.id, caller).await;
        }
        let claimed = claimed?;
        // From here on there is an order. The retry, or what undoes an order that was never paid, sees to the rest.
        opened.map_err(|error| NotWritten { error, is_certain: false })?;
        Ok((claimed, learned))
    }

    async fn claim_number(
        &self,
        id: &OrderId,
        placement: Placement,
        learned: &[Fact],
        caller: &Caller,
    ) -> std::result::Result<Claimed, NotWritten> {
        let undone = self.undone_before(placement.cart.as_ref()).await?;
        for _ in 0..NUMBERS_DRAWN {
            let number = OrderNumber::from_bytes(draw(self.machinery.entropy.as_ref()));
            let placement = Placement { number, ..placement.clone() };
            match self.claim(id, Arc::new(placement), undone.clone(), learned, caller).await? {
                Claimed::NumberTaken => {}
                claimed => return Ok(claimed),
            }
        }
        Err(Error::unavailable("no free order number was found; try again", 1).into())
    }

    /// The order that a cart was before, if that one was undone.
    async fn undone_before(&self, cart: Option<&CartId>) -> Result<Option<OrderId>> {
        let Some(cart) = cart else { return Ok(None) };
        let (claim, _) = self.machinery.executor.read::<CartKind>(&cart_stream(cart)).await.map_err(stored)?;
        let Some(other) = claim.order.clone() else { return Ok(None) };
        let (order, _) = self.read(&other).await?;
        Ok(matches!(order.status, Status::Rejected | Status::Cancelled).then_some(other))
    }

    /// Writes the order, and that it was refused, if so: a refused order has no process. A cart that is another order,
    /// but for `undone`, is refused: whatever the cart itself says, the log decides.
    async fn claim(
        &self,
        id: &OrderId,
        placement: Arc<Placement>,
        undone: Option<OrderId>,
        learned: &[Fact],
        caller: &Caller,
    ) -> std::result::Result<Claimed, NotWritten> {
        let (order, number) = (stream(id), number_stream(&placement.number));
        let presumed = [order.clone(), number.clone()];
        let cart = placement.cart.as_ref().map(cart_stream);
        let streams: Vec<StreamId> = presumed.iter().chain(&cart).cloned().collect();
        let id = id.clone();
        let refused_at_once: Option<Fact> = learned.iter().find(|fact| matches!(fact, Fact::Rejected { .. })).cloned();
        let command = Command::new("orders.place", cause(caller), streams, move |view| {
            if let Some(known) = &view.state::<OrderKind>(&order).placement {
                return match known.body_hash == placement.body_hash {
                    true => Ok(Decision::answer(Claimed::AlreadyThere)),
                    false => Err(reused()),
                };
            }
            if view.state::<NumberKind>(&number).order.is_some() {
                return Ok(Decision::answer(Claimed::NumberTaken));
            }
            let other = cart.as_ref().and_then(|cart| view.state::<CartKind>(cart).order.as_ref());
            if let Some(other) = other.filter(|other| Some(*other) != undone.as_ref()) {
                let message = "the cart has become another order";
                return Err(Error::conflict(CART_ORDERED, message).with("order_id", other.as_str()));
            }
            let mut decision = Decision::answer(Claimed::Written);
            if let Some(cart) = &cart {
                decision.add::<CartKind>(cart, CartFact::Taken { order: id.clone() });
            }
            Ok(decision
                .with::<OrderKind>(&order, Fact::Placed { placement: placement.clone() })
                .with_all::<OrderKind>(&order, refused_at_once.clone())
                .with::<NumberKind>(&number, NumberFact::Taken { order: id.clone() }))
        });
        let ran = self.machinery.executor.run(command.presuming_new(presumed)).await;
        ran.map(|committed| committed.answer).map_err(|error: RunError<Error>| {
            let is_certain = !matches!(error, RunError::Failed(ExecuteError::Undecided | ExecuteError::Closed));
            NotWritten { error: refused(error, |rejection| rejection), is_certain }
        })
    }

    fn placement(&self, wish: &PlaceOrder, parsed: &Parsed, quoted: Quoted, key: &DataKey) -> Result<Placement> {
        let is_empty = |view: &BuyerView| view.email.is_none() && view.name.is_none() && view.phone.is_none();
        let buyer = Some(&parsed.buyer.view).filter(|view| !is_empty(view));
        let address = parsed.address.as_ref().map(AddressBody::from);
        let shipping = quoted.shipping.as_ref();
        let lines = quoted.lines.iter().enumerate().map(|(index, line)| Line {
            id: self.line_id(&wish.id, index),
            sku: line.sku.clone(),
            title: line.title.clone(),
            variant: line.variant.clone(),
            quantity: line.quantity,
            unit_price: line.unit_price,
            discount: line.discount,
            order_discount: line.order_discount,
            tax: line.tax,
            total: line.total,
        });
        Ok(Placement {
            number: OrderNumber::from_bytes([0; 5]),
            channel: wish.channel,
            market: "main".to_owned(),
            currency: parsed.currency,
            locale: Some(parsed.locale.clone()),
            lines: lines.collect(),
            totals: quoted.totals,
            tax_included: quoted.tax_included,
            prices_include_tax: quoted.prices_include_tax,
            buyer: buyer.map(|buyer| seal(key, buyer)).transpose()?,
            shipping_address: address.map(|address| seal(key, &address)).transpose()?,
            country: parsed.country,
            shipping: shipping.map(|option| Shipping { id: option.id.clone(), name: option.name.clone() }),
            payment: parsed.payment.clone(),
            note: wish.note.as_ref().filter(|note| !note.is_empty()).map(|note| seal(key, note)).transpose()?,
            cart: parsed.cart.as_ref().map(|(cart, _)| cart.clone()),
            draft: wish.draft.clone(),
            placed_at: wish.placed_at.unwrap_or_else(|| self.machinery.clock.now()),
            body_hash: wish.body_hash.clone(),
        })
    }

    /// A line's id follows from the order's, so that it need not be drawn.
    fn line_id(&self, order: &OrderId, index: usize) -> LineId {
        let index = (index as u64).to_be_bytes();
        let hash = self.machinery.vault.master().hash("order line", &[order.as_str().as_bytes(), &index]);
        let mut bytes = [0; 16];
        bytes.copy_from_slice(&hash[..16]);
        LineId::from_bytes(bytes)
    }
}

/// The payment that belongs to an order.
fn opening(order: &OrderId, placement: &Placement, token: Option<&str>, key: &DataKey) -> OpenPayment {
    OpenPayment {
        order: order.clone(),
        provider: placement.payment.provider.clone(),
        amount: placement.total(),
        currency: placement.currency,
        token: token.map(|token| Sealed::new(key.seal(token))),
    }
}

/// Why an order was not written.
struct NotWritten {
    error: Error,
    /// Whether there is no order now, and will be none.
    is_certain: bool,
}

impl From<Error> for NotWritten {
    fn from(error: Error) -> Self {
        Self { error, is_certain: true }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Claimed {
    Written,
    AlreadyThere,
    NumberTaken,
}

fn read_lines(lines: &[WantedLine], errors: &mut Vec<FieldError>) -> Vec<RequestLine> {
    if lines.is_empty() {
        errors.push(FieldError::new("/lines", "required", "an order has at least one line"));
    }
    if lines.len() > MAX_LINES {
        errors.push(FieldError::new("/lines", "too_many", format!("at most {MAX_LINES} lines, not {}", lines.len())));
        return Vec::new();
    }
    let mut read = Vec::with_capacity(lines.len());
    for (index, line) in lines.iter().enumerate() {
        let sku = Sku::parse(&line.sku);
        if let Err(error) = &sku {
            errors.push(FieldError::new(format!("/lines/{index}/sku"), "invalid_sku", error.to_string()));
        }
        let quantity = u32::try_from(line.quantity).ok().and_then(|quantity| Quantity::new(quantity).ok());
        if quantity.is_none() {
            let message = "a quantity is between 1 and 1000000";
            errors.push(FieldError::new(format!("/lines/{index}/quantity"), "out_of_range", message));
        }
        if let (Ok(sku), Some(quantity)) = (sku, quantity) {
            let (unit_price, title, discount) = (line.unit_price, line.title.clone(), line.discount);
            read.push(RequestLine { sku, quantity, unit_price, title, discount });
        }
    }
    read
}

fn check_expected(wish: &PlaceOrder, quoted: &Quoted) -> Result<()> {
    match wish.expected_total {
        Some(expected) if expected != quoted.total => {
            let message = format!("the total is {} now, not {expected}; look at it again before you buy", quoted.total);
            Err(Error::new(Kind::Conflict, "price_changed", message)
                .with("expected_total", expected)
                .with("total", quoted.total))
        }
        _ => Ok(()),
    }
}

fn reused() -> Error {
    let message = "this Idempotency-Key was used with another body; use a new key for a new order";
    Error::new(Kind::Invalid, REUSED, message)
}
