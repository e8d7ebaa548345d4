//! A product as it is: what it says, what it comes in, what it costs.
//! It does not know how it came to be so: facts do.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Translation, Variant};
use crate::ids::{MediaId, ProductId, VariantId};
use crate::locale::Locale;
use crate::money::{Currency, Money};
use crate::sku::Sku;
use crate::text::{Slug, Title};

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Being written; shoppers do not see it.
    Draft,
    Active,
    /// No longer sold; it keeps its SKUs and its slug.
    Archived,
}

/// A product with what the shop adds to what staff wrote.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Product {
    pub id: ProductId,
    #[serde(flatten)]
    pub content: Content,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
    /// How many facts made it what it is.
    pub version: u64,
}

/// What staff wrote.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Content {
    pub slug: Slug,
    pub status: Status,
    pub title: Title,
    /// As text.
    pub description: String,
    /// The same with its structure. Whoever wrote it saw to it that it is harmless.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description_html: Option<String>,
    pub brand: Option<Title>,
    pub categories: Vec<Slug>,
    pub attributes: BTreeMap<String, String>,
    pub options: Vec<OptionDef>,
    pub variants: Vec<Variant>,
    pub images: Vec<Image>,
    /// Pictures that an import named and nobody fetched yet.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub image_urls: Vec<ImageUrl>,
    pub translations: BTreeMap<Locale, Translation>,
}

/// What a shopper chooses by: the size, the colour.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OptionDef {
    pub name: Title,
    pub values: Vec<Title>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Image {
    pub media: MediaId,
    /// What the picture shows, for those who do not see it; may be empty.
    pub alt: String,
    /// Where it was fetched from, so that an import which names that address again knows it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
}

/// The address of a picture elsewhere.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImageUrl {
    /// `http` or `https`.
    pub url: String,
    pub alt: String,
    /// Variants that are to show it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub skus: Vec<Sku>,
}

impl Product {
    pub fn is_for_sale(&self) -> bool {
        self.content.status == Status::Active
    }
}

impl Content {
    pub fn variant(&self, id: &VariantId) -> Option<&Variant> {
        self.variants.iter().find(|variant| variant.id == *id)
    }

    pub fn variant_by_sku(&self, sku: &Sku) -> Option<&Variant> {
        self.variants.iter().find(|variant| variant.sku == *sku)
    }

    /// The lowest price of any variant in a currency: what a list shows.
    pub fn price_in(&self, currency: Currency) -> Option<Money> {
        self.variants.iter().filter_map(|variant| variant.price_in(currency)).min()
    }

    /// The lowest and the highest price.
    pub fn price_range_in(&self, currency: Currency) -> Option<(Money, Money)> {
        let lowest = self.price_in(currency)?;
        let highest = self.variants.iter().filter_map(|variant| variant.price_in(currency)).max()?;
        Some((lowest, highest))
    }

    /// The product's texts for a reader, piece by piece from the closest translation that has it.
    pub fn text_in(&self, locale: &Locale) -> TextIn<'_> {
        let translations = locale.fallbacks().filter_map(|locale| self.translations.get(&locale)).collect();
        TextIn { content: self, translations }
    }
}

/// A product's texts in one language.
#[derive(Debug, Clone)]
pub struct TextIn<'a> {
    content: &'a Content,
    /// The closest first.
    translations: Vec<&'a Translation>,
}

impl<'a> TextIn<'a> {
    pub fn title(&self) -> &'a Title {
        self.find(|text| text.title.as_ref()).unwrap_or(&self.content.title)
    }

    pub fn description(&self) -> &'a str {
        self.find(|text| text.description.as_deref()).unwrap_or(&self.content.description)
    }

    /// The description with its structure, in the language in which the text is told; that one may have none.
    pub fn description_html(&self) -> Option<&'a str> {
        let translated = self.find(|text| text.description.as_ref().map(|_| text.description_html.as_deref()));
        translated.unwrap_or(self.content.description_html.as_deref())
    }

    /// What an option is called; its own name where nobody translated it.
    pub fn option_name<'b>(&self, name: &'b Title) -> &'b Title
    where
        'a: 'b,
    {
        self.find(|text| text.options.get(name)?.name.as_ref()).unwrap_or(name)
    }

    /// What an option's value is called.
    pub fn option_value<'b>(&self, name: &Title, value: &'b Title) -> &'b Title
    where
        'a: 'b,
    {
        self.find(|text| text.options.get(name)?.values.get(value)).unwrap_or(value)
    }

    pub fn attribute(&self, key: &str) -> Option<&'a str> {
        let translated = self.find(|text| text.attributes.get(key));
        translated.or_else(|| self.content.attributes.get(key)).map(String::as_str)
    }

    /// All attributes in the order of their keys.
    pub fn attributes(&self) -> BTreeMap<&'a str, &'a str> {
        let keys = self.content.attributes.iter();
        keys.map(|(key, value)| (key.as_str(), self.attribute(key).unwrap_or(value))).collect()
    }

    pub fn image_alt(&self, image: &'a Image) -> &'a str {
        self.find(|text| text.image_alts.get(&image.media)).unwrap_or(&image.alt)
    }

    fn find<T>(&self, piece: impl Fn(&'a Translation) -> Option<T>) -> Option<T> {
        self.translations.iter().find_map(|translation| piece(translation))
    }
}
