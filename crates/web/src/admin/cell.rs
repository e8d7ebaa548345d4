//! One field as a page shows it, where there are too many to be asked for by name.
//! It does not know what the field means, nor how it is drawn.

use super::form::Form;

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Cell {
    pub name: String,
    pub label: String,
    pub value: String,
    pub error: Option<String>,
    /// The language of what is written there, where it is not the page's.
    pub lang: Option<String>,
}

impl Cell {
    pub fn new(name: impl Into<String>, label: impl Into<String>, value: impl Into<String>) -> Self {
        Self { name: name.into(), label: label.into(), value: value.into(), error: None, lang: None }
    }

    /// With what a form says is wrong there.
    pub fn told(mut self, form: &Form) -> Self {
        self.error = form.error(&self.name).map(str::to_owned);
        self
    }

    pub fn in_language(mut self, tag: &str) -> Self {
        self.lang = Some(tag.to_owned());
        self
    }
}
