//! HTML and Markdown that others wrote: whatever it is, nothing of it acts, and cleaning it again changes nothing.
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
    assert_eq!(sanitised(&clean), clean, "cleaning {text:?} again changes it");
    let _ = text_of(&clean);
    let shown = harmless(&text);
    tags(&shown).for_each(|tag| nothing_acts(tag, &shown));
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
        let address: String = address.chars().filter(|char| !char.is_whitespace() && !char.is_control()).collect();
        let runs = ["javascript:", "data:", "vbscript:"].iter().any(|scheme| address.starts_with(scheme));
        assert!(!runs, "<{tag}> in {html:?}");
    }
}
