//! `/c/{slug}` and `/search`: what a category holds or what was searched for, narrowed down and put in order.
//! It does not know how products are found; the parameters are those of `/api/products`.

use std::collections::{BTreeMap, BTreeSet};

use askama::Template;
use axum::extract::{Path, State};
use axum::response::Response;
use contracts::catalog::CategoryView;
use contracts::search::{Order, Wanted};
use contracts::{Error, Kind, Result};
use domain::text::MAX_TITLE_CHARS;

use super::cards::{CARD_SIZES, Card, card};
use super::facets::{self, Facet};
use super::frame::{Frame, Link, Subject};
use super::place::{Place, category_path};
use super::visitor::Visitor;
use super::words::{Words, fill};
use super::{Front, Storefront};

const CARDS_PER_PAGE: usize = 24;
/// What one list is narrowed down by at most.
const CHOSEN_MAX: usize = 50;
/// What an attribute's parameter begins with: `attr.Colour=Red`.
pub const ATTRIBUTE: &str = "attr.";

const ORDERS: [(&str, Order); 5] = [
    ("relevance", Order::Relevance),
    ("newest", Order::Newest),
    ("title", Order::Title),
    ("price_asc", Order::PriceAsc),
    ("price_desc", Order::PriceDesc),
];

#[derive(Template)]
#[template(path = "storefront/listing.html")]
struct ListingPage {
    frame: Frame,
    title: String,
    description: String,
    meta_description: String,
    crumbs: Vec<Link>,
    children: Vec<Link>,
    /// `None` where only a part was counted.
    count: Option<String>,
    facets: Vec<Facet>,
    chosen: Vec<Link>,
    clear: String,
    sorts: Vec<Sort>,
    /// What the sort form must carry on.
    carried: Vec<(String, String)>,
    path: String,
    cards: Vec<Card>,
    card_sizes: &'static str,
    is_search: bool,
    more: Option<String>,
    beginning: Option<String>,
}

struct Sort {
    value: &'static str,
    label: &'static str,
    is_current: bool,
}

/// Which list it is, and how it is narrowed down: everything of the address but the cursor.
pub struct Asked {
    pub path: String,
    /// In the order in which they came.
    pub pairs: Vec<(String, String)>,
    /// Whether it is everything that is searched, and not one category.
    pub is_search: bool,
}

pub(super) async fn category(State(front): State<Front>, slug: Option<Path<String>>, visitor: Visitor) -> Response {
    let slug = slug.map(|Path(slug)| slug).unwrap_or_default();
    match front.category_page(&visitor, &slug).await {
        Ok(page) => front.shared(&visitor, &page, &page.frame.place),
        Err(error) => front.refuse(&error, &visitor).await,
    }
}

pub(super) async fn search(State(front): State<Front>, visitor: Visitor) -> Response {
    match front.search_page(&visitor).await {
        Ok(page) => front.shared(&visitor, &page, &page.frame.place),
        Err(error) => front.refuse(&error, &visitor).await,
    }
}

impl Storefront {
    async fn category_page(&self, visitor: &Visitor, slug: &str) -> Result<ListingPage> {
        let path = category_path(slug);
        let frame = self.frame(visitor, Subject::public(&path)).await?;
        // Not the frame's own, which may be a moment old.
        let categories = self.services.catalog.categories(&frame.place.reading()).await?;
        let category =
            categories.iter().find(|category| category.slug == slug).ok_or_else(|| Error::not_found("category"))?;
        let place = &frame.place;
        let children = categories.iter().filter(|child| child.parent.as_deref() == Some(slug));
        let children = children.map(|child| link(child, place)).collect();
        let crumbs = crumbs(&categories, category, place);
        let texts = (category.title.clone(), category.description.clone());
        self.listing(visitor, frame, path, Some(slug.to_owned()), texts, crumbs, children).await
    }

