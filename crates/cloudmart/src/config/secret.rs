//! What must not be read over an operator's shoulder, nor in a log: a text that shows only whether it is there.
//! It does not know what it opens.

use std::path::{Path, PathBuf};

use serde::Deserialize;

/// Shown instead of a secret.
const SET: &str = "(set)";

/// A password, a key, a token. Neither `Debug` nor an error shows it.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret {
    text: String,
    file: Option<PathBuf>,
}

impl Secret {
    pub fn new(text: impl Into<String>) -> Self {
        Self { text: text.into(), file: None }
    }

    /// The text itself, for those who hand it to whom it is meant for.
    pub fn expose(&self) -> &str {
        &self.text
    }

    /// Where it was read, where that is a file.
    pub fn file(&self) -> Option<&Path> {
        self.file.as_deref()
    }

    /// The first line of a file.
    pub fn of_file(path: &Path) -> std::io::Result<Self> {
        let text = std::fs::read_to_string(path)?;
        let text = text.lines().next().unwrap_or_default().to_owned();
        Ok(Self { text, file: Some(path.to_owned()) })
    }

    pub fn is_empty(&self) -> bool {
        self.text.is_empty()
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(SET)
    }
}

/// An address such as `scheme://user:password@host/name`. Shown, it says `(set)` in the password's place.
#[derive(Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct SecretUrl(String);

impl SecretUrl {
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// With its password.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Display for SecretUrl {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(&masked(&self.0))
    }
}

impl std::fmt::Debug for SecretUrl {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{:?}", masked(&self.0))
    }
}

/// An address whose password is not shown. What is no address might be anything, so nothing of it is.
pub fn masked(url: &str) -> String {
    if url.is_empty() {
        return String::new();
    }
    let Some((scheme, rest)) = url.split_once("://") else { return SET.to_owned() };
    // The last @ of all: a password may hold an @ or a slash that somebody forgot to encode.
    let Some((who, place)) = rest.rsplit_once('@') else {
        let query = rest.find(['?', '#']).map_or("", |_| "?…");
        return format!("{scheme}://{}{query}", rest.split(['?', '#']).next().unwrap_or_default());
    };
    let place = place.split(['?', '#']).next().unwrap_or_default();
    match who.split_once(':') {
        Some((user, _)) => format!("{scheme}://{user}:{SET}@{place}"),
        None => format!("{scheme}://{who}@{place}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_of_a_secret_is_shown() {
        assert_eq!(format!("{:?} {:#?}", Secret::new("hush"), Some(Secret::new("hush"))).matches("hush").count(), 0);
        for (url, shown) in [
            ("", ""),
            ("postgres://shop:hush@db/shop", "postgres://shop:(set)@db/shop"),
            ("postgres://shop:hu@sh/hush@db1:5432,db2/shop", "postgres://shop:(set)@db1:5432,db2/shop"),
            ("postgres://shop@db/shop?password=hush", "postgres://shop@db/shop"),
            ("redis://cache:6379/1?hush", "redis://cache:6379/1?…"),
            ("redis://:hush@cache", "redis://:(set)@cache"),
            ("hush", "(set)"),
        ] {
            let url = SecretUrl::new(url);
            assert_eq!((url.to_string(), format!("{url:?}")), (shown.to_owned(), format!("{shown:?}")));
        }
    }

    #[test]
    fn a_file_holds_a_secret_in_its_first_line() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("password");
        for (text, read) in
            [("hush\n", "hush"), ("hush\r\nno more\n", "hush"), (" with space ", " with space "), ("", "")]
        {
            std::fs::write(&path, text).unwrap();
            assert_eq!(Secret::of_file(&path).unwrap().expose(), read);
        }
        assert!(Secret::of_file(&folder.path().join("none")).is_err());
    }
}
