//! A product as some rows of Shopify's file tell it. A bad row is told and left out; the good ones stay.
//! It does not know the shop, nor what the product was before.

use std::collections::{BTreeMap, BTreeSet};

use contracts::transfer::{RowProblem, Severity};
use domain::catalog::{MoneyInput, Status};
use domain::field::FieldError;
use domain::money::{Currency, parse_decimal};
use domain::sku::{Gtin, MAX_SKU_CHARS, Sku};
use domain::stock::{MAX_COUNT, Policy};
use domain::text::{Slug, Title};

use super::columns::{Column, Header, OPTIONS};
use super::operations::problem;
use super::records::Record;

/// What Shopify writes for a product without options.
const NO_OPTION: (&str, &str) = ("title", "default title");

/// A product as a file tells it; what the file does not tell is `None` or empty.
#[derive(Debug, Clone, PartialEq)]
pub struct Sheet {
    /// Where it begins.
    pub line: u64,
    pub slug: Slug,
    pub title: Option<String>,
    /// Text or HTML.
    pub body: Option<String>,
    pub vendor: Option<String>,
    /// Titles of categories, the top one first.
    pub category: Option<Vec<String>>,
    pub tags: Option<String>,
    pub grams: Option<String>,
    pub status: Option<Status>,
    /// Names and values, in the order in which they come.
    pub options: Vec<(String, Vec<String>)>,
    pub variants: Vec<SheetVariant>,
    pub pictures: Vec<Picture>,
}

#[derive(Debug, Clone, PartialEq)]
pub struct SheetVariant {
    pub line: u64,
    pub sku: Sku,
    /// In the order of the sheet's options.
    pub values: Vec<String>,
    pub prices: Vec<MoneyInput>,
    /// By currency; `None`: the file has the column, and nothing in it.
    pub compare_at: BTreeMap<Currency, Option<i64>>,
    pub gtin: Option<Gtin>,
    pub image: Option<String>,
    pub on_hand: Option<i64>,
    pub policy: Option<Policy>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Picture {
    pub line: u64,
    pub url: String,
    pub alt: Option<String>,
}

/// Reads the rows of one product.
pub struct SheetReader<'a> {
    pub header: &'a Header,
    /// Of prices in columns that name none.
    pub currency: Currency,
    pub problems: Vec<RowProblem>,
}

