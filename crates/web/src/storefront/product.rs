//! `/p/{slug}`: one product with its pictures, choices, prices and what is left.
//! It does not know how to buy it.

use askama::Template;
use axum::extract::{Path, State};
use axum::response::Response;
use contracts::catalog::{Availability, ImageView, ProductView, VariantView};
use platform::http::extract::{IfNoneMatch, Params};
use platform::http::problem::Problem;

use super::Pages;
use super::frame::Frame;
use super::place::{Asked, Place, product_path};
use super::words::Words;
use crate::answer;

/// What search engines show of a description.
const META_CHARS: usize = 160;

#[derive(Template)]
#[template(path = "storefront/product.html")]
struct ProductPage {
    frame: Frame,
    title: String,
    brand: Option<String>,
    meta_description: String,
    paragraphs: Vec<String>,
    price: Option<String>,
    left: &'static str,
    is_sold_out: bool,
    images: Vec<ImageView>,
    has_choice: bool,
    choices: Vec<Choice>,
    attributes: Vec<(String, String)>,
}

/// A variant in the table of choices.
struct Choice {
    label: String,
    sku: String,
    price: Option<String>,
    before: Option<String>,
    left: &'static str,
    is_sold_out: bool,
}

pub(super) async fn show(
    State(pages): State<Pages>,
    slug: Option<Path<String>>,
    asked: Result<Params<Asked>, Problem>,
    known: IfNoneMatch,
) -> Response {
    let asked = asked.map(|Params(asked)| asked).unwrap_or_default();
    let slug = slug.map(|Path(slug)| slug).unwrap_or_default();
    let asked = Asked { category: None, cursor: None, q: None, ..asked };
    match pages.product_page(&slug, &asked).await {
        Ok(page) => answer::page(&known, &page, &page.frame.lang),
        Err(error) => pages.refuse(&error, &asked).await,
    }
}

impl Pages {
    async fn product_page(&self, slug: &str, asked: &Asked) -> contracts::Result<ProductPage> {
        let frame = self.frame(asked, &product_path(slug)).await?;
        let product = self.catalog.product(slug, &frame.place.reading()).await?;
        Ok(page(frame, &product))
    }
}

fn page(frame: Frame, product: &ProductView) -> ProductPage {
    let words = frame.words;
    let choices = product.variants.iter().map(|variant| choice(product, variant, &frame.place, words)).collect();
    ProductPage {
        title: product.title.clone(),
        brand: product.brand.clone(),
        meta_description: one_line(&product.description),
        paragraphs: paragraphs(&product.description),
        price: price_range(&frame.place, words, product.price_from, product.price_to),
        left: words.left(product.availability),
        is_sold_out: product.availability == Availability::SoldOut,
        images: product.images.clone(),
        has_choice: product.variants.len() > 1,
        choices,
        attributes: product.attributes.iter().map(|pair| (shown_key(&pair.key), pair.value.clone())).collect(),
        frame,
    }
}

fn choice(product: &ProductView, variant: &VariantView, place: &Place, words: &'static Words) -> Choice {
    let labels = product.options.iter().filter_map(|option| {
        let chosen = variant.options.get(&option.name)?;
        let value = option.values.iter().find(|value| value.value == *chosen);
        Some(value.map_or(chosen.as_str(), |value| value.label.as_str()))
    });
    let label = labels.collect::<Vec<_>>().join(" / ");
    Choice {
        label: if label.is_empty() { product.title.clone() } else { label },
        sku: variant.sku.clone(),
        price: variant.price.and_then(|amount| place.price(amount)),
        before: variant.compare_at_price.filter(|before| variant.price < Some(*before)).and_then(|it| place.price(it)),
        left: words.left(variant.availability),
        is_sold_out: variant.availability == Availability::SoldOut,
    }
}

/// One price, or the lowest of several; `None` where there is none in the page's currency.
pub fn price_range(place: &Place, words: &Words, from: Option<i64>, to: Option<i64>) -> Option<String> {
    let lowest = place.price(from?)?;
    Some(if from == to { lowest } else { words.price_from(&lowest) })
}

fn paragraphs(text: &str) -> Vec<String> {
    let text = text.replace("\r\n", "\n");
    text.split("\n\n").map(str::trim).filter(|paragraph| !paragraph.is_empty()).map(str::to_owned).collect()
}

/// The beginning, cut at a word.
fn one_line(text: &str) -> String {
    let mut line = String::new();
    for word in text.split_whitespace() {
        if line.chars().count() + word.chars().count() + 1 > META_CHARS {
            line.push('…');
            break;
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
    }
    line
}

/// `net_weight` as it is read.
fn shown_key(key: &str) -> String {
    let spaced = key.replace('_', " ");
    let mut chars = spaced.chars();
    chars.next().map(|first| first.to_uppercase().chain(chars).collect()).unwrap_or_default()
}
