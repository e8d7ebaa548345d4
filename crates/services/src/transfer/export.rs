//! All products as a file, page by page.
//! It does not keep more than a page in memory.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use contracts::transfer::{Chunks, Format, ProductBook};
use contracts::{Error, Result};
use domain::catalog::{Content, Product, Status, Variant};
use domain::ids::MediaId;
use domain::money::{Currency, Money};
use domain::sku::Sku;
use domain::stock::{Policy, Stock};
use domain::text::Slug;
use futures::stream::{self, StreamExt};

use super::Transfer;
use super::body;
use super::columns::{OPTIONS, guarded};
use super::lines::Line;
use super::onto::{GRAMS, TAGS};
use crate::machinery::stored;

const PAGE: usize = 100;
/// How long an export waits until it sees what was written before it was asked for.
const OWN_WRITES_WAIT: Duration = Duration::from_secs(20);

/// How far an export has come.
struct Walk {
    transfer: Arc<Transfer>,
    writer: Writer,
    begun: bool,
    after: Option<Slug>,
}

enum Writer {
    Jsonl,
    Csv(Sheets),
}

impl Transfer {
    pub(super) async fn walk(self: &Arc<Self>, format: Format, currency: Option<Currency>) -> Result<Chunks> {
        let writer = match format {
            Format::Jsonl => Writer::Jsonl,
            Format::Csv => {
                let settings = self.shop.settings().await?;
                let first = currency.or(settings.settings.default_currency());
                let others = settings.settings.currencies.iter().copied().filter(|other| Some(*other) != first);
                let titles = self.book.category_titles().await?.into_iter().collect();
                Writer::Csv(Sheets { book: self.book.clone(), first, others: others.collect(), titles })
            }
        };
        let walk = Walk { transfer: self.clone(), writer, begun: false, after: None };
        let pages = stream::unfold(Some(walk), |walk| async move {
            let mut walk = walk?;
            match walk.next().await {
                Ok(Some(chunk)) => Some((Ok(chunk), Some(walk))),
                Ok(None) => None,
                Err(error) => Some((Err(error), None)),
            }
        });
        Ok(pages.boxed())
    }
}

impl Walk {
    async fn next(&mut self) -> Result<Option<Bytes>> {
        let mut text = Vec::new();
        let is_first = !std::mem::replace(&mut self.begun, true);
        if is_first {
            self.transfer.machinery.projector.wait_for_heads(OWN_WRITES_WAIT).await.map_err(stored)?;
            if let Writer::Csv(sheets) = &self.writer {
                sheets.write_header(&mut text)?;
            }
        }
        let page = self.transfer.book.page(self.after.as_ref(), PAGE).await?;
        let Some(last) = page.last() else { return Ok(is_first.then(|| text.into())) };
        self.after = Some(last.content.slug.clone());
        let skus: Vec<Sku> =
            page.iter().flat_map(|product| &product.content.variants).map(|variant| variant.sku.clone()).collect();
        let stock = self.transfer.inventory.stock(&skus).await?;
        for product in &page {
            self.write(&mut text, product, &stock)?;
        }
        Ok(Some(text.into()))
    }

    fn write(&self, text: &mut Vec<u8>, product: &Product, stock: &BTreeMap<Sku, Stock>) -> Result<()> {
        let stock = |sku: &Sku| stock.get(sku).cloned().unwrap_or_default();
        match &self.writer {
            Writer::Jsonl => {
                let line = Line::of(&product.content, stock);
                serde_json::to_writer(&mut *text, &line).map_err(|error| Error::internal(error.to_string()))?;
                text.push(b'\n');
                Ok(())
            }
            Writer::Csv(sheets) => sheets.write(text, &product.content, stock),
        }
    }
}

/// Products as rows of Shopify's file.
struct Sheets {
    book: Arc<dyn ProductBook>,
    /// Of the columns that name no currency.
    first: Option<Currency>,
    others: Vec<Currency>,
    titles: BTreeMap<Slug, String>,
}

impl Sheets {
    fn write_header(&self, text: &mut Vec<u8>) -> Result<()> {
        let mut names: Vec<String> =
            ["Handle", "Title", "Body (HTML)", "Vendor", "Type", "Tags", "Published"].map(ToOwned::to_owned).to_vec();
        for number in 1..=OPTIONS {
            names.extend([format!("Option{number} Name"), format!("Option{number} Value")]);
        }
        let of_variants = [
            "Variant SKU",
            "Variant Grams",
            "Variant Inventory Tracker",
            "Variant Inventory Qty",
            "Variant Inventory Policy",
            "Variant Price",
            "Variant Compare At Price",
            "Variant Barcode",
            "Image Src",
            "Image Position",
            "Image Alt Text",
            "Variant Image",
            "Status",
        ];
        names.extend(of_variants.map(ToOwned::to_owned));
        for currency in &self.others {
            names.extend([format!("Price / {currency}"), format!("Compare At Price / {currency}")]);
        }
        write_row(text, &names)
    }