impl SheetReader<'_> {
    /// `None` where nothing of it can be used; why is among the problems.
    pub fn read(&mut self, slug: Slug, rows: &[Record]) -> Option<Sheet> {
        let first = rows.first()?;
        let fields = first.fields.as_deref()?;
        let text = |column| self.header.value(fields, column).map(ToOwned::to_owned);
        let (title, grams) = (text(Column::Title), text(Column::Grams));
        let (body, vendor, tags) = (text(Column::Body), text(Column::Vendor), text(Column::Tags));
        let category = match (text(Column::Type), text(Column::Category)) {
            (Some(name), _) => Some(vec![name]),
            (None, Some(path)) => Some(path.split('>').map(|name| name.trim().to_owned()).collect::<Vec<_>>()),
            (None, None) => None,
        };
        let category = category.map(|path| path.into_iter().filter(|name| !name.is_empty()).collect());
        let status = self.read_status(first.line, fields)?;
        let grams = self.read_grams(first.line, grams);
        let names = self.option_names(fields);
        let mut sheet = Sheet {
            line: first.line,
            slug,
            title,
            body,
            vendor,
            category,
            tags,
            grams,
            status,
            options: names.into_iter().map(|name| (name, Vec::new())).collect(),
            variants: Vec::new(),
            pictures: Vec::new(),
        };
        self.read_rows(&mut sheet, rows);
        // A file of nothing but pictures of known products is fine; one of nothing but bad rows is not.
        (!sheet.variants.is_empty()).then_some(sheet)
    }

    fn read_rows(&mut self, sheet: &mut Sheet, rows: &[Record]) {
        let mut combinations = BTreeSet::new();
        let mut pictures: Vec<(Option<u32>, Picture)> = Vec::new();
        for (index, row) in rows.iter().enumerate() {
            let Some(fields) = row.fields.as_deref() else { continue };
            if let Some(url) = self.header.value(fields, Column::ImageSrc)
                && !pictures.iter().any(|(_, known)| known.url == url)
            {
                let alt = self.header.value(fields, Column::ImageAlt).map(ToOwned::to_owned);
                let position = self.header.value(fields, Column::ImagePosition).and_then(|text| text.parse().ok());
                pictures.push((position, Picture { line: row.line, url: url.to_owned(), alt }));
            }
            if index == 0 || self.is_variant(fields) {
                let variant = self.read_variant(sheet, row.line, fields);
                let Some(variant) = variant else { continue };
                if !combinations.insert(variant.values.clone()) {
                    let error = FieldError::new("", "duplicate_options", "an earlier row has the same options");
                    self.tell(
                        row.line,
                        Severity::Error,
                        Some(Column::OptionValue(1)),
                        &error,
                        &variant.values.join(" / "),
                    );
                    continue;
                }
                for ((_, known), value) in sheet.options.iter_mut().zip(&variant.values) {
                    if !known.contains(value) {
                        known.push(value.clone());
                    }
                }
                sheet.variants.push(variant);
            }
        }
        // Where positions are told they count; the others stay in the file's order.
        pictures.sort_by_key(|(position, _)| position.unwrap_or(u32::MAX));
        sheet.pictures = pictures.into_iter().map(|(_, picture)| picture).collect();
    }

    /// Rows below the first may hold nothing but one more picture.
    fn is_variant(&self, fields: &[String]) -> bool {
        let options = (1..=OPTIONS).map(Column::OptionValue);
        let mut columns = [Column::Sku, Column::Price(None)].into_iter().chain(options);
        columns.any(|column| self.header.value(fields, column).is_some())
    }

    fn option_names(&self, fields: &[String]) -> Vec<String> {
        let mut names = Vec::new();
        for number in 1..=OPTIONS {
            let Some(name) = self.header.value(fields, Column::OptionName(number)) else { break };
            let value = self.header.value(fields, Column::OptionValue(number)).unwrap_or_default();
            let is_none = name.to_lowercase() == NO_OPTION.0 && value.to_lowercase() == NO_OPTION.1;
            if is_none {
                break;
            }
            names.push(name.to_owned());
        }
        names
    }

    fn read_variant(&mut self, sheet: &Sheet, line: u64, fields: &[String]) -> Option<SheetVariant> {
        let mut values = Vec::new();
        for (place, (name, _)) in sheet.options.iter().enumerate() {
            let column = Column::OptionValue(place + 1);
            let value = self.header.value(fields, column).unwrap_or_default();
            if let Err(error) = Title::parse(value) {
                let message = format!("{name}: {error}");
                self.tell(line, Severity::Error, Some(column), &FieldError::new("", "missing_option", message), value);
                return None;
            }
            values.push(value.to_owned());
        }
        let sku = self.read_sku(sheet, &values, line, fields)?;
        let prices = self.read_prices(line, fields)?;
        let compare_at = self.read_compare_at(line, fields)?;
        let (on_hand, policy) = self.read_stock(line, fields)?;
        let gtin = self.read_gtin(line, fields);
        let image = self.header.value(fields, Column::VariantImage).map(ToOwned::to_owned);
        Some(SheetVariant { line, sku, values, prices, compare_at, gtin, image, on_hand, policy })
    }

    /// Shopify knows variants without a SKU; they get one from handle and options, the same at every import.
    fn read_sku(&mut self, sheet: &Sheet, values: &[String], line: u64, fields: &[String]) -> Option<Sku> {
        let text = match self.header.value(fields, Column::Sku) {
            // A leading apostrophe keeps spreadsheets from reading a number.
            Some(sku) => sku.strip_prefix('\'').unwrap_or(sku).to_owned(),
            None => {
                let pieces =
                    values.iter().filter_map(|value| Slug::from_title(value).ok()).map(|slug| slug.to_string());
                std::iter::once(sheet.slug.to_string()).chain(pieces).collect::<Vec<_>>().join("-")
            }
        };
        match Sku::parse(&text) {
            Ok(sku) => Some(sku),
            Err(error) => {
                let message = match text.chars().count() > MAX_SKU_CHARS {
                    true => {
                        format!("needs a SKU of its own: one made from handle and options would be too long ({error})")
                    }
                    false => error.to_string(),
                };
                self.tell(
                    line,
                    Severity::Error,
                    Some(Column::Sku),
                    &FieldError::new("", "invalid_sku", message),
                    &text,
                );
                None
            }
        }
    }

    fn read_prices(&mut self, line: u64, fields: &[String]) -> Option<Vec<MoneyInput>> {
        let columns: Vec<Column> = self.header.columns().filter(|column| matches!(column, Column::Price(_))).collect();
        let mut prices: BTreeMap<Currency, i64> = BTreeMap::new();
        for column in columns {
            let Column::Price(currency) = column else { continue };
            if let Some(text) = self.header.value(fields, column) {
                let currency = currency.unwrap_or(self.currency);
                let amount = self.read_amount(line, column, currency, text)?;
                // A column that names its currency means it more than one that does not.
                prices.entry(currency).and_modify(|known| *known = amount).or_insert(amount);
            }
        }
        let price = |(currency, amount): (Currency, i64)| MoneyInput { amount, currency: currency.code().to_owned() };
        Some(prices.into_iter().map(price).collect())
    }

    fn read_compare_at(&mut self, line: u64, fields: &[String]) -> Option<BTreeMap<Currency, Option<i64>>> {
        let is_price = |column: &Column| matches!(column, Column::CompareAtPrice(_));
        let columns: Vec<Column> = self.header.columns().filter(is_price).collect();
        let mut prices = BTreeMap::new();
        for column in columns {
            let Column::CompareAtPrice(currency) = column else { continue };
            let currency = currency.unwrap_or(self.currency);
            let amount = match self.header.value(fields, column) {
                Some(text) => Some(self.read_amount(line, column, currency, text)?),
                None => None,
            };
            // Some write 0 for none.
            prices.insert(currency, amount.filter(|amount| *amount > 0));
        }
        Some(prices)
    }

    fn read_amount(&mut self, line: u64, column: Column, currency: Currency, text: &str) -> Option<i64> {
        let error = match parse_decimal(without_needless_zeros(text, currency), currency) {
            Ok(money) if money.is_negative() => FieldError::new("", "negative", "must not be negative"),
            Ok(money) => return Some(money.amount()),
            Err(error) => FieldError::new("", "invalid_price", error.to_string()),
        };
        self.tell(line, Severity::Error, Some(column), &error, text);
        None
    }

    fn read_stock(&mut self, line: u64, fields: &[String]) -> Option<(Option<i64>, Option<Policy>)> {
        let on_hand = match self.header.value(fields, Column::Quantity) {
            None => None,
            Some(text) => match text.parse::<i64>() {
                Ok(count) if (-MAX_COUNT..=MAX_COUNT).contains(&count) => Some(count),
                _ => {
                    let error = FieldError::new("", "invalid_quantity", "must be a whole number");
                    self.tell(line, Severity::Error, Some(Column::Quantity), &error, text);
                    return None;
                }
            },
        };
        let is_untracked = self.header.has(Column::Tracker)
            && self.header.value(fields, Column::Tracker).is_none()
            && on_hand.is_none();
        let sells_on = self.header.value(fields, Column::Policy).map(str::to_lowercase);
        let policy = match sells_on.as_deref() {
            _ if is_untracked => Some(Policy::Untracked),
            Some("continue" | "true" | "yes") => Some(Policy::TrackOnly),
            Some("deny" | "false" | "no") => Some(Policy::Reserve),
            _ => None,
        };
        Some((on_hand, policy))
    }

    /// Many barcodes in shops are none; the product is worth more than they are.
    fn read_gtin(&mut self, line: u64, fields: &[String]) -> Option<Gtin> {
        let text = self.header.value(fields, Column::Barcode)?;
        let digits = text.strip_prefix('\'').unwrap_or(text);
        match Gtin::parse(digits) {
            Ok(gtin) => Some(gtin),
            Err(error) => {
                let error = FieldError::new("", "invalid_gtin", format!("left out: {error}"));
                self.tell(line, Severity::Warning, Some(Column::Barcode), &error, text);
                None
            }
        }
    }

    fn read_grams(&mut self, line: u64, text: Option<String>) -> Option<String> {
        let text = text?;
        let (whole, fraction) = text.split_once('.').unwrap_or((&text, ""));
        let is_number = !whole.is_empty() && whole.bytes().chain(fraction.bytes()).all(|byte| byte.is_ascii_digit());
        if !is_number {
            let error = FieldError::new("", "invalid_weight", "left out: must be a number of grams");
            self.tell(line, Severity::Warning, Some(Column::Grams), &error, &text);
            return None;
        }
        let fraction = fraction.trim_end_matches('0');
        let number = if fraction.is_empty() { whole.to_owned() } else { format!("{whole}.{fraction}") };
        (!number.trim_matches('0').is_empty()).then_some(number)
    }

    /// What is active but not published is being written.
    fn read_status(&mut self, line: u64, fields: &[String]) -> Option<Option<Status>> {
        let published = self.header.value(fields, Column::Published).map(str::to_lowercase);
        let is_hidden = matches!(published.as_deref(), Some("false" | "no" | "0"));
        let status = self.header.value(fields, Column::Status).map(str::to_lowercase);
        match status.as_deref() {
            Some("active") | None if is_hidden => Some(Some(Status::Draft)),
            Some("active") => Some(Some(Status::Active)),
            Some("draft") => Some(Some(Status::Draft)),
            Some("archived") => Some(Some(Status::Archived)),
            None => Some(published.map(|_| Status::Active)),
            Some(other) => {
                let error = FieldError::new("", "unknown_status", "active, draft or archived");
                self.tell(line, Severity::Error, Some(Column::Status), &error, other);
                None
            }
        }
    }

    fn tell(&mut self, line: u64, severity: Severity, column: Option<Column>, error: &FieldError, value: &str) {
        let name = column.and_then(|column| self.header.name(column));
        self.problems.push(problem(line, severity, name, error, value));
    }
}

/// `32000.00` is as exact as `32000`.
fn without_needless_zeros(text: &str, currency: Currency) -> &str {
    let Some(mark) = text.rfind(['.', ',']) else { return text };
    let places = usize::from(currency.exponent());
    let fraction = &text[mark + 1..];
    let is_needless =
        fraction.len() > places && fraction.get(places..).is_some_and(|rest| rest.bytes().all(|b| b == b'0'));
    if !is_needless {
        return text;
    }
    if places == 0 { &text[..mark] } else { &text[..mark + 1 + places] }
}
