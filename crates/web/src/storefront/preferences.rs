//! `/preferences`: remembers in which language and currency a visitor wants to read, and goes back to the page.
//! It does not know what the page shows; a cart follows when it is looked at next.

use axum::extract::State;
use axum::response::Response;
use domain::locale::Locale;
use domain::money::Currency;

use super::Front;
use super::cookies::{CURRENCY, LOCALE};
use super::form::Fields;
use super::visitor::Visitor;
use crate::answer;

pub(super) async fn take(State(front): State<Front>, visitor: Visitor, fields: Fields) -> Response {
    let current = match front.services.shop.settings().await {
        Ok(current) => current,
        Err(error) => return front.refuse(&error, &visitor).await,
    };
    let settings = &current.settings;
    let mut response = answer::see_other(fields.back());
    let locale = Locale::parse(fields.text(LOCALE)).ok().and_then(|locale| settings.locale_for(&locale).cloned());
    if let Some(locale) = locale {
        front.jar.prefer(&mut response, LOCALE, locale.as_str());
    }
    let currency = Currency::parse(fields.text(CURRENCY)).ok();
    if let Some(currency) = currency.filter(|currency| settings.currencies.contains(currency)) {
        front.jar.prefer(&mut response, CURRENCY, currency.code());
    }
    response
}
