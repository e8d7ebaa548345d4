//! Makes a product of a form, or tells what stands in the way, field by field.
//! It does not know which SKUs and slugs are taken: that is for the catalogue to say.

use std::collections::BTreeMap;

use domain::catalog::{
    Content, ImageInput, ImageUrlInput, MoneyInput, OptionInput, OptionTextInput, ProductInput, TranslationInput,
    Variant, VariantInput,
};
use domain::field::{FieldError, pointer_piece};
use domain::ids::VariantId;
use domain::money::{Currency, Money};

use super::form::{AttributeRow, Description, OptionRow, ProductForm, Texts, VariantRow};
use crate::admin::amounts::read_amount;
use crate::admin::places::Places;

/// What was read of a form.
#[derive(Debug)]
pub struct Reading {
    pub input: ProductInput,
    /// How many there are of each new SKU.
    pub on_hand: Vec<(String, i64)>,
    /// What is wrong so far, by the form's fields.
    pub errors: Vec<FieldError>,
    pub places: Places,
}

impl ProductForm {
    /// `before`: the product as it was when the form was opened. What no field shows is kept.
    pub fn reading(&self, before: Option<&Content>) -> Reading {
        let mut reader =
            Reader { form: self, before, places: Places::default(), errors: Vec::new(), on_hand: Vec::new() };
        let input = reader.product();
        let Reader { places, mut errors, on_hand, .. } = reader;
        if let Err(found) = input.validate() {
            let has_bad_options = found.iter().any(|error| error.pointer.starts_with("/options"));
            // What is wrong with an option is told there, not at each of its variants again.
            let is_echo = |error: &FieldError| has_bad_options && error.code == "unknown_option";
            let found = places.fields(found.into_iter().filter(|error| !is_echo(error)).collect());
            errors.extend(
                found
                    .into_iter()
                    .filter(|error| !errors.iter().any(|there| there.pointer == error.pointer))
                    .collect::<Vec<_>>(),
            );
        }
        Reading { input, on_hand, errors, places }
    }
}

struct Reader<'a> {
    form: &'a ProductForm,
    before: Option<&'a Content>,
    places: Places,
    errors: Vec<FieldError>,
    on_hand: Vec<(String, i64)>,
}

impl<'a> Reader<'a> {
    fn product(&mut self) -> ProductInput {
        for name in [
            "title",
            "slug",
            "status",
            "description",
            "brand",
            "categories",
            "attributes",
            "options",
            "variants",
            "images",
        ] {
            self.places.put(format!("/{name}"), name);
        }
        self.places.put("/description_html", "description");
        self.places.put("/translations", "texts");
        let form = self.form;
        let before = self.before.map(|before| (before.description.as_str(), before.description_html.as_deref()));
        let (description, description_html) = described(&form.description, before);
        let mut input = ProductInput {
            slug: some(&form.slug),
            status: form.status,
            title: form.title.clone(),
            description,
            description_html,
            brand: some(&form.brand),
            categories: form.categories.clone(),
            ..ProductInput::default()
        };
        self.images(&mut input);
        self.texts(&mut input);
        self.attributes(&mut input);
        self.options(&mut input);
        self.variants(&mut input);
        input.translations.retain(|_, text| *text != TranslationInput::default());
        input
    }

    fn texts(&mut self, input: &mut ProductInput) {
        for (tag, row) in &self.form.texts {
            let pointer = format!("/translations/{}", pointer_piece(tag));
            self.places.put(format!("{pointer}/title"), format!("texts.{tag}.title"));
            self.places.put(format!("{pointer}/description"), format!("texts.{tag}.description"));
            self.places.put(format!("{pointer}/description_html"), format!("texts.{tag}.description"));
            self.places.put(&pointer, format!("texts.{tag}.title"));
            let before = self.before.and_then(|before| {
                let (_, text) = before.translations.iter().find(|(locale, _)| locale.as_str() == tag)?;
                Some((text.description.as_deref().unwrap_or_default(), text.description_html.as_deref()))
            });
            let (description, description_html) = described(&row.description, before);
            let text = input.translations.entry(tag.clone()).or_default();
            text.title = some(&row.title);
            text.description = description;
            text.description_html = description_html;
        }
    }

