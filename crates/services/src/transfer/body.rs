//! Descriptions in a file whose column is HTML: which of them are plain text, and plain text as HTML.
//! It does not make anything harmless; the catalogue does.

use domain::catalog::Content;

/// Whether a browser would read this as more than text.
pub fn is_html(text: &str) -> bool {
    let is_tag = text.match_indices('<').any(|(at, _)| {
        text[at + 1..].starts_with(|char: char| char.is_ascii_alphabetic() || char == '/' || char == '!')
    });
    let is_reference = text.match_indices('&').any(|(at, _)| {
        let name = text[at + 1..].split(';').next().unwrap_or_default();
        name.len() < text.len() - at - 1
            && (1..=32).contains(&name.len())
            && name.trim_start_matches('#').bytes().all(|byte| byte.is_ascii_alphanumeric())
    });
    is_tag || is_reference
}

/// What stands in the column for a product.
pub fn exported(content: &Content) -> String {
    match &content.description_html {
        Some(html) => html.clone(),
        None if content.description.contains('\n') || is_html(&content.description) => html_of(&content.description),
        None => content.description.clone(),
    }
}

/// A paragraph for each block of lines.
fn html_of(text: &str) -> String {
    let escaped = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    let blocks = escaped.split("\n\n").map(str::trim).filter(|block| !block.is_empty());
    blocks.map(|block| format!("<p>{}</p>", block.replace('\n', "<br>"))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_and_html_are_told_apart() {
        for text in ["", "Tea", "3 < 4", "Salt & pepper", "a & b; c", "x <3", "Fish & Chips; fresh"] {
            assert!(!is_html(text), "{text}");
        }
        for html in ["<p>Tea</p>", "Tea<br/>", "Salt &amp; pepper", "&#8364;5", "<!-- x -->"] {
            assert!(is_html(html), "{html}");
        }
        assert_eq!(html_of("One\ntwo & <3\n\nThree"), "<p>One<br>two &amp; &lt;3</p><p>Three</p>");
    }
}
