//! Products and categories as staff send them. Wrong JSON types end here; wrong values are for the domain to tell.
//! It does not know what is valid. What staff are shown can be sent back: read-only members are passed over.

use std::collections::BTreeMap;

use domain::catalog::{
    CategoryInput, CategoryTextInput, Content, ImageInput, ImageUrlInput, MoneyInput, OptionInput, OptionTextInput,
    ProductInput, Status, Translation, TranslationInput, Variant, VariantInput,
};
use domain::field::FieldError;
use domain::money::Money;
use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::object::{list_of_objects, of_objects};
use crate::catalog::projection::status_text;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ProductStatus {
    /// Being written; shoppers do not see it.
    Draft,
    Active,
    /// No longer sold; it keeps its SKUs and its slug.
    Archived,
}

impl From<Status> for ProductStatus {
    fn from(status: Status) -> Self {
        match status {
            Status::Draft => Self::Draft,
            Status::Active => Self::Active,
            Status::Archived => Self::Archived,
        }
    }
}

impl From<ProductStatus> for Status {
    fn from(status: ProductStatus) -> Self {
        match status {
            ProductStatus::Draft => Self::Draft,
            ProductStatus::Active => Self::Active,
            ProductStatus::Archived => Self::Archived,
        }
    }
}

/// A product as staff write it.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = ProductInput)]
pub struct ProductForm {
    /// Made from the title where it is not sent; one that is there keeps its own.
    #[serde(default)]
    #[schema(max_length = 100, example = "sejak-green-tea")]
    pub slug: Option<String>,
    /// A new product is active unless told; one that is there keeps its own.
    #[serde(default)]
    #[schema(value_type = Option<ProductStatus>)]
    pub status: Option<String>,
    #[schema(min_length = 1, max_length = 200, example = "Sejak green tea")]
    pub title: String,
    #[serde(default)]
    #[schema(max_length = 20_000)]
    pub description: Option<String>,
    /// The description with its structure, made harmless: paragraphs, lists, headings, links, tables. Where no
    /// `description` is sent, the text in this becomes it.
    #[serde(default)]
    #[schema(max_length = 60_000)]
    pub description_html: Option<String>,
    #[serde(default)]
    #[schema(max_length = 200)]
    pub brand: Option<String>,
    /// Slugs of categories.
    #[serde(default)]
    #[schema(max_items = 20)]
    pub categories: Vec<String>,
    #[serde(default)]
    pub attributes: BTreeMap<String, String>,
    #[serde(default, deserialize_with = "list_of_objects")]
    #[schema(max_items = 5)]
    pub options: Vec<OptionForm>,
    #[serde(default, deserialize_with = "list_of_objects")]
    #[schema(min_items = 1, max_items = 2_000, required = true)]
    pub variants: Vec<VariantForm>,
    #[serde(default, deserialize_with = "list_of_objects")]
    #[schema(max_items = 50)]
    pub images: Vec<ImageForm>,
    /// Pictures elsewhere that an import named and nobody fetched yet.
    #[serde(default, deserialize_with = "list_of_objects")]
    #[schema(max_items = 250)]
    pub image_urls: Vec<ImageUrlForm>,
    /// By locale; what is missing in one is read from the product itself.
    #[serde(default, deserialize_with = "of_objects")]
    pub translations: BTreeMap<String, TranslationForm>,
    #[serde(default, skip_serializing)]
    #[schema(value_type = Option<String>, read_only)]
    #[expect(dead_code, reason = "passed over")]
    id: Option<IgnoredAny>,
    #[serde(default, skip_serializing)]
    #[schema(value_type = Option<i64>, read_only)]
    #[expect(dead_code, reason = "passed over")]
    version: Option<IgnoredAny>,
    #[serde(default, skip_serializing)]
    #[schema(value_type = Option<String>, read_only)]
    #[expect(dead_code, reason = "passed over")]
    created_at: Option<IgnoredAny>,
    #[serde(default, skip_serializing)]
    #[schema(value_type = Option<String>, read_only)]
    #[expect(dead_code, reason = "passed over")]
    updated_at: Option<IgnoredAny>,
}

#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = ProductOption)]
pub struct OptionForm {
    #[schema(min_length = 1, max_length = 200, example = "Weight")]
    pub name: String,
    #[schema(min_items = 1, max_items = 200, example = json!(["50 g", "100 g"]))]
    pub values: Vec<String>,
}

#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = VariantInput)]
pub struct VariantForm {
    /// Names the variant that this one is to stay; without it, the one with the same SKU.
    #[serde(default)]
    pub id: Option<String>,
    #[schema(min_length = 1, max_length = 64, example = "TEA-SEJ-50")]
    pub sku: String,
    #[serde(default)]
    #[schema(max_length = 14)]
    pub gtin: Option<String>,
    /// A value for each of the product's options.
    #[serde(default)]
    pub options: BTreeMap<String, String>,
    #[serde(default, deserialize_with = "list_of_objects")]
    #[schema(max_items = 50)]
    pub prices: Vec<Price>,
    /// What is shown struck through beside the price.
    #[serde(default, deserialize_with = "list_of_objects")]
    #[schema(max_items = 50)]
    pub compare_at_prices: Vec<Price>,
    /// Id of an uploaded picture.
    #[serde(default)]
    pub image: Option<String>,
}

