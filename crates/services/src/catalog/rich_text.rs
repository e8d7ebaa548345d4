//! Descriptions with a structure: HTML that others wrote, made harmless, and the text in it.
//! It does not know where the HTML comes from; whatever writes a product passes here.

use std::collections::{HashMap, HashSet};
use std::sync::OnceLock;

use ammonia::{Builder, UrlRelative};
use domain::catalog::{MAX_DESCRIPTION_CHARS, ProductInput};

/// What a description may be made of. No pictures, no styles, nothing that acts.
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
const SCHEMES: [&str; 3] = ["http", "https", "mailto"];
/// Tags that shops often have, and what they become.
const RENAMED: [(&str, &str); 7] =
    [("div", "p"), ("section", "p"), ("article", "p"), ("h1", "h2"), ("h5", "h4"), ("h6", "h4"), ("pre", "p")];
/// What is in these is no text; the parser has to see them to take it out.
const WITH_CONTENT: [&str; 10] =
    ["script", "style", "title", "head", "textarea", "noscript", "iframe", "template", "svg", "math"];
/// No description that could be taken is longer than this, in bytes; one that is longer is refused unread.
const RAW_BYTES_MAX: usize = 512 * 1024;

/// Makes all HTML in it harmless, and fills in the text where only HTML was sent.
pub fn make_harmless(input: &mut ProductInput) {
    let texts = input.translations.values_mut().map(|text| (&mut text.description, &mut text.description_html));
    for (text, html) in std::iter::once((&mut input.description, &mut input.description_html)).chain(texts) {
        let Some(sent) = html.as_deref().filter(|sent| sent.len() <= RAW_BYTES_MAX) else { continue };
        let harmless = sanitised(sent);
        if text.as_deref().is_none_or(|text| text.trim().is_empty()) {
            *text = Some(shortened(text_of(&harmless)));
        }
        *html = has_structure(&harmless).then_some(harmless);
    }
}

/// Only what [`TAGS`] names, with addresses of links and nothing else.
pub fn sanitised(html: &str) -> String {
    static CLEANER: OnceLock<Builder<'static>> = OnceLock::new();
    let cleaner = CLEANER.get_or_init(|| {
        let mut builder = Builder::default();
        builder
            .tags(HashSet::from(TAGS))
            .tag_attributes(HashMap::from([("a", HashSet::from(["href"]))]))
            .generic_attributes(HashSet::new())
            .url_schemes(HashSet::from(SCHEMES))
            .url_relative(UrlRelative::Deny)
            .link_rel(Some("nofollow noopener"));
        builder
    });
    let clean = cleaner.clean(&prepared(html)).to_string();
    without_empty_paragraphs(clean).trim_matches(is_blank).to_owned()
}

/// What says nothing at the ends of a text. A byte order mark at the beginning would be gone when it is read again.
fn is_blank(char: char) -> bool {
    char.is_whitespace() || char == '\u{feff}'
}

/// The text, a line for each block and a bullet for each point of a list. Of HTML that was made harmless.
pub fn text_of(harmless: &str) -> String {
    let mut text = String::with_capacity(harmless.len());
    let mut rest = harmless;
    while let Some(at) = rest.find('<') {
        push_words(&mut text, &rest[..at]);
        let Some(end) = rest[at..].find('>') else { break };
        let tag = &rest[at + 1..at + end];
        let name = tag.trim_start_matches('/').split(|char: char| !char.is_ascii_alphanumeric()).next();
        match name.unwrap_or_default() {
            "td" | "th" if !tag.starts_with('/') => push_words(&mut text, " "),
            "strong" | "em" | "b" | "i" | "a" | "td" | "th" | "thead" | "tbody" => {}
            "li" if !tag.starts_with('/') => {
                end_line(&mut text);
                text.push_str("• ");
            }
            "p" | "h2" | "h3" | "h4" | "ul" | "ol" | "table" | "blockquote" => {
                end_line(&mut text);
                if tag.starts_with('/') && !text.is_empty() && !text.ends_with("\n\n") {
                    text.push('\n');
                }
            }
            _ => end_line(&mut text),
        }
        rest = &rest[at + end + 1..];
    }
    push_words(&mut text, rest);
    text.trim().to_owned()
}

