//! What an empty shop still needs until somebody can buy in it.
//! It does not hide anything that is missing: what is done is asked anew each time.

use contracts::Result;
use contracts::products::WantedProducts;
use domain::catalog::{Product, Status};
use domain::settings::Settings;
use domain::sku::Sku;

use super::section::{COUNTRIES, GENERAL, PAYMENTS, SHIPPING};
use crate::admin::Admin;
use crate::admin::session::Session;
use crate::admin::words::fill;

/// Products that are looked at for one that can be bought.
const LOOKED_AT: usize = 20;

pub struct Setup {
    pub title: &'static str,
    pub lead: String,
    pub steps: Vec<Step>,
}

pub struct Step {
    pub label: &'static str,
    pub href: String,
    pub is_done: bool,
    /// The first one that is not done.
    pub is_next: bool,
    /// Told beside it: done, or next.
    pub state: &'static str,
}

impl Setup {
    pub fn is_done(&self) -> bool {
        self.steps.iter().all(|step| step.is_done)
    }
}

impl Admin {
    /// The steps to a shop that sells.
    pub async fn setup(&self, session: &Session) -> Result<Setup> {
        let (words, house) = (session.words, session.words.house);
        let current = self.services.shop.settings().await?;
        let settings = &current.settings;
        let wanted = WantedProducts { status: Some(Status::Active), limit: LOOKED_AT, ..WantedProducts::default() };
        let products = self.services.products.products(&wanted).await?.items;
        let priced: Vec<&Product> = products.iter().filter(|product| is_priced(product, settings)).collect();
        let product_href = products.first().map(|product| format!("/admin/products/{}", product.id));
        let product_href = product_href.unwrap_or_else(|| "/admin/products/new".to_owned());
        let stock_href = priced.iter().flat_map(|product| &product.content.variants).next();
        let stock_href = stock_href.map(|variant| crate::admin::stock::item_path(variant.sku.as_str()));
        let done = [
            (house.step_name, GENERAL.to_owned(), settings.name.is_some()),
            (house.step_currency, GENERAL.to_owned(), !settings.currencies.is_empty()),
            (house.step_country, COUNTRIES.to_owned(), !settings.countries.is_empty()),
            (house.step_shipping, SHIPPING.to_owned(), can_send(settings)),
            (house.step_payment, PAYMENTS.to_owned(), self.can_be_paid(settings)),
            (house.step_product, product_href, !priced.is_empty()),
            (house.step_stock, stock_href.unwrap_or_else(|| "/admin/stock".to_owned()), self.has_stock(&priced).await?),
        ];
        let next = done.iter().position(|(_, _, is_done)| !is_done);
        let count = done.iter().filter(|(_, _, is_done)| *is_done).count();
        let lead = match next {
            Some(_) => fill(house.setup_lead, &[&count.to_string(), &done.len().to_string()]),
            None => house.setup_done.to_owned(),
        };
        let step = |(place, (label, href, is_done)): (usize, (&'static str, String, bool))| {
            let is_next = next == Some(place);
            let state = match (is_done, is_next) {
                (true, _) => words.house.step_is_done,
                (_, true) => words.house.step_is_next,
                _ => "",
            };
            Step { label, href, is_done, is_next, state }
        };
        Ok(Setup { title: house.setup, lead, steps: done.into_iter().enumerate().map(step).collect() })
    }

    fn can_be_paid(&self, settings: &Settings) -> bool {
        let provider =
            |method: &domain::settings::PaymentMethod| self.services.payments.provider(method.provider.as_str());
        settings.payment_methods.iter().any(|method| provider(method).is_some())
    }

    /// Whether one of these can be bought now.
    async fn has_stock(&self, products: &[&Product]) -> Result<bool> {
        let skus: Vec<Sku> =
            products.iter().flat_map(|product| &product.content.variants).map(|variant| variant.sku.clone()).collect();
        let stocks = self.services.stock.stock_of(&skus).await?;
        // `None`: it is sold whatever the count says.
        Ok(stocks.values().any(|stock| stock.sellable().is_none_or(|left| left > 0)))
    }
}

fn is_priced(product: &Product, settings: &Settings) -> bool {
    settings.currencies.iter().any(|currency| product.content.price_in(*currency).is_some())
}

/// To one of the shop's countries, in one of its currencies.
fn can_send(settings: &Settings) -> bool {
    let ways = settings
        .countries
        .iter()
        .flat_map(|there| settings.currencies.iter().map(|currency| (there.country, *currency)));
    ways.into_iter().any(|(country, currency)| settings.shipping_methods_to(country, currency).next().is_some())
}