/// Money in minor units.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Price {
    #[schema(minimum = 0, maximum = 1_000_000_000_000_000_i64, example = 2400)]
    pub amount: i64,
    #[schema(min_length = 3, max_length = 3, example = "EUR")]
    pub currency: String,
}

#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = ProductImageInput)]
pub struct ImageForm {
    /// Id of an uploaded picture.
    #[schema(example = "med_06e4t0q3cg0p9n5sgyqm0bxvmw")]
    pub media: String,
    /// What the picture shows, for those who do not see it.
    #[serde(default)]
    #[schema(max_length = 500)]
    pub alt: Option<String>,
    #[serde(default, skip_serializing)]
    #[schema(value_type = Option<String>, read_only)]
    #[expect(dead_code, reason = "passed over")]
    url: Option<IgnoredAny>,
}

#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = ProductImageUrl)]
pub struct ImageUrlForm {
    #[schema(max_length = 2_000, example = "https://pictures.example/tea.jpg")]
    pub url: String,
    #[serde(default)]
    #[schema(max_length = 500)]
    pub alt: Option<String>,
    /// Variants that are to show it.
    #[serde(default)]
    pub skus: Vec<String>,
}

#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
#[schema(as = ProductTranslation)]
pub struct TranslationForm {
    pub title: Option<String>,
    pub description: Option<String>,
    pub description_html: Option<String>,
    /// By the option's own name.
    #[serde(deserialize_with = "of_objects")]
    pub options: BTreeMap<String, OptionTextForm>,
    /// By the attribute's key.
    pub attributes: BTreeMap<String, String>,
    /// By the picture's id.
    pub image_alts: BTreeMap<String, String>,
}

#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
#[schema(as = ProductOptionTranslation)]
pub struct OptionTextForm {
    pub name: Option<String>,
    /// By the value's own name.
    pub values: BTreeMap<String, String>,
}

/// All categories, in place of those that are there.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = CategoriesInput)]
pub struct CategoriesForm {
    #[serde(deserialize_with = "list_of_objects")]
    #[schema(max_items = 1_000)]
    pub items: Vec<CategoryForm>,
    #[serde(default)]
    #[schema(value_type = Option<String>, read_only)]
    #[expect(dead_code, reason = "passed over")]
    next_cursor: Option<IgnoredAny>,
}

#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = Category)]
pub struct CategoryForm {
    /// Made from the title where it is not sent.
    #[serde(default)]
    #[schema(max_length = 100, example = "tea")]
    pub slug: Option<String>,
    /// Slug of the category above.
    #[serde(default)]
    pub parent: Option<String>,
    #[schema(min_length = 1, max_length = 200, example = "Tea")]
    pub title: String,
    #[serde(default)]
    pub description: Option<String>,
    /// Among its siblings, the lowest first.
    #[serde(default)]
    pub position: i32,
    /// By locale.
    #[serde(default, deserialize_with = "of_objects")]
    pub translations: BTreeMap<String, CategoryTextForm>,
}

#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
#[schema(as = CategoryTranslation)]
pub struct CategoryTextForm {
    pub title: Option<String>,
    pub description: Option<String>,
}

impl ProductForm {
    /// As the domain reads it. A status that is none is told with all else that is wrong.
    pub fn into_input(self) -> Result<ProductInput, Vec<FieldError>> {
        let status = self.status.as_deref().map(read_status).transpose();
        let input = ProductInput {
            slug: self.slug,
            status: status.as_ref().copied().unwrap_or_default(),
            title: self.title,
            description: self.description,
            description_html: self.description_html,
            brand: self.brand,
            categories: self.categories,
            attributes: self.attributes,
            options: self.options.into_iter().map(|OptionForm { name, values }| OptionInput { name, values }).collect(),
            variants: self.variants.into_iter().map(VariantForm::into_input).collect(),
            images: self.images.into_iter().map(ImageForm::into_input).collect(),
            image_urls: self.image_urls.into_iter().map(ImageUrlForm::into_input).collect(),
            translations: into_each(self.translations, TranslationForm::into_input),
        };
        let Err(wrong_status) = status else { return Ok(input) };
        let others = input.validate().err().unwrap_or_default();
        Err(std::iter::once(wrong_status).chain(others).collect())
    }

