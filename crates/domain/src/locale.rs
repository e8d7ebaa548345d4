//! In which language somebody reads.
//! It does not know translations, nor which languages a shop speaks.

use serde::{Deserialize, Serialize};

use crate::newtype::{parsed_from_text, shown_as_text};

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    #[error("not a locale of BCP 47 such as `en`, `pt-BR` or `zh-Hant-TW`")]
    Malformed,
}

/// `language[-Script][-REGION]` of BCP 47, in its usual case; extensions and variants are not carried.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Locale(String);

impl Locale {
    /// Accepts any case, and `_` for `-`.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let mut pieces = text.split(['-', '_']);
        let language = pieces.next().unwrap_or_default();
        if !matches!(language.len(), 2 | 3) || !is_letters(language) {
            return Err(Error::Malformed);
        }
        let mut tag = language.to_ascii_lowercase();
        let mut next = pieces.next();
        if let Some(script) = next.filter(|piece| piece.len() == 4 && is_letters(piece)) {
            tag.push('-');
            tag.push_str(&script[..1].to_ascii_uppercase());
            tag.push_str(&script[1..].to_ascii_lowercase());
            next = pieces.next();
        }
        if let Some(region) = next {
            if !is_region(region) {
                return Err(Error::Malformed);
            }
            tag.push('-');
            tag.push_str(&region.to_ascii_uppercase());
            next = pieces.next();
        }
        if next.is_some() { Err(Error::Malformed) } else { Ok(Self(tag)) }
    }

    /// A locale that is written in our own code, where its shape can be seen.
    pub(crate) fn known(tag: &'static str) -> Self {
        debug_assert!(Self::parse(tag).is_ok());
        Self(tag.to_owned())
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// `zh` of `zh-Hant-TW`.
    pub fn language(&self) -> &str {
        self.0.split('-').next().unwrap_or(&self.0)
    }

    /// Itself, then ever shorter: `zh-Hant-TW`, `zh-Hant`, `zh`.
    pub fn fallbacks(&self) -> impl Iterator<Item = Locale> + '_ {
        let shorter = |locale: &Locale| locale.0.rsplit_once('-').map(|(start, _)| Locale(start.to_owned()));
        std::iter::successors(Some(self.clone()), shorter)
    }
}

parsed_from_text!(Locale);
shown_as_text!(Locale);

fn is_letters(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_alphabetic())
}

fn is_region(text: &str) -> bool {
    (text.len() == 2 && is_letters(text)) || (text.len() == 3 && text.bytes().all(|byte| byte.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn case_is_put_right() {
        for (text, tag) in [
            ("EN", "en"),
            ("pt_br", "pt-BR"),
            ("ZH-hant-tw", "zh-Hant-TW"),
            ("es-419", "es-419"),
            ("sr-latn", "sr-Latn"),
            ("haw", "haw"),
        ] {
            assert_eq!(Locale::parse(text).unwrap().as_str(), tag);
        }
    }

    #[test]
    fn what_is_no_locale_is_refused() {
        for text in ["", "e", "english", "en-", "en-U", "en-USA", "en-US-x-y", "12", "en--US", "한국", "en-한국"] {
            assert_eq!(Locale::parse(text), Err(Error::Malformed), "{text}");
        }
    }

    #[test]
    fn fallbacks_grow_shorter() {
        let tags: Vec<String> =
            Locale::parse("zh-Hant-TW").unwrap().fallbacks().map(|locale| locale.to_string()).collect();
        assert_eq!(tags, ["zh-Hant-TW", "zh-Hant", "zh"]);
    }
}
