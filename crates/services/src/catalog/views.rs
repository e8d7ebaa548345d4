//! How products and categories look to shoppers, in one currency and one language. Pure.
//! It does not fetch anything: what is left of each SKU is passed in.

use std::collections::BTreeMap;

use contracts::catalog::{
    AttributeView, Availability, CategoryView, ImageView, Offer, OptionValueView, OptionView, ProductCard, ProductView,
    VariantView,
};
use domain::catalog::{Categories, Category, Image, Product, TextIn, Variant};
use domain::locale::Locale;
use domain::money::{Currency, Money};
use domain::sku::Sku;
use domain::stock::Stock;

use super::media::{self, Album};
use super::reading::ReadAs;

/// From this many on nobody is urged.
const FEW: i64 = 5;

/// What is left of each SKU, as far as everybody may know.
pub type Shelf = BTreeMap<Sku, Availability>;

pub fn availability(stock: &Stock) -> Availability {
    match stock.sellable() {
        Some(..=0) => Availability::SoldOut,
        Some(..=FEW) => Availability::FewLeft,
        Some(_) | None => Availability::InStock,
    }
}

/// A product is as available as the best of its variants.
pub fn best<'a>(skus: impl IntoIterator<Item = &'a Sku>, shelf: &Shelf) -> Availability {
    skus.into_iter().map(|sku| left(shelf, sku)).min().unwrap_or(Availability::SoldOut)
}

fn left(shelf: &Shelf, sku: &Sku) -> Availability {
    shelf.get(sku).copied().unwrap_or(Availability::SoldOut)
}

pub fn card(product: &Product, read_as: &ReadAs, shelf: &Shelf, album: &Album) -> ProductCard {
    let content = &product.content;
    let text = content.text_in(&read_as.locale);
    let range = read_as.currency.and_then(|currency| content.price_range_in(currency));
    let compare_at =
        |currency| content.variants.iter().filter_map(move |variant| variant.compare_at_price_in(currency));
    ProductCard {
        id: product.id.to_string(),
        slug: content.slug.to_string(),
        title: text.title().to_string(),
        brand: content.brand.as_ref().map(ToString::to_string),
        categories: content.categories.iter().map(ToString::to_string).collect(),
        image: content.images.first().map(|image| image_view(&text, image, album)),
        currency: read_as.currency_code().to_owned(),
        price_from: range.map(|(lowest, _)| lowest.amount()),
        price_to: range.map(|(_, highest)| highest.amount()),
        compare_at_price: read_as.currency.and_then(|currency| compare_at(currency).max()).map(Money::amount),
        availability: best(content.variants.iter().map(|variant| &variant.sku), shelf),
    }
}

pub fn product(product: &Product, read_as: &ReadAs, shelf: &Shelf, album: &Album) -> ProductView {
    let content = &product.content;
    let text = content.text_in(&read_as.locale);
    let range = read_as.currency.and_then(|currency| content.price_range_in(currency));
    let option_value =
        |name, value| OptionValueView { value: format!("{value}"), label: text.option_value(name, value).to_string() };
    let options = content.options.iter().map(|option| OptionView {
        name: option.name.to_string(),
        label: text.option_name(&option.name).to_string(),
        values: option.values.iter().map(|value| option_value(&option.name, value)).collect(),
    });
    let attribute = |(key, value): (&str, &str)| AttributeView { key: key.to_owned(), value: value.to_owned() };
    ProductView {
        id: product.id.to_string(),
        slug: content.slug.to_string(),
        title: text.title().to_string(),
        description: text.description().to_owned(),
        description_html: text.description_html().map(ToOwned::to_owned),
        brand: content.brand.as_ref().map(ToString::to_string),
        categories: content.categories.iter().map(ToString::to_string).collect(),
        attributes: text.attributes().into_iter().map(attribute).collect(),
        options: options.collect(),
        images: content.images.iter().map(|image| image_view(&text, image, album)).collect(),
        locale: read_as.locale.to_string(),
        currency: read_as.currency_code().to_owned(),
        price_from: range.map(|(lowest, _)| lowest.amount()),
        price_to: range.map(|(_, highest)| highest.amount()),
        availability: best(content.variants.iter().map(|variant| &variant.sku), shelf),
        variants: content.variants.iter().map(|variant| variant_view(variant, read_as, shelf)).collect(),
        updated_at: product.updated_at.to_string(),
    }
}

fn variant_view(variant: &Variant, read_as: &ReadAs, shelf: &Shelf) -> VariantView {
    let options = variant.options.iter().map(|(name, value)| (name.to_string(), value.to_string()));
    let price = read_as.currency.and_then(|currency| variant.price_in(currency));
    let compare_at = read_as.currency.and_then(|currency| variant.compare_at_price_in(currency));
    VariantView {
        id: variant.id.to_string(),
        sku: variant.sku.to_string(),
        gtin: variant.gtin.as_ref().map(ToString::to_string),
        options: options.collect(),
        price: price.map(Money::amount),
        compare_at_price: compare_at.map(Money::amount),
        image: variant.image.as_ref().map(media::url),
        availability: left(shelf, &variant.sku),
    }
}

fn image_view<'a>(text: &TextIn<'a>, image: &'a Image, album: &Album) -> ImageView {
    let details = album.get(&image.media);
    ImageView {
        url: media::url(&image.media),
        alt: text.image_alt(image).to_owned(),
        width: details.and_then(|details| details.width),
        height: details.and_then(|details| details.height),
        sizes: details.map(|details| details.sizes(&image.media)).unwrap_or_default(),
    }
}

pub fn offer(product: &Product, variant: &Variant, currency: Currency, locale: &Locale) -> Offer {
    let content = &product.content;
    let text = content.text_in(locale);
    let chosen = content.options.iter().filter_map(|option| {
        let value = variant.options.get(&option.name)?;
        Some(text.option_value(&option.name, value).as_str())
    });
    let picture = variant.image.as_ref().or_else(|| content.images.first().map(|image| &image.media));
    Offer {
        product: product.id.clone(),
        slug: content.slug.to_string(),
        title: text.title().to_string(),
        variant: chosen.collect::<Vec<_>>().join(" / "),
        price: variant.price_in(currency).map(Money::amount),
        purchasable: product.is_for_sale(),
        image: picture.map(media::url),
    }
}

/// Every category, parents before children, siblings in their order.
pub fn categories(tree: &Categories, locale: &Locale) -> Vec<CategoryView> {
    let mut views = Vec::with_capacity(tree.all().len());
    let mut waiting: Vec<&Category> = tree.children(None);
    waiting.reverse();
    while let Some(category) = waiting.pop() {
        views.push(CategoryView {
            slug: category.slug.to_string(),
            parent: category.parent.as_ref().map(ToString::to_string),
            title: category.title_in(locale).to_string(),
            description: category.description_in(locale).to_owned(),
        });
        waiting.extend(tree.children(Some(&category.slug)).into_iter().rev());
    }
    views
}
