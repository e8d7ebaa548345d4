//! What ways to send and ways to pay have in common: short names, names in other languages, their order.
//! It does not know what a method does.

use std::collections::{BTreeMap, BTreeSet};

use domain::locale::Locale;
use domain::settings::{MAX_KEY_CHARS, MethodText, Settings};

use crate::admin::cell::Cell;
use crate::admin::form::Form;
use crate::admin::languages::own_name;
use crate::admin::session::Session;
use crate::admin::words::fill;

/// The short name that was typed, else one made from the name: `Express (1 day)` is `express_1_day`. One that is taken gets a
/// number.
pub fn key_for(typed: &str, name: &str, fallback: &str, taken: &mut BTreeSet<String>) -> String {
    if !typed.trim().is_empty() {
        return typed.trim().to_owned();
    }
    let lower = name.to_lowercase();
    let words = lower.split(|char: char| !char.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
    let made: String = words.collect::<Vec<_>>().join("_").chars().take(MAX_KEY_CHARS - 4).collect();
    let stem = if made.is_empty() { fallback.to_owned() } else { made };
    let numbered = (2..).map(|number| format!("{stem}_{number}"));
    let key = std::iter::once(stem.clone()).chain(numbered).find(|key| !taken.contains(key)).unwrap_or(stem);
    taken.insert(key.clone());
    key
}

/// `methods.2.earlier`, `methods.2.later`, `methods.2.remove`. `false`: it was no such button.
pub fn move_row<T>(rows: &mut Vec<T>, button: &str) -> bool {
    let pieces: Vec<&str> = button.split('.').collect();
    let ["methods", number, deed] = pieces.as_slice() else { return false };
    let Some(number) = number.parse::<usize>().ok().filter(|number| *number < rows.len()) else { return false };
    match *deed {
        "earlier" if number > 0 => rows.swap(number, number - 1),
        "later" if number + 1 < rows.len() => rows.swap(number, number + 1),
        "remove" => drop(rows.remove(number)),
        _ => return false,
    }
    true
}

pub fn texts_of(translations: &BTreeMap<Locale, MethodText>) -> BTreeMap<String, String> {
    translations.iter().map(|(locale, text)| (locale.to_string(), text.name.to_string())).collect()
}

/// Without those that nobody wrote.
pub fn translated(texts: &BTreeMap<String, String>) -> impl Iterator<Item = (String, String)> + '_ {
    texts.iter().filter(|(_, text)| !text.trim().is_empty()).map(|(tag, text)| (tag.clone(), text.clone()))
}

/// A field for the name in each language beside the shop's own, and in those that the method has beyond them.
pub fn text_cells(
    session: &Session,
    settings: &Settings,
    form: &Form,
    field: &str,
    texts: &BTreeMap<String, String>,
) -> Vec<Cell> {
    let others = settings.locales.iter().filter(|locale| **locale != settings.default_locale);
    let mut tags: Vec<String> = others.map(ToString::to_string).collect();
    tags.extend(texts.keys().filter(|tag| !tags.contains(tag)).cloned().collect::<Vec<_>>());
    let cell = |tag: String| {
        let label = fill(session.words.house.name_in, &[own_name(&tag)]);
        let value = texts.get(&tag).cloned().unwrap_or_default();
        Cell::new(format!("{field}.texts.{tag}"), label, value).told(form).in_language(&tag)
    };
    tags.into_iter().map(cell).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_names_are_made_once() {
        let mut taken = BTreeSet::from(["standard".to_owned()]);
        for (typed, name, key) in [
            (" my-key ", "Standard", "my-key"),
            ("", "Standard", "standard_2"),
            ("", "Standard!", "standard_3"),
            ("", "Express (1 day)", "express_1_day"),
            ("", "당일 배송", "shipping"),
            ("", "택배", "shipping_2"),
        ] {
            assert_eq!(key_for(typed, name, "shipping", &mut taken), key, "{name}");
        }
    }

    #[test]
    fn rows_are_moved_and_removed() {
        let mut rows = vec!['a', 'b', 'c'];
        assert!(move_row(&mut rows, "methods.2.earlier") && move_row(&mut rows, "methods.0.later"));
        assert_eq!(rows, ['c', 'a', 'b']);
        assert!(move_row(&mut rows, "methods.0.remove"));
        for button in ["methods.0.earlier", "methods.1.later", "methods.7.remove", "methods.x.remove", "save", ""] {
            assert!(!move_row(&mut rows, button), "{button}");
        }
        assert_eq!(rows, ['a', 'b']);
    }
}
