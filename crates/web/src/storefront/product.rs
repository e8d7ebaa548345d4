//! `/p/{slug}`: one product with its pictures, choices, prices and what is left, and the button that puts it into the cart.
//! It does not know carts. The page is the same for all who read in one language and currency, so it is rendered once.

use std::sync::Arc;

use askama::Template;
use axum::extract::{Path, State};
use axum::response::Response;
use contracts::Result;
use contracts::catalog::{Availability, OptionView, ProductView, VariantView};
use platform::http::Finished;
use serde_json::json;

use super::cards::Picture;
use super::choice::{self, by_sku, by_values, field_name};
use super::frame::{Frame, Grounds, Link, Subject};
use super::listing::crumbs;
use super::place::{Place, product_path};
use super::structured::{self, ScriptJson};
use super::visitor::Visitor;
use super::words::Words;
use super::{Front, Storefront, kept};
use crate::{answer, assets};

/// What search engines show of a description.
const META_CHARS: usize = 160;
/// Options that a product's page asks for at most.
const OPTIONS_MAX: usize = 20;

#[derive(Template)]
#[template(path = "storefront/product.html")]
struct ProductPage {
    frame: Frame,
    slug: String,
    path: String,
    title: String,
    brand: Option<String>,
    meta_description: String,
    crumbs: Vec<Link>,
    /// Made harmless where it was taken in.
    html: Option<String>,
    paragraphs: Vec<String>,
    pictures: Vec<Picture>,
    options: Vec<Choice>,
    shown: Shown,
    /// What the page's script needs to show another choice.
    variants: String,
    attributes: Vec<(String, String)>,
    about: ScriptJson,
    shared_picture: String,
    shared_price: Option<(String, String)>,
}

/// The variant that is chosen.
struct Shown {
    sku: String,
    price: Option<String>,
    before: Option<String>,
    left: &'static str,
    is_sold_out: bool,
    can_be_bought: bool,
    /// No variant has what was chosen.
    is_not_made: bool,
}

/// An option with its values.
struct Choice {
    name: String,
    legend: String,
    values: Vec<Value>,
}

struct Value {
    value: String,
    label: String,
    is_chosen: bool,
}

pub(super) async fn show(State(front): State<Front>, slug: Option<Path<String>>, visitor: Visitor) -> Response {
    let slug = slug.map(|Path(slug)| slug).unwrap_or_default();
    match front.answer_product(&visitor, &slug).await {
        Ok(response) => response,
        Err(error) => front.refuse(&error, &visitor).await,
    }
}

impl Storefront {
    async fn answer_product(self: &Arc<Self>, visitor: &Visitor, slug: &str) -> Result<Response> {
        let grounds = self.grounds(visitor).await?;
        let place = &grounds.place;
        let product = self.services.catalog.product(slug, &place.reading()).await?;
        if product.slug != slug {
            return Ok(answer::moved(&place.product(&product.slug)));
        }
        let is_plain = visitor.asked("variant").is_none() && visitor.all_under("o").next().is_none();
        let finished = match is_plain {
            true => self.kept_page(visitor, &product, &grounds).await,
            false => Arc::new(self.render(visitor, &product, &grounds).await),
        };
        let mut response = finished.respond(&visitor.headers);
        place.remember(visitor, self.jar, &mut response);
        if is_plain {
            let front = self.clone();
            let holds = move || front.stands_on(&grounds) && front.services.catalog.is_current(&product);
            kept::offer(&mut response, finished, &visitor.headers, holds);
        }
        Ok(response)
    }

    async fn kept_page(&self, visitor: &Visitor, product: &Arc<ProductView>, grounds: &Grounds) -> Arc<Finished> {
        let key = format!("{}|{}|{}", product.slug, grounds.place.key(), grounds.origin);
        if let Some(kept) = self.kept.get(&key, product, grounds) {
            return kept;
        }
        let finished = Arc::new(self.render(visitor, product, grounds).await);
        self.kept.put(key, finished.clone(), product.clone(), grounds);
        finished
    }

    async fn render(&self, visitor: &Visitor, product: &ProductView, grounds: &Grounds) -> Finished {
        let path = product_path(&product.slug);
        let frame = self.frame_on(grounds, Subject::public(&path));
        let chosen = chosen(product, visitor);
        let lang = frame.lang.clone();
        Finished::of(answer::whole(&page(frame, product, grounds, chosen), &lang)).await
    }
}

/// What the address says; without that, the first that can be bought.
fn chosen<'p>(product: &'p ProductView, visitor: &Visitor) -> Option<&'p VariantView> {
    if let Some(sku) = visitor.asked("variant") {
        return by_sku(product, sku).or(choice::first(product));
    }
    if visitor.all_under("o").next().is_none() {
        return choice::first(product);
    }
    let names: Vec<String> = (1..=product.options.len().min(OPTIONS_MAX)).map(field_name).collect();
    by_values(product, &|number| visitor.asked(names.get(number - 1)?))
}

