//! Draft orders: what staff write down for phone and wholesale buyers, with their own prices, until it is an order.
//! It does not place orders in any other way than shoppers do; a finished draft goes through the same door.

use std::sync::Arc;

use contracts::caller::Caller;
use contracts::{Error, Kind, Result};
use domain::field::FieldError;
use domain::ids::{DraftId, OrderId};
use domain::order::{Channel, MAX_LINES};
use jiff::Timestamp;
use platform::documents::tuple::Key;
use platform::documents::{Collection, Conditional, Entry, Expected, Put, Query, Range};
use platform::http::lists::{Cursor, Fingerprint, Listing};
use platform::sealing;
use serde::{Deserialize, Serialize};

use super::Orders;
use super::personal::{open, read_address, read_buyer, seal, unsealed};
use super::place::{PlaceOrder, Placed, WantedLine, WantedLines, WantedShipping};
use crate::machinery::stored;
use contracts::orders::{AddressBody, BuyerView, DraftBody, DraftLine, DraftView};

pub const DRAFTS: Collection = Collection::primary("draft_orders");
const BY_TIME: &str = "time";
/// How far ahead of the clock a draft may be dated, in seconds: clocks differ.
const AHEAD_S: i64 = 60;

/// As it is stored: what is personal is sealed with the key of the order that it will become.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Stored {
    /// The draft without buyer, address and note.
    draft: serde_json::Value,
    personal: Option<String>,
    completed: bool,
    created_at: Timestamp,
    updated_at: Timestamp,
}

#[derive(Serialize, Deserialize, Default)]
struct Personal {
    #[serde(default)]
    reference: Option<String>,
    buyer: Option<BuyerView>,
    shipping_address: Option<AddressBody>,
    note: Option<String>,
}

impl Orders {
    /// The order that a draft becomes; no other can.
    fn order_of(&self, draft: &DraftId) -> OrderId {
        let hash = self.machinery.vault.master().hash("order of a draft", &[draft.as_str().as_bytes()]);
        let mut bytes = [0; 16];
        bytes.copy_from_slice(&hash[..16]);
        OrderId::from_bytes(bytes)
    }

    /// Writes a new draft; the same id again answers with what is there.
    pub async fn create_draft(&self, id: &DraftId, body: DraftBody) -> Result<(DraftView, u64)> {
        check(&body, self.machinery.clock.now())?;
        let now = self.machinery.clock.now();
        let stored_draft = self.seal_draft(id, body, now).await?;
        match self.put_draft(id, &stored_draft, Expected::Absent).await? {
            Conditional::Written(version) => Ok((self.show(id, &stored_draft).await?, version)),
            Conditional::Differs(_) => self.draft(id).await,
        }
    }

    pub async fn draft(&self, id: &DraftId) -> Result<(DraftView, u64)> {
        let (held, version) = self.stored_draft(id).await?;
        Ok((self.show(id, &held).await?, version))
    }

    pub async fn replace_draft(&self, id: &DraftId, body: DraftBody, expected: u64) -> Result<(DraftView, u64)> {
        check(&body, self.machinery.clock.now())?;
        let (held, _) = self.stored_draft(id).await?;
        check_open(&held)?;
        let mut next = self.seal_draft(id, body, self.machinery.clock.now()).await?;
        next.created_at = held.created_at;
        match self.put_draft(id, &next, Expected::Version(expected)).await? {
            Conditional::Written(version) => Ok((self.show(id, &next).await?, version)),
            Conditional::Differs(_) => Err(Error::new(Kind::Stale, "stale", "the draft was changed meanwhile")),
        }
    }

    /// Throws a draft away; one that became an order stays.
    pub async fn delete_draft(&self, id: &DraftId) -> Result<()> {
        let (held, version) = self.stored_draft(id).await?;
        check_open(&held)?;
        let now = self.machinery.clock.now();
        match self.put_expiring(id, &held, Expected::Version(version), Some(now)).await? {
            Conditional::Written(_) => {
                self.machinery.vault.destroy(self.order_of(id).as_str()).await.map(|_| ()).map_err(unsealed)
            }
            Conditional::Differs(_) => Err(Error::new(Kind::Stale, "stale", "the draft was changed meanwhile")),
        }
    }

    pub async fn drafts(&self, cursor: Option<Cursor>, limit: usize) -> Result<(Vec<DraftView>, Option<Cursor>)> {
        let query =
            Query::new(DRAFTS, BY_TIME, Range::all()).descending().limit(limit).after(cursor.map(Cursor::after));
        let page = self.machinery.documents.query(query, self.machinery.clock.now()).await.map_err(stored)?;
        let mut views = Vec::with_capacity(page.documents.len());
        for document in &page.documents {
            let id = DraftId::parse(&document.id).map_err(|error| Error::internal(error.to_string()))?;
            views.push(self.show(&id, &document.read().map_err(stored)?).await?);
        }
        Ok((views, Cursor::next_of(&page)))
    }

