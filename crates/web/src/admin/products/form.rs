//! The form of a product: what stands in its fields, whether or not it makes sense.
//! It does not judge: that is for whoever reads a product from it. Fields are named as [`ProductForm::read`] reads them.

use std::collections::{BTreeMap, BTreeSet};

use domain::catalog::{Content, Status, Translation, Variant};
use domain::locale::Locale;
use domain::money::Currency;
use domain::settings::Settings;

use crate::admin::amounts::amount_text;
use crate::admin::typed::Typed;

/// Texts by the tag of their language.
pub type Texts = BTreeMap<String, String>;

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ProductForm {
    pub title: String,
    pub slug: String,
    /// `None`: as it was, or a draft.
    pub status: Option<Status>,
    pub description: Description,
    pub brand: String,
    pub categories: Vec<String>,
    pub attributes: Vec<AttributeRow>,
    pub options: Vec<OptionRow>,
    pub variants: Vec<VariantRow>,
    pub images: Vec<ImageRow>,
    /// By language.
    pub texts: BTreeMap<String, TextRow>,
}

/// A text with or without structure.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Description {
    pub text: String,
    pub is_html: bool,
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AttributeRow {
    pub key: String,
    pub value: String,
    pub texts: Texts,
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct OptionRow {
    pub name: String,
    pub texts: Texts,
    pub values: Vec<ValueRow>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ValueRow {
    pub value: String,
    pub texts: Texts,
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct VariantRow {
    /// Empty for one that is new.
    pub id: String,
    pub sku: String,
    pub gtin: String,
    /// For each option row the value row that was chosen.
    pub chosen: Vec<Option<usize>>,
    /// By currency, as typed.
    pub prices: BTreeMap<String, String>,
    pub before: BTreeMap<String, String>,
    /// A picture's id.
    pub image: String,
    /// How many are there of a new one.
    pub on_hand: String,
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ImageRow {
    pub media: String,
    pub alt: String,
    pub texts: Texts,
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TextRow {
    pub title: String,
    pub description: Description,
}

/// Which languages and currencies the form has fields for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Columns {
    /// Beside the shop's own one.
    pub locales: Vec<Locale>,
    pub currencies: Vec<Currency>,
}

impl ProductForm {
    /// For a product that is not there yet.
    pub fn empty() -> Self {
        Self { status: Some(Status::Active), variants: vec![VariantRow::default()], ..Self::default() }
    }

    pub fn read(typed: &Typed) -> Self {
        let options: BTreeMap<usize, (OptionRow, BTreeMap<usize, usize>)> =
            typed.rows("options").into_iter().map(|(number, row)| (number, read_option(row))).collect();
        // Rows may have gaps in their numbers; what points to one follows it.
        let values: Vec<(usize, BTreeMap<usize, usize>)> =
            options.iter().map(|(number, (_, values))| (*number, values.clone())).collect();
        Self {
            title: typed.text("title").to_owned(),
            slug: typed.text("slug").to_owned(),
            status: read_status(typed.text("status")),
            description: Description::read(typed),
            brand: typed.text("brand").to_owned(),
            categories: typed.list("categories").iter().filter(|slug| !slug.is_empty()).cloned().collect(),
            attributes: typed.rows("attributes").into_values().map(read_attribute).collect(),
            options: options.into_values().map(|(option, _)| option).collect(),
            variants: typed.rows("variants").into_values().map(|row| read_variant(row, &values)).collect(),
            images: typed.rows("images").into_values().map(read_image).collect(),
            texts: read_texts(typed.at("texts")),
        }
    }

    pub fn of(content: &Content) -> Self {
        let options: Vec<OptionRow> = content.options.iter().map(|option| option_row(content, option)).collect();
        Self {
            title: content.title.to_string(),
            slug: content.slug.to_string(),
            status: Some(content.status),
            description: Description::of(&content.description, content.description_html.as_deref()),
            brand: content.brand.as_ref().map(ToString::to_string).unwrap_or_default(),
            categories: content.categories.iter().map(ToString::to_string).collect(),
            attributes: content.attributes.iter().map(|(key, value)| attribute_row(content, key, value)).collect(),
            variants: content.variants.iter().map(|variant| variant_row(content, variant)).collect(),
            images: content.images.iter().map(|image| image_row(content, image)).collect(),
            texts: content.translations.iter().map(|(locale, text)| (locale.to_string(), text_row(text))).collect(),
            options,
        }
    }

    /// The same goods once more: another slug, other SKUs, nothing on the shelf.
    pub fn copied(mut self, title: String) -> Self {
        self.title = title;
        self.slug = String::new();
        self.status = Some(Status::Draft);
        for text in self.texts.values_mut() {
            text.title = String::new();
        }
        for variant in &mut self.variants {
            variant.id = String::new();
            variant.sku.push_str("-2");
            // A barcode belongs to one thing in the world.
            variant.gtin = String::new();
        }
        self
    }

    /// The shop's languages and currencies, and those that the product has beyond them.
    pub fn columns(&self, settings: &Settings) -> Columns {
        let mut locales: Vec<Locale> =
            settings.locales.iter().filter(|locale| **locale != settings.default_locale).cloned().collect();
        let told = self.told_locales();
        let more: Vec<Locale> = told.iter().filter_map(|tag| Locale::parse(tag).ok()).collect();
        locales.extend(
            more.into_iter().filter(|locale| !settings.locales.contains(locale) || *locale == settings.default_locale),
        );
        let mut currencies = settings.currencies.clone();
        let codes: BTreeSet<&String> =
            self.variants.iter().flat_map(|variant| variant.prices.keys().chain(variant.before.keys())).collect();
        let more: Vec<Currency> = codes.into_iter().filter_map(|code| Currency::parse(code).ok()).collect();
        currencies.extend(more.into_iter().filter(|currency| !settings.currencies.contains(currency)));
        Columns { locales, currencies }
    }

    /// Languages in which something is told.
    fn told_locales(&self) -> BTreeSet<&str> {
        let texts = self.texts.iter().filter(|(_, text)| !text.is_empty()).map(|(tag, _)| tag.as_str());
        let rows = self.attributes.iter().map(|row| &row.texts).chain(self.options.iter().map(|row| &row.texts));
        let values = self.options.iter().flat_map(|row| &row.values).map(|row| &row.texts);
        let rows = rows.chain(values).chain(self.images.iter().map(|row| &row.texts)).flatten();
        texts.chain(rows.filter(|(_, text)| !text.trim().is_empty()).map(|(tag, _)| tag.as_str())).collect()
    }
}

impl Description {
    fn read(typed: &Typed) -> Self {
        Self { text: typed.text("description").to_owned(), is_html: typed.text("description_as") == "html" }
    }

    pub fn of(text: &str, html: Option<&str>) -> Self {
        Self { text: html.unwrap_or(text).replace("\r\n", "\n"), is_html: html.is_some() }
    }
}

impl TextRow {
    fn is_empty(&self) -> bool {
        self.title.trim().is_empty() && self.description.text.trim().is_empty()
    }
}

impl OptionRow {
    /// Values that somebody typed, with the numbers of their rows.
    pub fn filled(&self) -> impl Iterator<Item = (usize, &ValueRow)> {
        self.values.iter().enumerate().filter(|(_, row)| !row.value.trim().is_empty())
    }

    pub fn is_empty(&self) -> bool {
        self.name.trim().is_empty() && self.filled().next().is_none()
    }
}

fn read_status(text: &str) -> Option<Status> {
    match text {
        "draft" => Some(Status::Draft),
        "active" => Some(Status::Active),
        "archived" => Some(Status::Archived),
        _ => None,
    }
}

fn read_attribute(row: &Typed) -> AttributeRow {
    AttributeRow { key: row.text("key").to_owned(), value: row.text("value").to_owned(), texts: row.texts("texts") }
}

/// An option, and where its values went by the numbers of their rows.
fn read_option(row: &Typed) -> (OptionRow, BTreeMap<usize, usize>) {
    let rows = row.rows("values");
    let places = rows.keys().enumerate().map(|(place, number)| (*number, place)).collect();
    let value = |row: &Typed| ValueRow { value: row.text("value").to_owned(), texts: row.texts("texts") };
    let values = rows.into_values().map(value).collect();
    (OptionRow { name: row.text("name").to_owned(), texts: row.texts("texts"), values }, places)
}

fn read_variant(row: &Typed, options: &[(usize, BTreeMap<usize, usize>)]) -> VariantRow {
    let chosen = options.iter().map(|(number, values)| {
        let value: usize = row.at("options").text(&number.to_string()).parse().ok()?;
        values.get(&value).copied()
    });
    VariantRow {
        id: row.text("id").to_owned(),
        sku: row.text("sku").to_owned(),
        gtin: row.text("gtin").to_owned(),
        chosen: chosen.collect(),
        prices: row.texts("prices"),
        before: row.texts("before"),
        image: row.text("image").to_owned(),
        on_hand: row.text("on_hand").to_owned(),
    }
}

fn read_image(row: &Typed) -> ImageRow {
    ImageRow { media: row.text("media").to_owned(), alt: row.text("alt").to_owned(), texts: row.texts("texts") }
}

fn read_texts(typed: &Typed) -> BTreeMap<String, TextRow> {
    let tags = typed.names();
    let text = |row: &Typed| TextRow { title: row.text("title").to_owned(), description: Description::read(row) };
    tags.map(|tag| (tag.to_owned(), text(typed.at(tag)))).collect()
}

/// One piece of every translation that has it.
fn texts_of<'a>(content: &'a Content, piece: impl Fn(&'a Translation) -> Option<&'a str>) -> Texts {
    let told = |(locale, text): (&Locale, &'a Translation)| Some((locale.to_string(), piece(text)?.to_owned()));
    content.translations.iter().filter_map(told).collect()
}

fn attribute_row(content: &Content, key: &str, value: &str) -> AttributeRow {
    let texts = texts_of(content, |text| text.attributes.get(key).map(String::as_str));
    AttributeRow { key: key.to_owned(), value: value.to_owned(), texts }
}

fn option_row(content: &Content, option: &domain::catalog::OptionDef) -> OptionRow {
    let name = &option.name;
    let values = option.values.iter().map(|value| ValueRow {
        value: value.to_string(),
        texts: texts_of(content, |text| Some(text.options.get(name)?.values.get(value)?.as_str())),
    });
    OptionRow {
        name: name.to_string(),
        texts: texts_of(content, |text| Some(text.options.get(name)?.name.as_ref()?.as_str())),
        values: values.collect(),
    }
}

fn variant_row(content: &Content, variant: &Variant) -> VariantRow {
    let chosen = content.options.iter().map(|option| {
        let value = variant.options.get(&option.name)?;
        option.values.iter().position(|known| known == value)
    });
    let typed = |prices: &[domain::money::Money]| {
        let text = |price: &domain::money::Money| {
            (price.currency().code().to_owned(), amount_text(price.amount(), price.currency()))
        };
        prices.iter().map(text).collect()
    };
    VariantRow {
        id: variant.id.to_string(),
        sku: variant.sku.to_string(),
        gtin: variant.gtin.as_ref().map(ToString::to_string).unwrap_or_default(),
        chosen: chosen.collect(),
        prices: typed(&variant.prices),
        before: typed(&variant.compare_at_prices),
        image: variant.image.as_ref().map(ToString::to_string).unwrap_or_default(),
        on_hand: String::new(),
    }
}

fn image_row(content: &Content, image: &domain::catalog::Image) -> ImageRow {
    let texts = texts_of(content, |text| text.image_alts.get(&image.media).map(String::as_str));
    ImageRow { media: image.media.to_string(), alt: image.alt.clone(), texts }
}

fn text_row(text: &Translation) -> TextRow {
    TextRow {
        title: text.title.as_ref().map(ToString::to_string).unwrap_or_default(),
        description: Description::of(text.description.as_deref().unwrap_or_default(), text.description_html.as_deref()),
    }
}
