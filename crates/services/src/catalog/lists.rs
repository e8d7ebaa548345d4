//! The lists of products: for shoppers by category, words and order; for staff by status, words and SKU.
//! It does not know pages of HTTP: cursors go in and out as text.

use contracts::Result;
use contracts::catalog::{ListProducts, Listing, ProductCard, Sort};
use domain::catalog::{Product, Status};
use domain::sku::Sku;
use domain::text::Slug;
use platform::documents::Filter;
use platform::documents::tuple::Key;
use platform::http::lists::{Cursor, Fingerprint};

use super::Catalog;
use super::listing::{Spot, Walk, walk};
use super::projection::{
    BY_PRICE, BY_TIME, BY_TITLE, FOR_STAFF, ProductDoc, TITLES, scoped, status_text, title_key, titles,
};
use super::reading::ReadAs;
use super::views;
use crate::machinery::{cursor_of, stored};

pub const LIMIT_MAX: usize = 100;
/// SKUs of each product that are asked for first; mostly one that is in stock is among them.
pub(super) const FIRST_SKUS: usize = 3;

/// What staff list.
#[derive(Debug, Clone, Default)]
pub struct ListForStaff {
    pub status: Option<Status>,
    pub q: Option<String>,
    pub sku: Option<String>,
    pub cursor: Option<String>,
    pub limit: usize,
}

impl Catalog {
    pub(super) async fn list(&self, query: &ListProducts) -> Result<Listing<ProductCard>> {
        let read_as = self.read_as(&query.reading).await?;
        let Some(categories) = self.categories_under(query.category.as_deref()).await? else {
            return Ok(Listing { items: Vec::new(), next_cursor: None });
        };
        let plan = Plan::of(query.sort, &read_as);
        let q = words(query.q.as_deref());
        let fingerprint = plan.fingerprint().with("category", query.category.as_deref()).with("q", q);
        let sort_key = |document: &ProductDoc| plan.sort_key(document);
        let page = Walk {
            index: plan.index,
            scopes: categories.iter().map(|category| plan.scope(category.as_deref())).collect(),
            descending: plan.descending,
            filters: q.map(|q| Filter::contains(TITLES, q)).into_iter().collect(),
            after: spot(query.cursor.as_deref(), &fingerprint)?,
            limit: query.limit.clamp(1, LIMIT_MAX),
            sort_key: &sort_key,
        };
        let (documents, next) = walk(self.machinery.lists(), self.machinery.clock.now(), page).await.map_err(stored)?;
        let products: Vec<&Product> = documents.iter().filter_map(ProductDoc::product).collect();
        let shelf = self.shelf_of_products(&products).await?;
        let shown = products.iter().filter_map(|product| product.content.images.first());
        let album = self.pictures.album(shown.map(|image| &image.media)).await?;
        let items = products.iter().map(|product| views::card(product, &read_as, &shelf, &album)).collect();
        Ok(Listing { items, next_cursor: next.map(|spot| cursor(spot, &fingerprint)) })
    }

    /// All products, the newest first; sees what was written before it was asked.
    pub(super) async fn list_for_staff(&self, query: &ListForStaff) -> Result<Listing<Product>> {
        self.machinery.settle_lists().await?;
        if let Some(sku) = query.sku.as_deref() {
            return self.with_sku(sku, query).await;
        }
        let q = words(query.q.as_deref());
        let status = query.status.map(status_text);
        let fingerprint = Fingerprint::new("products for staff").with("status", status).with("q", q);
        let page = Walk {
            index: FOR_STAFF,
            scopes: vec![scoped(Key::new(), status)],
            descending: true,
            filters: q.map(|q| Filter::contains(TITLES, q)).into_iter().collect(),
            after: spot(query.cursor.as_deref(), &fingerprint)?,
            limit: query.limit.clamp(1, LIMIT_MAX),
            sort_key: &created_key,
        };
        let (documents, next) = walk(self.machinery.lists(), self.machinery.clock.now(), page).await.map_err(stored)?;
        let items = documents.iter().filter_map(|document| document.product().cloned()).collect();
        Ok(Listing { items, next_cursor: next.map(|spot| cursor(spot, &fingerprint)) })
    }

