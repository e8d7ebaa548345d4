//! A product's form as the page shows it: each field with its name, its label, what stands in it and what is wrong there.
//! It does not know how a field is drawn.

use std::collections::BTreeMap;

use contracts::products::ProductDesk;
use domain::catalog::{Categories, Category};
use domain::ids::MediaId;
use domain::text::Slug;

use super::form::{Columns, Description, ProductForm, Texts, VariantRow};
use crate::admin::cell::Cell;
use crate::admin::form::Form;
use crate::admin::words::{Words, fill};

/// Everything between the top of the form and its buttons.
pub struct ProductView {
    pub description: DescriptionView,
    pub categories: Vec<CategoryChoice>,
    pub images: Vec<ImageView>,
    pub options: Vec<OptionView>,
    pub variants: Vec<VariantView>,
    pub attributes: Vec<AttributeView>,
    pub texts: Vec<TextView>,
    /// What all of a column's fields are called.
    pub currencies: Vec<String>,
    pub has_options: bool,
}

pub struct DescriptionView {
    pub cell: Cell,
    /// The name of the choice between text and HTML.
    pub kind: String,
    pub is_html: bool,
}

pub struct CategoryChoice {
    pub slug: String,
    pub title: String,
    /// 0 at the top.
    pub depth: usize,
    pub is_chosen: bool,
}

pub struct ImageView {
    pub place: usize,
    pub media: String,
    pub url: String,
    pub alt: Cell,
    pub texts: Vec<Cell>,
    pub is_first: bool,
    pub is_last: bool,
}

pub struct OptionView {
    pub place: usize,
    pub name: Cell,
    pub texts: Vec<Cell>,
    pub values: Vec<ValueView>,
}

pub struct ValueView {
    pub place: usize,
    pub value: Cell,
    pub texts: Vec<Cell>,
    pub is_blank: bool,
}

pub struct AttributeView {
    pub place: usize,
    pub key: Cell,
    pub value: Cell,
    pub texts: Vec<Cell>,
    pub is_blank: bool,
}

pub struct VariantView {
    pub place: usize,
    pub id: String,
    /// What it is called: its options, else its number.
    pub label: String,
    pub sku: Cell,
    pub gtin: Cell,
    pub options: Vec<ChoiceView>,
    pub option_error: Option<String>,
    pub prices: Vec<PriceView>,
    pub image: ChoiceView,
    /// Only of one that is new.
    pub on_hand: Option<Cell>,
}

pub struct PriceView {
    pub currency: String,
    pub price: Cell,
    pub before: Cell,
}

pub struct ChoiceView {
    pub cell: Cell,
    /// Value, label and whether it is chosen.
    pub choices: Vec<(String, String, bool)>,
}

pub struct TextView {
    pub language: String,
    pub lang: String,
    pub title: Cell,
    pub description: DescriptionView,
}

/// What a view is made from.
pub struct Viewer<'a> {
    pub form: &'a ProductForm,
    pub columns: &'a Columns,
    /// With what is wrong.
    pub errors: &'a Form,
    pub words: &'static Words,
    pub desk: &'a dyn ProductDesk,
    pub tree: &'a [Category],
}

