//! A product as it would be written anew, for whoever changes a part of it.
//! It does not know what is to change.

use super::{
    Content, Image, ImageInput, ImageUrl, ImageUrlInput, MoneyInput, OptionDef, OptionInput, OptionTextInput,
    ProductInput, Translation, TranslationInput, Variant, VariantInput,
};
use crate::money::Money;

/// Written unchanged, it changes nothing.
impl From<&Content> for ProductInput {
    fn from(content: &Content) -> Self {
        Self {
            slug: Some(content.slug.to_string()),
            status: Some(content.status),
            title: content.title.to_string(),
            description: some_text(&content.description),
            description_html: content.description_html.clone(),
            brand: content.brand.as_ref().map(ToString::to_string),
            categories: content.categories.iter().map(ToString::to_string).collect(),
            attributes: content.attributes.clone(),
            options: content.options.iter().map(OptionInput::from).collect(),
            variants: content.variants.iter().map(VariantInput::from).collect(),
            images: content.images.iter().map(ImageInput::from).collect(),
            image_urls: content.image_urls.iter().map(ImageUrlInput::from).collect(),
            translations: content
                .translations
                .iter()
                .map(|(locale, text)| (locale.to_string(), TranslationInput::from(text)))
                .collect(),
        }
    }
}

impl From<&OptionDef> for OptionInput {
    fn from(option: &OptionDef) -> Self {
        Self { name: option.name.to_string(), values: option.values.iter().map(ToString::to_string).collect() }
    }
}

impl From<&Variant> for VariantInput {
    fn from(variant: &Variant) -> Self {
        Self {
            id: Some(variant.id.to_string()),
            sku: variant.sku.to_string(),
            gtin: variant.gtin.as_ref().map(ToString::to_string),
            options: variant.options.iter().map(|(name, value)| (name.to_string(), value.to_string())).collect(),
            prices: variant.prices.iter().copied().map(MoneyInput::from).collect(),
            compare_at_prices: variant.compare_at_prices.iter().copied().map(MoneyInput::from).collect(),
            image: variant.image.as_ref().map(ToString::to_string),
        }
    }
}

impl From<Money> for MoneyInput {
    fn from(money: Money) -> Self {
        Self { amount: money.amount(), currency: money.currency().code().to_owned() }
    }
}

impl From<&Image> for ImageInput {
    fn from(image: &Image) -> Self {
        Self { media: image.media.to_string(), alt: some_text(&image.alt), source: image.source.clone() }
    }
}

impl From<&ImageUrl> for ImageUrlInput {
    fn from(image: &ImageUrl) -> Self {
        Self {
            url: image.url.clone(),
            alt: some_text(&image.alt),
            skus: image.skus.iter().map(ToString::to_string).collect(),
        }
    }
}

impl From<&Translation> for TranslationInput {
    fn from(text: &Translation) -> Self {
        let option = |option: &super::OptionText| OptionTextInput {
            name: option.name.as_ref().map(ToString::to_string),
            values: option.values.iter().map(|(value, text)| (value.to_string(), text.to_string())).collect(),
        };
        Self {
            title: text.title.as_ref().map(ToString::to_string),
            description: text.description.clone(),
            description_html: text.description_html.clone(),
            options: text.options.iter().map(|(name, text)| (name.to_string(), option(text))).collect(),
            attributes: text.attributes.clone(),
            image_alts: text.image_alts.iter().map(|(media, alt)| (media.to_string(), alt.clone())).collect(),
        }
    }
}

fn some_text(text: &str) -> Option<String> {
    (!text.is_empty()).then(|| text.to_owned())
}