    /// At most one: a SKU is one product's.
    async fn with_sku(&self, sku: &str, query: &ListForStaff) -> Result<Listing<Product>> {
        let holder = match Sku::parse(sku) {
            Ok(sku) => self.holder(&sku).await?,
            Err(_) => None,
        };
        let product = match holder {
            Some(id) => self.product_state(&id).await?.0.product().cloned(),
            None => None,
        };
        let q = words(query.q.as_deref()).map(str::to_lowercase);
        let is_titled = |product: &Product, q: &str| titles(product).to_lowercase().contains(q);
        let fits = |product: &Product| {
            query.status.is_none_or(|status| product.content.status == status)
                && q.as_deref().is_none_or(|q| is_titled(product, q))
        };
        Ok(Listing { items: product.filter(fits).into_iter().collect(), next_cursor: None })
    }

    /// The categories to look in: the one asked for and all under it, or `[None]` for the whole shop. `None`: that is no
    /// category's name. One that is not in the tree holds what names it.
    async fn categories_under(&self, category: Option<&str>) -> Result<Option<Vec<Option<String>>>> {
        let Some(category) = category else { return Ok(Some(vec![None])) };
        let Ok(slug) = Slug::parse(category) else { return Ok(None) };
        let (tree, _) = self.tree().await?;
        let mut slugs = tree.subtree(&slug);
        slugs.insert(&slug);
        Ok(Some(slugs.into_iter().map(|slug| Some(slug.to_string())).collect()))
    }
}

/// Which index a list walks, and how.
struct Plan {
    index: &'static str,
    descending: bool,
    sort: Sort,
    /// Only where it decides the order.
    currency: Option<domain::money::Currency>,
}

impl Plan {
    /// By price: products that have none in the currency are left out. In a shop without a currency: the newest first.
    fn of(sort: Sort, read_as: &ReadAs) -> Self {
        let plan = |index, descending, sort, currency| Self { index, descending, sort, currency };
        match (sort, read_as.currency) {
            (Sort::Title, _) => plan(BY_TITLE, false, sort, None),
            (Sort::PriceAsc, Some(currency)) => plan(BY_PRICE, false, sort, Some(currency)),
            (Sort::PriceDesc, Some(currency)) => plan(BY_PRICE, true, sort, Some(currency)),
            (Sort::Newest | Sort::PriceAsc | Sort::PriceDesc, _) => plan(BY_TIME, true, Sort::Newest, None),
        }
    }

    fn scope(&self, category: Option<&str>) -> Key {
        let key = Key::new();
        scoped(if let Some(currency) = self.currency { key.text(currency.code()) } else { key }, category)
    }

    fn sort_key(&self, document: &ProductDoc) -> Key {
        let Some(product) = document.product() else { return Key::new() };
        match (self.sort, self.currency) {
            (Sort::Title, _) => Key::new().text(&title_key(&product.content)),
            (Sort::PriceAsc | Sort::PriceDesc, Some(currency)) => {
                Key::new().int(product.content.price_in(currency).map_or(0, |price| price.amount()))
            }
            _ => created_key(document),
        }
    }

    fn fingerprint(&self) -> Fingerprint {
        let order = if self.descending { "falling" } else { "rising" };
        Fingerprint::new(self.index).with("order", Some(order)).with("currency", self.currency.map(|c| c.code()))
    }
}

fn created_key(document: &ProductDoc) -> Key {
    document.product().map_or_else(Key::new, |product| Key::new().time(product.created_at))
}

fn words(q: Option<&str>) -> Option<&str> {
    q.map(str::trim).filter(|q| !q.is_empty())
}

fn cursor(spot: Spot, fingerprint: &Fingerprint) -> String {
    Cursor { key: spot.key, id: spot.id }.encode(fingerprint)
}

fn spot(text: Option<&str>, fingerprint: &Fingerprint) -> Result<Option<Spot>> {
    let cursor = cursor_of(text, fingerprint)?;
    Ok(cursor.map(|Cursor { key, id }| Spot { key, id }))
}