    fn attributes(&mut self, input: &mut ProductInput) {
        for (number, row) in self.form.attributes.iter().enumerate() {
            let AttributeRow { value, texts, .. } = row;
            let key = attribute_key(&row.key);
            if key.is_empty() && value.trim().is_empty() {
                continue;
            }
            let field = format!("attributes.{number}");
            if key.is_empty() {
                self.tell(format!("{field}.key"), "required", "must not be empty");
                continue;
            }
            let pointer = format!("/attributes/{}", pointer_piece(&key));
            let is_key = key.starts_with(|char: char| char.is_ascii_lowercase())
                && key.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
            self.places.put(&pointer, format!("{field}.{}", if is_key { "value" } else { "key" }));
            if input.attributes.insert(key.clone(), value.clone()).is_some() {
                self.tell(format!("{field}.key"), "duplicate", "is there twice");
            }
            for (tag, text) in told(texts) {
                let pointer = format!("/translations/{}/attributes/{}", pointer_piece(tag), pointer_piece(&key));
                self.places.put(pointer, format!("{field}.texts.{tag}"));
                input.translations.entry(tag.clone()).or_default().attributes.insert(key.clone(), text.clone());
            }
        }
    }

    fn options(&mut self, input: &mut ProductInput) {
        for (number, row) in self.form.options.iter().enumerate() {
            if row.is_empty() {
                continue;
            }
            let pointer = format!("/options/{}", input.options.len());
            self.places.put(format!("{pointer}/name"), format!("options.{number}.name"));
            self.places.put(format!("{pointer}/values"), format!("options.{number}.values.0.value"));
            let mut values = Vec::new();
            for (place, value) in row.filled() {
                let at = format!("{pointer}/values/{}", values.len());
                self.places.put(at, format!("options.{number}.values.{place}.value"));
                values.push(value.value.clone());
            }
            input.options.push(OptionInput { name: row.name.clone(), values });
            self.option_texts(input, number, row);
        }
    }

    fn option_texts(&mut self, input: &mut ProductInput, number: usize, row: &OptionRow) {
        let name = row.name.trim();
        let pointer = |tag: &str| format!("/translations/{}/options/{}", pointer_piece(tag), pointer_piece(name));
        let option = |input: &mut ProductInput, tag: &str, change: &mut dyn FnMut(&mut OptionTextInput)| {
            let texts = &mut input.translations.entry(tag.to_owned()).or_default().options;
            change(texts.entry(name.to_owned()).or_default());
        };
        for (tag, text) in told(&row.texts) {
            self.places.put(pointer(tag), format!("options.{number}.texts.{tag}"));
            option(input, tag, &mut |option| option.name = Some(text.clone()));
        }
        for (place, value) in row.filled() {
            for (tag, text) in told(&value.texts) {
                let at = format!("{}/values/{}", pointer(tag), pointer_piece(value.value.trim()));
                self.places.put(at, format!("options.{number}.values.{place}.texts.{tag}"));
                let value = value.value.trim().to_owned();
                option(input, tag, &mut |option| drop(option.values.insert(value.clone(), text.clone())));
            }
        }
    }

    fn images(&mut self, input: &mut ProductInput) {
        let source = |media: &str| {
            let images = self.before.map(|before| &before.images)?;
            images.iter().find(|image| image.media.as_str() == media)?.source.clone()
        };
        for (number, row) in self.form.images.iter().enumerate() {
            let (field, pointer) = (format!("images.{number}"), format!("/images/{}", input.images.len()));
            self.places.put(&pointer, format!("{field}.alt"));
            input.images.push(ImageInput { media: row.media.clone(), alt: some(&row.alt), source: source(&row.media) });
            for (tag, text) in told(&row.texts) {
                let at = format!("/translations/{}/image_alts/{}", pointer_piece(tag), pointer_piece(&row.media));
                self.places.put(at, format!("{field}.texts.{tag}"));
                input.translations.entry(tag.clone()).or_default().image_alts.insert(row.media.clone(), text.clone());
            }
        }
        let waiting = self.before.map(|before| before.image_urls.as_slice()).unwrap_or_default();
        input.image_urls = waiting.iter().map(ImageUrlInput::from).collect();
    }

