//! Fills an empty shop with the sample shop, through the same services that staff use.
//! It does not know how they store it. What was begun and interrupted is finished at the next start.

use std::collections::BTreeMap;

use bytes::Bytes;
use contracts::caller::Caller;
use contracts::catalog::Catalog as _;
use contracts::inventory::Inventory as _;
use contracts::pages::{PageText, Pages as _};
use contracts::shop::Shop as _;
use contracts::{Error, Result};
use domain::catalog::{CategoryInput, ProductInput};
use domain::ids::ProductId;
use domain::locale::Locale;
use domain::settings::SettingsInput;
use domain::sku::Sku;
use domain::stock::{Location, Policy, Reason};
use include_dir::{Dir, include_dir};
use platform::documents::{Collection, Conditional, Expected, Put};
use serde::Deserialize;
use serde_json::Value;
use services::machinery::stored;

use crate::config::SampleShop;
use crate::wiring::Mart;

static FILES: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/../../data/sample-shop");

/// How the shop began.
const BEGINNINGS: Collection = Collection::primary("beginnings");
const SAMPLE: &str = "sample_shop";

#[derive(Debug, Deserialize)]
struct SampleVariant {
    sku: String,
    stock_policy: Policy,
    on_hand: i64,
}

/// Loads the sample shop into a shop that has not begun yet, or goes on where that was interrupted. Answers whether
/// it loaded anything.
pub async fn begin(mart: &Mart, which: SampleShop) -> Result<bool> {
    let machinery = &mart.machinery;
    let begun = machinery.documents.get(BEGINNINGS, SAMPLE, machinery.clock.now()).await.map_err(stored)?;
    let state = begun.as_ref().map(|document| document.body.to_string());
    match (state.as_deref(), which) {
        (None, SampleShop::None) => {
            note(mart, "\"none\"").await?;
            Ok(false)
        }
        (None, SampleShop::Default) => {
            note(mart, "\"loading\"").await?;
            load(mart).await?;
            note(mart, "\"loaded\"").await?;
            Ok(true)
        }
        (Some("\"loading\""), _) => {
            load(mart).await?;
            note(mart, "\"loaded\"").await?;
            Ok(true)
        }
        _ => Ok(false),
    }
}

async fn note(mart: &Mart, state: &str) -> Result<()> {
    let machinery = &mart.machinery;
    let now = machinery.clock.now();
    let put = |body: &str| Put {
        collection: BEGINNINGS,
        id: SAMPLE.to_owned(),
        body: body.into(),
        entries: Vec::new(),
        expires: None,
    };
    let held = machinery.documents.get(BEGINNINGS, SAMPLE, now).await.map_err(stored)?;
    let expected = held.map_or(Expected::Absent, |held| Expected::Version(held.version));
    match machinery.documents.put_if(put(state), expected, now).await.map_err(stored)? {
        Conditional::Written(_) => Ok(()),
        Conditional::Differs(_) => Err(Error::internal("another process is filling this shop")),
    }
}

async fn load(mart: &Mart) -> Result<()> {
    let caller = Caller::system();
    let settings: SettingsInput = read("settings.json")?;
    mart.shop.replace_settings(settings, None).await?;
    let categories: Vec<CategoryInput> = read("categories.json")?;
    mart.catalog.replace_categories(categories, &caller).await?;
    let pages: BTreeMap<String, BTreeMap<Locale, PageText>> = read("pages.json")?;
    for (slug, texts) in pages {
        let seen = mart.pages.source(&slug).await?.version;
        mart.pages.write(&slug, texts, seen).await?;
    }
    let products: Vec<Value> = read("products.json")?;
    for product in products {
        load_product(mart, product, &caller).await?;
    }
    Ok(())
}

/// Ids follow from the slug, so that a product that was loaded before an interruption is not loaded twice.
async fn load_product(mart: &Mart, mut product: Value, caller: &Caller) -> Result<()> {
    let variants: Vec<SampleVariant> =
        serde_json::from_value(product["variants"].clone()).map_err(|error| broken("products.json", error))?;
    if let Some(variants) = product["variants"].as_array_mut() {
        for variant in variants.iter_mut().filter_map(Value::as_object_mut) {
            variant.remove("stock_policy");
            variant.remove("on_hand");
        }
    }
    let mut pictures = Vec::new();
    if let Some(images) = product["images"].as_array_mut() {
        for image in images.iter_mut().filter_map(Value::as_object_mut) {
            let Some(name) = image.remove("file") else { continue };
            let path = format!("images/{}", name.as_str().unwrap_or_default());
            let file = FILES.get_file(&path).ok_or_else(|| broken(&path, "missing"))?;
            let bytes = Bytes::from_static(file.contents());
            let media = mart.catalog.store_media("image/svg+xml", bytes, caller).await?;
            pictures.push(media.id.to_string());
            image.insert("media".to_owned(), Value::String(media.id.to_string()));
        }
    }
    name_pictures(&mut product, &pictures);
    let input: ProductInput = serde_json::from_value(product).map_err(|error| broken("products.json", error))?;
    let slug = input.slug.clone().unwrap_or_default();
    let hash = mart.machinery.vault.master().hash("sample product", &[slug.as_bytes()]);
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&hash[..16]);
    mart.catalog.create_product(ProductId::from_bytes(bytes), input, caller).await?;
    for variant in variants {
        let sku = Sku::parse(&variant.sku).map_err(|error| broken("products.json", error))?;
        mart.inventory.set_policy(&sku, variant.stock_policy, caller).await?;
        if variant.on_hand > 0 {
            let once = format!("sample-shop:{}", variant.sku);
            let location = Location::default();
            mart.inventory.adjust(&sku, &location, variant.on_hand, Reason::Received, &once, caller).await?;
        }
    }
    Ok(())
}

/// The file tells translated descriptions of pictures in the pictures' order; the shop wants them by picture.
fn name_pictures(product: &mut Value, pictures: &[String]) {
    for translation in product["translations"].as_object_mut().into_iter().flat_map(|map| map.values_mut()) {
        let alts = translation["image_alts"].take();
        let texts = alts.as_array().into_iter().flatten().cloned();
        translation["image_alts"] = Value::Object(pictures.iter().cloned().zip(texts).collect());
    }
}

fn read<T: serde::de::DeserializeOwned>(name: &str) -> Result<T> {
    let file = FILES.get_file(name).ok_or_else(|| broken(name, "missing"))?;
    serde_json::from_slice(file.contents()).map_err(|error| broken(name, error))
}

fn broken(name: &str, why: impl std::fmt::Display) -> Error {
    Error::internal(format!("the sample shop's {name} is broken: {why}"))
}
