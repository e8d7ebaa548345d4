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
        .subject(one_line(&letter.subject))
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
    Ok(Mailbox::new(who.name.as_deref().map(one_line), address(who.address.as_str())?))
}

/// The library panics on a name with a line break, rather than write it.
fn one_line(text: &str) -> String {
    text.chars().map(|char| if char.is_control() { ' ' } else { char }).collect()
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

#[cfg(test)]
mod tests {
    use domain::text::Email;

    use super::super::letter;
    use super::*;

    fn heads(letter: &Letter) -> Vec<String> {
        let bytes = message(letter).unwrap().formatted();
        let text = String::from_utf8(bytes).unwrap();
        let (heads, _) = text.split_once("\r\n\r\n").unwrap();
        heads.replace("\r\n ", " ").lines().map(str::to_owned).collect()
    }

    #[test]
    fn a_letter_is_a_message_that_says_what_it_is_and_is_the_same_each_time() {
        let letter = letter("abc-2-placed");
        let heads = heads(&letter);
        for wanted in [
            "Message-ID: <abc-2-placed@shop.example>",
            "Date: Fri, 27 Nov 2026 08:00:00 +0000",
            "Auto-Submitted: auto-generated",
            "X-Entity-Ref-ID: abc-2-placed",
            "Content-Language: ko",
            "Reply-To: answers@shop.example",
        ] {
            assert!(heads.iter().any(|head| head == wanted), "{wanted}: {heads:#?}");
        }
        assert_eq!(message(&letter).unwrap().formatted(), message(&letter).unwrap().formatted());
    }

    #[test]
    fn no_word_becomes_a_header_of_its_own() {
        let hostile = "x\r\nBcc: all@example.com\r\n\r\n<script>";
        let mut letter = letter("abc");
        letter.subject = hostile.to_owned();
        letter.to.name = Some(hostile.to_owned());
        letter.from.name = Some(format!("\" {hostile}"));
        let heads = heads(&letter);
        assert!(!heads.iter().any(|head| head.to_ascii_lowercase().starts_with("bcc")), "{heads:#?}");
        let envelope = message(&letter).unwrap().envelope().to().to_vec();
        assert_eq!(envelope.len(), 1, "{envelope:?}");
    }

    #[test]
    fn an_address_that_nobody_can_have_is_refused_and_not_told() {
        let mut letter = letter("abc");
        letter.to.address = Email::parse("ada..lovelace@-personal-.example").unwrap();
        let Err(Refused::Never(reason)) = message(&letter) else { panic!("it was taken") };
        assert!(!reason.contains("ada"), "{reason}");
    }
}
