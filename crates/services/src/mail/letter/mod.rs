//! Writes a mail about an order: what it says, in the reader's language, as text and as HTML.
//! It does not know to whom it goes, nor whether it was sent.

mod compose;
mod html;
mod made_up;
mod page;
mod places;
mod text;
mod words;

use contracts::Result;
use contracts::mail::MailKind;
use contracts::orders::OrderView;
use domain::locale::Locale;
use domain::settings::Settings;
use domain::text::Email;

use super::transport::{Correspondent, Letter};
use super::{Mailroom, hex};
use compose::Context;

/// A mail as it reads.
pub struct Written {
    pub language: &'static str,
    pub subject: String,
    pub text: String,
    pub html: String,
}

impl Mailroom {
    /// A mail about an order as it is now. Buyers read the language in which they bought, staff the shop's own, unless
    /// `locale` says otherwise.
    ///
    /// # Errors
    /// `Conflict`: the order was erased, or there is nothing to tell yet.
    pub(super) async fn written(
        &self,
        kind: MailKind,
        order: &OrderView,
        about: Option<&str>,
        locale: Option<&Locale>,
    ) -> Result<Written> {
        let current = self.shop.settings().await?;
        let settings = &current.settings;
        let ordered_in = order.locale.as_deref().filter(|_| kind != MailKind::NewOrder);
        let ordered_in = ordered_in.and_then(|text| Locale::parse(text).ok());
        let locale = locale.cloned().or(ordered_in).unwrap_or_else(|| settings.default_locale.clone());
        let shop_url = self.shop_url(settings);
        let context = Context { kind, order, about, settings, locale, shop_url };
        let page = context.page()?;
        Ok(Written { language: page.language, text: text::text(&page), html: html::html(&page), subject: page.subject })
    }

    /// What the operator says, else what staff say, else where the shop listens. Without a slash at its end.
    fn shop_url(&self, settings: &Settings) -> String {
        let told = self.options.public_url.as_ref().or(settings.public_url.as_ref());
        told.unwrap_or(&self.options.listen_url).trim_end_matches('/').to_owned()
    }

    /// An order that nobody placed, in the shop's own words and money.
    pub(super) async fn made_up(&self, locale: Option<&Locale>) -> Result<OrderView> {
        let current = self.shop.settings().await?;
        Ok(made_up::order(&current.settings, locale, self.machinery.clock.now()))
    }

    /// A letter about a made-up order, to somebody who wants to see whether mail arrives.
    pub(super) async fn trial(&self, to: Email) -> Result<Letter> {
        let order = self.made_up(None).await?;
        let written = self.written(MailKind::Placed, &order, None, None).await?;
        let (mail, _) = self.read_settings().await?;
        let current = self.shop.settings().await?;
        let nobody = || contracts::Error::conflict("no_sender", "mail needs an address to come from: set one first");
        let sender = self.sender(&mail, &current.settings).ok_or_else(nobody)?;
        Ok(Letter {
            id: format!("trial-{}", hex(&self.machinery.id_bytes())),
            kind: MailKind::Placed,
            order_number: None,
            written_at: self.machinery.clock.now(),
            language: written.language,
            from: sender.from,
            to: Correspondent { name: None, address: to },
            reply_to: sender.reply_to,
            subject: super::one_line(&written.subject),
            text: written.text,
            html: written.html,
        })
    }
}
