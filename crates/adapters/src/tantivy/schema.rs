//! What lies in the index for each product, and how entries and facets are written there and read again.
//! It does not know how anything is searched.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use services::search::index::{Entry, Facet, Label, Positions};
use tantivy::schema::document::OwnedValue;
use tantivy::schema::{
    FAST, Field, IndexRecordOption, JsonObjectOptions, STRING, Schema, TextFieldIndexing, TextOptions,
};
use tantivy::{TantivyDocument, Term};

/// Raised when what is written changes its meaning: an index of another format is built anew.
const FORMAT: u32 = 1;
/// No text that is counted has it: they are lines.
const SEPARATOR: char = '\u{1f}';
/// Tantivy's name for cutting at spaces.
const AT_SPACES: &str = "whitespace";

pub const ID: &str = "id";
pub const TITLE_KEY: &str = "title_key";
pub const CREATED: &str = "created";
pub const IN_STOCK: &str = "in_stock";
pub const PRICES: &str = "prices";
pub const FACETS: &str = "facets";
pub const LABELS: &str = "labels";

/// The fields by which words are found, those that say most first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Words {
    Title,
    Codes,
    Brand,
    Rest,
}

impl Words {
    pub const ALL: [Words; 4] = [Self::Title, Self::Codes, Self::Brand, Self::Rest];
}

#[derive(Debug, Clone)]
pub struct Fields {
    id: Field,
    title: Field,
    brand: Field,
    codes: Field,
    rest: Field,
    title_key: Field,
    created: Field,
    in_stock: Field,
    prices: Field,
    facets: Field,
    labels: Field,
}

/// Words come folded and cut; only titles need to know how long they are.
fn words(is_title: bool) -> TextOptions {
    let indexing = TextFieldIndexing::default()
        .set_tokenizer(AT_SPACES)
        .set_index_option(IndexRecordOption::WithFreqsAndPositions)
        .set_fieldnorms(is_title);
    TextOptions::default().set_indexing_options(indexing)
}

impl Fields {
    pub fn schema() -> (Schema, Self) {
        let mut schema = Schema::builder();
        let column = || TextOptions::default().set_fast("raw");
        let fields = Self {
            id: schema.add_text_field(ID, STRING | FAST),
            title: schema.add_text_field("title", words(true)),
            brand: schema.add_text_field("brand", words(false)),
            codes: schema.add_text_field("codes", words(false)),
            rest: schema.add_text_field("rest", words(false)),
            title_key: schema.add_text_field(TITLE_KEY, column()),
            created: schema.add_i64_field(CREATED, FAST),
            in_stock: schema.add_bool_field(IN_STOCK, FAST),
            prices: schema.add_json_field(PRICES, JsonObjectOptions::from(FAST)),
            facets: schema.add_text_field(FACETS, column()),
            labels: schema.add_text_field(LABELS, column()),
        };
        (schema.build(), fields)
    }

    pub fn of(&self, words: Words) -> Field {
        match words {
            Words::Title => self.title,
            Words::Codes => self.codes,
            Words::Brand => self.brand,
            Words::Rest => self.rest,
        }
    }

    /// By which a product's entry is found again.
    pub fn by_id(&self, key: &str) -> Term {
        Term::from_field_text(self.id, key)
    }

    pub fn document(&self, entry: &Entry) -> TantivyDocument {
        let mut document = TantivyDocument::new();
        document.add_text(self.id, entry.id.key());
        document.add_text(self.title, entry.title.join(" "));
        document.add_text(self.brand, entry.brand.join(" "));
        document.add_text(self.codes, entry.codes.join(" "));
        document.add_text(self.rest, entry.rest.join(" "));
        document.add_text(self.title_key, &entry.title_key);
        document.add_i64(self.created, entry.created_at.as_millisecond());
        document.add_bool(self.in_stock, entry.is_in_stock);
        let price = |(currency, amount): (&domain::money::Currency, &i64)| {
            (currency.code().to_owned(), OwnedValue::I64(*amount))
        };
        document.add_object(self.prices, entry.prices.iter().map(price).collect::<BTreeMap<_, _>>());
        entry.facets.iter().for_each(|facet| document.add_text(self.facets, facet_text(facet)));
        entry.labels.iter().for_each(|label| document.add_text(self.labels, label_text(label)));
        document
    }
}

fn facet_text(facet: &Facet) -> String {
    match facet {
        Facet::Attribute { key, value } => format!("a{key}{SEPARATOR}{value}"),
        Facet::Brand(brand) => format!("b{brand}"),
        Facet::Category(slug) => format!("c{slug}"),
    }
}

pub fn read_facet(text: &str) -> Option<Facet> {
    let mut signs = text.chars();
    match signs.next()? {
        'a' => signs
            .as_str()
            .split_once(SEPARATOR)
            .map(|(key, value)| Facet::Attribute { key: key.to_owned(), value: value.to_owned() }),
        'b' => Some(Facet::Brand(signs.as_str().to_owned())),
        'c' => Some(Facet::Category(signs.as_str().to_owned())),
        _ => None,
    }
}

/// No value is empty, so an empty one says that the key itself is meant.
fn label_text(label: &Label) -> String {
    let Label { key, value, locale, text } = label;
    [key, value.as_deref().unwrap_or_default(), locale, text].join(&SEPARATOR.to_string())
}

pub fn read_label(text: &str) -> Option<Label> {
    let mut parts = text.split(SEPARATOR).map(ToOwned::to_owned);
    let (key, value, locale, text) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    Some(Label { key, value: Some(value).filter(|value| !value.is_empty()), locale, text })
}

/// What is written with every commit.
#[derive(Serialize, Deserialize)]
struct Note {
    format: u32,
    positions: Positions,
}

pub fn note(positions: &Positions) -> String {
    let note = Note { format: FORMAT, positions: positions.clone() };
    serde_json::to_string(&note).unwrap_or_default()
}

/// `None` for the note of another format, or of nobody.
pub fn read_note(payload: Option<&str>) -> Option<Positions> {
    let Some(payload) = payload else { return Some(Positions::new()) };
    let note: Note = serde_json::from_str(payload).ok()?;
    (note.format == FORMAT).then_some(note.positions)
}
