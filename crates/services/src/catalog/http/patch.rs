//! A change to some members of a product: JSON Merge Patch (RFC 7396) on the form in which staff write it.
//! It does not know what is valid: what the merge makes is a form like any other.

use std::collections::BTreeMap;

use contracts::{Error, Result};
use domain::catalog::{Content, ProductInput};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::forms::{ImageForm, ImageUrlForm, OptionForm, ProductForm, ProductStatus, VariantForm};
use super::object::Object;

/// Not sent: stays. Null: goes away. Anything else: takes its place.
type Change<T> = Option<Option<T>>;

fn sent<'de, T: Deserialize<'de>, D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Change<T>, D::Error> {
    Option::<T>::deserialize(deserializer).map(Some)
}

/// Members that are not sent stay as they are; null takes one away; lists are replaced whole.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = ProductPatch)]
pub struct ProductPatch {
    #[serde(default, deserialize_with = "sent", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, max_length = 100)]
    slug: Change<String>,
    #[serde(default, deserialize_with = "sent", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<ProductStatus>)]
    status: Change<String>,
    #[serde(default, deserialize_with = "sent", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, min_length = 1, max_length = 200)]
    title: Change<String>,
    #[serde(default, deserialize_with = "sent", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, max_length = 20_000)]
    description: Change<String>,
    /// Sent without `description`, the text in it becomes the description; a `description` that is sent without this one
    /// takes it away.
    #[serde(default, deserialize_with = "sent", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, max_length = 60_000)]
    description_html: Change<String>,
    #[serde(default, deserialize_with = "sent", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, max_length = 200)]
    brand: Change<String>,
    #[serde(default, deserialize_with = "sent", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Vec<String>>, max_items = 20)]
    categories: Change<Vec<String>>,
    #[serde(default, deserialize_with = "sent", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<BTreeMap<String, Option<String>>>)]
    attributes: Change<BTreeMap<String, Option<String>>>,
    #[serde(default, deserialize_with = "sent", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Vec<OptionForm>>, max_items = 5)]
    options: Change<Vec<Object<OptionForm>>>,
    #[serde(default, deserialize_with = "sent", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Vec<VariantForm>, min_items = 1, max_items = 2_000)]
    variants: Change<Vec<Object<VariantForm>>>,
    #[serde(default, deserialize_with = "sent", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Vec<ImageForm>>, max_items = 50)]
    images: Change<Vec<Object<ImageForm>>>,
    #[serde(default, deserialize_with = "sent", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Vec<ImageUrlForm>>, max_items = 250)]
    image_urls: Change<Vec<Object<ImageUrlForm>>>,
    #[serde(default, deserialize_with = "sent", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<BTreeMap<String, TranslationPatch>>)]
    translations: Change<BTreeMap<String, Option<Object<TranslationPatch>>>>,
}

#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = ProductTranslationPatch)]
pub struct TranslationPatch {
    #[serde(default, deserialize_with = "sent", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    title: Change<String>,
    #[serde(default, deserialize_with = "sent", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    description: Change<String>,
    #[serde(default, deserialize_with = "sent", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    description_html: Change<String>,
    #[serde(default, deserialize_with = "sent", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<BTreeMap<String, OptionTextPatch>>)]
    options: Change<BTreeMap<String, Option<Object<OptionTextPatch>>>>,
    #[serde(default, deserialize_with = "sent", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<BTreeMap<String, Option<String>>>)]
    attributes: Change<BTreeMap<String, Option<String>>>,
    #[serde(default, deserialize_with = "sent", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<BTreeMap<String, Option<String>>>)]
    image_alts: Change<BTreeMap<String, Option<String>>>,
}

#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = ProductOptionTranslationPatch)]
pub struct OptionTextPatch {
    #[serde(default, deserialize_with = "sent", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    name: Change<String>,
    #[serde(default, deserialize_with = "sent", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<BTreeMap<String, Option<String>>>)]
    values: Change<BTreeMap<String, Option<String>>>,
}

