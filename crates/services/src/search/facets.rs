//! Facets as they are shown: what was counted, with names in the asked language, the fullest first.
//! It does not count.

use std::collections::{BTreeMap, BTreeSet};

use contracts::search::{AttributeFacet, FacetValue, Facets, Wanted};
use domain::locale::Locale;

use super::bands::bands;
use super::index::{Counted, CountedAttribute, Counts};
use super::shelving::Shelving;

/// Values of one facet that are told; those that are chosen always are.
const VALUES_MAX: usize = 50;
/// Attributes that are told, those that most products have first.
const ATTRIBUTES_MAX: usize = 20;

pub fn facets(counts: Counts, wanted: &Wanted, shelving: &Shelving, locale: &Locale) -> Facets {
    Facets {
        categories: categories(&counts.categories, wanted.category.as_deref(), shelving, locale),
        brands: values(counts.brands, &wanted.brands),
        attributes: attributes(counts.attributes, &wanted.attributes),
        prices: bands(&counts.price_steps, (wanted.price_min, wanted.price_max)),
        in_stock: counts.in_stock,
    }
}

/// In the order of the tree, which staff chose.
fn categories(counts: &[u64], chosen: Option<&str>, shelving: &Shelving, locale: &Locale) -> Vec<FacetValue> {
    let counted = shelving.categories().zip(counts);
    let told = counted.filter(|(category, count)| **count > 0 || chosen == Some(category.slug.as_str()));
    told.map(|(category, count)| FacetValue {
        value: category.slug.to_string(),
        label: category.title_in(locale).to_string(),
        count: *count,
        is_chosen: chosen == Some(category.slug.as_str()),
    })
    .collect()
}

fn values(mut counted: Vec<Counted>, chosen: &BTreeSet<String>) -> Vec<FacetValue> {
    let fullest_first = |a: &Counted, b: &Counted| b.count.cmp(&a.count).then_with(|| a.value.cmp(&b.value));
    if counted.len() > VALUES_MAX {
        // Of those that are not told anyway, only what is chosen matters.
        counted.select_nth_unstable_by(VALUES_MAX, fullest_first);
        let mut rest = counted.split_off(VALUES_MAX);
        rest.retain(|value| chosen.contains(value.value.as_ref()));
        counted.extend(rest);
    }
    counted.sort_unstable_by(fullest_first);
    let mut told: Vec<FacetValue> = Vec::with_capacity(counted.len());
    for (rank, Counted { value, label, count }) in counted.into_iter().enumerate() {
        let is_chosen = chosen.contains(value.as_ref());
        if rank < VALUES_MAX || is_chosen {
            let label = label.as_deref().unwrap_or(&value).to_owned();
            told.push(FacetValue { value: value.as_ref().to_owned(), label, count, is_chosen });
        }
    }
    let missing = chosen.iter().filter(|value| told.iter().all(|told| told.value != **value)).cloned();
    let missing: Vec<String> = missing.collect();
    told.extend(missing.into_iter().map(|value| FacetValue { label: value.clone(), value, count: 0, is_chosen: true }));
    told
}

fn attributes(counted: Vec<CountedAttribute>, chosen: &BTreeMap<String, BTreeSet<String>>) -> Vec<AttributeFacet> {
    let sum = |attribute: &CountedAttribute| attribute.values.iter().map(|value| value.count).sum::<u64>();
    let mut of_all: Vec<(u64, CountedAttribute)> =
        counted.into_iter().map(|attribute| (sum(&attribute), attribute)).collect();
    of_all.sort_by(|a, b| b.0.cmp(&a.0).then_with(|| a.1.key.cmp(&b.1.key)));
    let none = BTreeSet::new();
    let mut told = Vec::new();
    for (rank, (_, CountedAttribute { key, label, values: counted })) in of_all.into_iter().enumerate() {
        let chosen_here = chosen.get(key.as_ref());
        if rank < ATTRIBUTES_MAX || chosen_here.is_some() {
            let label = label.map_or_else(|| shown(&key), |label| label.as_ref().to_owned());
            let values = values(counted, chosen_here.unwrap_or(&none));
            told.push(AttributeFacet { key: key.as_ref().to_owned(), label, values });
        }
    }
    for (key, chosen) in chosen.iter().filter(|(_, chosen)| !chosen.is_empty()) {
        if told.iter().all(|facet: &AttributeFacet| facet.key != *key) {
            told.push(AttributeFacet { key: key.clone(), label: shown(key), values: values(Vec::new(), chosen) });
        }
    }
    told
}

/// A key that nobody gave a name: `burn_time` is shown as `Burn time`.
fn shown(key: &str) -> String {
    let spaced = key.replace('_', " ");
    let mut signs = spaced.chars();
    signs.next().map_or_else(String::new, |first| first.to_uppercase().chain(signs).collect())
}