    async fn search_page(&self, visitor: &Visitor) -> Result<ListingPage> {
        let subject = Subject { path: "/search", asked: &[], is_public: false };
        let mut frame = self.frame(visitor, subject).await?;
        frame.q = visitor.asked("q").unwrap_or_default().to_owned();
        let title = match visitor.asked("q") {
            Some(q) => fill(frame.words.found_for, &[("q", q)]),
            None => frame.words.all_goods.to_owned(),
        };
        self.listing(visitor, frame, "/search".to_owned(), None, (title, String::new()), Vec::new(), Vec::new()).await
    }

    #[expect(clippy::too_many_arguments, reason = "the parts of one page, each from another place")]
    async fn listing(
        &self,
        visitor: &Visitor,
        mut frame: Frame,
        path: String,
        category: Option<String>,
        (title, description): (String, String),
        crumbs: Vec<Link>,
        children: Vec<Link>,
    ) -> Result<ListingPage> {
        let asked = Asked::of(path, category.is_none(), visitor);
        let wanted = asked.wanted(category.clone(), visitor, &frame.place)?;
        let found = match self.services.search.find(&wanted).await {
            // A link into a list that is not there any more leads to its beginning.
            Err(error) if error.kind == Kind::Malformed && wanted.cursor.is_some() => {
                self.services.search.find(&Wanted { cursor: None, ..wanted.clone() }).await?
            }
            found => found?,
        };
        frame.here = asked.href_without_place();
        let (place, words) = (frame.place.clone(), frame.words);
        let is_whole = found.facets.is_some() || (found.next_cursor.is_none() && wanted.cursor.is_none());
        let facets = found.facets.as_ref().map(|found| facets::facets(found, &asked, &place, words));
        let more = found.next_cursor.map(|cursor| asked.with("cursor", &cursor, &place));
        Ok(ListingPage {
            meta_description: description.clone(),
            title,
            description,
            crumbs,
            children,
            count: is_whole.then(|| words.products(found.total)),
            facets: facets.unwrap_or_default(),
            chosen: facets::chosen(&asked, found.facets.as_ref(), &place, words),
            clear: asked.cleared(&place),
            sorts: sorts(&asked, words),
            carried: asked.carried(&place),
            path: asked.path.clone(),
            cards: found.items.iter().map(|item| card(item, &place, words)).collect(),
            card_sizes: CARD_SIZES,
            is_search: category.is_none(),
            more,
            beginning: wanted.cursor.is_some().then(|| asked.href(&place)),
            frame,
        })
    }
}

impl Asked {
    fn of(path: String, is_search: bool, visitor: &Visitor) -> Self {
        let one = |name: &str| visitor.asked(name).map(|value| (name.to_owned(), value.to_owned()));
        let words = is_search.then(|| one("q")).flatten();
        let category = is_search.then(|| one("category")).flatten();
        let brands = visitor.all("brand").map(|value| ("brand".to_owned(), value.to_owned()));
        let attributes =
            visitor.all_under(ATTRIBUTE).map(|(key, value)| (format!("{ATTRIBUTE}{key}"), value.to_owned()));
        let narrowed = brands.chain(attributes).filter(|(_, value)| !value.is_empty()).take(CHOSEN_MAX);
        let rest = ["price_min", "price_max", "in_stock", "sort"].into_iter().filter_map(one);
        let pairs = words.into_iter().chain(category).chain(narrowed).chain(rest).collect();
        Self { path, pairs, is_search }
    }

    fn wanted(&self, category: Option<String>, visitor: &Visitor, place: &Place) -> Result<Wanted> {
        let one = |name: &str| self.get(name).map(str::to_owned);
        let amount = |name: &str| self.get(name).and_then(|amount| amount.parse().ok());
        let mut brands = BTreeSet::new();
        let mut attributes: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for (name, value) in &self.pairs {
            if name == "brand" {
                brands.insert(value.clone());
            } else if let Some(key) = name.strip_prefix(ATTRIBUTE) {
                attributes.entry(key.to_owned()).or_default().insert(value.clone());
            }
        }
        let q = one("q").map(|q| q.chars().take(MAX_TITLE_CHARS).collect::<String>());
        let sort = self.get("sort");
        let cursor = visitor.asked("cursor").map(str::to_owned);
        Ok(Wanted {
            reading: place.reading(),
            q: q.filter(|q| !q.trim().is_empty()),
            category: category.or(one("category")),
            brands,
            attributes,
            price_min: amount("price_min"),
            price_max: amount("price_max"),
            only_in_stock: self.get("in_stock") == Some("true"),
            order: ORDERS.iter().find(|(name, _)| Some(*name) == sort).map(|(_, order)| *order),
            with_facets: true,
            cursor,
            limit: CARDS_PER_PAGE,
        })
    }