    /// Places the order that a draft has become. Again: answers with that order.
    pub async fn complete_draft(self: &Arc<Self>, id: &DraftId, caller: &Caller) -> Result<(OrderId, Placed)> {
        let held = self.close_draft(id).await?;
        let order = self.order_of(id);
        let body = self.unseal(id, &held).await?;
        let placed = match wish(id, &order, body) {
            Ok(wish) => self.place(wish, caller).await,
            Err(error) => Err(error),
        };
        match placed {
            Ok(placed) => Ok((order, placed)),
            Err(error) => {
                self.open_draft_again(id).await?;
                Err(error)
            }
        }
    }

    /// From here on the draft is what the order says: no change slips in between.
    async fn close_draft(&self, id: &DraftId) -> Result<Stored> {
        loop {
            let (held, version) = self.stored_draft(id).await?;
            if held.completed {
                return Ok(held);
            }
            let closed = Stored { completed: true, ..held };
            if let Conditional::Written(_) = self.put_draft(id, &closed, Expected::Version(version)).await? {
                return Ok(closed);
            }
        }
    }

    /// Nothing was ordered: staff may mend the draft. One that is an order stays closed.
    async fn open_draft_again(&self, id: &DraftId) -> Result<()> {
        let (held, version) = self.stored_draft(id).await?;
        let (order, _) = self.read(&self.order_of(id)).await?;
        if !order.exists() {
            self.put_draft(id, &Stored { completed: false, ..held }, Expected::Version(version)).await?;
        }
        Ok(())
    }

    async fn stored_draft(&self, id: &DraftId) -> Result<(Stored, u64)> {
        let found = self.machinery.documents.get(DRAFTS, id.as_str(), self.machinery.clock.now()).await;
        let document = found.map_err(stored)?.ok_or_else(|| Error::not_found("draft order"))?;
        Ok((document.read().map_err(stored)?, document.version))
    }

    async fn put_draft(&self, id: &DraftId, draft: &Stored, expected: Expected) -> Result<Conditional> {
        self.put_expiring(id, draft, expected, None).await
    }

    /// With `expires`, the draft is not found from then on, and deleted later.
    async fn put_expiring(
        &self,
        id: &DraftId,
        draft: &Stored,
        expected: Expected,
        expires: Option<Timestamp>,
    ) -> Result<Conditional> {
        let body = serde_json::to_string(draft).map_err(|error| Error::internal(error.to_string()))?;
        let entries = vec![Entry::new(BY_TIME, Key::new().time(draft.created_at))];
        let put = Put { collection: DRAFTS, id: id.to_string(), body: body.into(), entries, expires };
        self.machinery.documents.put_if(put, expected, self.machinery.clock.now()).await.map_err(stored)
    }

    async fn seal_draft(&self, id: &DraftId, mut body: DraftBody, now: Timestamp) -> Result<Stored> {
        let personal = Personal {
            reference: body.reference.take(),
            buyer: body.buyer.take(),
            shipping_address: body.shipping_address.take(),
            note: body.note.take(),
        };
        let is_empty = personal.buyer.is_none()
            && personal.shipping_address.is_none()
            && personal.note.is_none()
            && personal.reference.is_none();
        let personal = match is_empty {
            true => None,
            false => {
                let email = personal.buyer.as_ref().and_then(|buyer| buyer.email.as_deref());
                let email = email.and_then(|email| domain::text::Email::parse(email).ok());
                let master = self.machinery.vault.master();
                let lookup = email.map(|email| super::personal::email_lookup(master, &email));
                let key = self.machinery.vault.new_key(self.order_of(id).as_str(), lookup);
                let key = self.machinery.vault.keep(key).await.map_err(unsealed)?;
                Some(seal(&key, &personal)?.into_string())
            }
        };
        let draft = serde_json::to_value(&body).map_err(|error| Error::internal(error.to_string()))?;
        Ok(Stored { draft, personal, completed: false, created_at: now, updated_at: now })
    }

    async fn unseal(&self, id: &DraftId, held: &Stored) -> Result<DraftBody> {
        let mut body: DraftBody =
            serde_json::from_value(held.draft.clone()).map_err(|error| Error::internal(error.to_string()))?;
        let Some(sealed) = &held.personal else { return Ok(body) };
        let key = match self.machinery.vault.key(self.order_of(id).as_str()).await {
            Ok(key) => key,
            Err(sealing::Error::Erased) => return Ok(body),
            Err(error) => return Err(unsealed(error)),
        };
        let personal: Personal =
            open(Some(&key), Some(&domain::seal::Sealed::new(sealed.clone())))?.unwrap_or_default();
        body.reference = personal.reference;
        body.buyer = personal.buyer;
        body.shipping_address = personal.shipping_address;
        body.note = personal.note;
        Ok(body)
    }

