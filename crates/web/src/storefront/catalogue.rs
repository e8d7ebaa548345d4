//! `/`: all that is for sale, category by category; or one category; or what was searched for.
//! It does not know more than a page at a time: where the next one begins stands in its link.

use std::collections::BTreeSet;

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use contracts::catalog::{Availability, CategoryView, ImageView, ListProducts, ProductCard, Reading};
use contracts::{Error, Result};
use platform::http::extract::{IfNoneMatch, Params};
use platform::http::problem::Problem;

use super::Pages;
use super::frame::Frame;
use super::place::{Asked, Place};
use super::product::price_range;
use super::words::Words;
use crate::answer;

const CARDS_PER_PAGE: usize = 24;
/// Lists that one page asks for; empty categories are passed over, but not without end.
const LISTS_PER_PAGE: usize = 12;
/// In a cursor, for what stands in no category.
const ELSE: &str = "~";

#[derive(Template)]
#[template(path = "storefront/catalogue.html")]
struct CataloguePage {
    frame: Frame,
    title: Option<String>,
    meta_description: String,
    crumbs: Vec<Link>,
    categories: Vec<Link>,
    sections: Vec<Section>,
    is_empty: bool,
    more: Option<String>,
    is_continued: bool,
}

struct Link {
    label: String,
    href: String,
}

struct Section {
    title: String,
    href: Option<String>,
    cards: Vec<Card>,
}

struct Card {
    title: String,
    brand: Option<String>,
    href: String,
    image: Option<ImageView>,
    price: Option<String>,
    left: &'static str,
    is_in_stock: bool,
    is_sold_out: bool,
}

pub(super) async fn show(
    State(pages): State<Pages>,
    asked: std::result::Result<Params<Asked>, Problem>,
    known: IfNoneMatch,
) -> Response {
    let asked = asked.map(|Params(asked)| asked).unwrap_or_default();
    match pages.catalogue_page(&asked).await {
        Ok(page) => answer::page(&known, &page, &page.frame.lang),
        Err(error) => pages.refuse(&error, &asked).await,
    }
}

impl Pages {
    async fn catalogue_page(&self, asked: &Asked) -> Result<CataloguePage> {
        let frame = self.frame(asked, "/").await?;
        let categories = self.catalog.categories(&frame.place.reading()).await?;
        let given = |text: &Option<String>| text.clone().filter(|text| !text.trim().is_empty());
        match (given(&asked.q), given(&asked.category)) {
            (None, None) => self.whole_shop(frame, &categories, asked).await,
            (q, category) => self.one_list(frame, &categories, asked, q, category).await,
        }
    }

    /// One category, or what was searched for.
    async fn one_list(
        &self,
        frame: Frame,
        categories: &[CategoryView],
        asked: &Asked,
        q: Option<String>,
        slug: Option<String>,
    ) -> Result<CataloguePage> {
        let category = slug.as_ref().and_then(|slug| categories.iter().find(|category| category.slug == *slug));
        if slug.is_some() && category.is_none() {
            return Err(Error::not_found("category"));
        }
        let (place, words) = (frame.place.clone(), frame.words);
        let query = ListProducts {
            reading: place.reading(),
            category: slug.clone(),
            q: q.clone(),
            cursor: asked.cursor.clone().filter(|cursor| !cursor.is_empty()),
            limit: CARDS_PER_PAGE,
            ..ListProducts::default()
        };
        let page = self.catalog.products(&query).await?;
        let found = q.as_ref().map(|q| format!("{}: {q}", words.found_for));
        let title = found.or_else(|| category.map(|category| category.title.clone())).unwrap_or_default();
        let more = page.next_cursor.map(|cursor| {
            let (q, slug) = (q.as_deref().unwrap_or_default(), slug.as_deref().unwrap_or_default());
            place.href("/", &[("category", slug), ("q", q), ("cursor", &cursor)])
        });
        let cards: Vec<Card> = page.items.iter().map(|item| card(item, &place, words)).collect();
        let parent = category.map(|category| category.slug.as_str());
        Ok(CataloguePage {
            meta_description: category.map(|category| category.description.clone()).unwrap_or_default(),
            crumbs: crumbs(categories, category, &place),
            categories: if q.is_some() { Vec::new() } else { links(categories, parent, &place) },
            is_empty: cards.is_empty() && more.is_none(),
            sections: vec![Section { title: title.clone(), href: None, cards }],
            title: Some(title),
            more,
            is_continued: asked.cursor.is_some(),
            frame,
        })
    }

