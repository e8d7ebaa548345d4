//! What an order knows of people: sealed before it becomes part of a fact, opened only for those who may read it.
//! It does not know who may.

use contracts::{Error, Result};
use domain::address::{Address, AddressInput};
use domain::field::FieldError;
use domain::ids::OrderId;
use domain::seal::Sealed;
use domain::text::{Email, looks_like_card_number};
use platform::sealing::{self, DataKey, MasterKey};
use serde::Serialize;
use serde::de::DeserializeOwned;

use contracts::orders::{AddressBody, BuyerView};

/// The longest name, in characters.
const NAME_MAX: usize = 200;
/// The longest reason that staff give, in characters.
pub const REASON_MAX: usize = 500;
/// The longest note, in characters.
pub const NOTE_MAX: usize = 2_000;

/// Hashes an e-mail address for looking up; without the master key nobody can tell whose it is.
pub fn email_lookup(master: &MasterKey, email: &Email) -> String {
    master.hash_text("find by e-mail", &[email.normalized().as_bytes()])
}

/// The token that lets its holder read one order. Derived, never stored.
pub fn access_token(master: &MasterKey, order: &OrderId) -> String {
    master.hash_text("order access", &[order.as_str().as_bytes()])
}

/// Whether a token opens an order, in a time that does not depend on where it differs.
pub fn opens(master: &MasterKey, order: &OrderId, token: &str) -> bool {
    let wanted = access_token(master, order);
    let differences = wanted.bytes().zip(token.bytes()).fold(0, |differences, (a, b)| differences | (a ^ b));
    differences == 0 && wanted.len() == token.len()
}

pub fn seal<T: Serialize>(key: &DataKey, value: &T) -> Result<Sealed> {
    let plain = serde_json::to_string(value).map_err(|error| Error::internal(error.to_string()))?;
    Ok(Sealed::new(key.seal(&plain)))
}

/// `None` when the key was destroyed.
pub fn open<T: DeserializeOwned>(key: Option<&DataKey>, sealed: Option<&Sealed>) -> Result<Option<T>> {
    let (Some(key), Some(sealed)) = (key, sealed) else { return Ok(None) };
    let plain = key.open(sealed.as_str()).map_err(unsealed)?;
    serde_json::from_str(&plain).map(Some).map_err(|error| Error::internal(error.to_string()))
}

/// What sealed text begins with where a fact has plain text in its place, too.
const SEALED: &str = "sealed:";

/// Free text that staff write may name the buyer, so it is sealed before it becomes part of a fact.
pub fn seal_text(key: &DataKey, text: &str) -> String {
    format!("{SEALED}{}", key.seal(text))
}

/// `None` when the key was destroyed.
pub fn open_text(key: Option<&DataKey>, text: &str) -> Option<String> {
    match text.strip_prefix(SEALED) {
        Some(sealed) => key.and_then(|key| key.open(sealed).ok()),
        None => Some(text.to_owned()),
    }
}

pub fn unsealed(error: sealing::Error) -> Error {
    match error {
        sealing::Error::Store(error) => crate::machinery::stored(error),
        other => Error::internal(other.to_string()),
    }
}

/// A buyer as they were read and found acceptable.
pub struct Buyer {
    pub view: BuyerView,
    pub email: Option<Email>,
}

/// Reads a buyer; what is wrong goes to `errors` with pointers under `at`.
pub fn read_buyer(body: Option<BuyerView>, at: &str, needs_email: bool, errors: &mut Vec<FieldError>) -> Buyer {
    let given = body.is_some();
    let view = body.unwrap_or(BuyerView { email: None, name: None, phone: None });
    let email = match view.email.as_deref().map(Email::parse) {
        Some(Ok(email)) => Some(email),
        Some(Err(error)) => {
            errors.push(FieldError::new(format!("{at}/email"), "invalid_email", error.to_string()));
            None
        }
        None => {
            if needs_email {
                let pointer = if given { format!("{at}/email") } else { at.to_owned() };
                errors.push(FieldError::new(pointer, "required", "an e-mail address is needed to send the order to"));
            }
            None
        }
    };
    check_text(view.name.as_deref(), &format!("{at}/name"), NAME_MAX, errors);
    if let Some(phone) = view.phone.as_deref()
        && let Err(error) = domain::text::Phone::parse(phone)
    {
        errors.push(FieldError::new(format!("{at}/phone"), "invalid_phone", error.to_string()));
    }
    Buyer { view, email }
}

/// Reads an address; what is wrong goes to `errors` with pointers under `at`.
pub fn read_address(body: AddressBody, at: &str, buyer: &BuyerView, errors: &mut Vec<FieldError>) -> Option<Address> {
    for (field, text) in [("name", &body.name), ("line1", &body.line1), ("line2", &body.line2), ("city", &body.city)] {
        check_text(text.as_deref(), &format!("{at}/{field}"), usize::MAX, errors);
    }
    match AddressInput::from(body).validate() {
        Ok(address) => Some(match &buyer.name {
            Some(name) => address.or_named(name),
            None => address,
        }),
        Err(wrong) => {
            errors.extend(wrong.into_iter().map(|error| error.under(at)));
            None
        }
    }
}

/// Free text: within bounds, without control characters, and nothing that looks like a card's number.
pub fn check_text(text: Option<&str>, pointer: &str, limit: usize, errors: &mut Vec<FieldError>) {
    let Some(text) = text else { return };
    if text.chars().count() > limit {
        errors.push(FieldError::new(pointer, "too_long", format!("at most {limit} characters")));
    }
    if text.chars().any(|letter| letter.is_control() && letter != '\n' && letter != '\r' && letter != '\t') {
        errors.push(FieldError::new(pointer, "invalid_character", "control characters are not allowed"));
    }
    if looks_like_card_number(text) {
        let message = "this looks like a card number; card numbers must never be sent here";
        errors.push(FieldError::new(pointer, "card_number_refused", message));
    }
}
