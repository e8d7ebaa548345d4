//! Long lists on pages: links that keep what was asked for, and the way to the next page.
//! It does not know what is listed.

/// A link to a page with what is asked of it; what is empty is left out.
pub fn href(path: &str, asked: &[(&str, &str)]) -> String {
    let mut query = form_urlencoded::Serializer::new(String::new());
    for (name, value) in asked.iter().filter(|(_, value)| !value.is_empty()) {
        query.append_pair(name, value);
    }
    let query = query.finish();
    if query.is_empty() { path.to_owned() } else { format!("{path}?{query}") }
}

/// Below a list: back to its beginning, on to the next page, and the whole of it as CSV.
#[derive(Debug, Clone, Default)]
pub struct Pager {
    pub first: Option<String>,
    pub next: Option<String>,
    pub csv: Option<String>,
}

impl Pager {
    /// `asked`: the filters, without a cursor.
    pub fn new(path: &str, asked: &[(&str, &str)], cursor: Option<&str>, next: Option<&str>) -> Self {
        let with = |name, value| href(path, &[asked, &[(name, value)]].concat());
        Self {
            first: cursor.map(|_| href(path, asked)),
            next: next.map(|next| with("cursor", next)),
            csv: Some(with("format", "csv")),
        }
    }
}

/// One of several views of a list, or one choice of a filter.
#[derive(Debug, Clone)]
pub struct Choice {
    pub value: String,
    pub label: String,
    pub href: String,
    pub is_current: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_keep_what_was_asked_for() {
        let pager = Pager::new("/admin/x", &[("q", "a b&c"), ("empty", "")], None, Some("n"));
        assert_eq!(pager.first, None);
        assert_eq!(pager.next.as_deref(), Some("/admin/x?q=a+b%26c&cursor=n"));
        assert_eq!(pager.csv.as_deref(), Some("/admin/x?q=a+b%26c&format=csv"));
        assert_eq!(Pager::new("/admin/x", &[], Some("c"), None).first.as_deref(), Some("/admin/x"));
    }
}
