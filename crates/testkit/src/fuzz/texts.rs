//! Texts that people type, as every type of the domain reads them: read or refused, and what is read is written as it reads.
//! It does not know where a text stands.

use domain::address::AddressInput;
use domain::catalog::ProductInput;
use domain::country::Country;
use domain::ids::{CartId, LineId, OrderId, OrderNumber, ProductId, RefundId, ShipmentId};
use domain::locale::Locale;
use domain::money::{Currency, parse_decimal};
use domain::sku::{Gtin, Sku};
use domain::stock::{Location, Policy, Reason};
use domain::text::{Email, Note, Phone, Slug, Title, looks_like_card_number};
use platform::http::etag::ETag;
use platform::http::idempotency::Key as IdempotencyKey;
use services::payments::provider::Key as ProviderKey;

/// Any text.
pub fn texts(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let text = text.as_ref();
    amounts(text);
    names(text);
    ids(text);
    let _ = looks_like_card_number(text);
    let _ = (Policy::parse(text), Reason::parse(text), IdempotencyKey::parse(text).is_ok());
    if let Some(tag) = ETag::parse(text) {
        assert_eq!(ETag::parse(tag.as_str()), Some(tag));
    }
    if let Some(key) = ProviderKey::parse(text) {
        assert_eq!(ProviderKey::parse(&key.to_string()), Some(key));
    }
    // Bodies as they are read before anything is checked.
    let _ = serde_json::from_str::<ProductInput>(text).is_ok();
    let _ = serde_json::from_str::<AddressInput>(text).is_ok();
}

fn amounts(text: &str) {
    for code in ["KRW", "USD", "KWD", "CLF"] {
        let currency = Currency::parse(code).expect("a currency");
        if let Ok(money) = parse_decimal(text, currency) {
            let written = money.to_string();
            let number = written.split(' ').next().unwrap_or_default();
            assert_eq!(parse_decimal(number, currency), Ok(money), "{text:?}");
            for language in ["en", "de", "fr", "nl", "ko"] {
                let locale = Locale::parse(language).expect("a locale");
                assert!(!money.display_text(&locale).is_empty());
            }
        }
    }
    let _ = serde_json::from_str::<domain::money::Money>(text).is_ok();
    let _ = serde_json::from_str::<domain::quantity::Quantity>(text).is_ok();
}

/// Reads a text, and what came of it again.
macro_rules! reads_back {
    ($text:expr, $($kind:ty),+) => {$(
        if let Ok(read) = <$kind>::parse($text) {
            let again = <$kind>::parse(read.as_str());
            assert_eq!(again.as_ref().ok().map(|again| again.as_str()), Some(read.as_str()), "{:?}", $text);
        }
    )+};
}

fn names(text: &str) {
    reads_back!(text, Sku, Gtin, Slug, Title, Note, Email, Phone, Country, Currency, Location);
    if let Ok(locale) = Locale::parse(text) {
        assert_eq!(Locale::parse(locale.as_str()).as_ref(), Ok(&locale));
        assert!(locale.fallbacks().count() <= 8, "{locale:?}");
        let _ = locale.language();
    }
    if let Ok(slug) = Slug::from_title(text) {
        assert_eq!(Slug::parse(slug.as_str()).as_ref(), Ok(&slug));
    }
}

fn ids(text: &str) {
    reads_back!(text, OrderId, CartId, LineId, ProductId, RefundId, ShipmentId, OrderNumber);
}
