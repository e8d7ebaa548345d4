//! A product as staff send it, and all that is wrong with it at once.
//! It does not know the product that is there: what is sent replaces it.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::translation::{Original, read_html, read_text};
use super::{
    Claims, Content, Image, ImageUrl, MAX_ALT_CHARS, MAX_ATTRIBUTE_CHARS, MAX_ATTRIBUTE_KEY_CHARS, MAX_ATTRIBUTES,
    MAX_DESCRIPTION_CHARS, MAX_IMAGE_URL_CHARS, MAX_IMAGE_URLS, MAX_IMAGES, MAX_OPTION_VALUES, MAX_OPTIONS,
    MAX_PRODUCT_CATEGORIES, MAX_TRANSLATIONS, MAX_VARIANTS, OptionDef, State, Status, Translation, TranslationInput,
    VariantDraft, VariantInput,
};
use crate::field::{Collector, FieldError, pointer_piece, read_list, read_optional, tell_doubles};
use crate::ids::MediaId;
use crate::locale::Locale;
use crate::sku::Sku;
use crate::text::{Slug, Title};

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProductInput {
    /// A new product without one gets it from its title; one that is there keeps its own.
    #[serde(default)]
    pub slug: Option<String>,
    /// A new product without one is active; one that is there keeps its own.
    #[serde(default)]
    pub status: Option<Status>,
    pub title: String,
    /// Made from `description_html` where only that is sent.
    #[serde(default)]
    pub description: Option<String>,
    #[serde(default)]
    pub description_html: Option<String>,
    #[serde(default)]
    pub brand: Option<String>,
    #[serde(default)]
    pub categories: Vec<String>,
    #[serde(default)]
    pub attributes: BTreeMap<String, String>,
    #[serde(default)]
    pub options: Vec<OptionInput>,
    #[serde(default)]
    pub variants: Vec<VariantInput>,
    #[serde(default)]
    pub images: Vec<ImageInput>,
    #[serde(default)]
    pub image_urls: Vec<ImageUrlInput>,
    #[serde(default)]
    pub translations: BTreeMap<String, TranslationInput>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OptionInput {
    pub name: String,
    pub values: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImageInput {
    pub media: String,
    #[serde(default)]
    pub alt: Option<String>,
    /// Where it was fetched from; one that is there keeps its own.
    #[serde(default)]
    pub source: Option<String>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImageUrlInput {
    pub url: String,
    #[serde(default)]
    pub alt: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub skus: Vec<String>,
}

/// A product that is valid, but whose variants may not have their ids yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Draft {
    /// With no variants in it.
    pub(super) content: Content,
    pub(super) variants: Vec<VariantDraft>,
    pub(super) has_own_slug: bool,
    pub(super) has_own_status: bool,
}

impl Draft {
    pub fn slug(&self) -> &Slug {
        &self.content.slug
    }

    /// With another slug, where the one made from the title is taken.
    pub fn with_slug(mut self, slug: Slug) -> Self {
        self.content.slug = slug;
        self.has_own_slug = true;
        self
    }

    /// Whether staff chose the slug; else it was made from the title.
    pub fn has_own_slug(&self) -> bool {
        self.has_own_slug
    }

    pub fn categories(&self) -> &[Slug] {
        &self.content.categories
    }

    pub fn images(&self) -> &[Image] {
        &self.content.images
    }

    /// The most new ids that `create` and `replace` take.
    pub fn variant_count(&self) -> usize {
        self.variants.len()
    }

    /// What the product will claim when this has replaced what is there.
    pub fn claims(&self, before: &State) -> Claims {
        let kept_slug = before.product().filter(|_| !self.has_own_slug).map(|product| &product.content.slug);
        Claims {
            slug: Some(kept_slug.unwrap_or(&self.content.slug).clone()),
            skus: self.variants.iter().map(|variant| variant.sku.clone()).collect(),
        }
    }
}

impl ProductInput {
    /// The product, or all that is wrong, with pointers such as `/variants/3/prices/0/currency`.
    pub fn validate(&self) -> Result<Draft, Vec<FieldError>> {
        let mut errors = Collector::default();
        let e = &mut errors;
        let title = e.take("/title", "invalid", Title::parse(&self.title));
        let slug = self.read_slug(e, title.as_ref());
        let description = self.description.as_deref().unwrap_or_default();
        let description = read_text(e, "/description", description, MAX_DESCRIPTION_CHARS).unwrap_or_default();
        let description_html = read_html(e, "/description_html", self.description_html.as_deref());
        let brand = read_optional(e, "/brand", &self.brand, "invalid", Title::parse);
        let categories =
            read_list(e, "/categories", MAX_PRODUCT_CATEGORIES, &self.categories, "invalid_slug", Slug::parse);
        let attributes = self.read_attributes(e);
        let options = self.read_options(e);
        let variants = self.read_variants(e, &options);
        let images = self.read_images(e);
        let image_urls = self.read_image_urls(e);
        let original = Original { options: &options, attributes: &attributes, images: &images };
        let translations = self.read_translations(e, &original);
        let (Some(title), Some(slug), true) = (title, slug, errors.is_empty()) else {
            return Err(errors.into_errors());
        };
        let status = self.status.unwrap_or(Status::Active);
        let content = Content {
            slug,
            status,
            title,
            description,
            description_html,
            brand,
            categories,
            attributes,
            options,
            variants: Vec::new(),
            images,
            image_urls,
            translations,
        };
        let has_own_slug = self.sent_slug().is_some();
        Ok(Draft { content, variants, has_own_slug, has_own_status: self.status.is_some() })
    }

    fn sent_slug(&self) -> Option<&str> {
        self.slug.as_deref().filter(|slug| !slug.is_empty())
    }

    fn read_slug(&self, errors: &mut Collector, title: Option<&Title>) -> Option<Slug> {
        if let Some(slug) = self.sent_slug() {
            return errors.take("/slug", "invalid_slug", Slug::parse(slug));
        }
        let slug = Slug::from_title(title?.as_str());
        errors.take("/slug", "required", slug.map_err(|_| "is required, because the title has no letters for one"))
    }

    fn read_attributes(&self, errors: &mut Collector) -> BTreeMap<String, String> {
        let mut attributes = BTreeMap::new();
        if errors.too_many("/attributes", "attributes", self.attributes.len(), MAX_ATTRIBUTES) {
            return attributes;
        }
        for (key, value) in &self.attributes {
            let pointer = format!("/attributes/{}", pointer_piece(key));
            if !is_attribute_key(key) {
                let message = format!("a key has a-z, 0-9 and _ and at most {MAX_ATTRIBUTE_KEY_CHARS} characters");
                errors.push(&pointer, "invalid_key", message);
            }
            match read_text(errors, &pointer, value, MAX_ATTRIBUTE_CHARS) {
                Some(text) if text.is_empty() => errors.push(pointer, "required", "must not be empty"),
                Some(text) => drop(attributes.insert(key.clone(), text)),
                None => {}
            }
        }
        attributes
    }

    fn read_options(&self, errors: &mut Collector) -> Vec<OptionDef> {
        if errors.too_many("/options", "options", self.options.len(), MAX_OPTIONS) {
            return Vec::new();
        }
        let names: Vec<&str> = self.options.iter().map(|sent| sent.name.trim()).collect();
        tell_doubles(errors, &names, |index| format!("/options/{index}/name"));
        let mut options = Vec::new();
        for (index, sent) in self.options.iter().enumerate() {
            let pointer = format!("/options/{index}/values");
            if sent.values.is_empty() {
                errors.push(&pointer, "required", "must have at least one value");
            }
            let name = errors.take(format!("/options/{index}/name"), "invalid", Title::parse(&sent.name));
            let values = read_list(errors, &pointer, MAX_OPTION_VALUES, &sent.values, "invalid", Title::parse);
            options.extend(name.map(|name| OptionDef { name, values }));
        }
        options
    }

    fn read_variants(&self, errors: &mut Collector, options: &[OptionDef]) -> Vec<VariantDraft> {
        if self.variants.is_empty() {
            errors.push("/variants", "required", "must have at least one variant");
        }
        if errors.too_many("/variants", "variants", self.variants.len(), MAX_VARIANTS) {
            return Vec::new();
        }
        let skus: Vec<&str> = self.variants.iter().map(|sent| sent.sku.as_str()).collect();
        tell_doubles(errors, &skus, |index| format!("/variants/{index}/sku"));
        let mut ids = BTreeSet::new();
        let mut combinations = BTreeSet::new();
        let mut variants = Vec::new();
        for (index, sent) in self.variants.iter().enumerate() {
            let pointer = format!("/variants/{index}");
            if sent.id.as_ref().is_some_and(|id| !ids.insert(id)) {
                errors.push(format!("{pointer}/id"), "duplicate", "is there twice");
            }
            let Some(variant) = sent.read(errors, &pointer, options) else {
                continue;
            };
            let is_complete = variant.options.len() == options.len();
            if is_complete && !combinations.insert(variant.options.clone()) {
                let message = "another variant has the same options";
                errors.push(format!("{pointer}/options"), "duplicate_options", message);
            }
            variants.push(variant);
        }
        variants
    }

    fn read_images(&self, errors: &mut Collector) -> Vec<Image> {
        if errors.too_many("/images", "pictures", self.images.len(), MAX_IMAGES) {
            return Vec::new();
        }
        let ids: Vec<&str> = self.images.iter().map(|sent| sent.media.as_str()).collect();
        tell_doubles(errors, &ids, |index| format!("/images/{index}/media"));
        let mut images = Vec::new();
        for (index, sent) in self.images.iter().enumerate() {
            let media = errors.take(format!("/images/{index}/media"), "invalid_id", MediaId::parse(&sent.media));
            let alt = sent.alt.as_deref().unwrap_or_default();
            let alt = read_text(errors, &format!("/images/{index}/alt"), alt, MAX_ALT_CHARS);
            let source = sent.source.clone().filter(|source| is_address(source));
            images.extend(media.zip(alt).map(|(media, alt)| Image { media, alt, source }));
        }
        images
    }

    fn read_image_urls(&self, errors: &mut Collector) -> Vec<ImageUrl> {
        if errors.too_many("/image_urls", "addresses", self.image_urls.len(), MAX_IMAGE_URLS) {
            return Vec::new();
        }
        let urls: Vec<&str> = self.image_urls.iter().map(|sent| sent.url.as_str()).collect();
        tell_doubles(errors, &urls, |index| format!("/image_urls/{index}/url"));
        let mut image_urls = Vec::new();
        for (index, sent) in self.image_urls.iter().enumerate() {
            let pointer = format!("/image_urls/{index}");
            if !is_address(&sent.url) {
                let message = format!("must be an http or https address of at most {MAX_IMAGE_URL_CHARS} characters");
                errors.push(format!("{pointer}/url"), "invalid_url", message);
            }
            let alt = sent.alt.as_deref().unwrap_or_default();
            let alt = read_text(errors, &format!("{pointer}/alt"), alt, MAX_ALT_CHARS);
            let skus =
                read_list(errors, &format!("{pointer}/skus"), MAX_VARIANTS, &sent.skus, "invalid_sku", Sku::parse);
            image_urls.extend(alt.map(|alt| ImageUrl { url: sent.url.clone(), alt, skus }));
        }
        image_urls
    }

    fn read_translations(&self, errors: &mut Collector, original: &Original<'_>) -> BTreeMap<Locale, Translation> {
        let mut translations = BTreeMap::new();
        if errors.too_many("/translations", "translations", self.translations.len(), MAX_TRANSLATIONS) {
            return translations;
        }
        for (tag, sent) in &self.translations {
            let pointer = format!("/translations/{}", pointer_piece(tag));
            let translation = sent.read(errors, &pointer, original);
            let Some(locale) = errors.take(&pointer, "invalid_locale", Locale::parse(tag)) else {
                continue;
            };
            if translations.insert(locale, translation).is_some() {
                errors.push(pointer, "duplicate", "is the same locale as another");
            }
        }
        translations
    }
}

/// Of something on the web, as far as can be told without asking there.
fn is_address(text: &str) -> bool {
    let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://")).unwrap_or_default();
    let has_host = rest.split(['/', '?', '#']).next().is_some_and(|host| !host.is_empty() && !host.contains('@'));
    has_host && text.len() <= MAX_IMAGE_URL_CHARS && !text.chars().any(|char| char.is_control() || char.is_whitespace())
}

fn is_attribute_key(key: &str) -> bool {
    key.len() <= MAX_ATTRIBUTE_KEY_CHARS
        && key.starts_with(|char: char| char.is_ascii_lowercase())
        && key.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_')
}
