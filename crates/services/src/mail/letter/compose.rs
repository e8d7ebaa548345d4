//! What each kind of mail tells of an order.
//! It does not know how a page becomes text or HTML.

use contracts::mail::MailKind;
use contracts::orders::{AddressBody, OrderView, RefundView, ShipmentView};
use contracts::{Error, Result};
use domain::locale::Locale;
use domain::money::{self, Currency};
use domain::settings::Settings;

use super::page::{Block, Detail, Goods, Page, Sum};
use super::places;
use super::words::{Money, Tongue};

/// Everything that a mail is made from.
pub struct Context<'a> {
    pub kind: MailKind,
    pub order: &'a OrderView,
    /// The shipment or refund; the last one unless told.
    pub about: Option<&'a str>,
    pub settings: &'a Settings,
    pub locale: Locale,
    pub shop_url: String,
}

impl Context<'_> {
    /// # Errors
    /// `Conflict`: `order_erased`, or `nothing_to_tell` where there is no such shipment or refund.
    pub fn page(&self) -> Result<Page> {
        if self.order.erased {
            return Err(Error::conflict("order_erased", "the order was erased: nobody may be written to about it"));
        }
        let tongue = self.tongue();
        let shop = self.shop_name();
        let is_part = self.kind == MailKind::Shipped && !self.is_all(self.shipment()?);
        let name = self.order.buyer.as_ref().and_then(|buyer| buyer.name.as_deref()).filter(|name| !name.is_empty());
        let (number, total) = (&self.order.number, self.total());
        let blocks = match self.kind {
            MailKind::Placed => self.placed(),
            MailKind::Shipped => self.shipped(self.shipment()?, is_part),
            MailKind::Cancelled => self.cancelled(),
            MailKind::Refunded => self.refunded(self.refund()?),
            MailKind::NewOrder => self.new_order(&total),
        };
        let preview = blocks.iter().find_map(|block| match block {
            Block::Paragraph(text) => Some(text.clone()),
            _ => None,
        });
        Ok(Page {
            language: tongue.tag(),
            subject: tongue.subject(self.kind, &shop, number, &total, is_part, self.order.test),
            preview: preview.unwrap_or_default(),
            shop,
            warning: self.order.test.then(|| tongue.test_order()),
            heading: tongue.heading(self.kind, name, is_part),
            blocks,
            footer: self.footer(),
        })
    }

    fn tongue(&self) -> Tongue {
        Tongue::of(&self.locale)
    }

    fn shop_name(&self) -> String {
        let name = self.settings.name.as_ref().or(self.settings.legal_name.as_ref());
        name.map(|name| name.as_str().to_owned()).unwrap_or_default()
    }

    fn placed(&self) -> Vec<Block> {
        let tongue = self.tongue();
        let instructions = self.instructions();
        let words = match instructions {
            Some(_) => tongue.placed_unpaid(&self.order.number),
            None => tongue.placed(&self.order.number),
        };
        let mut blocks = vec![Block::Paragraph(words)];
        if let Some(text) = instructions {
            let lines = text.lines().map(str::to_owned).filter(|line| !line.trim().is_empty());
            let due = format!("{}: {}", tongue.total("total"), self.total());
            let lines = lines.chain([
                due,
                format!("{}: {}", tongue.either("Reference", "입금 시 기재할 주문번호"), self.order.number),
            ]);
            blocks.push(Block::Section {
                heading: tongue.either("How to pay", "결제 안내").to_owned(),
                lines: lines.collect(),
            });
        }
        blocks.push(self.order_button());
        blocks.extend(self.bill());
        blocks.extend(self.destination());
        blocks.push(Block::Details(self.ways()));
        blocks
    }

    /// What the buyer has to do to pay, while it was not done.
    fn instructions(&self) -> Option<&str> {
        let payment = &self.order.payment;
        let method = self.settings.payment_method(&payment.provider)?;
        let is_open = payment.captured < payment.amount;
        method.instructions.as_ref().filter(|_| is_open).map(|text| text.as_str())
    }

    fn shipped(&self, shipment: &ShipmentView, is_part: bool) -> Vec<Block> {
        let tongue = self.tongue();
        let goods = shipment.lines.iter().filter_map(|sent| {
            let line = self.order.lines.iter().find(|line| line.id == sent.line)?;
            let (title, variant) = (line.title.clone(), line.variant.clone());
            Some(Goods { title, variant, quantity: sent.quantity, amount: None })
        });
        let mut blocks = vec![Block::Paragraph(tongue.shipped(&self.order.number)), Block::Goods(goods.collect())];
        let detail = |label: &str, value: &Option<String>, url: Option<String>| {
            value.clone().map(|value| Detail { label: label.to_owned(), value, url })
        };
        let carrier = detail(tongue.either("Carrier", "택배사"), &shipment.carrier, None);
        let number = tongue.either("Tracking number", "운송장 번호");
        let number = detail(number, &shipment.tracking_number, shipment.tracking_url.clone());
        let details: Vec<Detail> = carrier.into_iter().chain(number).collect();
        if !details.is_empty() {
            blocks.push(Block::Details(details));
        }
        blocks.push(match &shipment.tracking_url {
            Some(url) => {
                Block::Button { label: tongue.either("Track the parcel", "배송 조회").to_owned(), url: url.clone() }
            }
            None => self.order_button(),
        });
        if is_part {
            blocks.push(Block::Paragraph(tongue.rest_follows()));
        }
        blocks.extend(self.destination());
        blocks
    }

    fn cancelled(&self) -> Vec<Block> {
        let tongue = self.tongue();
        let payment = &self.order.payment;
        let money = match (payment.captured > 0, payment.authorized > 0 && payment.provider != MANUAL) {
            (true, _) => Money::Returns,
            (false, true) => Money::Released,
            (false, false) => Money::Untouched,
        };
        let told = [tongue.cancelled(&self.order.number), tongue.money(money)].map(Block::Paragraph);
        told.into_iter().chain([self.order_button()]).chain(self.bill()).collect()
    }

    fn refunded(&self, refund: &RefundView) -> Vec<Block> {
        let tongue = self.tongue();
        let amount = self.money(refund.amount);
        let sum =
            Sum { label: tongue.either("Refund", "환불 금액").to_owned(), amount: amount.clone(), is_total: true };
        vec![
            Block::Paragraph(tongue.refunded(&amount, &self.order.number)),
            Block::Sums(vec![sum]),
            self.order_button(),
        ]
    }

    fn new_order(&self, total: &str) -> Vec<Block> {
        let tongue = self.tongue();
        let url = format!("{}/admin/orders/{}", self.shop_url, self.order.id);
        let label = tongue.either("Open the order", "주문 열기").to_owned();
        let mut blocks =
            vec![Block::Paragraph(tongue.new_order(&self.order.number, total)), Block::Button { label, url }];
        blocks.extend(self.bill());
        let mut details = Vec::new();
        // Staff look up the rest where it can be erased.
        if let Some(name) = self.order.buyer.as_ref().and_then(|buyer| buyer.name.clone()) {
            details.push(Detail { label: tongue.either("Buyer", "주문자").to_owned(), value: name, url: None });
        }
        if let Some(AddressBody { city, country: Some(country), .. }) = &self.order.shipping_address {
            let country = places::country_name(country, tongue);
            let value = city.iter().cloned().chain([country]).collect::<Vec<_>>().join(", ");
            details.push(Detail { label: tongue.either("Ships to", "배송지").to_owned(), value, url: None });
        }
        details.extend(self.ways());
        let value = tongue.payment_status(&self.order.payment_status).to_owned();
        details.push(Detail { label: tongue.either("Payment status", "결제 상태").to_owned(), value, url: None });
        blocks.push(Block::Details(details));
        blocks
    }

    /// Lines and totals.
    fn bill(&self) -> Vec<Block> {
        let tongue = self.tongue();
        let goods = self.order.lines.iter().map(|line| Goods {
            title: line.title.clone(),
            variant: line.variant.clone(),
            quantity: i64::from(line.quantity),
            amount: Some(self.money(line.total)),
        });
        let sum = |kind: &str, amount: i64, text: Option<&String>| Sum {
            label: text.cloned().unwrap_or_else(|| tongue.total(kind).to_owned()),
            amount: self.money(amount),
            is_total: kind == "total",
        };
        let totals = self.order.totals.iter();
        let mut sums: Vec<Sum> =
            totals.map(|total| sum(&total.kind, total.amount, total.display_text.as_ref())).collect();
        if self.order.tax_included > 0 {
            let label = tongue.either("Tax included", "포함된 세금").to_owned();
            sums.push(Sum { label, amount: self.money(self.order.tax_included), is_total: false });
        }
        vec![Block::Goods(goods.collect()), Block::Sums(sums)]
    }

    fn destination(&self) -> Option<Block> {
        let tongue = self.tongue();
        let address = self.order.shipping_address.as_ref()?;
        let home = self.settings.address.as_ref().map(|address| address.country().code());
        let lines = places::lines(address, tongue, home);
        let heading = tongue.either("Ships to", "배송지").to_owned();
        (!lines.is_empty()).then_some(Block::Section { heading, lines })
    }

    /// By which way it is sent and paid.
    fn ways(&self) -> Vec<Detail> {
        let tongue = self.tongue();
        let shipping = self.order.shipping_method.as_ref().map(|method| method.name.clone());
        let payment = self.settings.payment_method(&self.order.payment.provider);
        let payment = payment.map(|method| method.name_in(&self.locale).as_str().to_owned());
        let detail = |label: &str, value: String| Detail { label: label.to_owned(), value, url: None };
        let shipping = shipping.map(|name| detail(tongue.either("Shipping", "배송 방법"), name));
        let payment = payment.map(|name| detail(tongue.either("Payment", "결제 수단"), name));
        shipping.into_iter().chain(payment).collect()
    }

    fn order_button(&self) -> Block {
        let label = self.tongue().either("View your order", "주문 상세 보기").to_owned();
        let url = match &self.order.access_token {
            Some(token) => format!("{}/orders/{}?token={token}", self.shop_url, self.order.id),
            None => format!("{}/", self.shop_url),
        };
        Block::Button { label, url }
    }

    /// Who sells: what the law wants under a business's letters, and where to ask.
    fn footer(&self) -> Vec<String> {
        let (tongue, settings) = (self.tongue(), self.settings);
        let shop = self.shop_name();
        let reason = match self.kind {
            MailKind::NewOrder => tongue.staff_reason(&shop),
            _ => tongue.reason(&shop),
        };
        let contact: Vec<String> = [
            settings.email.as_ref().map(|email| email.as_str().to_owned()),
            settings.phone.as_ref().map(|phone| phone.as_str().to_owned()),
        ]
        .into_iter()
        .flatten()
        .collect();
        let questions = (!contact.is_empty()).then(|| tongue.questions(&contact.join(" · ")));
        let address = settings.address.as_ref().map(|address| {
            let lines = places::lines(&AddressBody::from(address), tongue, None);
            lines.join(", ")
        });
        let line = |text: Option<&domain::text::Title>| text.map(|text| text.as_str().to_owned());
        let vat =
            settings.vat_id.as_ref().map(|id| format!("{}: {id}", tongue.either("VAT ID", "사업자등록번호(VAT)")));
        let identity = [line(settings.legal_name.as_ref()), address, line(settings.registration.as_ref()), vat];
        let shown = (!shop.is_empty()).then_some(reason);
        shown.into_iter().chain(questions).chain(identity.into_iter().flatten()).collect()
    }

    fn shipment(&self) -> Result<&ShipmentView> {
        let mut shipments = self.order.shipments.iter().rev();
        let found = shipments.find(|shipment| self.about.is_none_or(|about| shipment.id == about));
        found.ok_or_else(|| Error::conflict("nothing_to_tell", "nothing of this order was shipped yet"))
    }

    /// Whether nothing of the order is left after this parcel and those before it.
    fn is_all(&self, shipment: &ShipmentView) -> bool {
        let count = self.order.shipments.iter().position(|known| known.id == shipment.id).map_or(0, |at| at + 1);
        let sent = |line: &str| -> i64 {
            let lines = self.order.shipments[..count].iter().flat_map(|shipment| &shipment.lines);
            lines.filter(|sent| sent.line == line).map(|sent| sent.quantity).sum()
        };
        self.order.lines.iter().all(|line| sent(&line.id) + i64::from(line.refunded) >= i64::from(line.quantity))
    }

    fn refund(&self) -> Result<&RefundView> {
        let mut refunds = self.order.refunds.iter().rev().filter(|refund| refund.status == "done");
        let found = refunds.find(|refund| self.about.is_none_or(|about| refund.id == about));
        found.ok_or_else(|| Error::conflict("nothing_to_tell", "nothing of this order was refunded yet"))
    }

    fn total(&self) -> String {
        let total = self.order.totals.iter().find(|total| total.kind == "total");
        self.money(total.map_or(0, |total| total.amount))
    }

    fn money(&self, amount: i64) -> String {
        let money = Currency::parse(&self.order.currency).and_then(|currency| money::Money::new(amount, currency));
        money.map_or_else(|_| format!("{amount} {}", self.order.currency), |money| money.display_text(&self.locale))
    }
}

/// Money that comes by other ways than a card is never on hold.
const MANUAL: &str = "manual";
