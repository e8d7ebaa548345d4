//! The shelves of the shop: a tree of categories, kept as one list.
//! It does not know which products stand there.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::translation::read_text;
use super::{MAX_CATEGORIES, MAX_CATEGORY_DEPTH, MAX_DESCRIPTION_CHARS, MAX_TRANSLATIONS};
use crate::field::{Collector, FieldError, pointer_piece, read_optional};
use crate::locale::Locale;
use crate::text::{Slug, Title};

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Category {
    pub slug: Slug,
    pub parent: Option<Slug>,
    pub title: Title,
    pub description: String,
    /// Among its siblings, the lowest first.
    pub position: i32,
    pub translations: BTreeMap<Locale, CategoryText>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CategoryText {
    pub title: Option<Title>,
    pub description: Option<String>,
}

/// At most 1,000, in a tree at most 5 deep.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Categories {
    list: Vec<Category>,
}

/// A category as staff send it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CategoryInput {
    /// Made from the title where it is not sent.
    #[serde(default)]
    pub slug: Option<String>,
    #[serde(default)]
    pub parent: Option<String>,
    pub title: String,
    #[serde(default)]
    pub description: Option<String>,
    #[serde(default)]
    pub position: i32,
    #[serde(default)]
    pub translations: BTreeMap<String, CategoryTextInput>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct CategoryTextInput {
    pub title: Option<String>,
    pub description: Option<String>,
}

impl CategoryInput {
    /// One category by itself, with pointers such as `/parent`; whether it fits the tree is for `Categories`.
    pub fn validate(&self) -> Result<Category, Vec<FieldError>> {
        let mut errors = Collector::default();
        let e = &mut errors;
        let title = e.take("/title", "invalid", Title::parse(&self.title));
        let slug = match self.slug.as_deref().filter(|slug| !slug.is_empty()) {
            Some(slug) => e.take("/slug", "invalid_slug", Slug::parse(slug)),
            None => title.as_ref().and_then(|title| e.take("/slug", "required", Slug::from_title(title.as_str()))),
        };
        let parent = read_optional(e, "/parent", &self.parent, "invalid_slug", Slug::parse);
        let description = self.description.as_deref().unwrap_or_default();
        let description = read_text(e, "/description", description, MAX_DESCRIPTION_CHARS).unwrap_or_default();
        let translations = self.read_translations(e);
        let (Some(slug), Some(title), true) = (slug, title, errors.is_empty()) else {
            return Err(errors.into_errors());
        };
        Ok(Category { slug, parent, title, description, position: self.position, translations })
    }

    fn read_translations(&self, errors: &mut Collector) -> BTreeMap<Locale, CategoryText> {
        let mut translations = BTreeMap::new();
        if errors.too_many("/translations", "translations", self.translations.len(), MAX_TRANSLATIONS) {
            return translations;
        }
        for (tag, sent) in &self.translations {
            let pointer = format!("/translations/{}", pointer_piece(tag));
            let title = read_optional(errors, &format!("{pointer}/title"), &sent.title, "invalid", Title::parse);
            let at = format!("{pointer}/description");
            let description =
                sent.description.as_deref().and_then(|text| read_text(errors, &at, text, MAX_DESCRIPTION_CHARS));
            let Some(locale) = errors.take(&pointer, "invalid_locale", Locale::parse(tag)) else {
                continue;
            };
            if translations.insert(locale, CategoryText { title, description }).is_some() {
                errors.push(pointer, "duplicate", "is the same locale as another");
            }
        }
        translations
    }
}

impl Category {
    pub fn title_in(&self, locale: &Locale) -> &Title {
        let texts = locale.fallbacks().filter_map(|locale| self.translations.get(&locale));
        texts.into_iter().find_map(|text| text.title.as_ref()).unwrap_or(&self.title)
    }

    pub fn description_in(&self, locale: &Locale) -> &str {
        let texts = locale.fallbacks().filter_map(|locale| self.translations.get(&locale));
        texts.into_iter().find_map(|text| text.description.as_deref()).unwrap_or(&self.description)
    }
}

