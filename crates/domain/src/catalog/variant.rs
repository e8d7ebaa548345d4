//! One thing of a product that can be put into a cart: this size, that colour, its SKU and its prices.
//! It does not know its siblings, nor how many there are on the shelf.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{MAX_PRICES, OptionDef};
use crate::field::{Collector, pointer_piece, tell_doubles, tell_unfit_amount};
use crate::ids::{MediaId, VariantId};
use crate::money::{Currency, Money};
use crate::sku::{Gtin, Sku};
use crate::text::Title;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Variant {
    pub id: VariantId,
    pub sku: Sku,
    pub gtin: Option<Gtin>,
    /// A value for each of the product's options.
    pub options: BTreeMap<Title, Title>,
    /// One per currency; not sold in the others.
    pub prices: Vec<Money>,
    /// What is shown struck through beside the price.
    pub compare_at_prices: Vec<Money>,
    pub image: Option<MediaId>,
}

impl Variant {
    pub fn price_in(&self, currency: Currency) -> Option<Money> {
        self.prices.iter().copied().find(|price| price.currency() == currency)
    }

    pub fn compare_at_price_in(&self, currency: Currency) -> Option<Money> {
        self.compare_at_prices.iter().copied().find(|price| price.currency() == currency)
    }
}

/// A variant as staff send it: with its id to keep being that variant, or else recognised by its SKU.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct VariantInput {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    pub sku: String,
    #[serde(default)]
    pub gtin: Option<String>,
    #[serde(default)]
    pub options: BTreeMap<String, String>,
    #[serde(default)]
    pub prices: Vec<MoneyInput>,
    #[serde(default)]
    pub compare_at_prices: Vec<MoneyInput>,
    #[serde(default)]
    pub image: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MoneyInput {
    /// In minor units.
    pub amount: i64,
    pub currency: String,
}

/// A variant that is valid, but may not have its id yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VariantDraft {
    pub id: Option<VariantId>,
    pub sku: Sku,
    pub gtin: Option<Gtin>,
    pub options: BTreeMap<Title, Title>,
    pub prices: Vec<Money>,
    pub compare_at_prices: Vec<Money>,
    pub image: Option<MediaId>,
}

impl VariantDraft {
    pub(super) fn with_id(self, id: VariantId) -> Variant {
        Variant {
            id,
            sku: self.sku,
            gtin: self.gtin,
            options: self.options,
            prices: self.prices,
            compare_at_prices: self.compare_at_prices,
            image: self.image,
        }
    }
}

impl VariantInput {
    pub(super) fn read(&self, errors: &mut Collector, pointer: &str, options: &[OptionDef]) -> Option<VariantDraft> {
        let id = self.id.as_deref().map(|id| errors.take(format!("{pointer}/id"), "invalid_id", VariantId::parse(id)));
        let sku = errors.take(format!("{pointer}/sku"), "invalid_sku", Sku::parse(&self.sku));
        let gtin = self.gtin.as_deref().filter(|gtin| !gtin.is_empty());
        let gtin = gtin.map(|gtin| errors.take(format!("{pointer}/gtin"), "invalid_gtin", Gtin::parse(gtin)));
        let image = self.image.as_deref();
        let image = image.map(|id| errors.take(format!("{pointer}/image"), "invalid_id", MediaId::parse(id)));
        Some(VariantDraft {
            options: self.read_options(errors, pointer, options),
            prices: read_prices(errors, &format!("{pointer}/prices"), &self.prices),
            compare_at_prices: read_prices(errors, &format!("{pointer}/compare_at_prices"), &self.compare_at_prices),
            id: id.flatten(),
            sku: sku?,
            gtin: gtin.flatten(),
            image: image.flatten(),
        })
    }

    /// One value for each option of the product, and for no other.
    fn read_options(&self, errors: &mut Collector, pointer: &str, options: &[OptionDef]) -> BTreeMap<Title, Title> {
        let mut chosen = BTreeMap::new();
        for (name, value) in &self.options {
            let at = format!("{pointer}/options/{}", pointer_piece(name));
            let Some(option) = options.iter().find(|option| option.name.as_str() == name.trim()) else {
                errors.push(at, "unknown_option", "the product has no such option");
                continue;
            };
            match option.values.iter().find(|known| known.as_str() == value.trim()) {
                Some(value) => drop(chosen.insert(option.name.clone(), value.clone())),
                None => errors.push(at, "unknown_option_value", "the option has no such value"),
            }
        }
        for option in options {
            let is_named = self.options.keys().any(|name| name.trim() == option.name.as_str());
            if !is_named {
                let message = format!("has no value for the option {}", option.name);
                errors.push(format!("{pointer}/options"), "missing_option", message);
            }
        }
        chosen
    }
}

fn read_prices(errors: &mut Collector, pointer: &str, sent: &[MoneyInput]) -> Vec<Money> {
    if errors.too_many(pointer, "prices", sent.len(), MAX_PRICES) {
        return Vec::new();
    }
    let codes: Vec<&str> = sent.iter().map(|price| price.currency.as_str()).collect();
    tell_doubles(errors, &codes, |index| format!("{pointer}/{index}/currency"));
    let mut prices = Vec::new();
    for (index, sent) in sent.iter().enumerate() {
        tell_unfit_amount(errors, format!("{pointer}/{index}/amount"), sent.amount);
        let at = format!("{pointer}/{index}/currency");
        let currency = errors.take(at, "unknown_currency", Currency::parse(&sent.currency));
        prices.extend(currency.and_then(|currency| Money::new(sent.amount, currency).ok()));
    }
    prices
}
