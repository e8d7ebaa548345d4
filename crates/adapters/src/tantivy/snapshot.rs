//! The index as it is at one commit: its parts, what is gone from them, and what they share across parts.
//! It does not know queries. Parts that were there before are taken over as they are.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use parking_lot::Mutex;
use services::search::index::Tree;
use tantivy::index::InvertedIndexReader;
use tantivy::{Searcher, SegmentReader};

use super::bits::{Bits, Holders};
use super::part::{Group, Part};
use super::schema::{Fields, Words};

pub struct Snapshot {
    pub segments: Vec<Segment>,
    /// What facets are of, across parts, and the values of each.
    pub groups: Vec<GroupValues>,
    shelves: Mutex<Option<(Arc<Tree>, Arc<Shelves>)>>,
    /// Keeps the segments' files.
    _searcher: Option<Searcher>,
}

pub struct Segment {
    pub reader: SegmentReader,
    pub part: Arc<Part>,
    pub alive: Bits,
    /// In the order of [`Words::ALL`].
    pub words: [Arc<InvertedIndexReader>; 4],
    /// For each of the part's values, its place in [`GroupValues::values`] of its group.
    pub places: Vec<u32>,
    /// For each of the part's groups, its place in [`Snapshot::groups`].
    pub group_places: Vec<usize>,
}

pub struct GroupValues {
    pub group: Group,
    pub labels: Labels,
    pub values: Vec<Value>,
}

pub struct Value {
    pub text: Arc<str>,
    pub labels: Labels,
}

/// By locale.
pub type Labels = Vec<(String, Arc<str>)>;

/// For each segment and each node of a tree: who stands there or below.
pub type Shelves = Vec<Vec<Holders>>;

impl Snapshot {
    pub fn empty() -> Self {
        Self { segments: Vec::new(), groups: Vec::new(), shelves: Mutex::default(), _searcher: None }
    }

    pub fn of(searcher: Searcher, fields: &Fields, before: &Self) -> tantivy::Result<Self> {
        let mut segments = Vec::with_capacity(searcher.segment_readers().len());
        for reader in searcher.segment_readers() {
            let known = before.segments.iter().find(|segment| segment.reader.segment_id() == reader.segment_id());
            let part = match known {
                Some(segment) => segment.part.clone(),
                None => Arc::new(Part::load(reader)?),
            };
            let mut alive = Bits::all(part.documents);
            if let Some(bitset) = reader.alive_bitset() {
                (0..part.documents).filter(|at| bitset.is_deleted(*at)).for_each(|at| alive.remove(at));
            }
            let open = |words| reader.inverted_index(fields.of(words));
            let [title, codes, brand, rest] = Words::ALL;
            let words = [open(title)?, open(codes)?, open(brand)?, open(rest)?];
            segments.push(Segment {
                reader: reader.clone(),
                part,
                alive,
                words,
                places: Vec::new(),
                group_places: Vec::new(),
            });
        }
        let groups = across(&mut segments);
        Ok(Self { segments, groups, shelves: Mutex::default(), _searcher: Some(searcher) })
    }

    pub fn len(&self) -> u64 {
        self.segments.iter().map(|segment| segment.alive.count()).sum()
    }

    /// Who stands under each category; made once for a tree.
    pub fn shelves(&self, tree: &Arc<Tree>) -> Arc<Shelves> {
        let mut kept = self.shelves.lock();
        match &*kept {
            Some((known, shelves)) if Arc::ptr_eq(known, tree) => shelves.clone(),
            _ => {
                let shelves: Arc<Shelves> =
                    Arc::new(self.segments.iter().map(|segment| stand(&segment.part, tree)).collect());
                *kept = Some((tree.clone(), shelves.clone()));
                shelves
            }
        }
    }
}

fn stand(part: &Part, tree: &Tree) -> Vec<Holders> {
    let mut bits: Vec<Option<Bits>> = vec![None; tree.nodes.len()];
    for (at, node) in tree.nodes.iter().enumerate() {
        let Some(holders) = part.holders(&Group::Categories, &node.slug) else { continue };
        for above in tree.path(at) {
            holders.add_to(bits[above].get_or_insert_with(|| Bits::none(part.documents)));
        }
    }
    let holders = |bits: Option<Bits>| {
        let documents = bits.map(|bits| bits.iter().collect()).unwrap_or_default();
        Holders::of(documents, part.documents)
    };
    bits.into_iter().map(holders).collect()
}

/// Values that several parts have become one.
fn across(segments: &mut [Segment]) -> Vec<GroupValues> {
    let mut all: BTreeMap<&Group, BTreeSet<&str>> = BTreeMap::new();
    let mut labels: BTreeMap<(&str, Option<&str>), BTreeMap<&str, &str>> = BTreeMap::new();
    let parts: Vec<Arc<Part>> = segments.iter().map(|segment| segment.part.clone()).collect();
    for part in &parts {
        for (group, range) in &part.groups {
            all.entry(group).or_default().extend(part.values[range.clone()].iter().map(String::as_str));
        }
        for label in &part.labels {
            let of_it = labels.entry((&label.key, label.value.as_deref())).or_default();
            of_it.entry(&label.locale).or_insert(&label.text);
        }
    }
    let told = |key: Option<&str>, value: Option<&str>| -> Labels {
        let of_it = key.and_then(|key| labels.get(&(key, value)));
        let texts = of_it.into_iter().flatten();
        texts.map(|(locale, text)| ((*locale).to_owned(), Arc::from(*text))).collect()
    };
    for (segment, part) in segments.iter_mut().zip(&parts) {
        for (group, range) in &part.groups {
            segment.group_places.push(all.keys().position(|known| *known == group).unwrap_or(0));
            let known: Vec<&str> = all.get(group).into_iter().flatten().copied().collect();
            let place = |value: &String| known.binary_search(&value.as_str()).unwrap_or(0);
            let places = part.values[range.clone()].iter().map(place);
            segment.places.extend(places.map(|place| u32::try_from(place).unwrap_or(0)));
        }
    }
    let of_group = |(group, values): (&Group, BTreeSet<&str>)| {
        let key = match group {
            Group::Attribute(key) => Some(key.as_str()),
            Group::Brands | Group::Categories => None,
        };
        let value = |value: &str| Value { text: value.into(), labels: told(key, Some(value)) };
        let values = values.into_iter().map(value).collect();
        GroupValues { group: group.clone(), labels: told(key, None), values }
    };
    all.into_iter().map(of_group).collect()
}
