//! The API's description as one page that needs no script and no other site.
//! It does not know the API; it shows what the description says.

use axum::http::header;
use axum::response::{IntoResponse, Response};
use serde_json::{Map, Value};

const STYLE: &str = include_str!("api_docs.css");
const POLICY: &str =
    "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
/// Method, path and operation.
type Entry<'a> = (String, String, &'a Value);

/// Deeper schemas are named, not shown again.
const DEPTH_MAX: u32 = 6;

pub fn respond(page: &str) -> Response {
    let headers = [
        (header::CONTENT_TYPE, "text/html; charset=utf-8"),
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::CACHE_CONTROL, "public, max-age=300"),
    ];
    (headers, page.to_owned()).into_response()
}

pub fn style() -> Response {
    let headers = [(header::CONTENT_TYPE, "text/css; charset=utf-8"), (header::CACHE_CONTROL, "public, max-age=300")];
    (headers, STYLE).into_response()
}

/// The page for a description (OpenAPI 3.1, JSON).
pub fn page(document: &str) -> String {
    let document: Value = serde_json::from_str(document).unwrap_or_default();
    let mut contents = String::new();
    let mut operations = String::new();
    let mut tags: Vec<(String, Vec<Entry<'_>>)> = Vec::new();
    for (path, item) in document["paths"].as_object().into_iter().flatten() {
        for (method, operation) in item.as_object().into_iter().flatten().filter(|(_, item)| item.is_object()) {
            let tag = operation["tags"][0].as_str().unwrap_or("shop").to_owned();
            let entry = (method.to_uppercase(), path.clone(), operation);
            match tags.iter_mut().find(|(name, _)| *name == tag) {
                Some((_, entries)) => entries.push(entry),
                None => tags.push((tag, vec![entry])),
            }
        }
    }
    for (tag, entries) in &tags {
        contents.push_str(&format!("<li><a href=\"#{}\">{}</a></li>", anchor(tag), escape(tag)));
        operations.push_str(&format!("<section id=\"{}\"><h2>{}</h2>", anchor(tag), escape(tag)));
        for (method, path, operation) in entries {
            operations.push_str(&operation_html(&document, method, path, operation));
        }
        operations.push_str("</section>");
    }
    let (title, version) = (text(&document["info"]["title"]), text(&document["info"]["version"]));
    let description = text(&document["info"]["description"]);
    format!(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><title>{title} API</title>\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\
         <link rel=\"stylesheet\" href=\"/docs/style.css\"></head><body><header><h1>{title} API <small>{version}</small></h1>\
         <p>{description}</p><p><a href=\"/openapi.json\">openapi.json</a></p></header>\
         <nav aria-label=\"Contents\"><ul>{contents}</ul></nav><main>{operations}</main></body></html>"
    )
}

fn operation_html(document: &Value, method: &str, path: &str, operation: &Value) -> String {
    let mut html = format!(
        "<details class=\"operation\"><summary><span class=\"method {}\">{method}</span> <code>{}</code> <span>{}</span></summary>",
        method.to_lowercase(),
        escape(path),
        text(&operation["summary"]),
    );
    if operation["description"].is_string() {
        html.push_str(&format!("<p>{}</p>", text(&operation["description"])));
    }
    let parameters = operation["parameters"].as_array().map_or(&[][..], Vec::as_slice);
    if !parameters.is_empty() {
        html.push_str("<h3>Parameters</h3><dl>");
        for parameter in parameters {
            let required = if parameter["required"] == true { ", required" } else { "" };
            html.push_str(&format!(
                "<dt><code>{}</code> <small>{}{required}</small></dt><dd>{}</dd>",
                text(&parameter["name"]),
                text(&parameter["in"]),
                text(&parameter["description"]),
            ));
        }
        html.push_str("</dl>");
    }
    if let Some(content) = operation["requestBody"]["content"].as_object() {
        html.push_str("<h3>Body</h3>");
        html.push_str(&content_html(document, content));
    }
    html.push_str("<h3>Answers</h3>");
    for (status, response) in operation["responses"].as_object().into_iter().flatten() {
        html.push_str(&format!("<h4>{} <small>{}</small></h4>", escape(status), text(&response["description"])));
        let is_problem = |content: &Map<String, Value>| content.contains_key("application/problem+json");
        if let Some(content) = response["content"].as_object().filter(|content| !is_problem(content)) {
            html.push_str(&content_html(document, content));
        }
    }
    html.push_str("</details>");
    html
}

fn content_html(document: &Value, content: &Map<String, Value>) -> String {
    let one = |(kind, media): (&String, &Value)| {
        format!("<p><small>{}</small></p>{}", escape(kind), schema_html(document, &media["schema"], 0))
    };
    content.iter().map(one).collect()
}

fn schema_html(document: &Value, schema: &Value, depth: u32) -> String {
    if let Some(name) = schema["$ref"].as_str().and_then(|reference| reference.rsplit('/').next()) {
        if depth >= DEPTH_MAX {
            return format!("<code>{}</code>", escape(name));
        }
        return schema_html(document, &document["components"]["schemas"][name], depth + 1);
    }
    if let Some(parts) = schema["oneOf"].as_array().or(schema["allOf"].as_array()) {
        let shown = parts.iter().filter(|part| part["type"] != "null");
        return shown.map(|part| schema_html(document, part, depth)).collect();
    }
    if let Some(properties) = schema["properties"].as_object() {
        let required = schema["required"].as_array();
        let mut html = String::from("<dl class=\"schema\">");
        for (name, property) in properties {
            let is_required = required.is_some_and(|names| names.iter().any(|required| required == name));
            let mark = if is_required { "" } else { ", optional" };
            html.push_str(&format!(
                "<dt><code>{}</code> <small>{}{mark}</small></dt><dd>{}{}</dd>",
                escape(name),
                escape(&kind_of(property)),
                text(&property["description"]),
                nested(document, property, depth),
            ));
        }
        html.push_str("</dl>");
        return html;
    }
    nested(document, schema, depth)
}

/// What lies inside a property, where there is something inside.
fn nested(document: &Value, property: &Value, depth: u32) -> String {
    let is_object = property["$ref"].is_string() || property["oneOf"].is_array() || property["properties"].is_object();
    if depth >= DEPTH_MAX {
        String::new()
    } else if property["items"].is_object() {
        let items = &property["items"];
        let has_more = items["$ref"].is_string() || items["properties"].is_object();
        if has_more { schema_html(document, items, depth + 1) } else { String::new() }
    } else if is_object {
        schema_html(document, property, depth + 1)
    } else {
        String::new()
    }
}

fn kind_of(property: &Value) -> String {
    let kinds = match &property["type"] {
        Value::String(kind) => kind.clone(),
        Value::Array(kinds) => kinds.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(" or "),
        _ => "object".to_owned(),
    };
    match property["format"].as_str() {
        Some(format) => format!("{kinds}, {format}"),
        None => kinds,
    }
}

fn anchor(tag: &str) -> String {
    tag.chars().map(|letter| if letter.is_ascii_alphanumeric() { letter } else { '-' }).collect()
}

/// Prose of the description: what stands between backticks is code.
fn text(value: &Value) -> String {
    let escaped = escape(value.as_str().unwrap_or_default());
    let pieces = escaped.split('`').enumerate();
    pieces.map(|(n, piece)| if n % 2 == 1 { format!("<code>{piece}</code>") } else { piece.to_owned() }).collect()
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_names_every_operation_and_escapes_what_it_shows() {
        let document = r##"{"info": {"title": "Shop <b>"}, "paths": {"/api/x/{id}": {"get": {
            "summary": "Reads `x`", "tags": ["x"], "responses": {"200": {"description": "ok", "content":
            {"application/json": {"schema": {"$ref": "#/components/schemas/X"}}}}}}}},
            "components": {"schemas": {"X": {"properties": {"inner": {"$ref": "#/components/schemas/X"}}}}}}"##;
        let page = page(document);
        assert!(page.contains("/api/x/{id}") && page.contains("Reads <code>x</code>") && page.contains("inner"));
        assert!(page.contains("Shop &lt;b&gt;") && !page.contains("Shop <b>"));
    }
}
