//! One product of a file, whichever format told it: what to make of it, what lies on the shelf, and where each piece stands.
//! It does not write anything.

use std::collections::BTreeMap;

use contracts::transfer::{RowProblem, Severity};
use contracts::{Error, Result};
use domain::catalog::{Product, ProductInput};
use domain::field::FieldError;
use domain::sku::Sku;
use domain::stock::Policy;
use domain::text::Slug;
use serde_json::Value;

use super::lines::Line;
use super::operations::problem;
use super::sheet::Sheet;

/// A product as a file tells it.
#[derive(Debug, Clone)]
pub struct Goods {
    pub line: u64,
    pub slug: Slug,
    pub told: Told,
}

#[derive(Debug, Clone)]
pub enum Told {
    Sheet(Box<Sheet>),
    Line(Box<Line>),
}

/// What lies on the shelf of a SKU that is new.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Shelf {
    pub on_hand: i64,
    pub policy: Option<Policy>,
}

impl Goods {
    pub fn skus(&self) -> Vec<Sku> {
        match &self.told {
            Told::Sheet(sheet) => sheet.variants.iter().map(|variant| variant.sku.clone()).collect(),
            Told::Line(line) => {
                let variants = line.variants.iter().flatten();
                variants.filter_map(|variant| Sku::parse(&variant.variant.sku).ok()).collect()
            }
        }
    }

    /// What the file says of stock, whether or not it will count.
    pub fn shelves(&self) -> BTreeMap<Sku, Shelf> {
        match &self.told {
            Told::Sheet(sheet) => {
                let shelf = |on_hand: Option<i64>, policy| Shelf { on_hand: on_hand.unwrap_or(0).max(0), policy };
                let variants = sheet.variants.iter();
                variants.map(|variant| (variant.sku.clone(), shelf(variant.on_hand, variant.policy))).collect()
            }
            Told::Line(line) => {
                let variants = line.variants.iter().flatten();
                let shelf = |on_hand: Option<i64>, policy| Shelf { on_hand: on_hand.unwrap_or(0).max(0), policy };
                let shelves = variants.filter_map(|variant| {
                    let sku = Sku::parse(&variant.variant.sku).ok()?;
                    Some((sku, shelf(variant.on_hand, variant.stock_policy)))
                });
                shelves.collect()
            }
        }
    }

    /// Titles of a category that the file names and the shop may not have.
    pub fn category(&self) -> Option<&[String]> {
        match &self.told {
            Told::Sheet(sheet) => sheet.category.as_deref().filter(|path| !path.is_empty()),
            Told::Line(_) => None,
        }
    }

    /// The product as it is to be.
    pub fn onto(&self, before: Option<&Product>, category: Option<&Slug>) -> Result<ProductInput> {
        let content = before.map(|product| &product.content);
        let mut input = match &self.told {
            Told::Sheet(sheet) => sheet.onto(content, category),
            Told::Line(line) => line.onto(&self.slug, content),
        };
        if input.title.trim().is_empty() {
            return Err(Error::field("/title", "required", "a new product needs a title"));
        }
        // A product that was found by its SKU stays at its own address.
        input.slug = before.map(|product| product.content.slug.to_string()).or(input.slug);
        Ok(input)
    }

    /// What is wrong, where it stands in the file.
    pub fn problem(&self, severity: Severity, error: &FieldError, input: Option<&ProductInput>) -> RowProblem {
        let whole = input.and_then(|input| serde_json::to_value(input).ok()).unwrap_or_default();
        let value = match whole.pointer(&error.pointer) {
            Some(Value::String(text)) => text.clone(),
            Some(Value::Number(number)) => number.to_string(),
            _ => String::new(),
        };
        match &self.told {
            Told::Line(_) => {
                let pointer = Some(error.pointer.as_str()).filter(|pointer| !pointer.is_empty());
                problem(self.line, severity, pointer, error, &value)
            }
            Told::Sheet(sheet) => {
                let (line, column) = sheet.place(&error.pointer, &whole);
                problem(line, severity, column, error, &value)
            }
        }
    }
}

impl Sheet {
    /// The line and the column that a pointer into the product means.
    fn place(&self, pointer: &str, whole: &Value) -> (u64, Option<&'static str>) {
        let pieces: Vec<&str> = pointer.split('/').skip(1).collect();
        let text = |path: String| whole.pointer(&path).and_then(Value::as_str).unwrap_or_default().to_owned();
        match pieces.as_slice() {
            ["title"] => (self.line, Some("Title")),
            ["slug"] => (self.line, Some("Handle")),
            ["description" | "description_html"] => (self.line, Some("Body (HTML)")),
            ["brand"] => (self.line, Some("Vendor")),
            ["categories", ..] => (self.line, Some("Type")),
            ["attributes", ..] => (self.line, Some("Tags")),
            ["options", ..] => (self.line, Some("Option1 Name")),
            ["variants", index, rest @ ..] => {
                let sku = text(format!("/variants/{index}/sku"));
                let row = self.variants.iter().find(|variant| variant.sku.as_str() == sku);
                let column = match rest.first().copied() {
                    Some("sku") => Some("Variant SKU"),
                    Some("gtin") => Some("Variant Barcode"),
                    Some("prices") => Some("Variant Price"),
                    Some("compare_at_prices") => Some("Variant Compare At Price"),
                    Some("options") => Some("Option1 Value"),
                    Some("image") => Some("Variant Image"),
                    _ => None,
                };
                (row.map_or(self.line, |row| row.line), column)
            }
            ["image_urls", index, ..] => {
                let url = text(format!("/image_urls/{index}/url"));
                let picture = self.pictures.iter().find(|picture| picture.url == url);
                (picture.map_or(self.line, |picture| picture.line), Some("Image Src"))
            }
            ["images", ..] => (self.line, Some("Image Src")),
            _ => (self.line, None),
        }
    }
}
