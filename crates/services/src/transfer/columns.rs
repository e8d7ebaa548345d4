//! The columns of Shopify's product file that mean something here, under their old names and their new ones.
//! It does not know what is in them.

use contracts::{Error, Result};
use domain::money::Currency;

/// Shopify has three; a product here may have five.
pub const OPTIONS: usize = domain::catalog::MAX_OPTIONS;
/// Names of columns that are told as passed over.
const IGNORED_MAX: usize = 200;

/// What a column holds. Prices without a currency are in the import's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Column {
    Handle,
    Title,
    Body,
    Vendor,
    Category,
    Type,
    Tags,
    Published,
    OptionName(usize),
    OptionValue(usize),
    Sku,
    Grams,
    Tracker,
    Quantity,
    Policy,
    Price(Option<Currency>),
    CompareAtPrice(Option<Currency>),
    Barcode,
    ImageSrc,
    ImagePosition,
    ImageAlt,
    VariantImage,
    Status,
}

/// In lower case. The second name of each is of Shopify's files since 2025.
const NAMES: [(&str, Column); 38] = [
    ("handle", Column::Handle),
    ("url handle", Column::Handle),
    ("title", Column::Title),
    ("body (html)", Column::Body),
    ("body", Column::Body),
    ("description", Column::Body),
    ("vendor", Column::Vendor),
    ("product category", Column::Category),
    ("type", Column::Type),
    ("tags", Column::Tags),
    ("published", Column::Published),
    ("published on online store", Column::Published),
    ("variant sku", Column::Sku),
    ("sku", Column::Sku),
    ("variant grams", Column::Grams),
    ("weight value (grams)", Column::Grams),
    ("variant inventory tracker", Column::Tracker),
    ("inventory tracker", Column::Tracker),
    ("variant inventory qty", Column::Quantity),
    ("variant inventory quantity", Column::Quantity),
    ("inventory quantity", Column::Quantity),
    ("variant inventory policy", Column::Policy),
    ("continue selling when out of stock", Column::Policy),
    ("variant price", Column::Price(None)),
    ("price", Column::Price(None)),
    ("variant compare at price", Column::CompareAtPrice(None)),
    ("compare-at price", Column::CompareAtPrice(None)),
    ("compare at price", Column::CompareAtPrice(None)),
    ("variant barcode", Column::Barcode),
    ("barcode", Column::Barcode),
    ("image src", Column::ImageSrc),
    ("product image url", Column::ImageSrc),
    ("image position", Column::ImagePosition),
    ("image alt text", Column::ImageAlt),
    ("variant image", Column::VariantImage),
    ("variant image url", Column::VariantImage),
    ("status", Column::Status),
    ("image url", Column::ImageSrc),
];

impl Column {
    fn of(name: &str) -> Option<Self> {
        let name = name.trim().to_lowercase();
        if let Some((_, column)) = NAMES.iter().find(|(known, _)| *known == name) {
            return Some(*column);
        }
        if let Some((kind, market)) = name.split_once(" / ") {
            let currency = Currency::parse(&market.trim().to_uppercase()).ok()?;
            return match kind.trim() {
                "price" | "variant price" => Some(Self::Price(Some(currency))),
                "compare at price" | "compare-at price" | "variant compare at price" => {
                    Some(Self::CompareAtPrice(Some(currency)))
                }
                _ => None,
            };
        }
        let (number, what) = name.strip_prefix("option")?.trim().split_once(' ')?;
        let number: usize = number.parse().ok().filter(|number| (1..=OPTIONS).contains(number))?;
        match what {
            "name" => Some(Self::OptionName(number)),
            "value" => Some(Self::OptionValue(number)),
            _ => None,
        }
    }
}

/// The first row of a file.
#[derive(Debug)]
pub struct Header {
    names: Vec<String>,
    places: Vec<(Column, usize)>,
}

