//! What somebody typed into a form, as a tree: the field `variants.3.sku` lies under `variants`, then `3`.
//! It does not know what the fields mean, nor in which encoding they came.

use std::collections::BTreeMap;

/// Deeper names are one name from there on.
const DEPTH_MAX: usize = 6;

/// Fields under one name. Of several values with one name the first is the text, as with check boxes all are the list.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Typed {
    values: Vec<String>,
    under: BTreeMap<String, Typed>,
}

static NOTHING: Typed = Typed { values: Vec::new(), under: BTreeMap::new() };

impl Typed {
    pub fn of(fields: impl IntoIterator<Item = (String, String)>) -> Self {
        let mut typed = Self::default();
        for (name, value) in fields {
            typed.push(&name, value);
        }
        typed
    }

    /// `a=1&b=2`.
    pub fn of_query(body: &[u8]) -> Self {
        Self::of(form_urlencoded::parse(body).into_owned())
    }

    pub fn push(&mut self, name: &str, value: String) {
        let place =
            name.splitn(DEPTH_MAX, '.').fold(self, |typed, piece| typed.under.entry(piece.to_owned()).or_default());
        // Browsers send the ends of lines as two characters.
        place.values.push(if value.contains('\r') { value.replace("\r\n", "\n") } else { value });
    }

    pub fn at(&self, name: &str) -> &Typed {
        self.under.get(name).unwrap_or(&NOTHING)
    }

    /// As it was typed; empty where nothing was.
    pub fn text(&self, name: &str) -> &str {
        self.at(name).values.first().map_or("", String::as_str)
    }

    /// The text without whitespace at its ends, unless nothing is left of it.
    pub fn some(&self, name: &str) -> Option<String> {
        let text = self.text(name).trim();
        (!text.is_empty()).then(|| text.to_owned())
    }

    /// A check box.
    pub fn is_on(&self, name: &str) -> bool {
        !self.text(name).is_empty()
    }

    pub fn list(&self, name: &str) -> &[String] {
        &self.at(name).values
    }

    /// What lies right under a name, by its own names.
    pub fn texts(&self, name: &str) -> BTreeMap<String, String> {
        let first = |(name, typed): (&String, &Typed)| Some((name.clone(), typed.values.first()?.clone()));
        self.at(name).under.iter().filter_map(first).collect()
    }

    /// The names right under this.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.under.keys().map(String::as_str)
    }

    /// Rows that are numbered, in the order of their numbers, each with its number.
    pub fn rows(&self, name: &str) -> BTreeMap<usize, &Typed> {
        let numbered = |(name, row)| Some((str::parse(name).ok()?, row));
        self.at(name).under.iter().map(|(name, row)| (name.as_str(), row)).filter_map(numbered).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_paths() {
        let typed = Typed::of_query(
            "title=%ED%8C%8C%EB%9E%80+%EC%BB%B5&rows.10.sku=B&rows.2.sku=A&rows.2.prices.USD=1&rows.2.prices.KRW=2\
             &tags=x&tags=y&text=a%0D%0Ab&rows.x.sku=C"
                .as_bytes(),
        );
        assert_eq!((typed.text("title"), typed.text("nothing")), ("파란 컵", ""));
        assert_eq!(typed.list("tags"), ["x", "y"]);
        assert_eq!(typed.text("text"), "a\nb");
        let rows = typed.rows("rows");
        assert_eq!(rows.keys().copied().collect::<Vec<_>>(), [2, 10]);
        assert_eq!((rows[&2].text("sku"), rows[&10].text("sku")), ("A", "B"));
        assert_eq!(
            rows[&2].texts("prices").into_iter().collect::<Vec<_>>(),
            [("KRW".to_owned(), "2".to_owned()), ("USD".to_owned(), "1".to_owned())]
        );
    }

    #[test]
    fn a_name_without_end_is_no_deep_tree() {
        let typed = Typed::of([("a.".repeat(1_000_000), "x".to_owned())]);
        assert_eq!(typed.at("a").at("a").at("a").at("a").at("a").under.len(), 1);
    }
}
