//! A page of hits, their number, and the counts of facets, from what has the words.
//! It does not know words, nor how hits are shown.
//!
//! Every filter is a set of bits; a filter of one kind is left out where that kind is counted, so what is chosen does
//! not narrow its own choices.

use std::borrow::Cow;
use std::collections::BinaryHeap;
use std::sync::Arc;

use contracts::search::Order;
use domain::ids::ProductId;
use services::search::bands::STEPS_MAX;
use services::search::index::{Counted, CountedAttribute, Counts, Hits, Query, Spot};
use tantivy::TantivyError;

use super::bits::{Bits, Holders};
use super::part::{Group, Id, Part};
use super::schema::Fields;
use super::snapshot::{Labels, Segment, Snapshot};
use super::words::{Matched, matched};

/// What was chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Chosen<'a> {
    Category,
    Brands,
    Attribute(&'a str),
    Price,
    Stock,
}

/// What of one segment fits: before and after filters.
struct Narrowed<'a> {
    base: Bits,
    filters: Vec<(Chosen<'a>, Bits)>,
    all: Bits,
}

pub fn find(snapshot: &Snapshot, fields: &Fields, query: &Query) -> tantivy::Result<Hits> {
    let shelves = snapshot.shelves(&query.tree);
    let mut hits = Hits::default();
    let mut counts = query.with_counts.then(|| Tally::new(snapshot, query));
    let mut found: Vec<(Spot, Id)> = Vec::new();
    for ((segment, held), matched) in
        snapshot.segments.iter().zip(shelves.iter()).zip(matched(snapshot, fields, query)?)
    {
        let Matched { bits, scores } = matched;
        let narrowed = Narrowed::of(&segment.part, held, query, bits);
        hits.total += narrowed.all.count();
        if let Some(counts) = &mut counts {
            counts.add(segment, held, &narrowed);
        }
        found.extend(first(&segment.part, query, &narrowed.all, &scores)?);
    }
    found.sort_unstable_by(|a, b| a.0.cmp(&b.0));
    let has_more = found.len() > query.limit;
    found.truncate(query.limit);
    hits.next = found.last().filter(|_| has_more).map(|(spot, _)| spot.clone());
    hits.ids = found.iter().map(|(_, id)| product(id)).collect::<tantivy::Result<_>>()?;
    hits.counts = counts.map(|counts| counts.into_counts(snapshot, query));
    Ok(hits)
}

fn product(id: &Id) -> tantivy::Result<ProductId> {
    let key = std::str::from_utf8(id).ok().and_then(|key| ProductId::from_key(key).ok());
    key.ok_or_else(|| TantivyError::InternalError("an entry of the index has no product's id".to_owned()))
}

impl<'a> Narrowed<'a> {
    fn of(part: &Part, held: &[Holders], query: &'a Query, mut base: Bits) -> Self {
        let none = || Bits::none(part.documents);
        let prices = query.currency.map(|currency| part.prices.get(&currency));
        match prices {
            Some(Some(prices)) => base.narrow(&prices.has),
            Some(None) => base = none(),
            None => {}
        }
        let mut filters = Vec::new();
        let any = |holders: &mut dyn Iterator<Item = &Holders>| {
            let mut bits = none();
            for holders in holders {
                holders.add_to(&mut bits);
            }
            bits
        };
        if let Some(slug) = &query.category {
            let of_tree = query.tree.find(slug).and_then(|at| held.get(at));
            let holders = of_tree.or_else(|| part.holders(&Group::Categories, slug));
            filters.push((Chosen::Category, any(&mut holders.into_iter())));
        }
        if !query.brands.is_empty() {
            let mut holders = query.brands.iter().filter_map(|brand| part.holders(&Group::Brands, brand));
            filters.push((Chosen::Brands, any(&mut holders)));
        }
        for (key, values) in &query.attributes {
            let group = Group::Attribute(key.clone());
            let mut holders = values.iter().filter_map(|value| part.holders(&group, value));
            filters.push((Chosen::Attribute(key), any(&mut holders)));
        }
        if query.price_min.is_some() || query.price_max.is_some() {
            let mut bits = none();
            if let Some(prices) = prices.flatten() {
                let (least, most) = (query.price_min.unwrap_or(i64::MIN), query.price_max.unwrap_or(i64::MAX));
                let fits = |document: &u32| (least..=most).contains(&prices.amounts[*document as usize]);
                base.iter().filter(fits).for_each(|document| bits.insert(document));
            }
            filters.push((Chosen::Price, bits));
        }
        if query.only_in_stock {
            filters.push((Chosen::Stock, part.in_stock.clone()));
        }
        let mut all = base.clone();
        filters.iter().for_each(|(_, bits)| all.narrow(bits));
        Self { base, filters, all }
    }

    /// What fits all filters but one.
    fn but(&self, chosen: Chosen<'_>) -> Cow<'_, Bits> {
        if self.filters.iter().all(|(kind, _)| *kind != chosen) {
            return Cow::Borrowed(&self.all);
        }
        let mut bits = self.base.clone();
        let others = self.filters.iter().filter(|(kind, _)| *kind != chosen);
        others.for_each(|(_, filter)| bits.narrow(filter));
        Cow::Owned(bits)
    }
}

/// Where a document stands in the order of a part: less is before.
type Rank<'a> = (i64, i64, &'a Id, u32);

