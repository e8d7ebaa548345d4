//! A segment of the index with what searching needs at hand: prices, times, ids, and who shares what. It never changes;
//! which of its documents are gone is said beside it.
//! It does not know queries.

use std::collections::BTreeMap;
use std::ops::Range;

use domain::ids::KEY_CHARS;
use domain::money::Currency;
use services::search::bands::step_of;
use services::search::index::{Facet, Label};
use tantivy::columnar::StrColumn;
use tantivy::{SegmentReader, TantivyError};

use super::bits::{Bits, Holders};
use super::schema::{CREATED, FACETS, ID, IN_STOCK, LABELS, PRICES, TITLE_KEY, read_facet, read_label};

pub type Id = [u8; KEY_CHARS];

/// What facets are of.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Group {
    Attribute(String),
    Brands,
    Categories,
}

pub struct Part {
    pub documents: u32,
    pub ids: Vec<Id>,
    /// Milliseconds since 1970.
    pub created: Vec<i64>,
    pub in_stock: Bits,
    pub prices: BTreeMap<Currency, Prices>,
    /// For each document the place of its title among those of the part.
    pub title_places: Vec<u32>,
    titles: Option<StrColumn>,
    /// What is shared: by group, then by value.
    pub values: Vec<String>,
    pub groups: Vec<(Group, Range<usize>)>,
    /// For each value.
    pub holders: Vec<Holders>,
    pub labels: Vec<Label>,
}

/// The prices of a part's products in one currency.
pub struct Prices {
    /// Meaningful for those that have one.
    pub amounts: Vec<i64>,
    pub steps: Vec<u8>,
    pub has: Bits,
}

impl Part {
    pub fn load(reader: &SegmentReader) -> tantivy::Result<Self> {
        let documents = reader.max_doc();
        let columns = reader.fast_fields();
        let created = columns.i64(CREATED)?;
        let is_in_stock = columns.bool(IN_STOCK)?;
        let mut in_stock = Bits::none(documents);
        let of_stock = |document: &u32| is_in_stock.first(*document) == Some(true);
        (0..documents).filter(of_stock).for_each(|document| in_stock.insert(document));
        let titles = columns.str(TITLE_KEY)?;
        let (values, groups, holders) = shared(columns.str(FACETS)?.as_ref(), documents)?;
        Ok(Self {
            documents,
            ids: ids(columns.str(ID)?.as_ref(), documents)?,
            created: (0..documents).map(|document| created.first(document).unwrap_or(0)).collect(),
            in_stock,
            prices: prices(reader)?,
            title_places: places(titles.as_ref(), documents),
            titles,
            values,
            groups,
            holders,
            labels: texts(columns.str(LABELS)?.as_ref())?.iter().filter_map(|text| read_label(text)).collect(),
        })
    }

    pub fn title(&self, document: u32) -> tantivy::Result<Vec<u8>> {
        let mut title = Vec::new();
        if let Some(titles) = &self.titles {
            titles.dictionary().ord_to_term(u64::from(self.title_places[document as usize]), &mut title)?;
        }
        Ok(title)
    }

    /// The place of a title among those of the part, or else of the next one, and whether it is that title itself.
    pub fn place_of(&self, title: &[u8]) -> tantivy::Result<(i64, bool)> {
        let Some(titles) = &self.titles else { return Ok((0, false)) };
        let place = |ord: u64| i64::try_from(ord).unwrap_or(i64::MAX);
        if let Some(ord) = titles.dictionary().term_ord(title)? {
            return Ok((place(ord), true));
        }
        let bounds = titles
            .dictionary()
            .term_bounds_to_ord(std::ops::Bound::Included(title), std::ops::Bound::<&[u8]>::Unbounded)?;
        let first = match bounds.0 {
            std::ops::Bound::Included(ord) => place(ord),
            std::ops::Bound::Excluded(ord) => place(ord) + 1,
            std::ops::Bound::Unbounded => 0,
        };
        Ok((first, false))
    }

    pub fn group(&self, group: &Group) -> Range<usize> {
        let found = self.groups.binary_search_by(|(own, _)| own.cmp(group));
        found.map_or(0..0, |at| self.groups[at].1.clone())
    }

