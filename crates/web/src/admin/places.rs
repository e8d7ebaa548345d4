//! Which field of a form an error's pointer means.
//! It does not know what went wrong there.

use std::collections::BTreeMap;

use domain::field::FieldError;

/// Pointers into what was made of a form, each with the field that it was made of.
#[derive(Debug, Default)]
pub struct Places {
    fields: BTreeMap<String, String>,
}

impl Places {
    pub fn put(&mut self, pointer: impl Into<String>, field: impl Into<String>) {
        self.fields.insert(pointer.into(), field.into());
    }

    /// The field of a pointer, or of the closest thing around it; empty for the whole form.
    pub fn field(&self, pointer: &str) -> &str {
        let mut pointer = pointer;
        loop {
            if let Some(field) = self.fields.get(pointer) {
                return field;
            }
            match pointer.rsplit_once('/') {
                Some((around, _)) => pointer = around,
                None => return "",
            }
        }
    }

    /// Errors that name fields of the form.
    pub fn fields(&self, errors: Vec<FieldError>) -> Vec<FieldError> {
        let named = |error: FieldError| FieldError { pointer: self.field(&error.pointer).to_owned(), ..error };
        errors.into_iter().map(named).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_pointer_is_the_closest_around_it() {
        let mut places = Places::default();
        places.put("/variants/0", "variants.3.sku");
        places.put("/variants/0/prices/1", "variants.3.prices.KRW");
        assert_eq!(places.field("/variants/0/prices/1/amount"), "variants.3.prices.KRW");
        assert_eq!(places.field("/variants/0/prices"), "variants.3.sku");
        assert_eq!(places.field("/title"), "");
        assert_eq!(places.field(""), "");
    }
}
