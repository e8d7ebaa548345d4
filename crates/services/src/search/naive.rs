//! An index in memory that looks at every entry: for tests, and the measure that engines are held to.
//! It does not know typos or ranks: words are found as they are written, the newest first among equals.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use async_trait::async_trait;
use contracts::search::Order;
use domain::ids::ProductId;
use parking_lot::Mutex;
use platform::store::StoreResult;

use super::bands::{STEPS_MAX, step_of};
use super::index::{
    AskedWord, Changes, Counted, CountedAttribute, Counts, Entry, Facet, Hits, Index, Label, Positions, Query, Spot,
};

/// Looks at every entry.
#[derive(Default)]
pub struct NaiveIndex(Mutex<Held>);

#[derive(Default)]
struct Held {
    entries: BTreeMap<ProductId, Entry>,
    positions: Positions,
}

/// What was chosen, and does not narrow the counts of its own kind.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Chosen {
    Category,
    Brand,
    Attribute(String),
    Price,
    Stock,
}

#[async_trait]
impl Index for NaiveIndex {
    async fn positions(&self) -> StoreResult<Positions> {
        Ok(self.0.lock().positions.clone())
    }

    async fn write(&self, changes: Changes) -> StoreResult<()> {
        let held = &mut *self.0.lock();
        held.entries.retain(|id, _| !changes.gone.contains(id));
        held.entries.extend(changes.put.into_iter().map(|entry| (entry.id.clone(), entry)));
        held.positions = changes.positions;
        Ok(())
    }

    async fn in_stock(&self, ids: &[ProductId]) -> StoreResult<BTreeMap<ProductId, bool>> {
        let held = self.0.lock();
        Ok(ids.iter().filter_map(|id| Some((id.clone(), held.entries.get(id)?.is_in_stock))).collect())
    }

    async fn clear(&self) -> StoreResult<()> {
        *self.0.lock() = Held::default();
        Ok(())
    }

    async fn count(&self) -> StoreResult<u64> {
        Ok(self.0.lock().entries.len() as u64)
    }

    async fn find(&self, query: Query) -> StoreResult<Hits> {
        let held = self.0.lock();
        let matched: Vec<&Entry> = held.entries.values().filter(|entry| is_meant(entry, &query)).collect();
        let mut found: Vec<(Spot, &Entry)> = matched
            .iter()
            .filter(|entry| fits(entry, &query, None))
            .map(|entry| (spot(entry, &query), *entry))
            .collect();
        found.sort_by(|a, b| a.0.cmp(&b.0));
        let total = found.len() as u64;
        let after = |spot: &Spot| query.after.as_ref().is_none_or(|after| spot > after);
        let mut page: Vec<(Spot, &Entry)> = found.into_iter().filter(|(spot, _)| after(spot)).collect();
        let has_more = page.len() > query.limit;
        page.truncate(query.limit);
        let next = page.last().filter(|_| has_more).map(|(spot, _)| spot.clone());
        let ids = page.into_iter().map(|(_, entry)| entry.id.clone()).collect();
        let counts = query.with_counts.then(|| counts(&matched, &query));
        Ok(Hits { ids, next, total, counts })
    }
}

fn is_meant(entry: &Entry, query: &Query) -> bool {
    let has_price = query.currency.is_none_or(|currency| entry.prices.contains_key(&currency));
    let is_in_category = |asked: &AskedWord| {
        let named = |facet: &Facet| matches!(facet, Facet::Category(slug) if asked.categories.contains(slug));
        entry.facets.iter().any(named)
    };
    let has = |asked: &AskedWord| {
        let fields = [&entry.title, &entry.brand, &entry.codes, &entry.rest];
        fields.iter().any(|words| asked.word.is_in(words)) || is_in_category(asked)
    };
    has_price && query.words.iter().all(has)
}