    async fn show(&self, id: &DraftId, held: &Stored) -> Result<DraftView> {
        Ok(DraftView {
            id: id.to_string(),
            order_id: held.completed.then(|| self.order_of(id).to_string()),
            draft: self.unseal(id, held).await?,
            created_at: held.created_at.to_string(),
            updated_at: held.updated_at.to_string(),
        })
    }
}

pub fn listing(views: Vec<DraftView>, next: Option<Cursor>, fingerprint: &Fingerprint) -> Listing<DraftView> {
    Listing::new(views, next, fingerprint)
}

fn check_open(held: &Stored) -> Result<()> {
    if held.completed {
        return Err(Error::conflict("draft_completed", "this draft has become an order; change the order instead"));
    }
    Ok(())
}

/// What can be said before prices are looked up.
fn check(body: &DraftBody, now: Timestamp) -> Result<()> {
    let mut errors = Vec::new();
    if body.lines.is_empty() || body.lines.len() > MAX_LINES {
        let message = format!("a draft has 1 to {MAX_LINES} lines, not {}", body.lines.len());
        errors.push(FieldError::new("/lines", "out_of_range", message));
    }
    if body.reference.as_ref().is_some_and(|reference| reference.chars().count() > 100) {
        errors.push(FieldError::new("/reference", "too_long", "at most 100 characters"));
    }
    for (index, line) in body.lines.iter().enumerate().take(MAX_LINES) {
        if line.title.as_ref().is_some_and(|title| title.chars().count() > 200) {
            errors.push(FieldError::new(format!("/lines/{index}/title"), "too_long", "at most 200 characters"));
        }
        if !(1..=1_000_000).contains(&line.quantity) {
            let message = "a quantity is between 1 and 1000000";
            errors.push(FieldError::new(format!("/lines/{index}/quantity"), "out_of_range", message));
        }
    }
    if let Err(error) = domain::money::Currency::parse(&body.currency) {
        errors.push(FieldError::new("/currency", "unknown_currency", error.to_string()));
    }
    let buyer = read_buyer(body.buyer.clone(), "/buyer", false, &mut errors);
    if let Some(address) = body.shipping_address.clone() {
        read_address(address, "/shipping_address", &buyer.view, &mut errors);
    }
    super::personal::check_text(body.note.as_deref(), "/note", super::personal::NOTE_MAX, &mut errors);
    match placed_at(body) {
        Ok(Some(at)) if at.as_second() > now.as_second() + AHEAD_S => {
            errors.push(FieldError::new("/placed_at", "in_the_future", "an order is placed now or in the past"));
        }
        Ok(_) => {}
        Err(error) => errors.push(error),
    }
    if errors.is_empty() { Ok(()) } else { Err(Error::invalid(errors)) }
}

fn placed_at(body: &DraftBody) -> std::result::Result<Option<Timestamp>, FieldError> {
    let parse = |text: &String| {
        text.parse::<Timestamp>().map(platform::clock::whole_micros).map_err(|_| {
            FieldError::new("/placed_at", "invalid_time", "a time is written as in RFC 3339: 2010-12-01T08:26:00Z")
        })
    };
    body.placed_at.as_ref().map(parse).transpose()
}

fn wish(id: &DraftId, order: &OrderId, body: DraftBody) -> Result<PlaceOrder> {
    let placed_at = placed_at(&body).map_err(|error| Error::invalid(vec![error]))?;
    let shipping = match (body.shipping_amount, body.shipping_method) {
        (Some(amount), _) => WantedShipping::Amount(amount),
        (None, method) => WantedShipping::Method(method),
    };
    let line = |line: DraftLine| WantedLine {
        sku: line.sku,
        quantity: line.quantity,
        unit_price: line.unit_price,
        title: line.title,
        discount: line.discount,
    };
    Ok(PlaceOrder {
        id: order.clone(),
        body_hash: id.to_string(),
        channel: Channel::Draft,
        currency: body.currency,
        locale: body.locale,
        lines: WantedLines::Listed(body.lines.into_iter().map(line).collect()),
        buyer: body.buyer,
        shipping_address: body.shipping_address,
        shipping,
        provider: Some(body.payment_provider.unwrap_or_else(|| domain::payment::MANUAL.to_owned())),
        token: None,
        note: body.note,
        expected_total: None,
        order_discount: body.discount,
        with_tax: body.with_tax,
        placed_at,
        draft: Some(id.clone()),
    })
}