    fn variants(&mut self, input: &mut ProductInput) {
        for (number, row) in self.form.variants.iter().enumerate() {
            let is_alone = self.form.variants.len() == 1;
            if row.is_blank() && !is_alone {
                continue;
            }
            let (field, pointer) = (format!("variants.{number}"), format!("/variants/{}", input.variants.len()));
            for name in ["sku", "gtin", "image"] {
                self.places.put(format!("{pointer}/{name}"), format!("{field}.{name}"));
            }
            self.places.put(&pointer, format!("{field}.sku"));
            self.places.put(format!("{pointer}/options"), format!("{field}.options"));
            let old = self.old_variant(row);
            let old_prices = old.map(|old| (old.prices.as_slice(), old.compare_at_prices.as_slice()));
            let (prices, before) = old_prices.unwrap_or_default();
            let variant = VariantInput {
                id: some(&row.id),
                sku: row.sku.trim().to_owned(),
                gtin: some(&row.gtin),
                options: self.chosen(row),
                prices: self.prices(&row.prices, prices, &format!("{pointer}/prices"), &format!("{field}.prices")),
                compare_at_prices: self.prices(
                    &row.before,
                    before,
                    &format!("{pointer}/compare_at_prices"),
                    &format!("{field}.before"),
                ),
                image: some(&row.image),
            };
            self.count(row, &format!("{field}.on_hand"));
            input.variants.push(variant);
        }
    }

    fn old_variant(&self, row: &VariantRow) -> Option<&'a Variant> {
        self.before?.variant(&VariantId::parse(&row.id).ok()?)
    }

    fn chosen(&self, row: &VariantRow) -> BTreeMap<String, String> {
        let options = self.form.options.iter().zip(&row.chosen);
        let chosen = |(option, chosen): (&OptionRow, &Option<usize>)| {
            let value = option.values.get((*chosen)?)?;
            Some((option.name.clone(), value.value.clone()))
        };
        options.filter(|(option, _)| !option.is_empty()).filter_map(chosen).collect()
    }

    /// In the order in which the variant had them, so that a form that nobody changed changes nothing.
    fn prices(
        &mut self,
        typed: &BTreeMap<String, String>,
        old: &[Money],
        pointer: &str,
        field: &str,
    ) -> Vec<MoneyInput> {
        let place = |code: &str| old.iter().position(|price| price.currency().code() == code).unwrap_or(old.len());
        let mut typed: Vec<(&String, &String)> = typed.iter().filter(|(_, text)| !text.trim().is_empty()).collect();
        typed.sort_by_key(|(code, _)| place(code));
        let mut prices = Vec::new();
        for (code, text) in typed {
            let field = format!("{field}.{code}");
            let Ok(currency) = Currency::parse(code) else {
                self.tell(field, "unknown_currency", "not the code of a currency in use (ISO 4217)");
                continue;
            };
            match read_amount(&field, text, currency) {
                Ok(amount) => {
                    self.places.put(format!("{pointer}/{}", prices.len()), field);
                    prices.push(MoneyInput { amount, currency: code.clone() });
                }
                Err(error) => self.errors.push(error),
            }
        }
        prices
    }

    fn count(&mut self, row: &VariantRow, field: &str) {
        let text = row.on_hand.trim();
        if text.is_empty() || !row.id.is_empty() {
            return;
        }
        match text.parse::<u32>() {
            Ok(count) if count <= COUNT_MAX => {
                if count > 0 {
                    self.on_hand.push((row.sku.trim().to_owned(), i64::from(count)));
                }
            }
            _ => self.tell(field.to_owned(), "invalid_count", "a whole number, 0 to 1000000000"),
        }
    }

    fn tell(&mut self, field: String, code: &str, message: &str) {
        self.errors.push(FieldError::new(field, code, message));
    }
}

/// The most that can be counted on creation.
const COUNT_MAX: u32 = 1_000_000_000;

impl VariantRow {
    pub fn is_blank(&self) -> bool {
        let is_blank = |texts: &BTreeMap<String, String>| texts.values().all(|text| text.trim().is_empty());
        self.id.is_empty() && self.sku.trim().is_empty() && is_blank(&self.prices) && is_blank(&self.before)
    }
}

/// Text and HTML of a description; where it is as it was, both as they were.
fn described(typed: &Description, before: Option<(&str, Option<&str>)>) -> (Option<String>, Option<String>) {
    if let Some((text, html)) = before
        && Description::of(text, html) == *typed
    {
        return (some(text), html.map(str::to_owned));
    }
    if typed.is_html { (None, some(&typed.text)) } else { (some(&typed.text), None) }
}

/// What people write as a key: `Net weight` is `net_weight`.
fn attribute_key(text: &str) -> String {
    text.trim().to_lowercase().replace([' ', '-'], "_")
}

fn told(texts: &Texts) -> impl Iterator<Item = (&String, &String)> {
    texts.iter().filter(|(_, text)| !text.trim().is_empty())
}

fn some(text: &str) -> Option<String> {
    (!text.trim().is_empty()).then(|| text.to_owned())
}
