//! A form with rows, taken from a request.
//! It does not know what the rows are.

use axum::body::Bytes;
use axum::extract::{FromRequest, Request};
use contracts::{Error, Kind};

use super::answer::Refused;
use super::typed::Typed;

pub struct TypedForm(pub Typed);

impl<S: Send + Sync> FromRequest<S> for TypedForm {
    type Rejection = Refused;

    async fn from_request(request: Request, state: &S) -> Result<Self, Refused> {
        let body = Bytes::from_request(request, state).await.map_err(|_| malformed("the form is too large"))?;
        if form_urlencoded::parse(&body).any(|(name, value)| name.contains('\0') || value.contains('\0')) {
            return Err(malformed("a text holds a NUL"));
        }
        Ok(Self(Typed::of_query(&body)))
    }
}

fn malformed(message: &str) -> Refused {
    Refused(Error::new(Kind::Malformed, "malformed_form", message))
}