    /// A row for each variant, beside them the pictures, and a row for each picture that is left.
    fn write(&self, text: &mut Vec<u8>, content: &Content, stock: impl Fn(&Sku) -> Stock) -> Result<()> {
        let pictures: Vec<(String, &str)> = content
            .images
            .iter()
            .map(|image| (self.picture_url(&image.media, &image.source), image.alt.as_str()))
            .chain(content.image_urls.iter().map(|image| (image.url.clone(), image.alt.as_str())))
            .collect();
        for row in 0..content.variants.len().max(pictures.len()) {
            let mut fields = self.product_fields(content, row == 0);
            let variant = content.variants.get(row);
            for (place, option) in (0..OPTIONS).map(|place| (place, content.options.get(place))) {
                let is_plain = place == 0 && content.options.is_empty();
                let name = option.map(|option| option.name.as_str()).or(is_plain.then_some("Title"));
                let value = variant.and_then(|variant| variant.options.get(&option?.name)).map(|value| value.as_str());
                let value = value.or((is_plain && variant.is_some()).then_some("Default Title"));
                fields.push(name.filter(|_| row == 0).unwrap_or_default().to_owned());
                fields.push(value.unwrap_or_default().to_owned());
            }
            fields.extend(self.variant_fields(content, variant, &stock));
            let (url, alt) = pictures.get(row).map_or((String::new(), ""), |(url, alt)| (url.clone(), *alt));
            let position = if url.is_empty() { String::new() } else { (row + 1).to_string() };
            fields.extend([url, position, alt.to_owned()]);
            fields.push(variant.and_then(|variant| self.variant_picture(content, variant)).unwrap_or_default());
            fields.push(if row == 0 { status(content.status).to_owned() } else { String::new() });
            for currency in &self.others {
                let price = variant.and_then(|variant| variant.price_in(*currency));
                let compare_at = variant.and_then(|variant| variant.compare_at_price_in(*currency));
                fields.extend([price.map(number).unwrap_or_default(), compare_at.map(number).unwrap_or_default()]);
            }
            write_row(text, &fields)?;
        }
        Ok(())
    }

    fn product_fields(&self, content: &Content, is_first: bool) -> Vec<String> {
        let handle = content.slug.to_string();
        if !is_first {
            return std::iter::once(handle).chain((0..6).map(|_| String::new())).collect();
        }
        let kind = content.categories.first().map(|slug| self.category_name(slug));
        vec![
            handle,
            content.title.to_string(),
            body::exported(content),
            content.brand.as_ref().map(ToString::to_string).unwrap_or_default(),
            kind.unwrap_or_default(),
            content.attributes.get(TAGS).cloned().unwrap_or_default(),
            if content.status == Status::Active { "true" } else { "false" }.to_owned(),
        ]
    }

    fn variant_picture(&self, content: &Content, variant: &Variant) -> Option<String> {
        let waiting = content.image_urls.iter().find(|image| image.skus.contains(&variant.sku));
        let Some(media) = &variant.image else { return waiting.map(|image| image.url.clone()) };
        let shown = content.images.iter().find(|image| image.media == *media);
        Some(self.picture_url(media, &shown.and_then(|image| image.source.clone())))
    }

    /// Where it came from, for other shops; else where it lies in this one.
    fn picture_url(&self, media: &MediaId, source: &Option<String>) -> String {
        source.clone().unwrap_or_else(|| self.book.picture_url(media))
    }

    /// Its title, if that leads back to it.
    fn category_name(&self, slug: &Slug) -> String {
        let title = self.titles.get(slug).filter(|title| Slug::from_title(title).is_ok_and(|made| made == *slug));
        title.cloned().unwrap_or_else(|| slug.to_string())
    }

    fn variant_fields(
        &self,
        content: &Content,
        variant: Option<&Variant>,
        stock: &impl Fn(&Sku) -> Stock,
    ) -> Vec<String> {
        let Some(variant) = variant else { return vec![String::new(); 8] };
        let stock = stock(&variant.sku);
        let is_tracked = stock.policy != Policy::Untracked;
        let on_hand: i64 = stock.levels.values().map(|level| level.on_hand).sum();
        let price = self.first.and_then(|currency| variant.price_in(currency));
        let compare_at = self.first.and_then(|currency| variant.compare_at_price_in(currency));
        vec![
            variant.sku.to_string(),
            content.attributes.get(GRAMS).cloned().unwrap_or_default(),
            if is_tracked { "shopify" } else { "" }.to_owned(),
            if is_tracked { on_hand.to_string() } else { String::new() },
            if stock.policy == Policy::TrackOnly { "continue" } else { "deny" }.to_owned(),
            price.map(number).unwrap_or_default(),
            compare_at.map(number).unwrap_or_default(),
            variant.gtin.as_ref().map(ToString::to_string).unwrap_or_default(),
        ]
    }
}

fn status(status: Status) -> &'static str {
    match status {
        Status::Draft => "draft",
        Status::Active => "active",
        Status::Archived => "archived",
    }
}

/// `12.34`, with as many places as the currency has.
fn number(money: Money) -> String {
    let text = money.to_string();
    text.split(' ').next().unwrap_or_default().to_owned()
}

fn write_row(text: &mut Vec<u8>, fields: &[String]) -> Result<()> {
    let mut writer = csv::Writer::from_writer(&mut *text);
    writer
        .write_record(fields.iter().cloned().map(guarded))
        .and_then(|()| Ok(writer.flush()?))
        .map_err(|error| Error::internal(error.to_string()))
}