impl Categories {
    /// All of what is sent, or all that is wrong, with pointers such as `/3/parent`.
    pub fn from_inputs(inputs: &[CategoryInput]) -> Result<Self, Vec<FieldError>> {
        let mut errors = Collector::default();
        let mut list = Vec::new();
        for (index, input) in inputs.iter().enumerate().take(MAX_CATEGORIES + 1) {
            match input.validate() {
                Ok(category) => list.push(category),
                Err(found) => errors.extend_under(&format!("/{index}"), found),
            }
        }
        if errors.is_empty() { Self::new(list) } else { Err(errors.into_errors()) }
    }

    /// Checks the tree, with pointers such as `/3/parent`.
    pub fn new(list: Vec<Category>) -> Result<Self, Vec<FieldError>> {
        let mut errors = Collector::default();
        if errors.too_many("", "categories", list.len(), MAX_CATEGORIES) {
            return Err(errors.into_errors());
        }
        let mut parents: BTreeMap<&Slug, Option<&Slug>> = BTreeMap::new();
        for (index, category) in list.iter().enumerate() {
            if parents.insert(&category.slug, category.parent.as_ref()).is_some() {
                errors.push(format!("/{index}/slug"), "duplicate", "is there twice");
            }
        }
        for (index, category) in list.iter().enumerate() {
            if let Some((code, message)) = misplaced(&category.slug, &parents) {
                errors.push(format!("/{index}/parent"), code, message);
            }
        }
        if errors.is_empty() { Ok(Self { list }) } else { Err(errors.into_errors()) }
    }

    /// With one more, or with another in place of the one with its slug.
    pub fn with(&self, category: Category) -> Result<Self, Vec<FieldError>> {
        let mut list = self.list.clone();
        match list.iter_mut().find(|there| there.slug == category.slug) {
            Some(there) => *there = category,
            None => list.push(category),
        }
        Self::new(list)
    }

    /// Without one; what stood under it moves up to its parent.
    pub fn without(&self, slug: &Slug) -> Self {
        let parent = self.get(slug).and_then(|category| category.parent.clone());
        let mut list = self.list.clone();
        list.retain(|category| category.slug != *slug);
        for category in list.iter_mut().filter(|category| category.parent.as_ref() == Some(slug)) {
            category.parent = parent.clone();
        }
        Self { list }
    }

    pub fn all(&self) -> &[Category] {
        &self.list
    }

    pub fn get(&self, slug: &Slug) -> Option<&Category> {
        self.list.iter().find(|category| category.slug == *slug)
    }

    /// Those right under a category, or those at the top, by position and then title.
    pub fn children(&self, parent: Option<&Slug>) -> Vec<&Category> {
        let mut children: Vec<&Category> =
            self.list.iter().filter(|category| category.parent.as_ref() == parent).collect();
        children.sort_by(|a, b| (a.position, &a.title, &a.slug).cmp(&(b.position, &b.title, &b.slug)));
        children
    }

    /// From the top down to a category; empty where there is no such one.
    pub fn path(&self, slug: &Slug) -> Vec<&Category> {
        let up = |category: &&Category| category.parent.as_ref().and_then(|parent| self.get(parent));
        let mut path: Vec<&Category> = std::iter::successors(self.get(slug), up).take(MAX_CATEGORY_DEPTH).collect();
        path.reverse();
        path
    }

    /// A category and all under it: where a shopper looks who opens it.
    pub fn subtree(&self, slug: &Slug) -> BTreeSet<&Slug> {
        let mut subtree: BTreeSet<&Slug> = self.get(slug).map(|category| &category.slug).into_iter().collect();
        for _ in 1..MAX_CATEGORY_DEPTH {
            let is_under = |category: &&Category| category.parent.as_ref().is_some_and(|above| subtree.contains(above));
            let below: Vec<&Slug> = self.list.iter().filter(is_under).map(|category| &category.slug).collect();
            subtree.extend(below);
        }
        subtree
    }
}

/// Read from a store that only `Categories` wrote, but checked all the same: a cycle would never end.
impl<'de> Deserialize<'de> for Categories {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let list = Vec::<Category>::deserialize(deserializer)?;
        Self::new(list).map_err(|_| serde::de::Error::custom("the categories are no tree"))
    }
}

