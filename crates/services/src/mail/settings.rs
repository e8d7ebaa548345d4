//! From whom mail comes, and who of the staff is told: kept, checked, and completed from the shop's own settings.
//! It does not know the mail server; that is the operator's.

use contracts::mail::MailSettings;
use contracts::{Error, Kind, Result};
use domain::field::FieldError;
use domain::settings::Settings;
use domain::text::{Email, Title};
use platform::documents::{Collection, Conditional, Expected, Put};

use super::Mailroom;
use super::transport::Correspondent;
use crate::machinery::stored;

pub const MAIL_SETTINGS: Collection = Collection::primary("mail_settings");
const ID: &str = "mail";
/// Who is told of new orders, at most.
const STAFF_MAX: usize = 20;

/// Who writes, and where answers go.
pub struct Sender {
    pub from: Correspondent,
    pub reply_to: Option<Email>,
}

impl Mailroom {
    pub(super) async fn read_settings(&self) -> Result<(MailSettings, u64)> {
        let now = self.machinery.clock.now();
        let document = self.machinery.documents.get(MAIL_SETTINGS, ID, now).await.map_err(stored)?;
        match document {
            Some(document) => Ok((document.read().map_err(stored)?, document.version)),
            None => Ok((MailSettings::default(), 0)),
        }
    }

    pub(super) async fn write_settings(&self, settings: MailSettings, seen: u64) -> Result<u64> {
        let settings = checked(settings)?;
        let body = serde_json::to_string(&settings).map_err(|error| Error::internal(error.to_string()))?;
        let id = ID.to_owned();
        let put = Put { collection: MAIL_SETTINGS, id, body: body.into(), entries: Vec::new(), expires: None };
        let expected = if seen == 0 { Expected::Absent } else { Expected::Version(seen) };
        let now = self.machinery.clock.now();
        match self.machinery.documents.put_if(put, expected, now).await.map_err(stored)? {
            Conditional::Written(version) => {
                self.wake();
                Ok(version)
            }
            Conditional::Differs(_) => {
                let message = "somebody else changed the mail settings since you read them";
                Err(Error::new(Kind::Stale, "precondition_failed", message))
            }
        }
    }

    /// Who writes for the shop: the address of the mail settings, else the one that the shop tells its buyers, else the
    /// transport's own. `None`: mail waits until there is one.
    pub(super) fn sender(&self, mail: &MailSettings, shop: &Settings) -> Option<Sender> {
        let told = mail.from_address.as_deref().and_then(|text| Email::parse(text).ok());
        let address = told.or_else(|| shop.email.clone()).or_else(|| self.transport.stand_in_sender())?;
        let name = mail.from_name.clone().or_else(|| shop.name.as_ref().map(|name| name.as_str().to_owned()));
        let reply_to = mail.reply_to.as_deref().and_then(|text| Email::parse(text).ok());
        let reply_to = reply_to.or_else(|| shop.email.clone()).filter(|reply_to| *reply_to != address);
        Some(Sender { from: Correspondent { name, address }, reply_to })
    }
}

/// Trimmed, empty texts as none, or all that is wrong.
fn checked(settings: MailSettings) -> Result<MailSettings> {
    let mut errors = Vec::new();
    let MailSettings { from_name, from_address, reply_to, staff, mut muted } = settings;
    let from_name = some(from_name).and_then(|name| match Title::parse(&name) {
        Ok(name) => Some(name.as_str().to_owned()),
        Err(error) => {
            errors.push(FieldError::new("/from_name", "invalid", error.to_string()));
            None
        }
    });
    let mut address = |text: Option<String>, pointer: String| {
        let parsed = Email::parse(&some(text)?);
        if let Err(error) = &parsed {
            errors.push(FieldError::new(pointer, "invalid_email", error.to_string()));
        }
        parsed.ok().map(|email| email.as_str().to_owned())
    };
    let from_address = address(from_address, "/from_address".to_owned());
    let reply_to = address(reply_to, "/reply_to".to_owned());
    let told = staff.len();
    let mut known: Vec<String> = Vec::new();
    for (index, text) in staff.into_iter().take(STAFF_MAX).enumerate() {
        let Some(email) = address(Some(text), format!("/staff/{index}")) else { continue };
        if !known.iter().any(|there| there.eq_ignore_ascii_case(&email)) {
            known.push(email);
        }
    }
    if told > STAFF_MAX {
        errors.push(FieldError::new("/staff", "too_many", format!("at most {STAFF_MAX} addresses")));
    }
    muted.sort_unstable();
    muted.dedup();
    if !errors.is_empty() {
        return Err(Error::invalid(errors));
    }
    Ok(MailSettings { from_name, from_address, reply_to, staff: known, muted })
}

fn some(text: Option<String>) -> Option<String> {
    text.map(|text| text.trim().to_owned()).filter(|text| !text.is_empty())
}

#[cfg(test)]
mod tests {
    use contracts::mail::MailKind;

    use super::*;

    #[test]
    fn settings_are_tidied() {
        let told = checked(MailSettings {
            from_name: Some("  Low Lamp ".to_owned()),
            from_address: Some(String::new()),
            reply_to: None,
            staff: vec!["a@shop.example".to_owned(), " A@Shop.example".to_owned(), String::new()],
            muted: vec![MailKind::Shipped, MailKind::Placed, MailKind::Shipped],
        });
        let told = told.unwrap();
        assert_eq!((told.from_name.as_deref(), told.from_address), (Some("Low Lamp"), None));
        assert_eq!(told.staff, ["a@shop.example"]);
        assert_eq!(told.muted, [MailKind::Placed, MailKind::Shipped]);
    }

    #[test]
    fn what_could_become_a_header_is_refused_with_its_place() {
        let error = checked(MailSettings {
            from_name: Some("Shop\r\nBcc: all@example.com".to_owned()),
            from_address: Some("no address".to_owned()),
            reply_to: Some("a@b.example\nX: 1".to_owned()),
            staff: vec!["x".to_owned(); STAFF_MAX + 1],
            muted: Vec::new(),
        })
        .unwrap_err();
        let pointers: Vec<&str> = error.fields.iter().map(|field| field.pointer.as_str()).collect();
        for pointer in ["/from_name", "/from_address", "/reply_to", "/staff/0", "/staff"] {
            assert!(pointers.contains(&pointer), "{pointer}: {pointers:?}");
        }
    }
}
