//! Texts with a shape and a limit: titles, slugs, notes, e-mail addresses, telephone numbers.
//! It does not know who wrote them, nor where they are shown.

use serde::{Deserialize, Serialize};
use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

use crate::newtype::{hidden_in_debug, parsed_from_text, shown_as_text};

pub const MAX_TITLE_CHARS: usize = 200;
pub const MAX_SLUG_CHARS: usize = 100;
pub const MAX_NOTE_CHARS: usize = 2_000;
/// RFC 5321 as corrected by erratum 1690.
pub const MAX_EMAIL_CHARS: usize = 254;
const MAX_EMAIL_LOCAL_CHARS: usize = 64;
/// Spaces and hyphens between two digits of one card number: ` - `.
const MAX_CARD_GAP: usize = 3;

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    #[error("must not be empty")]
    Empty,
    #[error("at most {limit} characters")]
    TooLong { limit: usize },
    #[error("must not contain control characters")]
    Control,
    #[error("a slug has lower-case letters and digits, with single hyphens between them")]
    Slug,
    #[error("not an e-mail address")]
    Email,
    #[error("not a telephone number in the form +14155550123")]
    Phone,
}

/// One line, 1 to 200 characters, without whitespace at its ends.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Title(String);

impl Title {
    /// Trims.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let text = within(text.trim(), MAX_TITLE_CHARS)?;
        if text.chars().any(char::is_control) {
            return Err(Error::Control);
        }
        Ok(Self(text.to_owned()))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

parsed_from_text!(Title);
shown_as_text!(Title);

/// A name in an address: `[a-z0-9]` and lower-case letters of other scripts, single hyphens between them.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Slug(String);

impl Slug {
    /// Composes (NFC), so that two spellings that look the same are the same address.
    pub fn parse(text: &str) -> Result<Self, Error> {
        within(text, MAX_SLUG_CHARS)?;
        let text: String = text.nfc().collect();
        let has_shape = text.split('-').all(|word| !word.is_empty() && is_slug_word(word));
        if has_shape { Ok(Self(text)) } else { Err(Error::Slug) }
    }

    /// A slug that is written in our own code, where its shape can be seen.
    pub(crate) fn known(text: &'static str) -> Self {
        debug_assert!(Self::parse(text).is_ok());
        Self(text.to_owned())
    }