impl Viewer<'_> {
    pub fn view(&self) -> ProductView {
        let form = self.form;
        let filled_values = |option: &super::form::OptionRow| option.filled().next().is_some();
        ProductView {
            description: self.description(
                "description".to_owned(),
                self.words.goods.description,
                &form.description,
                None,
            ),
            categories: self.categories(),
            images: (0..form.images.len()).map(|place| self.image(place)).collect(),
            options: (0..form.options.len()).map(|place| self.option(place)).collect(),
            variants: (0..form.variants.len()).map(|place| self.variant(place)).collect(),
            attributes: (0..form.attributes.len()).map(|place| self.attribute(place)).collect(),
            texts: self.texts(),
            currencies: self.columns.currencies.iter().map(|currency| currency.code().to_owned()).collect(),
            has_options: form.options.iter().any(filled_values),
        }
    }

    fn cell(&self, name: String, label: impl Into<String>, value: &str) -> Cell {
        Cell::new(name, label, value).told(self.errors)
    }

    /// One field for each language beside the shop's own.
    fn translated(&self, name: &str, label: &str, texts: &Texts) -> Vec<Cell> {
        let cell = |tag: &str| {
            let label = fill(self.words.goods.in_language, &[label, crate::admin::languages::own_name(tag)]);
            let value = texts.get(tag).map_or("", String::as_str);
            self.cell(format!("{name}.texts.{tag}"), label, value).in_language(tag)
        };
        self.columns.locales.iter().map(|locale| cell(locale.as_str())).collect()
    }

    fn description(&self, name: String, label: &str, text: &Description, lang: Option<&str>) -> DescriptionView {
        let kind = format!("{name}_as");
        let cell = self.cell(name, label, &text.text);
        let cell = lang.map_or(cell.clone(), |lang| cell.in_language(lang));
        DescriptionView { cell, kind, is_html: text.is_html }
    }

    fn categories(&self) -> Vec<CategoryChoice> {
        let mut choices = Vec::new();
        if let Ok(tree) = Categories::new(self.tree.to_vec()) {
            self.branch(&tree, None, 0, &mut choices);
        }
        let known = |slug: &String| self.tree.iter().any(|category| category.slug.as_str() == slug);
        let gone = self.form.categories.iter().filter(|slug| !known(slug)).map(|slug| CategoryChoice {
            slug: slug.clone(),
            title: fill(self.words.goods.gone_category, &[slug]),
            depth: 0,
            is_chosen: true,
        });
        choices.extend(gone.collect::<Vec<_>>());
        choices
    }

    fn branch(&self, tree: &Categories, parent: Option<&Slug>, depth: usize, choices: &mut Vec<CategoryChoice>) {
        for category in tree.children(parent) {
            choices.push(CategoryChoice {
                slug: category.slug.to_string(),
                title: category.title.to_string(),
                depth,
                is_chosen: self.form.categories.iter().any(|slug| slug == category.slug.as_str()),
            });
            self.branch(tree, Some(&category.slug), depth + 1, choices);
        }
    }

    fn image(&self, place: usize) -> ImageView {
        let row = &self.form.images[place];
        let name = format!("images.{place}");
        ImageView {
            place,
            url: self.picture_url(&row.media),
            media: row.media.clone(),
            alt: self.cell(format!("{name}.alt"), self.words.goods.alt, &row.alt),
            texts: self.translated(&name, self.words.goods.alt, &row.texts),
            is_first: place == 0,
            is_last: place + 1 == self.form.images.len(),
        }
    }

    fn picture_url(&self, media: &str) -> String {
        MediaId::parse(media).map(|id| self.desk.picture_url(&id)).unwrap_or_default()
    }

    fn option(&self, place: usize) -> OptionView {
        let (row, words) = (&self.form.options[place], self.words.goods);
        let name = format!("options.{place}");
        let value = |(number, value): (usize, &super::form::ValueRow)| {
            let name = format!("{name}.values.{number}");
            ValueView {
                place: number,
                value: self.cell(format!("{name}.value"), words.option_value, &value.value),
                texts: self.translated(&name, words.option_value, &value.texts),
                is_blank: value.value.is_empty(),
            }
        };
        OptionView {
            place,
            name: self.cell(format!("{name}.name"), words.option_name, &row.name),
            texts: self.translated(&name, words.option_name, &row.texts),
            values: row.values.iter().enumerate().map(value).collect(),
        }
    }

    fn attribute(&self, place: usize) -> AttributeView {
        let (row, words) = (&self.form.attributes[place], self.words.goods);
        let name = format!("attributes.{place}");
        AttributeView {
            place,
            key: self.cell(format!("{name}.key"), words.attribute_key, &row.key),
            value: self.cell(format!("{name}.value"), words.attribute_value, &row.value),
            texts: self.translated(&name, words.attribute_value, &row.texts),
            is_blank: row.key.is_empty() && row.value.is_empty(),
        }
    }

    fn variant(&self, place: usize) -> VariantView {
        let (row, words) = (&self.form.variants[place], self.words.goods);
        let name = format!("variants.{place}");
        let label = self.variant_label(place, row);
        let named = |what: &str| format!("{what}, {label}");
        let is_new = row.id.is_empty();
        VariantView {
            place,
            id: row.id.clone(),
            sku: self.cell(format!("{name}.sku"), named(words.sku), &row.sku),
            gtin: self.cell(format!("{name}.gtin"), named(words.gtin), &row.gtin),
            options: (0..self.form.options.len())
                .filter_map(|option| self.choice(&name, &label, row, option))
                .collect(),
            option_error: self.errors.error(&format!("{name}.options")).map(str::to_owned),
            prices: self.prices(&name, &label, row),
            image: self.own_picture(&name, &label, row),
            on_hand: is_new.then(|| self.cell(format!("{name}.on_hand"), named(words.on_hand), &row.on_hand)),
            label,
        }
    }

    fn variant_label(&self, place: usize, row: &VariantRow) -> String {
        let chosen = self.form.options.iter().zip(&row.chosen);
        let values: Vec<&str> =
            chosen.filter_map(|(option, chosen)| Some(option.values.get((*chosen)?)?.value.trim())).collect();
        let number = (place + 1).to_string();
        if values.is_empty() { fill(self.words.goods.variant_number, &[&number]) } else { values.join(" / ") }
    }

    /// Which value of an option; an option that has no value yet is nothing to choose.
    fn choice(&self, name: &str, label: &str, row: &VariantRow, option: usize) -> Option<ChoiceView> {
        let def = &self.form.options[option];
        let chosen = row.chosen.get(option).copied().flatten();
        let choices: Vec<_> = def
            .filled()
            .map(|(place, value)| (place.to_string(), value.value.clone(), chosen == Some(place)))
            .collect();
        let cell = self.cell(format!("{name}.options.{option}"), format!("{}, {label}", def.name), "");
        (!choices.is_empty()).then_some(ChoiceView { cell, choices })
    }

    fn prices(&self, name: &str, label: &str, row: &VariantRow) -> Vec<PriceView> {
        let words = self.words.goods;
        let of = |prices: &BTreeMap<String, String>, code: &str| prices.get(code).cloned().unwrap_or_default();
        let price = |currency: &domain::money::Currency| {
            let code = currency.code();
            PriceView {
                currency: code.to_owned(),
                price: self.cell(
                    format!("{name}.prices.{code}"),
                    format!("{} {code}, {label}", words.price),
                    &of(&row.prices, code),
                ),
                before: self.cell(
                    format!("{name}.before.{code}"),
                    format!("{} {code}, {label}", words.before),
                    &of(&row.before, code),
                ),
            }
        };
        self.columns.currencies.iter().map(price).collect()
    }

    fn own_picture(&self, name: &str, label: &str, row: &VariantRow) -> ChoiceView {
        let words = self.words.goods;
        let picture = |(place, image): (usize, &super::form::ImageRow)| {
            let number = fill(words.picture_number, &[&(place + 1).to_string()]);
            let label = if image.alt.is_empty() { number } else { format!("{number}: {}", image.alt) };
            (image.media.clone(), label, image.media == row.image)
        };
        let cell = self.cell(format!("{name}.image"), format!("{}, {label}", words.own_picture), &row.image);
        ChoiceView { cell, choices: self.form.images.iter().enumerate().map(picture).collect() }
    }

    fn texts(&self) -> Vec<TextView> {
        let words = self.words.goods;
        let nothing = super::form::TextRow::default();
        let text = |locale: &domain::locale::Locale| {
            let tag = locale.as_str();
            let row = self.form.texts.get(tag).unwrap_or(&nothing);
            TextView {
                language: crate::admin::languages::own_name(tag).to_owned(),
                lang: tag.to_owned(),
                title: self.cell(format!("texts.{tag}.title"), words.title, &row.title).in_language(tag),
                description: self.description(
                    format!("texts.{tag}.description"),
                    words.description,
                    &row.description,
                    Some(tag),
                ),
            }
        };
        self.columns.locales.iter().map(text).collect()
    }
}