/// Words with single spaces between them, as a browser shows them.
fn push_words(text: &mut String, escaped: &str) {
    for char in unescaped(escaped).chars() {
        match char {
            ' ' | '\n' | '\t' | '\r' if text.is_empty() || text.ends_with([' ', '\n']) => {}
            ' ' | '\n' | '\t' | '\r' => text.push(' '),
            other => text.push(other),
        }
    }
}

fn end_line(text: &mut String) {
    text.truncate(text.trim_end_matches(' ').len());
    if !text.is_empty() && !text.ends_with('\n') {
        text.push('\n');
    }
}

/// The only references that the sanitiser writes.
fn unescaped(text: &str) -> String {
    text.replace("&nbsp;", "\u{a0}")
        .replace("&lt;", "<")
        .replace("&gt;", ">")
        .replace("&quot;", "\"")
        .replace("&amp;", "&")
}

fn has_structure(harmless: &str) -> bool {
    harmless.contains('<')
}

fn shortened(text: String) -> String {
    match text.char_indices().nth(MAX_DESCRIPTION_CHARS - 1) {
        Some((end, _)) if text.chars().count() > MAX_DESCRIPTION_CHARS => format!("{}…", text[..end].trim_end()),
        _ => text,
    }
}

/// The same HTML in bare tags. Attributes go before the parser sees them, because a few thousand formatting tags that all
/// differ make any HTML parser build millions of elements; links keep theirs. What this leaves, the sanitiser judges.
fn prepared(html: &str) -> String {
    let mut out = String::with_capacity(html.len());
    let mut rest = html;
    while let Some(at) = rest.find('<') {
        out.push_str(&rest[..at]);
        rest = &rest[at..];
        if rest.starts_with("<!--") {
            rest = rest.find("-->").map_or("", |end| &rest[end + 3..]);
            continue;
        }
        let slash = if rest[1..].starts_with('/') { "/" } else { "" };
        let after = &rest[1 + slash.len()..];
        let name_end = after.find(|char: char| !char.is_ascii_alphanumeric()).unwrap_or(after.len());
        let name = after[..name_end].to_ascii_lowercase();
        let Some(end) = tag_end(rest) else {
            // A tag that never ends is text.
            out.push_str("&lt;");
            rest = &rest[1..];
            continue;
        };
        if name.is_empty() {
            let is_declaration = after.starts_with(['!', '?']);
            out.push_str(if is_declaration { "" } else { "&lt;" });
            rest = if is_declaration { &rest[end..] } else { &rest[1..] };
            continue;
        }
        let renamed = RENAMED.iter().find(|(from, _)| *from == name).map_or(name.as_str(), |(_, to)| to);
        if name == "a" && slash.is_empty() {
            out.push_str(&rest[..end]);
        } else if TAGS.contains(&renamed) || WITH_CONTENT.contains(&renamed) {
            out.extend(["<", slash, renamed, ">"]);
        }
        rest = &rest[end..];
    }
    out.push_str(rest);
    out
}

/// Where the tag at the beginning ends; a `>` in quotes does not end it.
fn tag_end(tag: &str) -> Option<usize> {
    let mut quote = None;
    for (at, byte) in tag.bytes().enumerate() {
        match (quote, byte) {
            (None, b'>') => return Some(at + 1),
            (None, b'"' | b'\'') => quote = Some(byte),
            (Some(open), byte) if open == byte => quote = None,
            _ => {}
        }
    }
    None
}