fn fits(entry: &Entry, query: &Query, but: Option<&Chosen>) -> bool {
    let counts = |chosen: Chosen| but != Some(&chosen);
    if let Some(category) = query.category.as_deref().filter(|_| counts(Chosen::Category)) {
        let under = query.tree.under(category);
        let is_under = |facet: &Facet| matches!(facet, Facet::Category(slug) if under.contains(slug.as_str()));
        if !entry.facets.iter().any(is_under) && !entry.facets.contains(&Facet::Category(category.to_owned())) {
            return false;
        }
    }
    if !query.brands.is_empty() && counts(Chosen::Brand) {
        let mut brands = query.brands.iter().cloned().map(Facet::Brand);
        if !brands.any(|brand| entry.facets.contains(&brand)) {
            return false;
        }
    }
    for (key, values) in &query.attributes {
        let has = |value: &String| entry.facets.contains(&Facet::Attribute { key: key.clone(), value: value.clone() });
        if counts(Chosen::Attribute(key.clone())) && !values.iter().any(has) {
            return false;
        }
    }
    let price = query.currency.and_then(|currency| entry.prices.get(&currency)).copied();
    let is_within = |price: i64| {
        query.price_min.is_none_or(|least| price >= least) && query.price_max.is_none_or(|most| price <= most)
    };
    let has_band = query.price_min.is_some() || query.price_max.is_some();
    if has_band && counts(Chosen::Price) && !price.is_some_and(is_within) {
        return false;
    }
    !query.only_in_stock || but == Some(&Chosen::Stock) || entry.is_in_stock
}

/// Before in the order is less in bytes.
fn spot(entry: &Entry, query: &Query) -> Spot {
    let number = |number: i64| (number.wrapping_sub(i64::MIN) as u64).to_be_bytes().to_vec();
    let newest = number(-entry.created_at.as_millisecond());
    let price = query.currency.and_then(|currency| entry.prices.get(&currency)).copied().unwrap_or(0);
    let key = match query.order {
        Order::Relevance | Order::Newest => newest,
        Order::Title => entry.title_key.clone().into_bytes(),
        Order::PriceAsc => [number(price), newest].concat(),
        Order::PriceDesc => [number(-price), newest].concat(),
    };
    Spot { key, id: entry.id.to_string() }
}

fn counts(matched: &[&Entry], query: &Query) -> Counts {
    let among = |but: Chosen| matched.iter().copied().filter(move |entry| fits(entry, query, Some(&but)));
    let mut categories = vec![0; query.tree.nodes.len()];
    for entry in among(Chosen::Category) {
        let slugs = entry.facets.iter().filter_map(|facet| match facet {
            Facet::Category(slug) => query.tree.find(slug),
            _ => None,
        });
        let places: BTreeSet<usize> = slugs.flat_map(|at| query.tree.path(at)).collect();
        places.into_iter().for_each(|at| categories[at] += 1);
    }
    let mut brands: BTreeMap<&str, u64> = BTreeMap::new();
    for facet in among(Chosen::Brand).flat_map(|entry| &entry.facets) {
        if let Facet::Brand(brand) = facet {
            *brands.entry(brand).or_default() += 1;
        }
    }
    let mut attributes: BTreeMap<&str, BTreeMap<&str, u64>> = BTreeMap::new();
    for entry in matched {
        for facet in &entry.facets {
            if let Facet::Attribute { key, value } = facet
                && fits(entry, query, Some(&Chosen::Attribute(key.clone())))
            {
                *attributes.entry(key).or_default().entry(value).or_default() += 1;
            }
        }
    }
    let mut price_steps = vec![0; STEPS_MAX];
    for entry in among(Chosen::Price) {
        let price = query.currency.and_then(|currency| entry.prices.get(&currency));
        price.into_iter().for_each(|price| price_steps[usize::from(step_of(*price))] += 1);
    }
    let labels: BTreeSet<&Label> = matched.iter().flat_map(|entry| &entry.labels).collect();
    let label = |key: &str, value: Option<&str>| -> Option<Arc<str>> {
        let mut of_it = query.locales.iter().filter_map(|locale| {
            let is_it =
                |label: &&&Label| label.key == key && label.value.as_deref() == value && label.locale == *locale;
            labels.iter().find(is_it)
        });
        of_it.next().map(|label| label.text.as_str().into())
    };
    let counted = |key: Option<&str>, value: &str, count: u64| Counted {
        label: key.and_then(|key| label(key, Some(value))),
        value: value.into(),
        count,
    };
    Counts {
        categories,
        brands: brands.into_iter().map(|(brand, count)| counted(None, brand, count)).collect(),
        attributes: attributes
            .into_iter()
            .map(|(key, values)| CountedAttribute {
                key: key.into(),
                label: label(key, None),
                values: values.into_iter().map(|(value, count)| counted(Some(key), value, count)).collect(),
            })
            .collect(),
        price_steps,
        in_stock: among(Chosen::Stock).filter(|entry| entry.is_in_stock).count() as u64,
    }
}
