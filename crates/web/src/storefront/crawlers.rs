//! What search engines ask for first: where they may go, and what there is.
//! It does not know what is on the pages.

use std::convert::Infallible;
use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::{Path, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use contracts::catalog::{Catalog, ListProducts};
use contracts::{Error, Result};
use futures::stream;
use tokio::sync::Mutex;
use tokio::time::Instant;

use super::place::{category_path, product_path, segment};
use super::visitor::Visitor;
use super::{Front, Storefront};

/// Products on one map; the protocol allows 50,000.
const PRODUCTS_PER_MAP: usize = 5_000;
/// What a map tells beyond that when products came meanwhile, so that none falls between two maps.
const MORE: usize = 1_000;
/// Maps of products that are told; with their products, half a million.
const MAPS_MAX: usize = 100;
const LIST_LIMIT: usize = 100;
/// How long it is remembered where each map begins.
const BEGINNINGS_FRESH_FOR: Duration = Duration::from_secs(10 * 60);

const XML: &str = "application/xml; charset=utf-8";
const FOR_AN_HOUR: &str = "public, max-age=3600";
const HEAD: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n";
const NAMESPACE: &str = "http://www.sitemaps.org/schemas/sitemap/0.9";

/// Where each map of products begins: the cursors, the first one empty.
#[derive(Default)]
pub struct Map(Mutex<Option<(Arc<[String]>, Instant)>>);

pub(super) async fn robots(State(front): State<Front>, visitor: Visitor) -> Response {
    let current = match front.services.shop.settings().await {
        Ok(current) => current,
        Err(error) => return front.refuse(&error, &visitor).await,
    };
    let origin = front.origin(&current.settings, &visitor);
    let closed = ["/admin", "/api", "/cart", "/checkout", "/find-order", "/orders", "/search", "/test-payments"];
    let mut text = String::from("User-agent: *\n");
    for path in closed {
        let _ = writeln!(text, "Disallow: {path}");
    }
    let _ = writeln!(text, "\nSitemap: {origin}/sitemap.xml");
    let headers = [(header::CONTENT_TYPE, "text/plain; charset=utf-8"), (header::CACHE_CONTROL, FOR_AN_HOUR)];
    (headers, text).into_response()
}

pub(super) async fn index(State(front): State<Front>, visitor: Visitor) -> Response {
    match front.map_index(&visitor).await {
        Ok(text) => xml(Body::from(text)),
        Err(error) => front.refuse(&error, &visitor).await,
    }
}

pub(super) async fn map(State(front): State<Front>, name: Option<Path<String>>, visitor: Visitor) -> Response {
    match front.one_map(&visitor, &name.map(|Path(name)| name).unwrap_or_default()).await {
        Ok(body) => xml(body),
        Err(error) => front.refuse(&error, &visitor).await,
    }
}

fn xml(body: Body) -> Response {
    let headers = [(header::CONTENT_TYPE, XML), (header::CACHE_CONTROL, FOR_AN_HOUR)];
    (StatusCode::OK, headers, body).into_response()
}

impl Storefront {
    async fn map_index(&self, visitor: &Visitor) -> Result<String> {
        let origin = self.origin(&self.services.shop.settings().await?.settings, visitor);
        let beginnings = self.beginnings().await?;
        let mut text = format!("{HEAD}<sitemapindex xmlns=\"{NAMESPACE}\">\n");
        let names = (1..=beginnings.len()).map(|number| format!("products-{number}.xml"));
        for name in ["pages.xml".to_owned()].into_iter().chain(names) {
            let _ = writeln!(text, "<sitemap><loc>{}</loc></sitemap>", escaped(&format!("{origin}/sitemaps/{name}")));
        }
        text.push_str("</sitemapindex>\n");
        Ok(text)
    }

    async fn one_map(&self, visitor: &Visitor, name: &str) -> Result<Body> {
        let current = self.services.shop.settings().await?;
        let origin = self.origin(&current.settings, visitor);
        if name == "pages.xml" {
            let reading = contracts::catalog::Reading::default();
            let categories = self.services.catalog.categories(&reading).await?;
            let pages = self.services.pages.titles(&current.settings.default_locale).await?;
            let paths = ["/".to_owned()].into_iter();
            let paths = paths.chain(categories.iter().map(|category| category_path(&category.slug)));
            let paths = paths.chain(pages.iter().map(|(slug, _)| format!("/pages/{}", segment(slug))));
            let urls: String = paths.map(|path| url(&origin, &path)).collect();
            return Ok(Body::from(format!("{}{urls}{END}", beginning())));
        }
        let number = name.strip_prefix("products-").and_then(|rest| rest.strip_suffix(".xml"));
        let number: usize = number.and_then(|number| number.parse().ok()).ok_or_else(|| Error::not_found("map"))?;
        let beginnings = self.beginnings().await?;
        let cursor = number.checked_sub(1).and_then(|index| beginnings.get(index));
        let cursor = cursor.ok_or_else(|| Error::not_found("map"))?.clone();
        let end = beginnings.get(number).cloned();
        let catalog = self.services.catalog.clone();
        let walk = Walk { catalog, origin, next: Next::Begin(cursor), end, left: PRODUCTS_PER_MAP + MORE };
        Ok(Body::from_stream(stream::unfold(walk, Walk::step)))
    }

    /// Goes through all products once in a while; who asks meanwhile waits for the one who does.
    async fn beginnings(&self) -> Result<Arc<[String]>> {
        let mut known = self.map.0.lock().await;
        if let Some((beginnings, read_at)) = &*known
            && read_at.elapsed() < BEGINNINGS_FRESH_FOR
        {
            return Ok(beginnings.clone());
        }
        let mut beginnings = vec![String::new()];
        let (mut cursor, mut seen) = (None, 0);
        while beginnings.len() <= MAPS_MAX {
            let query = ListProducts { cursor, limit: LIST_LIMIT, ..ListProducts::default() };
            let page = self.services.catalog.products(&query).await?;
            seen += page.items.len();
            let Some(next) = page.next_cursor else { break };
            if seen >= PRODUCTS_PER_MAP {
                beginnings.push(next.clone());
                seen = 0;
            }
            cursor = Some(next);
        }
        beginnings.truncate(MAPS_MAX);
        let beginnings: Arc<[String]> = beginnings.into();
        *known = Some((beginnings.clone(), Instant::now()));
        Ok(beginnings)
    }
}

const END: &str = "</urlset>\n";

fn beginning() -> String {
    format!("{HEAD}<urlset xmlns=\"{NAMESPACE}\">\n")
}

/// A map of products on its way out, a list at a time.
struct Walk {
    catalog: Arc<dyn Catalog>,
    origin: String,
    next: Next,
    /// Where the next map begins.
    end: Option<String>,
    left: usize,
}

enum Next {
    Begin(String),
    List(Option<String>),
    End,
}

impl Walk {
    async fn step(mut self) -> Option<(std::result::Result<Bytes, Infallible>, Self)> {
        let mut text = String::new();
        let cursor = match std::mem::replace(&mut self.next, Next::End) {
            Next::Begin(cursor) => {
                text.push_str(&beginning());
                Some(cursor).filter(|cursor| !cursor.is_empty())
            }
            Next::List(cursor) => cursor,
            Next::End => return None,
        };
        let limit = self.left.min(LIST_LIMIT);
        let query = ListProducts { cursor, limit, ..ListProducts::default() };
        // A map that ends early is still a map; the crawler comes again.
        let page = self.catalog.products(&query).await.ok();
        let (items, next) = page.map(|page| (page.items, page.next_cursor)).unwrap_or_default();
        text.extend(items.iter().map(|item| url(&self.origin, &product_path(&item.slug))));
        self.left = self.left.saturating_sub(items.len());
        match next {
            Some(cursor) if self.left > 0 && Some(&cursor) != self.end.as_ref() => self.next = Next::List(Some(cursor)),
            _ => text.push_str(END),
        }
        Some((Ok(Bytes::from(text)), self))
    }
}

fn url(origin: &str, path: &str) -> String {
    format!("<url><loc>{}</loc></url>\n", escaped(&format!("{origin}{path}")))
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