/// Blocks within blocks leave empty ones behind.
fn without_empty_paragraphs(mut html: String) -> String {
    while html.contains("<p></p>") {
        html = html.replace("<p></p>", "");
    }
    html
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_harmless_stays() {
        for (sent, kept) in [
            ("<p>Good <b>tea</b></p>", "<p>Good <b>tea</b></p>"),
            ("<p style=\"color:red\" class=x id=y onclick=alert(1)>Tea</p>", "<p>Tea</p>"),
            ("<script>alert(1)</script>Tea<style>p{}</style>", "Tea"),
            ("<img src=x onerror=alert(1)>Tea", "Tea"),
            ("<a href=\"javascript:alert(1)\">Tea</a>", "<a rel=\"nofollow noopener\">Tea</a>"),
            ("<a href=\"JaVa\tScript:alert(1)\">Tea</a>", "<a rel=\"nofollow noopener\">Tea</a>"),
            (
                "<a href=\"https://x.example/?a=1&b=2\" target=_blank>Tea</a>",
                "<a href=\"https://x.example/?a=1&amp;b=2\" rel=\"nofollow noopener\">Tea</a>",
            ),
            ("<a href=\"/cart\">Tea</a>", "<a rel=\"nofollow noopener\">Tea</a>"),
            ("<h1>Tea</h1><div>One</div><div><p>Two</p></div>", "<h2>Tea</h2><p>One</p><p>Two</p>"),
            ("<svg><script>alert(1)</script></svg>Tea", "Tea"),
            ("<iframe src=//x></iframe><math><mi>x</mi></math>Tea<!-- no -->", "xTea"),
            ("3 < 4 <b>&amp; so on", "3 &lt; 4 <b>&amp; so on</b>"),
            ("<b", "&lt;b"),
        ] {
            assert_eq!(sanitised(sent), kept, "{sent}");
            assert_eq!(sanitised(kept), kept, "harmless HTML stays as it is: {kept}");
        }
    }

    #[test]
    fn known_tricks_do_not_act() {
        for trick in [
            "<<script>alert(1)//<</script>",
            "<p title=\"</p><script>alert(1)</script>\">x",
            "<noscript><p title=\"</noscript><img src=x onerror=alert(1)>\">",
            "<math><mtext><table><mglyph><style><!--</style><img title=\"--&gt;&lt;img src=1 onerror=alert(1)&gt;\">",
            "<svg/onload=alert(1)>",
            "<form><math><mtext></form><form><mglyph><style></math><img src onerror=alert(1)>",
            "<a href=\"data:text/html,<script>alert(1)</script>\">x</a>",
            "<table><td background=\"javascript:alert(1)\">x",
        ] {
            let kept = sanitised(trick);
            let tags: Vec<&str> = kept.split('<').skip(1).collect();
            for tag in tags {
                let name = tag.trim_start_matches('/').split(['>', ' ']).next().unwrap_or_default();
                assert!(TAGS.contains(&name), "{trick}: {kept}");
                assert!(!tag.contains("onerror") && !tag.contains("javascript"), "{trick}: {kept}");
            }
            assert_eq!(sanitised(&kept), kept, "{trick}");
        }
    }

    #[test]
    fn many_tags_that_differ_take_no_more_than_they_should() {
        let many: String = (0..4_000).map(|n| format!("<b a={n}><font b={n}>")).collect();
        let blocks = "<p>x".repeat(4_000);
        assert!(sanitised(&format!("{many}{blocks}")).len() < 200_000);
    }

    #[test]
    fn a_text_is_read_out_of_it() {
        let html = "<h2>Tea</h2><p>Green,\n <b>fresh</b>.<br>Now &lt;50 g&gt;</p><ul><li>one</li><li>two</li></ul>";
        assert_eq!(text_of(html), "Tea\n\nGreen, fresh.\nNow <50 g>\n\n• one\n• two");
        let table =
            "<table><tbody><tr><th>Size</th><td>L</td></tr><tr><th>Weight</th><td>1&nbsp;kg</td></tr></tbody></table>";
        assert_eq!(text_of(table), "Size L\nWeight 1\u{a0}kg");
    }

    #[test]
    fn the_text_is_made_only_where_none_was_sent() {
        let mut input = ProductInput {
            description_html: Some("<p>Green <i onclick=x>tea</i></p>".to_owned()),
            ..ProductInput::default()
        };
        make_harmless(&mut input);
        assert_eq!(input.description.as_deref(), Some("Green tea"));
        assert_eq!(input.description_html.as_deref(), Some("<p>Green <i>tea</i></p>"));
        input.description = Some("Own words".to_owned());
        make_harmless(&mut input);
        assert_eq!(input.description.as_deref(), Some("Own words"));
        input.description_html = Some("no structure at all".to_owned());
        make_harmless(&mut input);
        assert_eq!(input.description_html, None);
    }
}
