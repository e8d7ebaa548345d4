//! A letter as a MIME message: a text, and the same as HTML.
//! It does not know how it travels. No word of a letter can become a header of its own: every header is set by name, and
//! encoded by the library.

use std::time::SystemTime;

use lettre::address::Address;
use lettre::message::header::{ContentType, Header, HeaderName, HeaderValue};
use lettre::message::{Mailbox, Message, MultiPart, SinglePart};
use services::mail::{Correspondent, Letter, Refused};

/// The message of a letter. The same letter is the same message, to the byte.
///
/// # Errors
/// `Never` when an address cannot be written to.
pub fn message(letter: &Letter) -> Result<Message, Refused> {
    let from = mailbox(&letter.from)?;
    let domain = from.email.domain().to_owned();
    let mut builder = Message::builder()
        .message_id(Some(format!("<{}@{domain}>", letter.id)))
        .date(SystemTime::from(letter.written_at))
        .from(from)
        .to(mailbox(&letter.to)?)
        .subject(&letter.subject)
        .header(Named::<AutoSubmitted>::new("auto-generated"))
        .header(Named::<EntityRef>::new(&letter.id))
        .header(Named::<ContentLanguage>::new(letter.language));
    if let Some(reply_to) = &letter.reply_to {
        builder = builder.reply_to(Mailbox::new(None, address(reply_to.as_str())?));
    }
    let part = |kind: ContentType, body: &str| SinglePart::builder().header(kind).body(body.to_owned());
    let parts = MultiPart::alternative()
        .boundary(format!("=_{}", letter.id))
        .singlepart(part(ContentType::TEXT_PLAIN, &letter.text))
        .singlepart(part(ContentType::TEXT_HTML, &letter.html));
    builder.multipart(parts).map_err(|error| Refused::Never(format!("not a message: {error}")))
}

fn mailbox(who: &Correspondent) -> Result<Mailbox, Refused> {
    Ok(Mailbox::new(who.name.clone(), address(who.address.as_str())?))
}

fn address(text: &str) -> Result<Address, Refused> {
    // Not the text: what is refused is kept, and an address is personal.
    text.parse().map_err(|error| Refused::Never(format!("not an address that mail can be sent to: {error}")))
}

/// Says that a program wrote it, so that no other program answers (RFC 3834).
struct AutoSubmitted;
/// Keeps mail programs from folding two letters into one conversation.
struct EntityRef;
/// RFC 3282.
struct ContentLanguage;

trait Name {
    const NAME: &'static str;
}

impl Name for AutoSubmitted {
    const NAME: &'static str = "Auto-Submitted";
}

impl Name for EntityRef {
    const NAME: &'static str = "X-Entity-Ref-ID";
}

impl Name for ContentLanguage {
    const NAME: &'static str = "Content-Language";
}

/// A header whose value is one text.
struct Named<N> {
    value: String,
    name: std::marker::PhantomData<fn() -> N>,
}

impl<N> Named<N> {
    fn new(value: &str) -> Self {
        Self { value: value.to_owned(), name: std::marker::PhantomData }
    }
}

impl<N> Clone for Named<N> {
    fn clone(&self) -> Self {
        Self::new(&self.value)
    }
}

impl<N: Name> Header for Named<N> {
    fn name() -> HeaderName {
        HeaderName::new_from_ascii_str(N::NAME)
    }

    fn parse(value: &str) -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
        Ok(Self::new(value))
    }

    fn display(&self) -> HeaderValue {
        HeaderValue::new(Self::name(), self.value.clone())
    }
}