    /// A product as it would have been written.
    pub fn of(content: &Content) -> Self {
        let text = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        Self {
            slug: Some(content.slug.to_string()),
            status: Some(status_text(content.status).to_owned()),
            title: content.title.to_string(),
            description: text(&content.description),
            description_html: content.description_html.clone(),
            brand: content.brand.as_ref().map(ToString::to_string),
            categories: content.categories.iter().map(ToString::to_string).collect(),
            attributes: content.attributes.clone(),
            options: content.options.iter().map(OptionForm::of).collect(),
            variants: content.variants.iter().map(VariantForm::of).collect(),
            images: content
                .images
                .iter()
                .map(|image| ImageForm { media: image.media.to_string(), alt: text(&image.alt), url: None })
                .collect(),
            image_urls: content.image_urls.iter().map(ImageUrlForm::of).collect(),
            translations: texts(&content.translations, TranslationForm::of),
            id: None,
            version: None,
            created_at: None,
            updated_at: None,
        }
    }
}

pub fn read_status(text: &str) -> Result<Status, FieldError> {
    let known = [Status::Draft, Status::Active, Status::Archived];
    let found = known.into_iter().find(|status| status_text(*status) == text);
    found.ok_or_else(|| FieldError::new("/status", "unknown_status", "draft, active or archived"))
}

impl OptionForm {
    pub fn of(option: &domain::catalog::OptionDef) -> Self {
        Self { name: option.name.to_string(), values: option.values.iter().map(ToString::to_string).collect() }
    }
}

impl ImageForm {
    fn into_input(self) -> ImageInput {
        ImageInput { media: self.media, alt: self.alt, source: None }
    }
}

impl ImageUrlForm {
    fn into_input(self) -> ImageUrlInput {
        ImageUrlInput { url: self.url, alt: self.alt, skus: self.skus }
    }

    pub fn of(image: &domain::catalog::ImageUrl) -> Self {
        let alt = (!image.alt.is_empty()).then(|| image.alt.clone());
        Self { url: image.url.clone(), alt, skus: image.skus.iter().map(ToString::to_string).collect() }
    }
}

impl VariantForm {
    fn into_input(self) -> VariantInput {
        let prices = |prices: Vec<Price>| prices.into_iter().map(Price::into_input).collect();
        VariantInput {
            id: self.id,
            sku: self.sku,
            gtin: self.gtin,
            options: self.options,
            prices: prices(self.prices),
            compare_at_prices: prices(self.compare_at_prices),
            image: self.image,
        }
    }

    pub fn of(variant: &Variant) -> Self {
        Self {
            id: Some(variant.id.to_string()),
            sku: variant.sku.to_string(),
            gtin: variant.gtin.as_ref().map(ToString::to_string),
            options: variant.options.iter().map(|(name, value)| (name.to_string(), value.to_string())).collect(),
            prices: variant.prices.iter().copied().map(Price::of).collect(),
            compare_at_prices: variant.compare_at_prices.iter().copied().map(Price::of).collect(),
            image: variant.image.as_ref().map(ToString::to_string),
        }
    }
}

impl Price {
    fn into_input(self) -> MoneyInput {
        MoneyInput { amount: self.amount, currency: self.currency }
    }

    pub fn of(money: Money) -> Self {
        Self { amount: money.amount(), currency: money.currency().to_string() }
    }
}

impl TranslationForm {
    fn into_input(self) -> TranslationInput {
        let option = |OptionTextForm { name, values }| OptionTextInput { name, values };
        TranslationInput {
            title: self.title,
            description: self.description,
            description_html: self.description_html,
            options: into_each(self.options, option),
            attributes: self.attributes,
            image_alts: self.image_alts,
        }
    }

    pub fn of(text: &Translation) -> Self {
        Self {
            title: text.title.as_ref().map(ToString::to_string),
            description: text.description.clone(),
            description_html: text.description_html.clone(),
            options: texts(&text.options, |option| OptionTextForm {
                name: option.name.as_ref().map(ToString::to_string),
                values: texts(&option.values, ToString::to_string),
            }),
            attributes: text.attributes.clone(),
            image_alts: texts(&text.image_alts, String::clone),
        }
    }
}

impl CategoryForm {
    pub fn into_input(self) -> CategoryInput {
        let text = |CategoryTextForm { title, description }| CategoryTextInput { title, description };
        CategoryInput {
            slug: self.slug,
            parent: self.parent,
            title: self.title,
            description: self.description,
            position: self.position,
            translations: into_each(self.translations, text),
        }
    }

    pub fn of(category: &domain::catalog::Category) -> Self {
        Self {
            slug: Some(category.slug.to_string()),
            parent: category.parent.as_ref().map(ToString::to_string),
            title: category.title.to_string(),
            description: Some(category.description.clone()),
            position: category.position,
            translations: texts(&category.translations, |text| CategoryTextForm {
                title: text.title.as_ref().map(ToString::to_string),
                description: text.description.clone(),
            }),
        }
    }
}

fn into_each<A, B>(map: BTreeMap<String, A>, into: impl Fn(A) -> B) -> BTreeMap<String, B> {
    map.into_iter().map(|(key, value)| (key, into(value))).collect()
}

/// The same map under the keys' texts.
fn texts<K: ToString, A, B>(map: &BTreeMap<K, A>, of: impl Fn(&A) -> B) -> BTreeMap<String, B> {
    map.iter().map(|(key, value)| (key.to_string(), of(value))).collect()
}
