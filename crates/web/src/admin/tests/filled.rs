//! A form as a browser would send it back: what stands in its fields, and what somebody changes.
//! It does not know HTML beyond what our templates write.

use axum::http::Request;

use super::{Office, Page};

/// The fields of one form on a page, in their order.
#[derive(Debug, Clone)]
pub struct Filled {
    pub action: String,
    is_multipart: bool,
    pub fields: Vec<(String, String)>,
}

impl Filled {
    /// The form that is sent to a path.
    pub fn of(page: &Page, action: &str) -> Self {
        let begin = format!("action=\"{action}\"");
        let at = page.body.find(&begin).unwrap_or_else(|| panic!("no form to {action} in {}", page.body));
        let open = page.body[..at].rfind("<form").unwrap();
        let form = page.body[open..].split("</form>").next().unwrap();
        let is_multipart = form.split('>').next().unwrap().contains("multipart/form-data");
        Self { action: action.to_owned(), is_multipart, fields: fields(form) }
    }

    pub fn get(&self, name: &str) -> &str {
        let found = self.fields.iter().find(|(known, _)| known == name);
        found.map_or_else(|| panic!("no field {name} in {:?}", self.fields), |(_, value)| value)
    }

    /// Writes into a field that is there.
    pub fn set(mut self, name: &str, value: &str) -> Self {
        let field = self.fields.iter_mut().find(|(known, _)| known == name);
        field.unwrap_or_else(|| panic!("no field {name}")).1 = value.to_owned();
        self
    }

    /// Ticks a box.
    pub fn tick(mut self, name: &str, value: &str) -> Self {
        self.fields.push((name.to_owned(), value.to_owned()));
        self
    }

    pub fn without(mut self, name: &str) -> Self {
        self.fields.retain(|(known, _)| known != name);
        self
    }

    /// Presses a button.
    pub async fn press(&self, office: &Office, button: &str) -> Page {
        self.send_with(office, Some(button), &[]).await
    }

    pub async fn send(&self, office: &Office) -> Page {
        self.send_with(office, None, &[]).await
    }

    /// With files: each the name of its field, of itself, and its bytes.
    pub async fn send_with(&self, office: &Office, button: Option<&str>, files: &[(&str, &str, &[u8])]) -> Page {
        let mut fields = self.fields.clone();
        fields.extend(button.map(|button| ("do".to_owned(), button.to_owned())));
        if !self.is_multipart {
            let pairs: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
            return office.post(&self.action, &pairs).await;
        }
        const MARK: &str = "a-mark-that-stands-nowhere-else";
        let mut body = Vec::new();
        for (name, value) in &fields {
            let head = format!("--{MARK}\r\ncontent-disposition: form-data; name=\"{name}\"\r\n\r\n");
            body.extend_from_slice(head.as_bytes());
            body.extend_from_slice(value.replace('\n', "\r\n").as_bytes());
            body.extend_from_slice(b"\r\n");
        }
        for (name, file, bytes) in files {
            let head = format!(
                "--{MARK}\r\ncontent-disposition: form-data; name=\"{name}\"; filename=\"{file}\"\r\ncontent-type: image/png\r\n\r\n"
            );
            body.extend_from_slice(head.as_bytes());
            body.extend_from_slice(bytes);
            body.extend_from_slice(b"\r\n");
        }
        body.extend_from_slice(format!("--{MARK}--\r\n").as_bytes());
        let kind = format!("multipart/form-data; boundary={MARK}");
        office.send_bytes(Request::post(&self.action).header("content-type", kind), body).await
    }
}

fn fields(form: &str) -> Vec<(String, String)> {
    let mut fields = Vec::new();
    let mut rest = form;
    while let Some(at) = rest.find('<') {
        rest = &rest[at + 1..];
        let tag = &rest[..tag_end(rest)];
        let after = &rest[tag.len()..];
        let name = attribute(tag, "name");
        if tag.starts_with("input") {
            let kind = attribute(tag, "type").unwrap_or_default();
            let is_choice = kind == "checkbox" || kind == "radio";
            let is_sent = kind != "file" && (!is_choice || has_word(tag, "checked"));
            fields.extend(name.filter(|_| is_sent).map(|name| (name, attribute(tag, "value").unwrap_or_default())));
        } else if tag.starts_with("textarea") {
            let text = after[1..].split("</textarea>").next().unwrap();
            // The first line break belongs to the tag.
            let text = unescaped(text.strip_prefix('\n').unwrap_or(text));
            fields.extend(name.map(|name| (name, text)));
        } else if tag.starts_with("select") {
            let inside = after.split("</select>").next().unwrap();
            let options: Vec<&str> = inside.split("<option").skip(1).collect();
            let chosen =
                options.iter().find(|option| has_word(&option[..tag_end(option)], "selected")).or(options.first());
            let value = chosen.map(|option| attribute(&option[..tag_end(option)], "value").unwrap_or_default());
            fields.extend(name.zip(value));
        }
    }
    fields
}

/// Where a tag ends: at the first `>` outside quotes.
fn tag_end(text: &str) -> usize {
    let mut is_quoted = false;
    let end = text.char_indices().find(|(_, char)| {
        is_quoted ^= *char == '"';
        *char == '>' && !is_quoted
    });
    end.map_or(text.len(), |(at, _)| at)
}

fn attribute(tag: &str, name: &str) -> Option<String> {
    let (_, rest) = tag.split_once(&format!(" {name}=\""))?;
    Some(unescaped(rest.split('"').next()?))
}

fn has_word(tag: &str, word: &str) -> bool {
    let outside: String = tag.split('"').step_by(2).collect();
    outside.split_whitespace().any(|there| there == word)
}

/// Askama escapes five characters, by number.
fn unescaped(text: &str) -> String {
    let pairs = [("&#60;", "<"), ("&#62;", ">"), ("&#34;", "\""), ("&#39;", "'"), ("&#38;", "&")];
    pairs.iter().fold(text.to_owned(), |text, (escaped, plain)| text.replace(escaped, plain))
}