impl ProductPatch {
    /// What the product would be, as it would be written.
    pub fn on(&self, content: &Content) -> Result<ProductInput> {
        if matches!(self.title, Some(None)) {
            return Err(Error::field("/title", "required", "a product cannot be without a title"));
        }
        let unreadable =
            |error: serde_json::Error| Error::internal(format!("a merged product cannot be read: {error}"));
        let mut merged = serde_json::to_value(ProductForm::of(content)).map_err(unreadable)?;
        let patch = serde_json::to_value(self).map_err(unreadable)?;
        forget_the_other_description(&mut merged, &patch);
        if let Some(texts) = patch["translations"].as_object() {
            texts.iter().for_each(|(tag, patch)| forget_the_other_description(&mut merged["translations"][tag], patch));
        }
        merge(&mut merged, patch);
        let form: ProductForm = serde_json::from_value(merged).map_err(unreadable)?;
        form.into_input().map_err(Error::invalid)
    }
}

/// Text and HTML tell the same: where only one of them changes, the other is out of date.
fn forget_the_other_description(merged: &mut Value, patch: &Value) {
    const BOTH: [&str; 2] = ["description", "description_html"];
    let Some(members) = merged.as_object_mut() else { return };
    for (sent, other) in [(BOTH[0], BOTH[1]), (BOTH[1], BOTH[0])] {
        let is_cleared_html = sent == BOTH[1] && patch[sent].is_null();
        if patch.get(sent).is_some() && patch.get(other).is_none() && !is_cleared_html {
            members.remove(other);
        }
    }
}

/// RFC 7396, section 2.
pub fn merge(target: &mut Value, patch: Value) {
    let Value::Object(patch) = patch else {
        *target = patch;
        return;
    };
    if !target.is_object() {
        *target = Value::Object(Map::new());
    }
    let Value::Object(members) = target else { return };
    for (name, change) in patch {
        if change.is_null() {
            members.remove(&name);
        } else {
            merge(members.entry(name).or_insert(Value::Null), change);
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// The examples of RFC 7396, appendix A.
    #[test]
    fn it_merges_as_the_standard_says() {
        for (target, patch, result) in [
            (json!({"a": "b"}), json!({"a": "c"}), json!({"a": "c"})),
            (json!({"a": "b"}), json!({"b": "c"}), json!({"a": "b", "b": "c"})),
            (json!({"a": "b"}), json!({"a": null}), json!({})),
            (json!({"a": "b", "b": "c"}), json!({"a": null}), json!({"b": "c"})),
            (json!({"a": ["b"]}), json!({"a": "c"}), json!({"a": "c"})),
            (json!({"a": "c"}), json!({"a": ["b"]}), json!({"a": ["b"]})),
            (json!({"a": {"b": "c"}}), json!({"a": {"b": "d", "c": null}}), json!({"a": {"b": "d"}})),
            (json!({"a": [{"b": "c"}]}), json!({"a": [1]}), json!({"a": [1]})),
            (json!(["a", "b"]), json!(["c", "d"]), json!(["c", "d"])),
            (json!({"a": "b"}), json!(["c"]), json!(["c"])),
            (json!({"a": "foo"}), json!(null), json!(null)),
            (json!({"e": null}), json!({"a": 1}), json!({"e": null, "a": 1})),
            (json!([1, 2]), json!({"a": "b", "c": null}), json!({"a": "b"})),
            (json!({}), json!({"a": {"bb": {"ccc": null}}}), json!({"a": {"bb": {}}})),
        ] {
            let mut merged = target.clone();
            merge(&mut merged, patch.clone());
            assert_eq!(merged, result, "{target} {patch}");
        }
    }

    #[test]
    fn what_is_not_sent_and_what_is_null_are_told_apart() {
        let patch: ProductPatch = serde_json::from_value(json!({"brand": null, "attributes": {"a": null}})).unwrap();
        assert_eq!(serde_json::to_value(&patch).unwrap(), json!({"brand": null, "attributes": {"a": null}}));
    }
}
