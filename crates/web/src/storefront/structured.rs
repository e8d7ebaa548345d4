//! A product as search engines and other machines read it: schema.org in JSON.
//! It does not know how the page looks.

use contracts::catalog::{Availability, ImageView, ProductView, VariantView};
use domain::money::{Currency, Money};
use serde_json::{Value, json};

/// Offers that are told one by one; of more, only the lowest and the highest price.
const OFFERS_MAX: usize = 50;
const DRAWING: &str = ".svg";

/// JSON that is safe inside a script element: nothing in it ends the element.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScriptJson(String);

impl ScriptJson {
    fn of(value: &Value) -> Self {
        let json = value.to_string();
        let safe = json.replace('<', "\\u003c").replace('>', "\\u003e").replace('&', "\\u0026");
        Self(safe)
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// `url`: the page's own, absolute.
pub fn product(product: &ProductView, currency: Option<Currency>, origin: &str, url: &str) -> ScriptJson {
    let absolute =
        |address: &str| if address.starts_with('/') { format!("{origin}{address}") } else { address.to_owned() };
    let mut about = json!({
        "@context": "https://schema.org",
        "@type": "Product",
        "@id": url,
        "url": url,
        "name": product.title,
        "description": product.description,
        "image": product.images.iter().map(|image| absolute(&image.url)).collect::<Vec<_>>(),
    });
    if let Some(brand) = &product.brand {
        about["brand"] = json!({"@type": "Brand", "name": brand});
    }
    if let [only] = product.variants.as_slice() {
        about["sku"] = json!(only.sku);
        if let Some(gtin) = &only.gtin {
            about["gtin"] = json!(gtin);
        }
    }
    if let Some(currency) = currency {
        about["offers"] = offers(product, currency, url);
    }
    ScriptJson::of(&about)
}

/// The picture that others show with a link: the first that is no drawing.
pub fn shared_picture(images: &[ImageView]) -> Option<&ImageView> {
    images.iter().find(|image| !image.url.ends_with(DRAWING))
}

fn offers(product: &ProductView, currency: Currency, url: &str) -> Value {
    if product.variants.len() > OFFERS_MAX {
        return json!({
            "@type": "AggregateOffer",
            "priceCurrency": currency.code(),
            "lowPrice": product.price_from.and_then(|amount| decimal(amount, currency)),
            "highPrice": product.price_to.and_then(|amount| decimal(amount, currency)),
            "offerCount": product.variants.len(),
            "availability": availability(product.availability),
        });
    }
    let offer = |variant: &VariantView| {
        let price = decimal(variant.price?, currency)?;
        Some(json!({
            "@type": "Offer",
            "sku": variant.sku,
            "price": price,
            "priceCurrency": currency.code(),
            "availability": availability(variant.availability),
            "itemCondition": "https://schema.org/NewCondition",
            "url": url,
        }))
    };
    product.variants.iter().filter_map(offer).collect()
}

fn availability(availability: Availability) -> &'static str {
    match availability {
        Availability::InStock => "https://schema.org/InStock",
        Availability::FewLeft => "https://schema.org/LimitedAvailability",
        Availability::SoldOut => "https://schema.org/OutOfStock",
    }
}

/// `12.34`, without the currency.
pub fn decimal(amount: i64, currency: Currency) -> Option<String> {
    let text = Money::new(amount, currency).ok()?.to_string();
    text.split(' ').next().map(str::to_owned)
}
