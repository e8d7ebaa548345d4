//! What a visitor sends with a form.
//! It does not know which fields a form has.

use axum::body::Bytes;
use axum::extract::{FromRequest, Request};
use axum::response::IntoResponse;
use platform::http::problem::Problem;

use super::visitor::pairs;
use crate::answer::is_ours;

/// The fields of a form, as they were written.
#[derive(Debug, Clone, Default)]
pub struct Fields(Vec<(String, String)>);

impl<S: Send + Sync> FromRequest<S> for Fields {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        let body = Bytes::from_request(request, state).await.map_err(|rejection| {
            match rejection.into_response().status().as_u16() {
                413 => Problem::too_large(),
                _ => Problem::malformed("malformed_body", "the form did not arrive whole"),
            }
        })?;
        Ok(Self(pairs(&body)))
    }
}

impl Fields {
    /// Without spaces around it; empty where it was not sent.
    pub fn text(&self, name: &str) -> &str {
        self.0.iter().find(|(known, _)| known == name).map_or("", |(_, value)| value.trim())
    }

    /// `None` where nothing was written.
    pub fn given(&self, name: &str) -> Option<String> {
        Some(self.text(name)).filter(|text| !text.is_empty()).map(str::to_owned)
    }

    /// A path of this shop that the form leads back to; the beginning of the shop where that is none.
    pub fn back(&self) -> &str {
        let back = self.text("back");
        if is_ours(back) { back } else { "/" }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_leads_back_to_this_shop_only() {
        for (sent, back) in [
            ("/p/tea?variant=x", "/p/tea?variant=x"),
            ("//evil.example/", "/"),
            ("/\\evil.example", "/"),
            ("https://evil.example", "/"),
            ("/\t/evil.example", "/"),
            ("/\u{f}p/tea", "/"),
            ("/c/차", "/c/차"),
            ("", "/"),
        ] {
            assert_eq!(Fields(vec![("back".to_owned(), sent.to_owned())]).back(), back, "{sent}");
        }
    }
}