    /// Every category at the top in its order, then what stands in none.
    async fn whole_shop(&self, frame: Frame, categories: &[CategoryView], asked: &Asked) -> Result<CataloguePage> {
        let (place, words) = (frame.place.clone(), frame.words);
        let tops: Vec<&CategoryView> = categories.iter().filter(|category| category.parent.is_none()).collect();
        let known: BTreeSet<&str> = categories.iter().map(|category| category.slug.as_str()).collect();
        let mut spot = Spot::read(asked.cursor.as_deref().unwrap_or_default(), &tops);
        let mut sections: Vec<Section> = Vec::new();
        let mut room = CARDS_PER_PAGE;
        for _ in 0..LISTS_PER_PAGE {
            let Some(Spot { top, cursor }) = spot.take() else { break };
            let category = tops.get(top).copied();
            let page = self.list(&place.reading(), category, cursor, room).await?;
            let is_shown = |item: &&ProductCard| {
                category.is_some() || !item.categories.iter().any(|slug| known.contains(slug.as_str()))
            };
            let cards: Vec<Card> = page.items.iter().filter(is_shown).map(|item| card(item, &place, words)).collect();
            room = room.saturating_sub(cards.len());
            spot = Spot::after(top, page.next_cursor, tops.len());
            add(&mut sections, category, cards, &place, words);
            if room == 0 {
                break;
            }
        }
        let more = spot.map(|spot| place.href("/", &[("cursor", &spot.write(&tops))]));
        Ok(CataloguePage {
            title: None,
            meta_description: tops.iter().map(|category| category.title.as_str()).collect::<Vec<_>>().join(", "),
            crumbs: Vec::new(),
            categories: links(categories, None, &place),
            is_empty: sections.is_empty() && more.is_none(),
            sections,
            more,
            is_continued: asked.cursor.is_some(),
            frame,
        })
    }

    async fn list(
        &self,
        reading: &Reading,
        category: Option<&CategoryView>,
        cursor: Option<String>,
        limit: usize,
    ) -> Result<contracts::catalog::Listing<ProductCard>> {
        let category = category.map(|category| category.slug.clone());
        let query = ListProducts { reading: reading.clone(), category, cursor, limit, ..ListProducts::default() };
        self.catalog.products(&query).await
    }
}

/// Where a page of the whole shop begins: in which category at the top, and where in its list.
struct Spot {
    /// Beyond the last: what stands in none.
    top: usize,
    cursor: Option<String>,
}

impl Spot {
    /// `tea.` is the beginning of tea. A category that is gone meanwhile begins the shop anew.
    fn read(text: &str, tops: &[&CategoryView]) -> Option<Self> {
        let (slug, cursor) = text.split_once('.').unwrap_or_default();
        let top = if slug == ELSE { Some(tops.len()) } else { tops.iter().position(|category| category.slug == slug) };
        let cursor = Some(cursor.to_owned()).filter(|cursor| !cursor.is_empty() && top.is_some());
        Some(Self { top: top.unwrap_or(0), cursor })
    }

    fn after(top: usize, cursor: Option<String>, tops: usize) -> Option<Self> {
        match cursor {
            Some(cursor) => Some(Self { top, cursor: Some(cursor) }),
            None => (top < tops).then_some(Self { top: top + 1, cursor: None }),
        }
    }

    fn write(&self, tops: &[&CategoryView]) -> String {
        let slug = tops.get(self.top).map_or(ELSE, |category| category.slug.as_str());
        format!("{slug}.{}", self.cursor.as_deref().unwrap_or_default())
    }
}

/// Adds cards under their category's heading, or to those that stand there already.
fn add(
    sections: &mut Vec<Section>,
    category: Option<&CategoryView>,
    cards: Vec<Card>,
    place: &Place,
    words: &'static Words,
) {
    if cards.is_empty() {
        return;
    }
    let only_one = if sections.is_empty() { words.all_goods } else { words.everything_else };
    let title = category.map_or(only_one, |category| category.title.as_str()).to_owned();
    let href = category.map(|category| place.href("/", &[("category", &category.slug)]));
    match sections.last_mut().filter(|last| last.href == href && (href.is_some() || last.title == title)) {
        Some(last) => last.cards.extend(cards),
        None => sections.push(Section { title, href, cards }),
    }
}

fn card(item: &ProductCard, place: &Place, words: &'static Words) -> Card {
    Card {
        title: item.title.clone(),
        brand: item.brand.clone(),
        href: place.product(&item.slug),
        image: item.image.clone(),
        price: price_range(place, words, item.price_from, item.price_to),
        left: words.left(item.availability),
        is_in_stock: item.availability == Availability::InStock,
        is_sold_out: item.availability == Availability::SoldOut,
    }
}

/// The categories right under one, or those at the top.
fn links(categories: &[CategoryView], parent: Option<&str>, place: &Place) -> Vec<Link> {
    let under = categories.iter().filter(|category| category.parent.as_deref() == parent);
    under.map(|category| link(category, place)).collect()
}

/// From the top down to the one above.
fn crumbs(categories: &[CategoryView], category: Option<&CategoryView>, place: &Place) -> Vec<Link> {
    let above = |category: &&CategoryView| {
        let parent = category.parent.as_deref()?;
        categories.iter().find(|category| category.slug == parent)
    };
    let path = std::iter::successors(category.as_ref().and_then(above), above).take(categories.len());
    let mut crumbs: Vec<Link> = path.map(|category| link(category, place)).collect();
    crumbs.reverse();
    crumbs
}

fn link(category: &CategoryView, place: &Place) -> Link {
    Link { label: category.title.clone(), href: place.href("/", &[("category", &category.slug)]) }
}
