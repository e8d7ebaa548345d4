//! A product's texts in another language; what is missing is read from a shorter locale, or from the product itself.
//! It does not know which languages the shop has.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Image, MAX_ALT_CHARS, MAX_ATTRIBUTE_CHARS, MAX_DESCRIPTION_CHARS, MAX_DESCRIPTION_HTML_CHARS, OptionDef};
use crate::field::{Collector, pointer_piece, read_optional};
use crate::ids::MediaId;
use crate::text::Title;

/// Keyed as the product's own pieces are: by option and value, by attribute, by picture.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Translation {
    pub title: Option<Title>,
    pub description: Option<String>,
    /// As the product's own; there only where a description is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description_html: Option<String>,
    pub options: BTreeMap<Title, OptionText>,
    pub attributes: BTreeMap<String, String>,
    pub image_alts: BTreeMap<MediaId, String>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct OptionText {
    pub name: Option<Title>,
    pub values: BTreeMap<Title, Title>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct TranslationInput {
    pub title: Option<String>,
    pub description: Option<String>,
    pub description_html: Option<String>,
    pub options: BTreeMap<String, OptionTextInput>,
    pub attributes: BTreeMap<String, String>,
    pub image_alts: BTreeMap<String, String>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct OptionTextInput {
    pub name: Option<String>,
    pub values: BTreeMap<String, String>,
}

/// What a translation may speak of.
pub(super) struct Original<'a> {
    pub options: &'a [OptionDef],
    pub attributes: &'a BTreeMap<String, String>,
    pub images: &'a [Image],
}

impl TranslationInput {
    pub(super) fn read(&self, errors: &mut Collector, pointer: &str, original: &Original<'_>) -> Translation {
        let at = format!("{pointer}/description");
        let description =
            self.description.as_deref().and_then(|text| read_text(errors, &at, text, MAX_DESCRIPTION_CHARS));
        let description = description.filter(|text| !text.is_empty());
        let html = read_html(errors, &format!("{pointer}/description_html"), self.description_html.as_deref());
        Translation {
            title: read_optional(errors, &format!("{pointer}/title"), &self.title, "invalid", Title::parse),
            description_html: html.filter(|_| description.is_some()),
            description,
            options: self.read_options(errors, &format!("{pointer}/options"), original.options),
            attributes: self.read_attributes(errors, &format!("{pointer}/attributes"), original.attributes),
            image_alts: self.read_image_alts(errors, &format!("{pointer}/image_alts"), original.images),
        }
    }

    fn read_options(
        &self,
        errors: &mut Collector,
        pointer: &str,
        options: &[OptionDef],
    ) -> BTreeMap<Title, OptionText> {
        let mut texts = BTreeMap::new();
        for (name, sent) in &self.options {
            let pointer = format!("{pointer}/{}", pointer_piece(name));
            match options.iter().find(|option| option.name.as_str() == name.trim()) {
                Some(option) => drop(texts.insert(option.name.clone(), sent.read(errors, &pointer, option))),
                None => errors.push(pointer, "unknown_option", "the product has no such option"),
            }
        }
        texts
    }

    fn read_attributes(
        &self,
        errors: &mut Collector,
        pointer: &str,
        attributes: &BTreeMap<String, String>,
    ) -> BTreeMap<String, String> {
        let mut texts = BTreeMap::new();
        for (key, value) in &self.attributes {
            let pointer = format!("{pointer}/{}", pointer_piece(key));
            if !attributes.contains_key(key) {
                errors.push(&pointer, "unknown_attribute", "the product has no such attribute");
            }
            let text = read_text(errors, &pointer, value, MAX_ATTRIBUTE_CHARS);
            texts.extend(text.filter(|text| !text.is_empty()).map(|text| (key.clone(), text)));
        }
        texts
    }

    fn read_image_alts(&self, errors: &mut Collector, pointer: &str, images: &[Image]) -> BTreeMap<MediaId, String> {
        let mut texts = BTreeMap::new();
        for (id, alt) in &self.image_alts {
            let pointer = format!("{pointer}/{}", pointer_piece(id));
            let text = read_text(errors, &pointer, alt, MAX_ALT_CHARS);
            match images.iter().find(|image| image.media.as_str() == id) {
                Some(image) => texts.extend(text.map(|text| (image.media.clone(), text))),
                None => errors.push(pointer, "unknown_image", "the product has no such picture"),
            }
        }
        texts
    }
}

impl OptionTextInput {
    fn read(&self, errors: &mut Collector, pointer: &str, option: &OptionDef) -> OptionText {
        let name = read_optional(errors, &format!("{pointer}/name"), &self.name, "invalid", Title::parse);
        let mut values = BTreeMap::new();
        for (value, text) in &self.values {
            let pointer = format!("{pointer}/values/{}", pointer_piece(value));
            match option.values.iter().find(|known| known.as_str() == value.trim()) {
                Some(known) => {
                    let text = errors.take(pointer, "invalid", Title::parse(text));
                    values.extend(text.map(|text| (known.clone(), text)));
                }
                None => errors.push(pointer, "unknown_option_value", "the option has no such value"),
            }
        }
        OptionText { name, values }
    }
}

/// Only its size is judged here: that it is harmless is seen to where it comes in.
pub(super) fn read_html(errors: &mut Collector, pointer: &str, html: Option<&str>) -> Option<String> {
    read_text(errors, pointer, html?, MAX_DESCRIPTION_HTML_CHARS).filter(|html| !html.is_empty())
}

/// Trims; lines may break.
pub(super) fn read_text(errors: &mut Collector, pointer: &str, text: &str, limit: usize) -> Option<String> {
    let text = text.trim();
    if errors.too_long(pointer, text, limit) {
        return None;
    }
    if crate::text::has_control_but_lines(text) {
        errors.push(pointer, "invalid", "must not contain control characters");
        return None;
    }
    Some(text.to_owned())
}
