//! Variants made of options: every combination of their values once.
//! It does not know which of them the shop really has; staff take away what it has not.

use domain::catalog::MAX_VARIANTS;
use domain::text::Slug;

use super::form::{ProductForm, VariantRow};

/// Characters of a SKU that is made of a title, at most.
const SKU_STEM_CHARS: usize = 16;

/// There are more combinations than a product may have variants.
#[derive(Debug, PartialEq, Eq)]
pub struct TooMany;

impl ProductForm {
    /// Adds a row for each combination that has none. Rows that are there stay; where an option is new to them, they get its
    /// first value.
    pub fn fill_variants(&mut self) -> Result<(), TooMany> {
        let values: Vec<Vec<usize>> =
            self.options.iter().map(|option| option.filled().map(|(place, _)| place).collect()).collect();
        let used: Vec<usize> = (0..values.len()).filter(|option| !values[*option].is_empty()).collect();
        let count = used.iter().try_fold(1usize, |count, option| count.checked_mul(values[*option].len()));
        if count.is_none_or(|count| count > MAX_VARIANTS) {
            return Err(TooMany);
        }
        self.variants.retain(|row| !row.is_blank());
        let taught: Vec<bool> = used.iter().map(|option| self.variants.iter().any(|row| row.chose(*option))).collect();
        for row in &mut self.variants {
            row.chosen.resize(values.len(), None);
            for (option, is_taught) in used.iter().zip(&taught) {
                if !is_taught {
                    row.chosen[*option] = values[*option].first().copied();
                }
            }
        }
        let template = self.variants.first().cloned().unwrap_or_default();
        let stem = self.sku_stem(&template);
        let mut rows = Vec::new();
        for combination in combinations(&values, &used) {
            let mut there: Vec<VariantRow> = Vec::new();
            self.variants.retain(|row| {
                let is_it = used.iter().all(|option| row.chosen.get(*option) == combination.get(*option));
                if is_it {
                    there.push(row.clone());
                }
                !is_it
            });
            if there.is_empty() {
                let sku = self.sku_of(&stem, &combination);
                let VariantRow { prices, before, .. } = template.clone();
                there.push(VariantRow { sku, chosen: combination, prices, before, ..VariantRow::default() });
            }
            rows.append(&mut there);
        }
        rows.append(&mut self.variants);
        self.variants = rows;
        Ok(())
    }

    /// The first row's SKU without what its options add to it, or the title's letters.
    fn sku_stem(&self, template: &VariantRow) -> String {
        let own = template.sku.trim();
        if own.is_empty() {
            let slug = Slug::from_title(&self.title).map(|slug| slug.to_string()).unwrap_or_default();
            let ascii: String = slug.chars().filter(|char| char.is_ascii()).take(SKU_STEM_CHARS).collect();
            return ascii.trim_matches('-').to_uppercase();
        }
        let ending = self.sku_of("", &template.chosen);
        own.strip_suffix(&ending).filter(|stem| !stem.is_empty()).unwrap_or(own).to_owned()
    }

    /// `MUG` in `S` and `Blue` as `MUG-S-BLUE`.
    fn sku_of(&self, stem: &str, chosen: &[Option<usize>]) -> String {
        let mut sku = stem.to_owned();
        for (option, value) in self.options.iter().zip(chosen) {
            let Some(value) = value.and_then(|place| option.values.get(place)) else { continue };
            let piece = value.value.trim().to_uppercase().split_whitespace().collect::<String>();
            sku.push('-');
            sku.push_str(&piece);
        }
        sku
    }
}

impl VariantRow {
    fn chose(&self, option: usize) -> bool {
        self.chosen.get(option).is_some_and(Option::is_some)
    }
}

/// The last option changes first, as shoppers read a list.
fn combinations(values: &[Vec<usize>], used: &[usize]) -> Vec<Vec<Option<usize>>> {
    let mut all = vec![vec![None; values.len()]];
    for option in used {
        let with = |row: &Vec<Option<usize>>| {
            let row = row.clone();
            values[*option].iter().map(move |value| {
                let mut row = row.clone();
                row[*option] = Some(*value);
                row
            })
        };
        all = all.iter().flat_map(with).collect();
    }
    all
}
