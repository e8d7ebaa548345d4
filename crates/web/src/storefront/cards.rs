//! Products in a list, as cards.
//! It does not know how they were found.

use contracts::catalog::{Availability, ImageView, ProductCard};

use super::place::Place;
use super::words::{Words, fill};

/// How wide a card is drawn at most, for browsers that choose among a picture's sizes.
pub const CARD_SIZES: &str = "(min-width: 64rem) 16rem, (min-width: 40rem) 30vw, 46vw";

pub struct Card {
    pub title: String,
    pub brand: Option<String>,
    pub href: String,
    pub image: Option<Picture>,
    pub price: Option<String>,
    /// What it was, where it is reduced.
    pub before: Option<String>,
    pub left: &'static str,
    pub is_in_stock: bool,
    pub is_sold_out: bool,
}

/// A picture with what a browser needs to choose a size and to leave room for it.
pub struct Picture {
    pub src: String,
    pub srcset: String,
    pub alt: String,
    /// In pixels; a square where it is not known, which is how it is shown then.
    pub width: u32,
    pub height: u32,
}

const SQUARE: u32 = 1200;

impl Picture {
    pub fn of(image: &ImageView) -> Self {
        let (width, height) = image.width.zip(image.height).unwrap_or((SQUARE, SQUARE));
        let mut srcset: Vec<String> = image.sizes.iter().map(|size| format!("{} {}w", size.url, size.width)).collect();
        if !srcset.is_empty() {
            srcset.push(format!("{} {width}w", image.url));
        }
        Self { src: image.url.clone(), srcset: srcset.join(", "), alt: image.alt.clone(), width, height }
    }
}

pub fn card(item: &ProductCard, place: &Place, words: &'static Words) -> Card {
    let reduced = item.compare_at_price.filter(|before| item.price_from < Some(*before));
    Card {
        title: item.title.clone(),
        brand: item.brand.clone(),
        href: place.product(&item.slug),
        image: item.image.as_ref().map(Picture::of),
        price: price_range(place, words, item.price_from, item.price_to),
        before: reduced.and_then(|before| place.price(before)),
        left: words.left(item.availability),
        is_in_stock: item.availability == Availability::InStock,
        is_sold_out: item.availability == Availability::SoldOut,
    }
}

/// One price, or the lowest of several; `None` where there is none in the page's currency.
pub fn price_range(place: &Place, words: &Words, from: Option<i64>, to: Option<i64>) -> Option<String> {
    let lowest = place.price(from?)?;
    Some(if from == to { lowest } else { fill(words.price_from, &[("price", &lowest)]) })
}
