//! Reads Rust just well enough for the rules: what is code, comment or text; words; paths; test-only parts.
//! It is no parser: it knows tokens, not meaning, and never fails on odd input.

/// What a byte of a source file belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Code,
    Comment,
    Text,
}

/// A source file seen three ways. Each view has the file's length and lines, so offsets mean the same in all.
#[derive(Debug, Default)]
pub struct Views {
    /// Comments and literals blanked.
    pub code: String,
    /// Only comments.
    pub comments: String,
    /// Only what stands inside of literals.
    pub texts: String,
}

/// A path as it is written, use groups spelt out: `use a::{b, c::D}` gives `a::b` and `a::c::D`.
#[derive(Debug, PartialEq, Eq)]
pub struct RustPath {
    /// Where its last segment stands.
    pub at: usize,
    pub segments: Vec<String>,
    /// Whether it is a macro's name: `println!`.
    pub is_macro: bool,
}

impl RustPath {
    pub fn starts_with(&self, start: &[&str]) -> bool {
        self.segments.len() >= start.len() && self.segments.iter().zip(start).all(|(a, b)| a == b)
    }

    pub fn contains(&self, part: &[&str]) -> bool {
        self.segments.windows(part.len()).any(|found| found == part)
    }
}

pub fn views(source: &str) -> Views {
    let kinds = kinds(source.as_bytes());
    let only = |wanted: Kind| blanked(source, |at| kinds[at] == wanted);
    Views { code: only(Kind::Code), comments: only(Kind::Comment), texts: only(Kind::Text) }
}

/// Blanks whatever stands under `#[cfg(test)]`: modules, and single items.
pub fn without_tests(code: &str, view: &str) -> String {
    let parts = test_parts(code);
    blanked(view, |at| !parts.iter().any(|part| part.contains(&at)))
}

/// The modules that `#[cfg(test)] mod name;` declares.
pub fn test_modules(code: &str) -> Vec<String> {
    test_parts(code)
        .into_iter()
        .filter_map(|part| {
            let (_, declared) = code[part].rsplit_once("mod ")?;
            Some(declared.strip_suffix(';')?.trim().to_owned())
        })
        .collect()
}

/// Words as a compiler sees them: runs of letters, digits and underscores, with their offsets.
pub fn words(view: &str) -> impl Iterator<Item = (usize, &str)> {
    view.split(|c: char| !is_word(c))
        .filter(|word| !word.is_empty())
        .map(|word| (word.as_ptr() as usize - view.as_ptr() as usize, word))
}

/// `place_order` and `PlaceOrder` are both `place`, `order`.
pub fn parts(word: &str) -> Vec<String> {
    let letters: Vec<char> = word.chars().collect();
    let mut parts = vec![String::new()];
    for (i, &c) in letters.iter().enumerate() {
        let after_lower = i > 0 && !letters[i - 1].is_uppercase();
        let before_lower = letters.get(i + 1).is_some_and(|next| next.is_lowercase());
        if c == '_' || (c.is_uppercase() && (after_lower || before_lower)) {
            parts.push(String::new());
        }
        if let (true, Some(part)) = (c != '_', parts.last_mut()) {
            part.extend(c.to_lowercase());
        }
    }
    parts.retain(|part| !part.is_empty());
    parts
}

pub fn paths(code: &str) -> Vec<RustPath> {
    let tokens = tokens(code);
    let mut found = Vec::new();
    let mut next = 0;
    while next < tokens.len() {
        next = if is_name(tokens[next].1) { path(&tokens, next, &mut Vec::new(), &mut found) } else { next + 1 };
    }
    found
}

type Token<'a> = (usize, &'a str);

