//! How a product will read, before shoppers see it.
//! It does not know the storefront's looks: it shows the words, the pictures and the prices, in each language.

use askama::Template;
use axum::extract::{Path, State};
use domain::catalog::{Product, TextIn, Variant};
use domain::locale::Locale;
use platform::http::extract::Params;
use serde::Deserialize;

use super::edit::path_of;
use crate::admin::Admin;
use crate::admin::answer::{self, Answer};
use crate::admin::frame::Frame;
use crate::admin::languages::own_name;
use crate::admin::lists::{Choice, href};
use crate::admin::session::Session;

#[derive(Template)]
#[template(path = "admin/product_preview.html")]
struct PreviewPage {
    frame: Frame,
    lang: String,
    languages: Vec<Choice>,
    title: String,
    brand: Option<String>,
    /// Harmless: whoever wrote it saw to that.
    html: Option<String>,
    paragraphs: Vec<String>,
    /// Address and what it shows.
    pictures: Vec<(String, String)>,
    attributes: Vec<(String, String)>,
    rows: Vec<Row>,
    is_for_sale: bool,
}

struct Row {
    label: String,
    sku: String,
    prices: String,
}

#[derive(Debug, Default, Deserialize)]
pub struct Asked {
    locale: Option<String>,
}

pub async fn show(
    State(admin): State<Admin>,
    session: Session,
    Path(id): Path<String>,
    Params(asked): Params<Asked>,
) -> Answer {
    let product = admin.product(&id).await?;
    let words = session.words;
    let frame = admin.frame(&session, words.goods.preview).await?.below("/admin/products", words.frame.products);
    let frame = frame.below(path_of(&product.id), product.content.title.as_str());
    let settings = &frame.settings.settings;
    let wanted = asked.locale.as_deref().and_then(|tag| Locale::parse(tag).ok());
    let locale = wanted.unwrap_or_else(|| settings.default_locale.clone());
    let path = format!("{}/preview", path_of(&product.id));
    let language = |there: &Locale| Choice {
        value: there.to_string(),
        label: own_name(there.as_str()).to_owned(),
        href: href(&path, &[("locale", there.as_str())]),
        is_current: *there == locale,
    };
    let content = &product.content;
    let text = content.text_in(&locale);
    let picture = |image: &domain::catalog::Image| admin.services.products.picture_url(&image.media);
    let pairs = text.attributes().into_iter().map(|(key, value)| (key.replace('_', " "), value.to_owned()));
    let page = PreviewPage {
        lang: locale.to_string(),
        languages: settings.locales.iter().map(language).collect(),
        title: text.title().to_string(),
        brand: content.brand.as_ref().map(ToString::to_string),
        html: text.description_html().map(str::to_owned),
        paragraphs: text
            .description()
            .split("\n\n")
            .filter(|piece| !piece.trim().is_empty())
            .map(str::to_owned)
            .collect(),
        pictures: content.images.iter().map(|image| (picture(image), text.image_alt(image).to_owned())).collect(),
        attributes: pairs.collect(),
        rows: content.variants.iter().map(|variant| row(&product, &text, variant, &locale)).collect(),
        is_for_sale: product.is_for_sale(),
        frame,
    };
    Ok(answer::page(&page))
}

fn row(product: &Product, text: &TextIn<'_>, variant: &Variant, locale: &Locale) -> Row {
    let values = product.content.options.iter().filter_map(|option| {
        let value = variant.options.get(&option.name)?;
        Some(text.option_value(&option.name, value).to_string())
    });
    let prices: Vec<String> = variant.prices.iter().map(|price| price.display_text(locale)).collect();
    Row { label: values.collect::<Vec<_>>().join(" / "), sku: variant.sku.to_string(), prices: prices.join(" · ") }
}