fn page(frame: Frame, product: &ProductView, grounds: &Grounds, chosen: Option<&VariantView>) -> ProductPage {
    let (words, place) = (frame.words, frame.place.clone());
    let url = frame.canonical.clone().unwrap_or_default();
    let currency = place.currency;
    let picture = structured::shared_picture(&product.images).map(|image| image.url.as_str());
    let shared_price = currency.and_then(|currency| {
        let price = structured::decimal(product.price_from?, currency)?;
        Some((price, currency.to_string()))
    });
    ProductPage {
        slug: product.slug.clone(),
        path: product_path(&product.slug),
        title: product.title.clone(),
        brand: product.brand.clone(),
        meta_description: one_line(&product.description),
        crumbs: trail(product, grounds),
        html: product.description_html.clone(),
        paragraphs: paragraphs(&product.description),
        pictures: product.images.iter().map(Picture::of).collect(),
        options: options(product, chosen),
        shown: shown(chosen, &place, words),
        variants: variants(product, &place, words),
        attributes: product.attributes.iter().map(|pair| (shown_key(&pair.key), pair.value.clone())).collect(),
        about: structured::product(product, currency, &frame.origin, &url),
        shared_picture: absolute(&frame.origin, picture.unwrap_or(assets::CARD.url())),
        shared_price,
        frame,
    }
}

fn absolute(origin: &str, address: &str) -> String {
    if address.starts_with('/') { format!("{origin}{address}") } else { address.to_owned() }
}

/// The first of the product's categories that stands deepest, and what is above it.
fn trail(product: &ProductView, grounds: &Grounds) -> Vec<Link> {
    let categories = &grounds.chrome.categories;
    let own = categories.iter().filter(|category| product.categories.contains(&category.slug));
    let trails = own.map(|category| {
        let mut links = crumbs(categories, category, &grounds.place);
        let href = grounds.place.category(&category.slug);
        links.push(Link { label: category.title.clone(), href, is_current: false });
        links
    });
    trails.reduce(|deepest, trail| if trail.len() > deepest.len() { trail } else { deepest }).unwrap_or_default()
}

fn options(product: &ProductView, chosen: Option<&VariantView>) -> Vec<Choice> {
    let choice = |(index, option): (usize, &OptionView)| {
        let current = chosen.and_then(|variant| variant.options.get(&option.name));
        let values = option.values.iter().map(|value| Value {
            value: value.value.clone(),
            label: value.label.clone(),
            is_chosen: current == Some(&value.value),
        });
        Choice { name: field_name(index + 1), legend: option.label.clone(), values: values.collect() }
    };
    product.options.iter().take(OPTIONS_MAX).enumerate().map(choice).collect()
}

fn shown(chosen: Option<&VariantView>, place: &Place, words: &'static Words) -> Shown {
    let Some(variant) = chosen else {
        let (sku, left) = (String::new(), words.not_made);
        return Shown {
            sku,
            price: None,
            before: None,
            left,
            is_sold_out: true,
            can_be_bought: false,
            is_not_made: true,
        };
    };
    let is_sold_out = variant.availability == Availability::SoldOut;
    Shown {
        sku: variant.sku.clone(),
        price: variant.price.and_then(|amount| place.price(amount)),
        before: reduced_from(variant, place),
        left: words.left(variant.availability),
        is_sold_out,
        can_be_bought: variant.price.is_some() && !is_sold_out,
        is_not_made: false,
    }
}

fn reduced_from(variant: &VariantView, place: &Place) -> Option<String> {
    let before = variant.compare_at_price.filter(|before| variant.price < Some(*before))?;
    place.price(before)
}

/// Every variant as the page's script shows it; empty where there is nothing to choose.
fn variants(product: &ProductView, place: &Place, words: &'static Words) -> String {
    if product.options.is_empty() {
        return String::new();
    }
    let variant = |variant: &VariantView| {
        let shown = shown(Some(variant), place, words);
        let values: Vec<&str> = product
            .options
            .iter()
            .map(|option| variant.options.get(&option.name).map(String::as_str).unwrap_or_default())
            .collect();
        json!({
            "sku": shown.sku, "values": values, "price": shown.price, "before": shown.before, "left": shown.left,
            "gone": shown.is_sold_out, "buy": shown.can_be_bought, "image": variant.image,
        })
    };
    product.variants.iter().map(variant).collect::<serde_json::Value>().to_string()
}

pub fn paragraphs(text: &str) -> Vec<String> {
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