/// The first of a part's hits after the query's spot, one more than a page holds.
fn first(part: &Part, query: &Query, all: &Bits, scores: &[u32]) -> tantivy::Result<Vec<(Spot, Id)>> {
    let after = match &query.after {
        Some(spot) => Some(cut(part, query.order, spot)?),
        None => None,
    };
    let prices = query.currency.and_then(|currency| part.prices.get(&currency));
    let price = |at: usize| prices.map_or(0, |prices| prices.amounts[at]);
    let mut kept: BinaryHeap<Rank<'_>> = BinaryHeap::with_capacity(query.limit + 2);
    for document in all.iter() {
        let at = document as usize;
        let newest = -part.created[at];
        let (one, two) = match query.order {
            Order::Relevance => (-i64::from(scores.get(at).copied().unwrap_or(0)), newest),
            Order::Newest => (newest, 0),
            Order::Title => (i64::from(part.title_places[at]), 0),
            Order::PriceAsc => (price(at), newest),
            Order::PriceDesc => (-price(at), newest),
        };
        let rank: Rank<'_> = (one, two, &part.ids[at], document);
        if kept.len() > query.limit && kept.peek().is_some_and(|last| rank >= *last) {
            continue;
        }
        if after.as_ref().is_some_and(|(one, two, id)| (rank.0, rank.1, rank.2) <= (*one, *two, id)) {
            continue;
        }
        kept.push(rank);
        if kept.len() > query.limit + 1 {
            kept.pop();
        }
    }
    let spot = |(one, two, id, document): Rank<'_>| {
        let key = match query.order {
            Order::Title => part.title(document)?,
            _ => [bytes(one), bytes(two)].concat(),
        };
        Ok((Spot { key, id: product(id)?.to_string() }, *id))
    };
    kept.into_iter().map(spot).collect()
}

/// Numbers as bytes that compare as the numbers do.
fn bytes(number: i64) -> [u8; 8] {
    (number.cast_unsigned() ^ (1 << 63)).to_be_bytes()
}

fn number(bytes: &[u8]) -> Option<i64> {
    Some((u64::from_be_bytes(bytes.try_into().ok()?) ^ (1 << 63)).cast_signed())
}

/// A spot in the terms of one part. One that is damaged is behind everything.
fn cut(part: &Part, order: Order, spot: &Spot) -> tantivy::Result<(i64, i64, Id)> {
    let key = spot.id.strip_prefix(ProductId::PREFIX).unwrap_or_default();
    let Ok(id) = Id::try_from(key.as_bytes()) else { return Ok((i64::MAX, i64::MAX, [u8::MAX; _])) };
    if order == Order::Title {
        let (place, is_it) = part.place_of(&spot.key)?;
        return Ok(if is_it { (place, 0, id) } else { (place - 1, i64::MAX, id) });
    }
    let numbers = spot.key.split_at_checked(8).and_then(|(one, two)| Some((number(one)?, number(two)?)));
    let (one, two) = numbers.unwrap_or((i64::MAX, i64::MAX));
    Ok((one, two, id))
}

/// Counts across segments.
struct Tally {
    categories: Vec<u64>,
    /// For each group of the snapshot, for each of its values.
    values: Vec<Vec<u64>>,
    price_steps: Vec<u64>,
    in_stock: u64,
    currency: Option<domain::money::Currency>,
}

impl Tally {
    fn new(snapshot: &Snapshot, query: &Query) -> Self {
        Self {
            categories: vec![0; query.tree.nodes.len()],
            values: snapshot.groups.iter().map(|group| vec![0; group.values.len()]).collect(),
            price_steps: vec![0; STEPS_MAX],
            in_stock: 0,
            currency: query.currency,
        }
    }

    fn add(&mut self, segment: &Segment, held: &[Holders], narrowed: &Narrowed<'_>) {
        let part = &segment.part;
        let among = narrowed.but(Chosen::Category);
        if !among.is_empty() {
            self.categories.iter_mut().zip(held).for_each(|(count, holders)| *count += holders.count_in(&among));
        }
        for ((group, range), place) in part.groups.iter().zip(&segment.group_places) {
            let among = match group {
                Group::Attribute(key) => narrowed.but(Chosen::Attribute(key)),
                Group::Brands => narrowed.but(Chosen::Brands),
                Group::Categories => continue,
            };
            if among.is_empty() {
                continue;
            }
            let counts = &mut self.values[*place];
            for (place, holders) in segment.places[range.clone()].iter().zip(&part.holders[range.clone()]) {
                counts[*place as usize] += holders.count_in(&among);
            }
        }
        if let Some(prices) = self.currency.and_then(|currency| part.prices.get(&currency)) {
            let steps = narrowed.but(Chosen::Price);
            steps.iter().for_each(|at| self.price_steps[usize::from(prices.steps[at as usize])] += 1);
        }
        self.in_stock += part.in_stock.count_with(&narrowed.but(Chosen::Stock));
    }

    fn into_counts(self, snapshot: &Snapshot, query: &Query) -> Counts {
        let mut counts = Counts {
            categories: self.categories,
            price_steps: self.price_steps,
            in_stock: self.in_stock,
            ..Counts::default()
        };
        let label = |labels: &Labels| -> Option<Arc<str>> {
            let of_locale = |locale: &String| labels.iter().find(|(own, _)| own == locale);
            query.locales.iter().find_map(of_locale).map(|(_, text)| text.clone())
        };
        for (group, numbers) in snapshot.groups.iter().zip(self.values) {
            let met = group.values.iter().zip(numbers).filter(|(_, count)| *count > 0);
            let mut values = Vec::with_capacity(met.size_hint().1.unwrap_or_default());
            values.extend(met.map(|(value, count)| {
                let label = label(&value.labels);
                Counted { value: value.text.clone(), label, count }
            }));
            match &group.group {
                Group::Attribute(key) if !values.is_empty() => {
                    let key = key.as_str().into();
                    counts.attributes.push(CountedAttribute { key, label: label(&group.labels), values });
                }
                Group::Brands => counts.brands = values,
                Group::Attribute(_) | Group::Categories => {}
            }
        }
        counts
    }
}