    /// What a title becomes in an address: `Grüne Tasse, 2 Stück` is `grüne-tasse-2-stück`.
    /// Cut at a word where it is too long.
    pub fn from_title(title: &str) -> Result<Self, Error> {
        let lower: String = title.nfc().flat_map(char::to_lowercase).nfc().collect();
        // An apostrophe joins: `Children's` is one word.
        let text: String = lower.chars().filter(|char| !matches!(char, '\'' | '’')).collect();
        let mut slug = String::new();
        let mut slug_chars = 0;
        for word in text.split(|char| !is_slug_char(char)) {
            let word = word.trim_start_matches(is_combining_mark);
            if word.is_empty() {
                continue;
            }
            let hyphen = usize::from(!slug.is_empty());
            let room = MAX_SLUG_CHARS.saturating_sub(slug_chars + hyphen);
            let word_chars = word.chars().count();
            if word_chars > room && hyphen == 1 {
                break;
            }
            if hyphen == 1 {
                slug.push('-');
            }
            slug.extend(word.chars().take(room));
            slug_chars += hyphen + word_chars.min(room);
        }
        Self::parse(&slug)
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

parsed_from_text!(Slug);
shown_as_text!(Slug);

/// Some sentences, 1 to 2,000 characters; lines may break.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Note(String);

impl Note {
    /// Trims.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let text = within(text.trim(), MAX_NOTE_CHARS)?;
        if has_control_but_lines(text) {
            return Err(Error::Control);
        }
        Ok(Self(text.to_owned()))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

parsed_from_text!(Note);
shown_as_text!(Note);

/// An e-mail address as far as it can be judged without sending to it.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Email(String);

impl Email {
    /// Trims.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let text = within(text.trim(), MAX_EMAIL_CHARS)?;
        let (local, domain) = text.split_once('@').ok_or(Error::Email)?;
        let has_bad_char =
            text.chars().any(|char| char.is_whitespace() || char.is_control() || "<>,;\"()[]\\".contains(char));
        let is_local = !local.is_empty() && local.chars().count() <= MAX_EMAIL_LOCAL_CHARS;
        let is_domain = !domain.contains('@') && domain.split('.').all(|label| !label.is_empty());
        if has_bad_char || !is_local || !is_domain {
            return Err(Error::Email);
        }
        Ok(Self(text.to_owned()))
    }

    /// What lookups hash: lower case throughout, because people do not remember how they typed it.
    pub fn normalized(&self) -> String {
        self.0.to_lowercase()
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

parsed_from_text!(Email);
hidden_in_debug!(Email);

/// A telephone number in E.164: `+` and 7 to 15 digits.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Phone(String);

impl Phone {
    /// Takes out the spaces, hyphens, dots and parentheses that people write between the digits.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let number: String =
            text.trim().chars().take(40).filter(|char| !matches!(char, ' ' | '-' | '.' | '(' | ')')).collect();
        let digits = number.strip_prefix('+').ok_or(Error::Phone)?;
        let has_shape = (7..=15).contains(&digits.len())
            && !digits.starts_with('0')
            && digits.bytes().all(|byte| byte.is_ascii_digit());
        if has_shape { Ok(Self(number)) } else { Err(Error::Phone) }
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

parsed_from_text!(Phone);
hidden_in_debug!(Phone);

/// Whether the text holds 13 to 19 digits, spaces or hyphens between them, that pass the Luhn check.
/// Such a text must reach neither the log nor the disk.
pub fn looks_like_card_number(text: &str) -> bool {
    let mut digits: Vec<u8> = Vec::new();
    let mut gap = 0;
    for char in text.chars().chain(std::iter::once('\n')) {
        match char {
            '0'..='9' => {
                digits.push(char as u8 - b'0');
                gap = 0;
            }
            ' ' | '-' if gap < MAX_CARD_GAP => gap += 1,
            _ => {
                if is_card_number(&digits) {
                    return true;
                }
                digits.clear();
                gap = 0;
            }
        }
    }
    false
}

/// Whether a text has control characters other than the ends of lines and tabs.
pub(crate) fn has_control_but_lines(text: &str) -> bool {
    text.chars().any(|char| char.is_control() && !matches!(char, '\n' | '\r' | '\t'))
}

fn within(text: &str, limit: usize) -> Result<&str, Error> {
    if text.is_empty() {
        return Err(Error::Empty);
    }
    if text.len() > limit && text.chars().count() > limit {
        return Err(Error::TooLong { limit });
    }
    Ok(text)
}

fn is_slug_char(char: char) -> bool {
    if char.is_ascii() {
        return char.is_ascii_lowercase() || char.is_ascii_digit();
    }
    // Many scripts write vowels as marks; a letter with another lower case is an upper-case one.
    is_combining_mark(char) || (char.is_alphabetic() && char.to_lowercase().eq([char]))
}

fn is_slug_word(word: &str) -> bool {
    word.chars().all(is_slug_char) && !word.starts_with(is_combining_mark)
}

/// Luhn, ISO/IEC 7812-1: every second digit from the right counts double, a double's digits added.
fn is_card_number(digits: &[u8]) -> bool {
    if !(13..=19).contains(&digits.len()) {
        return false;
    }
    let sum: u32 = digits
        .iter()
        .rev()
        .enumerate()
        .map(|(place, digit)| match (place % 2, u32::from(*digit)) {
            (0, digit) => digit,
            (_, digit) if digit > 4 => 2 * digit - 9,
            (_, digit) => 2 * digit,
        })
        .sum();
    sum.is_multiple_of(10)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_title_is_trimmed_and_limited() {
        assert_eq!(Title::parse("  Cup ").unwrap().as_str(), "Cup");
        assert_eq!(Title::parse("  "), Err(Error::Empty));
        assert_eq!(Title::parse("a\nb"), Err(Error::Control));
        assert!(Title::parse(&"한".repeat(200)).is_ok());
        assert_eq!(Title::parse(&"x".repeat(201)), Err(Error::TooLong { limit: 200 }));
    }

    #[test]
    fn a_note_may_have_lines() {
        assert_eq!(Note::parse("a\r\n\tb\n").unwrap().as_str(), "a\r\n\tb");
        assert_eq!(Note::parse("a\u{7}"), Err(Error::Control));
        assert!(Note::parse(&"x".repeat(2001)).is_err());
    }

    #[test]
    fn a_slug_has_words_and_single_hyphens() {
        for text in ["a", "cup-2", "머그컵-파랑", "crème-brûlée", "हिन्दी"] {
            assert_eq!(Slug::parse(text).unwrap().as_str(), text);
        }
        for text in ["A", "a--b", "-a", "a-", "a b", "a/b", "Ü", "a.b", "☕"] {
            assert_eq!(Slug::parse(text), Err(Error::Slug), "{text}");
        }
        assert_eq!(Slug::parse(""), Err(Error::Empty));
        assert_eq!(Slug::parse("cre\u{300}me").unwrap().as_str(), "crème");
    }

    #[test]
    fn a_title_becomes_a_slug() {
        for (title, slug) in [
            ("Grüne Tasse, 2 Stück", "grüne-tasse-2-stück"),
            ("  CHILDREN'S Cup — 50%!", "childrens-cup-50"),
            ("파란 머그컵 (대)", "파란-머그컵-대"),
            ("İstanbul", "i̇stanbul"),
        ] {
            assert_eq!(Slug::from_title(title).unwrap().as_str(), slug);
        }
        assert_eq!(Slug::from_title("!!!"), Err(Error::Empty));
        assert_eq!(Slug::from_title(&format!("{} tail", "x".repeat(98))).unwrap().as_str(), "x".repeat(98));
        assert_eq!(Slug::from_title(&"x".repeat(150)).unwrap().as_str(), "x".repeat(100));
    }

    #[test]
    fn an_email_has_two_sides_and_hides_in_debug() {
        let email = Email::parse(" Kim.Lee+shop@Example.COM ").unwrap();
        assert_eq!(email.as_str(), "Kim.Lee+shop@Example.COM");
        assert_eq!(email.normalized(), "kim.lee+shop@example.com");
        assert_eq!(format!("{email:?}"), "Email(…)");
        assert!(Email::parse("root@localhost").is_ok());
        for text in ["a", "@b.c", "a@", "a@b@c", "a b@c.d", "a@b c", "a@b..c", "a@.b", "a@b.c\nBcc: d@e.f", "<a@b.c>"] {
            assert_eq!(Email::parse(text), Err(Error::Email), "{text:?}");
        }
        assert!(Email::parse(&format!("{}@b.c", "x".repeat(65))).is_err());
        assert!(Email::parse(&format!("a@{}.c", "x".repeat(254))).is_err());
    }

    #[test]
    fn a_phone_number_is_e164() {
        assert_eq!(Phone::parse("+1 (415) 555-0123").unwrap().as_str(), "+14155550123");
        for text in ["4155550123", "+0123456789", "+1", "+1234567890123456", "+1415x550123", ""] {
            assert_eq!(Phone::parse(text), Err(Error::Phone), "{text}");
        }
    }

    #[test]
    fn card_numbers_are_recognised() {
        for text in [
            "4242424242424242",
            "4111 1111 1111 1111",
            "3782-822463-10005",
            "4111 - 1111  1111  1111",
            "my card is 5555 5555 5555 4444, thanks",
            "4222222222222",
            "6304000000000000000",
        ] {
            assert!(looks_like_card_number(text), "{text}");
        }
        for text in [
            "",
            "tok_visa",
            "4242424242424241",
            "42424242424243",
            "4111 ,1111 1111 1111",
            "+14155550123",
            "4111_1111_1111_1111",
            "42424242424242424242424242",
        ] {
            assert!(!looks_like_card_number(text), "{text}");
        }
    }

    proptest! {
        #[test]
        fn a_slug_from_any_title_is_a_slug(title in "\\PC{0,150}") {
            if let Ok(slug) = Slug::from_title(&title) {
                prop_assert_eq!(Slug::parse(slug.as_str()), Ok(slug));
            }
        }

        #[test]
        fn no_text_panics(text in ".*") {
            let _ = looks_like_card_number(&text);
            let _ = (Email::parse(&text), Phone::parse(&text), Slug::parse(&text), Slug::from_title(&text));
        }
    }
}