    pub fn get(&self, name: &str) -> Option<&str> {
        self.pairs.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    pub fn has(&self, name: &str, value: &str) -> bool {
        self.pairs.iter().any(|(known, has)| known == name && has == value)
    }

    fn href(&self, place: &Place) -> String {
        to(&self.path, &self.pairs, place)
    }

    fn href_without_place(&self) -> String {
        super::place::address(&self.path, self.pairs.iter().map(|(name, value)| (name.as_str(), value.as_str())))
    }

    /// The same list with one more condition.
    pub fn with(&self, name: &str, value: &str, place: &Place) -> String {
        let more = (name.to_owned(), value.to_owned());
        to(&self.path, self.pairs.iter().cloned().chain([more]).collect::<Vec<_>>().as_slice(), place)
    }

    /// The same list, with these conditions instead of those of the same names.
    pub fn with_only(&self, instead: &[(&str, String)], place: &Place) -> String {
        let others = self.pairs.iter().filter(|(known, _)| instead.iter().all(|(name, _)| known != name)).cloned();
        let instead = instead.iter().map(|(name, value)| ((*name).to_owned(), value.clone()));
        to(&self.path, others.chain(instead).collect::<Vec<_>>().as_slice(), place)
    }

    /// The same list without one condition.
    pub fn without(&self, name: &str, value: &str, place: &Place) -> String {
        let others = self.pairs.iter().filter(|(known, has)| known != name || has != value).cloned();
        to(&self.path, others.collect::<Vec<_>>().as_slice(), place)
    }

    fn cleared(&self, place: &Place) -> String {
        let kept = self.pairs.iter().filter(|(name, _)| name == "q" || name == "sort").cloned();
        to(&self.path, kept.collect::<Vec<_>>().as_slice(), place)
    }

    fn carried(&self, place: &Place) -> Vec<(String, String)> {
        let own = self.pairs.iter().filter(|(name, _)| name != "sort").cloned();
        own.chain(place.kept().into_iter().map(|(name, value)| (name.to_owned(), value))).collect()
    }
}

fn to(path: &str, pairs: &[(String, String)], place: &Place) -> String {
    place.href(path, &pairs.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect::<Vec<_>>())
}

fn sorts(asked: &Asked, words: &'static Words) -> Vec<Sort> {
    let label = |order: Order| match order {
        Order::Relevance => words.sort_relevance,
        Order::Newest => words.sort_newest,
        Order::Title => words.sort_title,
        Order::PriceAsc => words.sort_price_asc,
        Order::PriceDesc => words.sort_price_desc,
    };
    let has_words = asked.get("q").is_some();
    let own = if has_words { "relevance" } else { "newest" };
    let current = asked.get("sort").unwrap_or(own);
    let offered = ORDERS.iter().filter(|(_, order)| has_words || *order != Order::Relevance);
    offered.map(|(value, order)| Sort { value, label: label(*order), is_current: *value == current }).collect()
}

fn link(category: &CategoryView, place: &Place) -> Link {
    Link { label: category.title.clone(), href: place.category(&category.slug), is_current: false }
}

/// From the top down to the category's parent.
pub fn crumbs(categories: &[CategoryView], category: &CategoryView, place: &Place) -> Vec<Link> {
    let find = |slug: &str| categories.iter().find(|category| category.slug == slug);
    let up = |category: &&CategoryView| category.parent.as_deref().and_then(find);
    let above = std::iter::successors(up(&category), up).take(categories.len());
    let mut links: Vec<Link> = above.map(|category| link(category, place)).collect();
    links.reverse();
    links
}
