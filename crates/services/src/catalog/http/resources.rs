//! Products, categories and pictures as staff are shown them.
//! It does not know what shoppers see.

use std::collections::BTreeMap;

use contracts::catalog::{ImageSize, Media};
use domain::catalog::{Categories, Image, Product};
use serde::Serialize;
use utoipa::ToSchema;

use super::forms::{CategoryForm, ImageUrlForm, OptionForm, Price, ProductStatus, TranslationForm, VariantForm};
use crate::catalog::media;
use crate::catalog::projection::currencies;

/// A product with all that staff wrote, in every language.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Product)]
pub struct ProductResource {
    #[schema(example = "prd_06e4t0q3cg0p9n5sgyqm0bxvmw")]
    id: String,
    slug: String,
    status: ProductStatus,
    title: String,
    description: String,
    /// The description with its structure, as harmless HTML.
    #[schema(required = true)]
    description_html: Option<String>,
    brand: Option<String>,
    categories: Vec<String>,
    attributes: BTreeMap<String, String>,
    options: Vec<OptionForm>,
    #[schema(value_type = Vec<VariantResource>)]
    variants: Vec<VariantForm>,
    images: Vec<ImageResource>,
    image_urls: Vec<ImageUrlForm>,
    translations: BTreeMap<String, TranslationForm>,
    #[schema(format = DateTime)]
    created_at: String,
    #[schema(format = DateTime)]
    updated_at: String,
    /// How many facts made it what it is; its `ETag`, too.
    version: u64,
}

/// How a variant is shown: as it was sent, and always with its id.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Variant)]
pub struct VariantResource {
    #[schema(example = "var_06e4t0q3cg0p9n5sgyqm0bxvmw")]
    id: String,
    sku: String,
    #[schema(required = true)]
    gtin: Option<String>,
    options: BTreeMap<String, String>,
    prices: Vec<Price>,
    compare_at_prices: Vec<Price>,
    #[schema(required = true)]
    image: Option<String>,
}

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ProductImage)]
pub struct ImageResource {
    media: String,
    alt: String,
    /// Relative to the shop's address.
    url: String,
}

/// A product in staff's list.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ProductRow)]
pub struct ProductRow {
    #[schema(example = "prd_06e4t0q3cg0p9n5sgyqm0bxvmw")]
    id: String,
    slug: String,
    status: ProductStatus,
    title: String,
    brand: Option<String>,
    categories: Vec<String>,
    image: Option<ImageResource>,
    /// The lowest price in each currency.
    prices_from: Vec<Price>,
    variant_count: u32,
    #[schema(format = DateTime)]
    created_at: String,
    #[schema(format = DateTime)]
    updated_at: String,
    version: u64,
}

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Media)]
pub struct MediaResource {
    #[schema(example = "med_06e4t0q3cg0p9n5sgyqm0bxvmw")]
    id: String,
    /// Relative to the shop's address.
    url: String,
    #[schema(example = "image/png")]
    content_type: String,
    bytes: u64,
    /// In pixels.
    #[schema(required = true)]
    width: Option<u32>,
    #[schema(required = true)]
    height: Option<u32>,
    /// Smaller versions, the smallest first.
    sizes: Vec<ImageSize>,
}

impl From<&Product> for ProductResource {
    fn from(product: &Product) -> Self {
        let content = &product.content;
        Self {
            id: product.id.to_string(),
            slug: content.slug.to_string(),
            status: content.status.into(),
            title: content.title.to_string(),
            description: content.description.clone(),
            description_html: content.description_html.clone(),
            brand: content.brand.as_ref().map(ToString::to_string),
            categories: content.categories.iter().map(ToString::to_string).collect(),
            attributes: content.attributes.clone(),
            options: content.options.iter().map(OptionForm::of).collect(),
            variants: content.variants.iter().map(VariantForm::of).collect(),
            images: content.images.iter().map(ImageResource::from).collect(),
            image_urls: content.image_urls.iter().map(ImageUrlForm::of).collect(),
            translations: content
                .translations
                .iter()
                .map(|(locale, text)| (locale.to_string(), TranslationForm::of(text)))
                .collect(),
            created_at: product.created_at.to_string(),
            updated_at: product.updated_at.to_string(),
            version: product.version,
        }
    }
}

impl From<&Image> for ImageResource {
    fn from(image: &Image) -> Self {
        Self { media: image.media.to_string(), alt: image.alt.clone(), url: media::url(&image.media) }
    }
}

impl From<&Product> for ProductRow {
    fn from(product: &Product) -> Self {
        let content = &product.content;
        let lowest = currencies(content).into_iter().filter_map(|currency| content.price_in(currency));
        Self {
            id: product.id.to_string(),
            slug: content.slug.to_string(),
            status: content.status.into(),
            title: content.title.to_string(),
            brand: content.brand.as_ref().map(ToString::to_string),
            categories: content.categories.iter().map(ToString::to_string).collect(),
            image: content.images.first().map(ImageResource::from),
            prices_from: lowest.map(Price::of).collect(),
            variant_count: u32::try_from(content.variants.len()).unwrap_or(u32::MAX),
            created_at: product.created_at.to_string(),
            updated_at: product.updated_at.to_string(),
            version: product.version,
        }
    }
}

impl From<Media> for MediaResource {
    fn from(media: Media) -> Self {
        let Media { id, url, content_type, bytes, width, height, sizes } = media;
        Self { id: id.to_string(), url, content_type, bytes, width, height, sizes }
    }
}

/// As they were sent, with every slug filled in.
pub fn categories(tree: &Categories) -> Vec<CategoryForm> {
    tree.all().iter().map(CategoryForm::of).collect()
}
