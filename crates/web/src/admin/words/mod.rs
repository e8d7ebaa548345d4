//! What staff's pages say, in the languages that they speak: one line a phrase, English and Korean side by side.
//! It does not know the shop's own texts, nor who reads. `{}` stands for what [`fill`] puts there.

mod dashboard;
mod drafts;
mod errors;
mod facts;
mod frame;
mod goods;
mod goods_errors;
mod house;
mod office;
pub mod orders;
mod presence;
mod processes;
mod shelves;

use contracts::Error;
use domain::field::FieldError;
use domain::locale::Locale;

/// A table of phrases, and what it says in each language.
macro_rules! phrases {
    ($($name:ident: $english:literal, $korean:literal;)*) => {
        pub struct Phrases {
            $(pub $name: &'static str,)*
        }
        pub static ENGLISH: Phrases = Phrases { $($name: $english,)* };
        pub static KOREAN: Phrases = Phrases { $($name: $korean,)* };
    };
}
use phrases;

pub struct Words {
    /// BCP 47.
    pub lang: &'static str,
    /// What the language calls itself.
    pub own_name: &'static str,
    pub frame: &'static frame::Phrases,
    pub dashboard: &'static dashboard::Phrases,
    pub orders: &'static orders::Phrases,
    pub drafts: &'static drafts::Phrases,
    pub processes: &'static processes::Phrases,
    pub goods: &'static goods::Phrases,
    pub shelves: &'static shelves::Phrases,
    pub office: &'static office::Phrases,
    pub house: &'static house::Phrases,
    pub presence: &'static presence::Phrases,
}

static ENGLISH: Words = Words {
    lang: "en",
    own_name: "English",
    frame: &frame::ENGLISH,
    dashboard: &dashboard::ENGLISH,
    orders: &orders::ENGLISH,
    drafts: &drafts::ENGLISH,
    processes: &processes::ENGLISH,
    goods: &goods::ENGLISH,
    shelves: &shelves::ENGLISH,
    office: &office::ENGLISH,
    house: &house::ENGLISH,
    presence: &presence::ENGLISH,
};
static KOREAN: Words = Words {
    lang: "ko",
    own_name: "한국어",
    frame: &frame::KOREAN,
    dashboard: &dashboard::KOREAN,
    orders: &orders::KOREAN,
    drafts: &drafts::KOREAN,
    processes: &processes::KOREAN,
    goods: &goods::KOREAN,
    shelves: &shelves::KOREAN,
    office: &office::KOREAN,
    house: &house::KOREAN,
    presence: &presence::KOREAN,
};

/// The languages of staff's pages; the first one is the default.
pub static ALL: [&Words; 2] = [&ENGLISH, &KOREAN];

impl std::fmt::Debug for Words {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.lang)
    }
}

impl Words {
    pub fn default_language() -> &'static Words {
        ALL[0]
    }

    /// By a tag such as `ko-KR`, with or without a weight as in `Accept-Language`.
    pub fn in_language(tag: &str) -> Option<&'static Words> {
        let tag = tag.split(';').next().unwrap_or_default().trim();
        let language = tag.split(['-', '_']).next().unwrap_or_default();
        ALL.into_iter().find(|words| words.lang.eq_ignore_ascii_case(language))
    }

    pub fn others(&self) -> Vec<&'static Words> {
        ALL.into_iter().filter(|words| words.lang != self.lang).collect()
    }

    pub fn locale(&self) -> Locale {
        Locale::parse(self.lang).unwrap_or_else(|_| domain::settings::Settings::default().default_locale)
    }

    pub fn is_korean(&self) -> bool {
        self.lang == KOREAN.lang
    }

    /// Why something was not done.
    pub fn message(&self, error: &Error) -> String {
        match error.fields.as_slice() {
            [field] => self.field_message(field),
            _ => self.known(&error.code).map_or_else(|| error.message.clone(), ToOwned::to_owned),
        }
    }

    pub fn field_message(&self, field: &FieldError) -> String {
        self.known(&field.code).map_or_else(|| field.message.clone(), ToOwned::to_owned)
    }

    /// Services speak English; what they say most often has a translation by its code.
    fn known(&self, code: &str) -> Option<&'static str> {
        if self.is_korean() { errors::korean(code).or_else(|| goods_errors::korean(code)) } else { None }
    }
}

/// Puts values where `{}` stands, in their order; `{1}` is the second one wherever it stands.
pub fn fill(phrase: &str, values: &[&str]) -> String {
    let mut text = String::new();
    let mut rest = phrase;
    let mut next = 0;
    while let Some((before, after)) = rest.split_once('{') {
        let Some((name, after)) = after.split_once('}') else { break };
        let index = name.parse().unwrap_or(next);
        text.push_str(before);
        text.push_str(values.get(index).unwrap_or(&""));
        next = index + 1;
        rest = after;
    }
    text + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_stand_where_they_belong() {
        assert_eq!(fill("{} of {}", &["1", "{}"]), "1 of {}");
        assert_eq!(fill("{} of {}", &["1"]), "1 of ");
        assert_eq!(fill("none", &["1"]), "none");
        assert_eq!(fill("{1} of {0}{", &["1", "2"]), "2 of 1{");
    }
}
