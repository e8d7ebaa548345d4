//! The tree of categories as searches need it: flat, with the words of every name in every language.
//! It does not know products. A changed tree changes nothing that is indexed, only what is asked.

use std::collections::BTreeSet;
use std::sync::Arc;

use domain::catalog::{Categories, Category};
use domain::text::Slug;

use super::index::{AskedWord, Node, Tree};
use super::words::{Word, words};

/// One version of the tree.
pub struct Shelving {
    pub version: u64,
    pub tree: Arc<Tree>,
    /// In the tree's order: each category, and the words of its names.
    shelves: Vec<(Category, Vec<String>)>,
}

impl Shelving {
    pub fn new(categories: &Categories, version: u64) -> Self {
        let (mut nodes, mut shelves) = (Vec::new(), Vec::new());
        let mut waiting: Vec<(Option<usize>, &Category)> = under(categories, None, None);
        while let Some((parent, category)) = waiting.pop() {
            waiting.extend(under(categories, Some(&category.slug), Some(nodes.len())));
            nodes.push(Node { slug: category.slug.to_string(), parent });
            shelves.push((category.clone(), names(category)));
        }
        Self { version, tree: Arc::new(Tree { nodes }), shelves }
    }

    /// Parents before children, siblings in their order: as the tree's nodes are.
    pub fn categories(&self) -> impl Iterator<Item = &Category> {
        self.shelves.iter().map(|(category, _)| category)
    }

    /// The word, with the categories that are called so and all under them.
    pub fn asked(&self, word: Word) -> AskedWord {
        let is_named: Vec<bool> = self.shelves.iter().map(|(_, names)| word.is_in(names)).collect();
        if !is_named.contains(&true) {
            return AskedWord { word, categories: BTreeSet::new() };
        }
        let named = (0..self.shelves.len()).filter(|at| self.tree.path(*at).any(|above| is_named[above]));
        let categories = named.map(|at| self.tree.nodes[at].slug.clone()).collect();
        AskedWord { word, categories }
    }
}

/// The last to be looked at first, because they wait on a stack.
fn under<'a>(categories: &'a Categories, slug: Option<&Slug>, at: Option<usize>) -> Vec<(Option<usize>, &'a Category)> {
    categories.children(slug).into_iter().rev().map(|category| (at, category)).collect()
}

fn names(category: &Category) -> Vec<String> {
    let translated = category.translations.values().filter_map(|text| text.title.as_ref());
    std::iter::once(&category.title).chain(translated).flat_map(|title| words(title.as_str())).collect()
}