    /// Who holds a value of a group.
    pub fn holders(&self, group: &Group, value: &str) -> Option<&Holders> {
        let range = self.group(group);
        let at = self.values[range.clone()].binary_search_by(|own| own.as_str().cmp(value)).ok()?;
        self.holders.get(range.start + at)
    }
}

fn ids(column: Option<&StrColumn>, documents: u32) -> tantivy::Result<Vec<Id>> {
    let texts = texts(column)?;
    let damaged = || TantivyError::InternalError("an entry of the index has no id".to_owned());
    let id = |place: &u32| {
        let text = texts.get(*place as usize).ok_or_else(damaged)?;
        Id::try_from(text.as_bytes()).map_err(|_| damaged())
    };
    places(column, documents).iter().map(id).collect()
}

/// The first value of each document, as its place among all.
fn places(column: Option<&StrColumn>, documents: u32) -> Vec<u32> {
    let place = |document| column.and_then(|column| column.ords().first(document)).unwrap_or(0);
    (0..documents).map(|document| u32::try_from(place(document)).unwrap_or(u32::MAX)).collect()
}

/// All values of a column, in their order.
fn texts(column: Option<&StrColumn>) -> tantivy::Result<Vec<String>> {
    let Some(column) = column else { return Ok(Vec::new()) };
    let mut stream = column.dictionary().stream()?;
    let mut texts = Vec::with_capacity(column.dictionary().num_terms());
    while stream.advance() {
        texts.push(String::from_utf8_lossy(stream.key()).into_owned());
    }
    Ok(texts)
}

type Shared = (Vec<String>, Vec<(Group, Range<usize>)>, Vec<Holders>);

/// The column's values are in the order of their groups, because of how facets are written.
fn shared(column: Option<&StrColumn>, documents: u32) -> tantivy::Result<Shared> {
    let texts = texts(column)?;
    let mut lists: Vec<Vec<u32>> = vec![Vec::new(); texts.len()];
    if let Some(column) = column {
        for document in 0..documents {
            for ord in column.term_ords(document) {
                let list = usize::try_from(ord).ok().and_then(|ord| lists.get_mut(ord));
                list.into_iter().for_each(|list| list.push(document));
            }
        }
    }
    let mut found: Vec<(Group, String, Holders)> = Vec::with_capacity(texts.len());
    for (text, list) in texts.iter().zip(lists) {
        let (group, value) = match read_facet(text) {
            Some(Facet::Attribute { key, value }) => (Group::Attribute(key), value),
            Some(Facet::Brand(brand)) => (Group::Brands, brand),
            Some(Facet::Category(slug)) => (Group::Categories, slug),
            None => continue,
        };
        found.push((group, value, Holders::of(list, documents)));
    }
    // Keys that begin with each other can be written in another order than they are read.
    found.sort_by(|a, b| (&a.0, &a.1).cmp(&(&b.0, &b.1)));
    let (mut values, mut groups, mut holders) = (Vec::new(), Vec::<(Group, Range<usize>)>::new(), Vec::new());
    for (at, (group, value, held)) in found.into_iter().enumerate() {
        match groups.last_mut().filter(|(last, _)| *last == group) {
            Some((_, range)) => range.end = at + 1,
            None => groups.push((group, at..at + 1)),
        }
        values.push(value);
        holders.push(held);
    }
    Ok((values, groups, holders))
}

fn prices(reader: &SegmentReader) -> tantivy::Result<BTreeMap<Currency, Prices>> {
    let documents = reader.max_doc();
    let mut prices = BTreeMap::new();
    for currency in Currency::all() {
        let name = format!("{PRICES}.{}", currency.code());
        let Some(column) = reader.fast_fields().column_opt::<i64>(&name)? else { continue };
        let mut has = Bits::none(documents);
        let mut amounts = vec![0; documents as usize];
        for document in 0..documents {
            if let Some(amount) = column.first(document) {
                has.insert(document);
                amounts[document as usize] = amount;
            }
        }
        let steps = amounts.iter().map(|amount| step_of(*amount)).collect();
        prices.insert(currency, Prices { amounts, steps, has });
    }
    Ok(prices)
}