impl Header {
    /// # Errors
    /// Where this is no file of products.
    pub fn read(names: Vec<String>) -> Result<Self> {
        let mut places: Vec<(Column, usize)> = Vec::new();
        for (place, name) in names.iter().enumerate() {
            // Of two columns of one kind the first counts.
            if let Some(column) = Column::of(name).filter(|column| !places.iter().any(|(known, _)| known == column)) {
                places.push((column, place));
            }
        }
        let header = Self { names, places };
        for (column, name) in [(Column::Handle, "Handle"), (Column::Title, "Title")] {
            if !header.has(column) {
                let message =
                    format!("the first row has no column `{name}`: this is no product file as Shopify writes it");
                return Err(Error::field("", "no_product_file", message));
            }
        }
        Ok(header)
    }

    pub fn has(&self, column: Column) -> bool {
        self.places.iter().any(|(known, _)| *known == column)
    }

    pub fn columns(&self) -> impl Iterator<Item = Column> {
        self.places.iter().map(|(column, _)| *column)
    }

    /// As the file calls it.
    pub fn name(&self, column: Column) -> Option<&str> {
        let place = self.places.iter().find(|(known, _)| *known == column)?.1;
        Some(self.names[place].trim())
    }

    /// What a row has there, without spaces around it; nothing for an empty one.
    pub fn value<'a>(&self, fields: &'a [String], column: Column) -> Option<&'a str> {
        let place = self.places.iter().find(|(known, _)| *known == column)?.1;
        fields.get(place).map(|value| unguarded(value.trim())).filter(|value| !value.is_empty())
    }

    pub fn width(&self) -> usize {
        self.names.len()
    }

    pub fn ignored(&self) -> Vec<String> {
        let is_known = |place: usize| self.places.iter().any(|(_, known)| *known == place);
        let ignored =
            self.names.iter().enumerate().filter(|(place, name)| !is_known(*place) && !name.trim().is_empty());
        ignored.map(|(_, name)| name.trim().chars().take(80).collect()).take(IGNORED_MAX).collect()
    }
}

/// What a spreadsheet would take for a formula.
const FORMULAS: [char; 4] = ['=', '+', '-', '@'];

/// An apostrophe keeps a spreadsheet from running what it opens. Numbers need none.
pub fn guarded(value: String) -> String {
    let is_number = value.bytes().all(|byte| byte.is_ascii_digit() || b"+-.".contains(&byte));
    if value.starts_with(FORMULAS) && !is_number { format!("'{value}") } else { value }
}

fn unguarded(value: &str) -> &str {
    value.strip_prefix('\'').filter(|rest| rest.starts_with(FORMULAS)).unwrap_or(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(names: &[&str]) -> Result<Header> {
        Header::read(names.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn old_and_new_names_mean_the_same() {
        let old = header(&["Handle", "Title", "Body (HTML)", "Variant SKU", "Option1 Name", "Price / EUR"]).unwrap();
        let new = header(&["Title", "URL handle", "Description", "SKU", "Option1 name", "price / eur"]).unwrap();
        let fields: Vec<String> = ["t", " h ", "d", "", "o", "9"].map(ToOwned::to_owned).to_vec();
        assert_eq!(new.value(&fields, Column::Handle), Some("h"));
        assert_eq!(new.value(&fields, Column::Sku), None);
        let eur = Column::Price(Currency::parse("EUR").ok());
        for header in [&old, &new] {
            assert!(header.has(Column::OptionName(1)) && header.has(eur) && header.has(Column::Body));
            assert!(header.ignored().is_empty());
        }
        assert_eq!(old.name(Column::Body), Some("Body (HTML)"));
    }

    #[test]
    fn no_cell_is_a_formula() {
        for (value, written) in
            [("=1+1", "'=1+1"), ("@x", "'@x"), ("-5", "-5"), ("-x", "'-x"), ("'t", "'t"), ("a=b", "a=b")]
        {
            assert_eq!(guarded(value.to_owned()), written);
            assert_eq!(unguarded(written), value);
        }
    }

    #[test]
    fn what_means_nothing_here_is_told() {
        let names = ["Handle", "Title", "SEO Title", "Price / International", "Option9 Name", "Title", ""];
        assert_eq!(header(&names).unwrap().ignored(), ["SEO Title", "Price / International", "Option9 Name", "Title"]);
        for bad in [&["Title"][..], &["Handle"], &["<html>"], &[]] {
            assert_eq!(header(bad).unwrap_err().fields[0].code, "no_product_file");
        }
    }
}
