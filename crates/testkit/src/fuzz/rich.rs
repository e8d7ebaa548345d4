//! HTML and Markdown that others wrote: whatever it is, nothing of it acts, and cleaning it again loses nothing.
//! It does not know how a page looks.

use services::catalog::rich_text::{sanitised, text_of};
use services::shop::harmless;

const TAGS: [&str; 20] = [
    "p",
    "br",
    "ul",
    "ol",
    "li",
    "strong",
    "em",
    "b",
    "i",
    "h2",
    "h3",
    "h4",
    "a",
    "table",
    "thead",
    "tbody",
    "tr",
    "th",
    "td",
    "blockquote",
];

/// One text, read as HTML and as Markdown.
pub fn html(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let clean = sanitised(&text);
    tags(&clean).for_each(|tag| check(tag, &clean));
    // What is nested as HTML cannot be written, such as an item right inside of an item, may be read otherwise the next time.
    let again = sanitised(&clean);
    tags(&again).for_each(|tag| check(tag, &again));
    assert_eq!(letters(&again), letters(&clean), "cleaning {text:?} again loses something");
    let shown = harmless(&text);
    tags(&shown).for_each(|tag| nothing_acts(tag, &shown));
}

/// All that is to be read, in no order.
fn letters(html: &str) -> Vec<char> {
    let says_nothing = |char: &char| char.is_whitespace() || char.is_control() || matches!(char, '•' | '\u{feff}');
    let mut letters: Vec<char> = text_of(html).chars().filter(|char| !says_nothing(char)).collect();
    letters.sort_unstable();
    letters
}

/// What stands between `<` and `>`. A sanitiser writes every other `<` as a reference.
fn tags(html: &str) -> impl Iterator<Item = &str> {
    html.match_indices('<').map(|(at, _)| html[at + 1..].split('>').next().unwrap_or_default())
}

fn check(tag: &str, html: &str) {
    let name = tag.trim_start_matches('/').split(|char: char| !char.is_ascii_alphanumeric()).next().unwrap_or_default();
    assert!(TAGS.contains(&name), "<{tag}> in {html:?}");
    nothing_acts(tag, html);
    if name != "a" {
        assert!(!tag.contains('='), "<{tag}> has an attribute in {html:?}");
    }
}

/// No script, no handler, no address that runs.
fn nothing_acts(tag: &str, html: &str) {
    let tag = tag.to_lowercase();
    let name = tag.trim_start_matches('/').split(|char: char| !char.is_ascii_alphanumeric()).next().unwrap_or_default();
    let acts = ["script", "style", "iframe", "object", "embed", "svg", "math", "base", "meta", "link", "form"];
    assert!(!acts.contains(&name), "<{tag}> in {html:?}");
    for attribute in tag.split('"').step_by(2).flat_map(str::split_whitespace) {
        assert!(!attribute.starts_with("on") || !attribute.contains('='), "<{tag}> in {html:?}");
        assert!(!attribute.starts_with("style="), "<{tag}> in {html:?}");
    }
    for address in tag.split("href=\"").skip(1).chain(tag.split("src=\"").skip(1)) {
        // As browsers read it (URL Standard): nothing below a space at its ends, and no tabs or line breaks anywhere.
        let address: String = address.chars().filter(|char| !matches!(char, '\t' | '\n' | '\r')).collect();
        let address = address.trim_start_matches(|char| char <= ' ');
        let runs = ["javascript:", "data:", "vbscript:"].iter().any(|scheme| address.starts_with(scheme));
        assert!(!runs, "<{tag}> in {html:?}");
    }
}
