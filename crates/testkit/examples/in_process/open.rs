//! A data folder as the binary would open it, with the services that sell.
//! It does not know staff, pages or mail.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use adapters::folder::FolderBlobs;
use adapters::payments::{Manual, Options, TestProvider};
use adapters::pictures::Workshop;
use adapters::sqlite::{self, Sqlite};
use adapters::tantivy::TantivyIndex;
use axum::Router;
use contracts::caller::Caller;
use contracts::catalog::Catalog as _;
use contracts::inventory::Inventory as _;
use contracts::shop::Shop as _;
use domain::ids::ProductId;
use domain::sku::Sku;
use domain::stock::{Location, Reason};
use platform::clock::{Clock, SystemClock};
use platform::entropy::{Entropy, SystemEntropy};
use platform::http::idempotency::Idempotency;
use platform::log::executor::{Executor, Limits};
use platform::projection::{ErasedProjection, Projector};
use platform::sealing::{MasterKey, Vault};
use serde_json::{Value, json};
use services::carts::Carts;
use services::catalog::Catalog;
use services::http::Repeats;
use services::inventory::Inventory;
use services::machinery::Machinery;
use services::orders::{self, Neighbours, Orders};
use services::payments::Payments;
use services::search::{self, Search};
use services::shop::Shop;

/// As the binary names them in its data folder.
const KEY_FILE: &str = "master.key";
const SEARCH_FOLDER: &str = "search";
const MEDIA_FOLDER: &str = "media";
/// More of each than is ever sold.
const PLENTY: i64 = 100_000_000;

type Failure = Box<dyn std::error::Error>;

/// The store, and what every service is given.
pub async fn machinery(
    folder: &Path,
    projections: &[Arc<dyn ErasedProjection>],
) -> Result<(Sqlite, Machinery), Failure> {
    fs::create_dir_all(folder)?;
    let store = Sqlite::open(folder, &sqlite::Options::default())?;
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let entropy: Arc<dyn Entropy> = Arc::new(SystemEntropy);
    let documents = store.documents();
    let kinds = services::kinds();
    let executor = Executor::start(store.log(), kinds, clock.clone(), entropy.clone(), Limits::default()).await?;
    let projector = Projector::start(&executor, &documents, &clock, projections).await?;
    let key = folder.join(KEY_FILE);
    let master = match fs::read_to_string(&key) {
        Ok(text) => MasterKey::from_hex(&text).ok_or("the key file holds no key")?,
        Err(_) => {
            let new = MasterKey::generate(entropy.as_ref());
            fs::write(&key, new.to_hex())?;
            new
        }
    };
    let vault = Vault::new(master, documents.clone(), clock.clone(), entropy.clone());
    let blobs = Arc::new(FolderBlobs::open(&folder.join(MEDIA_FOLDER))?);
    Ok((store, Machinery { executor, documents, projector, vault, blobs, clock, entropy }))
}

/// What sells.
pub struct Till {
    pub store: Sqlite,
    pub machinery: Machinery,
    pub search: Arc<Search>,
    /// `/api/orders`.
    pub router: Router,
    pub skus: Vec<String>,
}

/// Opens a new folder as a shop in one currency with one product of so many SKUs.
pub async fn till(folder: &Path, skus: u32) -> Result<Till, Failure> {
    let (store, machinery) = machinery(folder, &services::projections()).await?;
    let shop = Arc::new(Shop::new(&machinery));
    let inventory = Arc::new(Inventory::new(machinery.clone()));
    let catalog = Catalog::new(machinery.clone(), shop.clone(), inventory.clone(), Arc::new(Workshop::start()?));
    let carts = Arc::new(Carts::new(&machinery, shop.clone(), catalog.clone(), inventory.clone()));
    let bank = TestProvider::new(
        machinery.documents.clone(),
        machinery.clock.clone(),
        machinery.vault.master().clone(),
        Options { allowed: true, shop_url: String::new() },
    );
    let payments = Arc::new(Payments::new(machinery.clone(), vec![Arc::new(Manual), Arc::new(bank)]));
    let index = Arc::new(TantivyIndex::open(&folder.join(SEARCH_FOLDER))?);
    let found = search::Neighbours {
        shop: shop.clone(),
        lists: catalog.clone(),
        shelves: catalog.clone(),
        inventory: inventory.clone(),
    };
    let search = Search::start(&machinery, found, index);
    let names: Vec<String> = (0..skus).map(|number| format!("FIGURE-{number:02}")).collect();
    fill(&shop, &catalog, &inventory, &names).await?;
    let neighbours = Neighbours { shop, catalog, inventory, payments, carts };
    let orders = Orders::new(machinery.clone(), neighbours, orders::Limits::default());
    let secret = machinery.vault.master().hash("idempotency keys", &[]);
    let idempotency = Idempotency::new(machinery.documents.clone(), machinery.clock.clone(), &secret);
    let (router, _) = orders::http::router(orders, Repeats::new(Arc::new(idempotency))).split_for_parts();
    Ok(Till { store, machinery, search, router, skus: names })
}

async fn fill(shop: &Shop, catalog: &Catalog, inventory: &Inventory, skus: &[String]) -> Result<(), Failure> {
    let caller = Caller::system();
    let settings = json!({
        "name": "Figures", "default_locale": "en", "locales": ["en"], "currencies": ["EUR"], "time_zone": "UTC",
        "countries": [{"country": "DE", "tax_rate_ppm": 190_000, "prices_include_tax": true}],
        "shipping_methods": [{"id": "standard", "name": "Standard", "countries": ["DE"],
            "rates": [{"currency": "EUR", "amount": 490, "free_above": null}]}],
        "payment_methods": [{"id": "test", "provider": "test", "name": "Test"}],
    });
    shop.replace_settings(serde_json::from_value(settings)?, None).await?;
    let values: Vec<String> = (0..skus.len()).map(|number| number.to_string()).collect();
    let variant = |(sku, value): (&String, &String)| json!({"sku": sku, "options": {"N": value}, "prices": [{"amount": 1_999, "currency": "EUR"}]});
    let variants: Vec<Value> = skus.iter().zip(&values).map(variant).collect();
    let product = json!({"title": "Figures", "slug": "figures", "options": [{"name": "N", "values": values}], "variants": variants});
    catalog.create_product(ProductId::from_bytes([1; 16]), serde_json::from_value(product)?, &caller).await?;
    for name in skus {
        let sku = Sku::parse(name)?;
        inventory.adjust(&sku, &Location::default(), PLENTY, Reason::Received, name, &caller).await?;
    }
    Ok(())
}
