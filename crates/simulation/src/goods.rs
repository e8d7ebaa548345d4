//! What the simulated shop sells, to whom and how: set up in calm weather before anybody comes.
//! It does not know who buys.

use contracts::Result;
use contracts::caller::Caller;
use contracts::catalog::Catalog as _;
use contracts::inventory::Inventory as _;
use contracts::shop::Shop as _;
use domain::ids::ProductId;
use domain::sku::Sku;
use domain::stock::{Location, Reason};
use serde_json::json;

use crate::node::Node;

/// SKUs with what is on hand in the beginning: little, so that it runs out.
pub const SKUS: [(&str, i64); 4] = [("HOT", 4), ("WARM", 8), ("COLD", 12), ("RARE", 1)];
/// In cents, the same for all.
const PRICE: i64 = 1_999;
/// What sending an order costs, in cents.
pub const SHIPPING: i64 = 490;

/// Opens the shop: settings, a product, stock.
pub async fn put_on_shelves(node: &Node) -> Result<()> {
    let caller = Caller::system();
    let settings = json!({
        "name": "Simulated", "default_locale": "en", "locales": ["en"], "currencies": ["EUR"], "time_zone": "UTC",
        "countries": [{"country": "DE", "tax_rate_ppm": 190_000, "prices_include_tax": true}],
        "shipping_methods": [{"id": "standard", "name": "Standard", "countries": ["DE"],
            "rates": [{"currency": "EUR", "amount": SHIPPING, "free_above": null}]}],
        "payment_methods": [{"id": "sim", "provider": "sim", "name": "Card"},
            {"id": "bank", "provider": "manual", "name": "Bank transfer"}],
    });
    node.shop.replace_settings(read(settings)?, None).await?;
    let values: Vec<&str> = SKUS.iter().map(|(name, _)| *name).collect();
    let variant =
        |name: &&str| json!({"sku": name, "options": {"Kind": name}, "prices": [{"amount": PRICE, "currency": "EUR"}]});
    let variants: Vec<_> = values.iter().map(variant).collect();
    let product = json!({"title": "Goods", "options": [{"name": "Kind", "values": values}], "variants": variants});
    node.catalog.create_product(ProductId::from_bytes([1; 16]), read(product)?, &caller).await?;
    for (name, on_hand) in SKUS {
        let sku = sku(name);
        node.inventory.adjust(&sku, &Location::default(), on_hand, Reason::Received, name, &caller).await?;
    }
    Ok(())
}

pub fn sku(name: &str) -> Sku {
    Sku::parse(name).expect("a SKU")
}

fn read<T: serde::de::DeserializeOwned>(value: serde_json::Value) -> Result<T> {
    serde_json::from_value(value).map_err(|error| contracts::Error::internal(error.to_string()))
}
