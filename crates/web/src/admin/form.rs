//! A form as it was sent and as it is shown again: what was filled in, and what is wrong beside each field.
//! It does not know what a field means. A field is named like the JSON pointer of what it fills, with dots for slashes:
//! the error at `/buyer/email` stands beside `buyer.email`.

use std::collections::BTreeMap;

use axum::body::Bytes;
use axum::extract::{FromRequest, Request};
use axum::http::header;
use contracts::{Error, Kind};

use super::answer::Refused;
use super::words::Words;

/// Fields of one form; more is no form of ours.
const FIELDS_MAX: usize = 20_000;

#[derive(Debug, Clone, Default)]
pub struct Form {
    values: Vec<(String, String)>,
    /// By field; the empty one is about the whole.
    errors: BTreeMap<String, String>,
}

/// One thing that is wrong, for the list above a form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wrong {
    pub field: String,
    pub text: String,
}

impl Form {
    pub fn parse(encoded: &[u8]) -> Self {
        let values = form_urlencoded::parse(encoded).take(FIELDS_MAX).map(|(name, value)| (name.into(), value.into()));
        Self { values: values.collect(), errors: BTreeMap::new() }
    }

    /// For a form that is shown for the first time.
    pub fn with(mut self, name: &str, value: impl Into<String>) -> Self {
        self.set(name, value);
        self
    }

    pub fn set(&mut self, name: &str, value: impl Into<String>) {
        self.values.retain(|(known, _)| known != name);
        self.values.push((name.to_owned(), value.into()));
    }

    /// One more value of a field that may come several times.
    pub fn push(&mut self, name: &str, value: impl Into<String>) {
        self.values.push((name.to_owned(), value.into()));
    }

    /// What was filled in, without spaces around it; empty where nothing was.
    pub fn value(&self, name: &str) -> &str {
        self.values.iter().find(|(known, _)| known == name).map_or("", |(_, value)| value.trim())
    }

    /// `None` for a field that is missing or empty.
    pub fn text(&self, name: &str) -> Option<String> {
        Some(self.value(name)).filter(|value| !value.is_empty()).map(ToOwned::to_owned)
    }

    /// All values of a field that may come several times.
    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.values.iter().filter(move |(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// The names of all fields, in the order in which they came.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.values.iter().map(|(name, _)| name.as_str())
    }

    /// Whether a box is ticked.
    pub fn is_set(&self, name: &str) -> bool {
        !self.value(name).is_empty()
    }

    pub fn refuse(&mut self, field: &str, text: impl Into<String>) {
        self.errors.entry(field.to_owned()).or_insert_with(|| text.into());
    }

    /// Takes over what a service found wrong. What is nobody's fault or ours is not for the form: it comes back.
    pub fn take_error(&mut self, error: Error, words: &Words) -> Result<(), Refused> {
        if matches!(error.kind, Kind::Internal | Kind::NotFound | Kind::Unauthenticated) {
            return Err(Refused(error));
        }
        if error.fields.is_empty() {
            self.refuse("", words.message(&error));
        }
        for field in &error.fields {
            let name = field.pointer.trim_start_matches('/').replace('/', ".");
            self.refuse(&name, words.field_message(field));
        }
        Ok(())
    }

    pub fn error(&self, field: &str) -> Option<&str> {
        self.errors.get(field).map(String::as_str)
    }

    pub fn has_errors(&self) -> bool {
        !self.errors.is_empty()
    }

    /// Everything that is wrong, for the list above the form.
    pub fn wrongs(&self) -> Vec<Wrong> {
        let wrong = |(field, text): (&String, &String)| Wrong { field: field.clone(), text: text.clone() };
        self.errors.iter().map(wrong).collect()
    }
}

impl<S: Send + Sync> FromRequest<S> for Form {
    type Rejection = Refused;

    async fn from_request(request: Request, state: &S) -> Result<Self, Refused> {
        let kind = request.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
        let is_form = kind.is_none_or(|kind| kind.starts_with("application/x-www-form-urlencoded"));
        if !is_form {
            return Err(malformed("this is no form"));
        }
        let body = Bytes::from_request(request, state).await.map_err(|_| malformed("the form is too large"))?;
        let form = Self::parse(&body);
        if form.values.iter().any(|(name, value)| name.contains('\0') || value.contains('\0')) {
            return Err(malformed("a text holds a NUL"));
        }
        Ok(form)
    }
}

fn malformed(message: &str) -> Refused {
    Refused(Error::new(Kind::Malformed, "malformed_form", message))
}

#[cfg(test)]
mod tests {
    use domain::field::FieldError;

    use super::*;

    #[test]
    fn an_error_stands_beside_its_field() {
        let mut form = Form::parse(b"lines.0.sku=%20A+&lines.1.sku=B&box=on&many=1&many=2");
        assert_eq!((form.value("lines.0.sku"), form.text("missing")), ("A", None));
        assert_eq!(form.all("many").collect::<Vec<_>>(), ["1", "2"]);
        assert!(form.is_set("box") && !form.has_errors());
        let error = Error::invalid(vec![FieldError::new("/lines/0/sku", "unknown_sku", "there is no such SKU")]);
        form.take_error(error, Words::default_language()).unwrap();
        assert_eq!(form.error("lines.0.sku"), Some("there is no such SKU"));
        assert!(form.take_error(Error::internal("secret"), Words::default_language()).is_err());
        form.take_error(Error::conflict("closed", "it is closed"), Words::default_language()).unwrap();
        assert_eq!(form.error(""), Some("it is closed"));
        assert_eq!(form.wrongs().len(), 2);
    }
}