/// Why a category cannot stand where it says.
fn misplaced(slug: &Slug, parents: &BTreeMap<&Slug, Option<&Slug>>) -> Option<(&'static str, String)> {
    let mut above = parents.get(slug).copied().flatten();
    let mut depth = 1;
    while let Some(parent) = above {
        if parent == slug {
            return Some(("cycle", "is under itself".to_owned()));
        }
        depth += 1;
        if depth > parents.len() {
            // A cycle further up, told where it is.
            return None;
        }
        match parents.get(parent) {
            Some(next) => above = *next,
            // Told at the one whose parent it is.
            None if depth > 2 => return None,
            None => return Some(("unknown_parent", format!("there is no category {parent}"))),
        }
    }
    let is_too_deep = depth > MAX_CATEGORY_DEPTH;
    is_too_deep.then(|| ("too_deep", format!("a category is at most {MAX_CATEGORY_DEPTH} deep")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn slug(text: &str) -> Slug {
        Slug::parse(text).unwrap()
    }

    fn tree(pairs: &[(&str, Option<&str>)]) -> Result<Categories, Vec<String>> {
        let inputs: Vec<CategoryInput> = pairs
            .iter()
            .map(|(title, parent)| CategoryInput {
                title: (*title).to_owned(),
                parent: parent.map(str::to_owned),
                ..CategoryInput::default()
            })
            .collect();
        Categories::from_inputs(&inputs)
            .map_err(|errors| errors.into_iter().map(|error| format!("{} {}", error.pointer, error.code)).collect())
    }

    fn told(pairs: &[(&str, Option<&str>)]) -> Vec<String> {
        tree(pairs).expect_err("errors")
    }

    #[test]
    fn what_is_no_tree_is_refused() {
        assert_eq!(told(&[("A", None), ("a", None)]), ["/1/slug duplicate"]);
        assert_eq!(told(&[("A", Some("b")), ("C", Some("a"))]), ["/0/parent unknown_parent"]);
        assert_eq!(told(&[("A", Some("a"))]), ["/0/parent cycle"]);
        assert_eq!(
            told(&[("A", Some("b")), ("B", Some("a")), ("C", Some("a"))]),
            ["/0/parent cycle", "/1/parent cycle"]
        );
        assert_eq!(told(&[("!", None), ("B", Some("No Slug"))]), ["/0/slug required", "/1/parent invalid_slug"]);
    }

    #[test]
    fn a_tree_is_five_deep() {
        let pairs =
            [("A", None), ("B", Some("a")), ("C", Some("b")), ("D", Some("c")), ("E", Some("d")), ("F", Some("e"))];
        assert!(tree(&pairs[..5]).is_ok());
        assert_eq!(told(&pairs), ["/5/parent too_deep"]);
    }

    #[test]
    fn the_tree_is_walked() {
        let categories = tree(&[("B", None), ("A", None), ("C", Some("b")), ("D", Some("c"))]).unwrap();
        let slugs =
            |list: Vec<&Category>| list.into_iter().map(|category| category.slug.to_string()).collect::<Vec<_>>();
        assert_eq!(slugs(categories.children(None)), ["a", "b"]);
        assert_eq!(slugs(categories.path(&slug("d"))), ["b", "c", "d"]);
        assert!(categories.path(&slug("x")).is_empty());
        let subtree: Vec<String> = categories.subtree(&slug("b")).into_iter().map(Slug::to_string).collect();
        assert_eq!(subtree, ["b", "c", "d"]);
        assert_eq!(slugs(categories.without(&slug("c")).path(&slug("d"))), ["b", "d"]);
        let json = serde_json::to_string(&categories).unwrap();
        assert_eq!(serde_json::from_str::<Categories>(&json).unwrap(), categories);
    }

    #[test]
    fn one_category_is_put_in_place() {
        let categories = tree(&[("A", None), ("B", Some("a"))]).unwrap();
        let mut changed = categories.get(&slug("a")).unwrap().clone();
        changed.position = 3;
        assert_eq!(categories.with(changed.clone()).unwrap().get(&slug("a")), Some(&changed));
        changed.parent = Some(slug("b"));
        assert!(categories.with(changed).is_err());
    }

    #[test]
    fn titles_fall_back() {
        let text = |title: &str| CategoryTextInput { title: Some(title.to_owned()), description: None };
        let input = CategoryInput {
            title: "Cups".to_owned(),
            translations: BTreeMap::from([("ko".to_owned(), text("컵"))]),
            ..CategoryInput::default()
        };
        let category = input.validate().unwrap();
        assert_eq!(category.title_in(&Locale::parse("ko-KR").unwrap()).as_str(), "컵");
        assert_eq!(category.title_in(&Locale::parse("de").unwrap()).as_str(), "Cups");
    }
}
