//! Finding products in the lists, where no index narrows further: by category, by part of a title, in order.
//! It does not count facets, and its total is only at least so many.

use async_trait::async_trait;
use contracts::Result;
use contracts::catalog::{Catalog as _, ListProducts, Sort};
use contracts::search::{Found, Order, Search, Wanted};

use super::Catalog;

#[async_trait]
impl Search for Catalog {
    async fn find(&self, wanted: &Wanted) -> Result<Found> {
        let sort = match wanted.order {
            None | Some(Order::Relevance | Order::Newest) => Sort::Newest,
            Some(Order::Title) => Sort::Title,
            Some(Order::PriceAsc) => Sort::PriceAsc,
            Some(Order::PriceDesc) => Sort::PriceDesc,
        };
        let query = ListProducts {
            reading: wanted.reading.clone(),
            category: wanted.category.clone(),
            q: wanted.q.clone(),
            sort,
            cursor: wanted.cursor.clone(),
            limit: wanted.limit,
        };
        let page = self.products(&query).await?;
        let total = page.items.len() as u64 + u64::from(page.next_cursor.is_some());
        Ok(Found { items: page.items, next_cursor: page.next_cursor, total, facets: None })
    }
}
