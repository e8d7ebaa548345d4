//! What a list can be narrowed down by, each with how much would be left, as links.
//! It does not know how anything is counted.

use contracts::search::{FacetValue, Facets, PriceBand};

use super::frame::Link;
use super::listing::{ATTRIBUTE, Asked};
use super::place::Place;
use super::words::{Words, fill};

/// Attributes that a list can be narrowed down by; more would hide the others.
const ATTRIBUTES_MAX: usize = 8;

pub struct Facet {
    pub title: String,
    pub choices: Vec<Choice>,
    /// Whether one of them is chosen, so that it stands open.
    pub is_open: bool,
}

/// A link that chooses, or lets go of what is chosen.
pub struct Choice {
    pub label: String,
    pub href: String,
    pub count: u64,
    pub is_chosen: bool,
}

/// Facets with less than two choices do not narrow anything.
pub fn facets(found: &Facets, asked: &Asked, place: &Place, words: &'static Words) -> Vec<Facet> {
    let values = |title: &str, name: &str, values: &[FacetValue]| {
        let choices = values.iter().map(|value| choice(name, value, asked, place)).collect();
        facet(title.to_owned(), choices)
    };
    let prices = found.prices.iter().filter_map(|band| price(band, asked, place, words)).collect();
    let first = [
        categories(found, asked, place, words),
        values(words.brand, "brand", &found.brands),
        facet(words.price.to_owned(), prices),
    ];
    let own = found.attributes.iter();
    let own = own.map(|facet| values(&facet.label, &format!("{ATTRIBUTE}{}", facet.key), &facet.values));
    let narrows = |facet: &Facet| facet.is_open || facet.choices.len() > 1;
    // What every product says differently gathers nothing.
    let gathers = |facet: &Facet| facet.is_open || facet.choices.iter().any(|choice| choice.count > 1);
    let first = first.into_iter().filter(narrows);
    let own = own.filter(|facet| narrows(facet) && gathers(facet)).take(ATTRIBUTES_MAX);
    first.chain(in_stock(found, asked, place, words)).chain(own).collect()
}

fn in_stock(found: &Facets, asked: &Asked, place: &Place, words: &'static Words) -> Option<Facet> {
    let is_chosen = asked.has("in_stock", "true");
    let href = match is_chosen {
        true => asked.without("in_stock", "true", place),
        false => asked.with("in_stock", "true", place),
    };
    let choice = Choice { label: words.only_in_stock.to_owned(), href, count: found.in_stock, is_chosen };
    (found.in_stock > 0 || is_chosen).then(|| facet(words.in_stock.to_owned(), vec![choice]))
}

/// Everything that is chosen, each as a link that lets go of it.
pub fn chosen(asked: &Asked, found: Option<&Facets>, place: &Place, words: &'static Words) -> Vec<Link> {
    let mut links = Vec::new();
    let mut price_told = false;
    for (name, value) in &asked.pairs {
        let label = match name.as_str() {
            "brand" => value.clone(),
            "category" => {
                let known = found.and_then(|found| found.categories.iter().find(|known| known.value == *value));
                known.map_or(value.as_str(), |known| known.label.as_str()).to_owned()
            }
            "in_stock" if value == "true" => words.only_in_stock.to_owned(),
            "price_min" | "price_max" if !price_told => {
                price_told = true;
                let amount = |name| asked.get(name).and_then(|amount| place.price(amount.parse().ok()?));
                between(amount("price_min"), amount("price_max"), words)
            }
            name if name.starts_with(ATTRIBUTE) => attribute_label(name, value, found),
            _ => continue,
        };
        let href = match name.as_str() {
            "price_min" | "price_max" => {
                asked.with_only(&[("price_min", String::new()), ("price_max", String::new())], place)
            }
            _ => asked.without(name, value, place),
        };
        links.push(Link { label, href, is_current: true });
    }
    links
}

/// One at a time; a category's own page has its children instead.
fn categories(found: &Facets, asked: &Asked, place: &Place, words: &'static Words) -> Facet {
    let choice = |value: &FacetValue| {
        let chosen = if value.is_chosen { String::new() } else { value.value.clone() };
        let href = asked.with_only(&[("category", chosen)], place);
        Choice { label: value.label.clone(), href, count: value.count, is_chosen: value.is_chosen }
    };
    let offered = if asked.is_search { found.categories.as_slice() } else { &[] };
    facet(words.categories.to_owned(), offered.iter().map(choice).collect())
}

fn attribute_label(name: &str, value: &str, found: Option<&Facets>) -> String {
    let key = &name[ATTRIBUTE.len()..];
    let facet = found.and_then(|found| found.attributes.iter().find(|facet| facet.key == key));
    let label = facet.and_then(|facet| facet.values.iter().find(|known| known.value == value));
    label.map_or(value, |known| known.label.as_str()).to_owned()
}

fn facet(title: String, choices: Vec<Choice>) -> Facet {
    Facet { title, is_open: choices.iter().any(|choice| choice.is_chosen), choices }
}

fn choice(name: &str, value: &FacetValue, asked: &Asked, place: &Place) -> Choice {
    let href = match value.is_chosen {
        true => asked.without(name, &value.value, place),
        false => asked.with(name, &value.value, place),
    };
    Choice { label: value.label.clone(), href, count: value.count, is_chosen: value.is_chosen }
}

fn price(band: &PriceBand, asked: &Asked, place: &Place, words: &'static Words) -> Option<Choice> {
    let limits = match band.is_chosen {
        true => [("price_min", String::new()), ("price_max", String::new())],
        false => [("price_min", band.from.to_string()), ("price_max", band.to.to_string())],
    };
    Some(Choice {
        label: between(Some(place.price(band.from)?), Some(place.price(band.to)?), words),
        href: asked.with_only(&limits, place),
        count: band.count,
        is_chosen: band.is_chosen,
    })
}

fn between(from: Option<String>, to: Option<String>, words: &Words) -> String {
    let (from, to) = (from.unwrap_or_default(), to.unwrap_or_default());
    fill(words.price_between, &[("a", &from), ("b", &to)])
}
