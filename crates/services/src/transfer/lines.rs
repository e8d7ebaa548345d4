//! JSONL: on each line a product as staff's API shows it, and with each variant what lies on the shelf.
//! It does not know the shop. A member that is there takes the place of what the product has; one that is not changes
//! nothing.

use std::collections::{BTreeMap, BTreeSet};

use domain::catalog::{
    Content, ImageInput, ImageUrlInput, OptionInput, ProductInput, Status, TranslationInput, VariantInput,
};
use domain::stock::{Policy, Stock};
use domain::text::Slug;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Value};

/// A line longer than any product.
pub const LINE_BYTES_MAX: usize = 8 * 1024 * 1024;

/// Members that only tell.
const READ_ONLY: [&str; 4] = ["id", "version", "created_at", "updated_at"];

/// Not sent: stays. Null: goes away.
type Told<T> = Option<Option<T>>;

fn told<'de, T: Deserialize<'de>, D: Deserializer<'de>>(deserializer: D) -> Result<Told<T>, D::Error> {
    Option::<T>::deserialize(deserializer).map(Some)
}

/// A product as one line tells it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Line {
    pub slug: Option<String>,
    #[serde(deserialize_with = "told", skip_serializing_if = "Option::is_none")]
    pub status: Told<Status>,
    pub title: Option<String>,
    #[serde(deserialize_with = "told", skip_serializing_if = "Option::is_none")]
    pub description: Told<String>,
    #[serde(deserialize_with = "told", skip_serializing_if = "Option::is_none")]
    pub description_html: Told<String>,
    #[serde(deserialize_with = "told", skip_serializing_if = "Option::is_none")]
    pub brand: Told<String>,
    pub categories: Option<Vec<String>>,
    pub attributes: Option<BTreeMap<String, String>>,
    pub options: Option<Vec<OptionInput>>,
    pub variants: Option<Vec<LineVariant>>,
    pub images: Option<Vec<LineImage>>,
    pub image_urls: Option<Vec<ImageUrlInput>>,
    pub translations: Option<BTreeMap<String, TranslationInput>>,
    /// What means nothing here.
    #[serde(flatten, skip_serializing)]
    pub others: Map<String, Value>,
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct LineVariant {
    #[serde(flatten)]
    pub variant: VariantInput,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on_hand: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stock_policy: Option<Policy>,
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct LineImage {
    pub media: String,
    #[serde(default)]
    pub alt: Option<String>,
}

impl Line {
    /// # Errors
    /// Where it is no product, with a JSON pointer as far as there is one.
    pub fn read(text: &str) -> Result<Self, String> {
        let value: Value = serde_json::from_str(text).map_err(|error| error.to_string())?;
        if !value.is_object() {
            return Err("must be a JSON object".to_owned());
        }
        serde_json::from_value(value).map_err(|error| error.to_string())
    }

    /// The slug under which the product is looked for.
    pub fn slug(&self) -> Result<Slug, String> {
        let title = self.title.as_deref().unwrap_or_default();
        match self.slug.as_deref().filter(|slug| !slug.is_empty()) {
            Some(slug) => Slug::parse(slug).map_err(|error| error.to_string()),
            None => Slug::from_title(title).map_err(|_| "a line needs a slug or a title".to_owned()),
        }
    }

    /// Members that mean nothing here.
    pub fn ignored(&self) -> BTreeSet<&str> {
        self.others.keys().map(String::as_str).filter(|name| !READ_ONLY.contains(name)).collect()
    }

    /// The product as it is to be, given what it is.
    pub fn onto(&self, slug: &Slug, before: Option<&Content>) -> ProductInput {
        let mut input = match before {
            Some(content) => ProductInput::from(content),
            None => ProductInput { slug: Some(slug.to_string()), ..ProductInput::default() },
        };
        put(&mut input.title, self.title.clone());
        put(&mut input.status, self.status);
        put(&mut input.brand, self.brand.clone());
        if self.description.is_some() || self.description_html.is_some() {
            input.description = self.description.clone().flatten();
            input.description_html = self.description_html.clone().flatten();
        }
        put(&mut input.categories, self.categories.clone());
        put(&mut input.attributes, self.attributes.clone());
        put(&mut input.options, self.options.clone());
        put(&mut input.image_urls, self.image_urls.clone());
        put(&mut input.translations, self.translations.clone());
        // Ids are another shop's, perhaps; a SKU is the same everywhere.
        let variant = |line: &LineVariant| VariantInput { id: None, ..line.variant.clone() };
        put(&mut input.variants, self.variants.as_ref().map(|all| all.iter().map(variant).collect()));
        let image = |image: &LineImage| ImageInput { media: image.media.clone(), alt: image.alt.clone(), source: None };
        put(&mut input.images, self.images.as_ref().map(|all| all.iter().map(image).collect()));
        input
    }

    /// The whole of a product.
    pub fn of(content: &Content, stock: impl Fn(&domain::sku::Sku) -> Stock) -> Self {
        let input = ProductInput::from(content);
        let variants = content.variants.iter().zip(input.variants).map(|(known, variant)| {
            let stock = stock(&known.sku);
            LineVariant {
                variant: VariantInput { id: None, ..variant },
                on_hand: Some(stock.levels.values().map(|level| level.on_hand).sum()),
                stock_policy: Some(stock.policy),
            }
        });
        Self {
            slug: input.slug,
            status: Some(input.status),
            title: Some(input.title),
            description: Some(input.description),
            description_html: Some(input.description_html),
            brand: Some(input.brand),
            categories: Some(input.categories),
            attributes: Some(input.attributes),
            options: Some(input.options),
            variants: Some(variants.collect()),
            images: Some(
                input.images.into_iter().map(|image| LineImage { media: image.media, alt: image.alt }).collect(),
            ),
            image_urls: Some(input.image_urls),
            translations: Some(input.translations),
            others: Map::new(),
        }
    }
}

fn put<T>(place: &mut T, told: Option<T>) {
    if let Some(told) = told {
        *place = told;
    }
}