/// Reads one path that begins at `start`, with `prefix` before it; says where reading goes on.
fn path(tokens: &[Token<'_>], start: usize, prefix: &mut Vec<String>, found: &mut Vec<RustPath>) -> usize {
    let word = |at: usize| tokens.get(at).map_or("", |token| token.1);
    let depth = prefix.len();
    let mut next = start;
    prefix.push(word(next).to_owned());
    while word(next + 1) == "::" && is_name(word(next + 2)) {
        next += 2;
        prefix.push(word(next).to_owned());
    }
    if word(next + 1) == "::" && word(next + 2) == "{" {
        next = group(tokens, next + 3, prefix, found);
    } else {
        found.push(RustPath {
            at: tokens[next].0,
            segments: prefix.clone(),
            is_macro: word(next + 1) == "!" && word(next + 2) != "=",
        });
        next += 1;
    }
    prefix.truncate(depth);
    next
}

/// Reads the inside of `{…}` of a use declaration, up to and with its closing brace.
fn group(tokens: &[Token<'_>], start: usize, prefix: &mut Vec<String>, found: &mut Vec<RustPath>) -> usize {
    let mut next = start;
    while let Some(&(_, token)) = tokens.get(next) {
        match token {
            "}" => return next + 1,
            // A renamed import: the new name is no path.
            "as" => next += 2,
            name if is_name(name) => next = path(tokens, next, prefix, found),
            _ => next += 1,
        }
    }
    next
}

fn tokens(code: &str) -> Vec<Token<'_>> {
    let mut tokens = Vec::new();
    let mut rest = code;
    while let Some(first) = rest.chars().next() {
        let length = if is_word(first) {
            rest.find(|c| !is_word(c)).unwrap_or(rest.len())
        } else if rest.starts_with("::") {
            2
        } else {
            first.len_utf8()
        };
        if !first.is_whitespace() {
            tokens.push((code.len() - rest.len(), &rest[..length]));
        }
        rest = &rest[length..];
    }
    tokens
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

fn is_name(token: &str) -> bool {
    token.chars().next().is_some_and(|c| c.is_alphabetic() || c == '_')
}

fn blanked(text: &str, keep: impl Fn(usize) -> bool) -> String {
    let blank = |(at, c): (usize, char)| {
        let stays = c == '\n' || keep(at);
        let width = if stays { 1 } else { c.len_utf8() };
        std::iter::repeat_n(if stays { c } else { ' ' }, width)
    };
    text.char_indices().flat_map(blank).collect()
}

/// From each `#[cfg(test)]` to the end of the item under it.
fn test_parts(code: &str) -> Vec<std::ops::Range<usize>> {
    let mut parts = Vec::new();
    let mut from = 0;
    while let Some(found) = code[from..].find("#[cfg(test)]") {
        let start = from + found;
        let end = end_of_item(code, start + "#[cfg(test)]".len());
        parts.push(start..end);
        from = end;
    }
    parts
}

/// An item ends with a semicolon, or with the brace that closes its first one; brackets of attributes and
/// parameters between are stepped over.
fn end_of_item(code: &str, from: usize) -> usize {
    let mut depth = 0_usize;
    for (at, byte) in code.bytes().enumerate().skip(from) {
        match byte {
            b'{' | b'[' | b'(' => depth += 1,
            b'}' | b']' | b')' => {
                depth = depth.saturating_sub(1);
                if byte == b'}' && depth == 0 {
                    return at + 1;
                }
            }
            b';' if depth == 0 => return at + 1,
            _ => {}
        }
    }
    code.len()
}

fn kinds(source: &[u8]) -> Vec<Kind> {
    let mut kinds = vec![Kind::Code; source.len()];
    let mut at = 0;
    while at < source.len() {
        let (kind, length) = stretch(source, at);
        if kind == Kind::Text {
            // The quotes themselves stay code, so that `"a" "b"` keeps its shape.
            let inside = (at + 1)..(at + length).saturating_sub(1).max(at + 1);
            kinds[inside].fill(kind);
        } else {
            kinds[at..at + length].fill(kind);
        }
        at += length;
    }
    kinds
}

/// What begins at `at`, and how long it is.
fn stretch(source: &[u8], at: usize) -> (Kind, usize) {
    let rest = &source[at..];
    let joined = at > 0 && (source[at - 1].is_ascii_alphanumeric() || source[at - 1] == b'_');
    match rest {
        [b'/', b'/', ..] => (Kind::Comment, length_to(rest, b"\n", 0)),
        [b'/', b'*', ..] => (Kind::Comment, block_comment(rest)),
        [b'"', ..] => (Kind::Text, string(rest)),
        [b'\'', ..] => character(rest).map_or((Kind::Code, 1), |length| (Kind::Text, length)),
        [b'r', b'"' | b'#', ..] if !joined || source[at - 1] == b'b' || source[at - 1] == b'c' => {
            raw_string(rest).map_or((Kind::Code, 1), |length| (Kind::Text, length))
        }
        _ => (Kind::Code, 1),
    }
}

/// Up to `end`, without it when `with` is 0.
fn length_to(rest: &[u8], end: &[u8], with: usize) -> usize {
    rest.windows(end.len()).position(|window| window == end).map_or(rest.len(), |found| found + with)
}

fn block_comment(rest: &[u8]) -> usize {
    let mut depth = 0_usize;
    let mut at = 0;
    while at < rest.len() {
        match &rest[at..] {
            [b'/', b'*', ..] => {
                depth += 1;
                at += 2;
            }
            [b'*', b'/', ..] => {
                depth -= 1;
                at += 2;
                if depth == 0 {
                    return at;
                }
            }
            _ => at += 1,
        }
    }
    rest.len()
}

fn string(rest: &[u8]) -> usize {
    let mut at = 1;
    while at < rest.len() {
        match rest[at] {
            b'\\' => at += 2,
            b'"' => return at + 1,
            _ => at += 1,
        }
    }
    rest.len()
}

/// A character literal, or none for a lifetime.
fn character(rest: &[u8]) -> Option<usize> {
    if rest.get(1) == Some(&b'\\') {
        // The escaped character may be a quote itself.
        return Some(3 + length_to(rest.get(3..)?, b"'", 1));
    }
    let width = match rest.get(1)? {
        0..=0x7f => 1,
        0x80..=0xdf => 2,
        0xe0..=0xef => 3,
        0xf0..=0xff => 4,
    };
    (rest.get(1 + width) == Some(&b'\'')).then_some(width + 2)
}

/// `r"…"`, `r#"…"#`; none for a raw name such as `r#type`.
fn raw_string(rest: &[u8]) -> Option<usize> {
    let hashes = rest[1..].iter().take_while(|&&byte| byte == b'#').count();
    let open = 1 + hashes + 1;
    if rest.get(open - 1) != Some(&b'"') {
        return None;
    }
    let mut end = vec![b'"'];
    end.resize(1 + hashes, b'#');
    Some(open + length_to(&rest[open..], &end, end.len()))
}

#[cfg(test)]
mod tests;
