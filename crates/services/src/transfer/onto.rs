//! What a sheet makes of a product: what the file tells is changed or added; nothing that it does not tell is taken away.
//! It does not know the shop beyond that one product.

use std::collections::BTreeMap;

use domain::catalog::{Content, ImageInput, ImageUrlInput, MoneyInput, OptionInput, ProductInput, VariantInput};
use domain::ids::MediaId;
use domain::text::Slug;

use super::body;
use super::sheet::{Sheet, SheetVariant};

/// Keys of attributes that columns of their own hold.
pub const TAGS: &str = "tags";
pub const GRAMS: &str = "weight_g";

/// Where the shop's own pictures lie.
const MEDIA_FOLDER: &str = "/media/";

impl Sheet {
    /// The product as it is to be, given what it is.
    pub fn onto(&self, before: Option<&Content>, category: Option<&Slug>) -> ProductInput {
        let mut input = match before {
            Some(content) => ProductInput::from(content),
            None => ProductInput { slug: Some(self.slug.to_string()), ..ProductInput::default() },
        };
        if let Some(title) = &self.title {
            input.title.clone_from(title);
        }
        if let Some(body) = &self.body {
            describe(&mut input, before, body);
        }
        input.brand = self.vendor.clone().or(input.brand);
        input.status = self.status.or(input.status);
        if let Some(category) = category.map(ToString::to_string).filter(|slug| !input.categories.contains(slug)) {
            input.categories.push(category);
        }
        for (key, value) in [(TAGS, &self.tags), (GRAMS, &self.grams)] {
            input.attributes.extend(value.clone().map(|value| (key.to_owned(), value)));
        }
        self.put_options(&mut input);
        let images = self.put_pictures(&mut input);
        self.put_variants(&mut input, &images);
        input
    }

    /// Values that variants outside of the file have stay.
    fn put_options(&self, input: &mut ProductInput) {
        if self.options.is_empty() {
            return;
        }
        let before = std::mem::take(&mut input.options);
        for (name, values) in &self.options {
            let known = before.iter().find(|option| option.name == *name);
            let mut all = known.map(|option| option.values.clone()).unwrap_or_default();
            let added = values.iter().filter(|value| !all.contains(value)).cloned().collect::<Vec<_>>();
            all.extend(added);
            input.options.push(OptionInput { name: name.clone(), values: all });
        }
    }

    fn put_variants(&self, input: &mut ProductInput, images: &BTreeMap<&str, MediaId>) {
        for variant in &self.variants {
            let known = input.variants.iter().position(|known| known.sku == variant.sku.as_str());
            let place = known.unwrap_or_else(|| {
                input.variants.push(VariantInput { sku: variant.sku.to_string(), ..VariantInput::default() });
                input.variants.len() - 1
            });
            let names = self.options.iter().map(|(name, _)| name);
            variant.put(&mut input.variants[place], names, images);
        }
    }

    /// Pictures that the product shows are known by their own address or by the one that they were fetched from. The
    /// others are addresses to fetch. Answers those that are known.
    fn put_pictures<'a>(&'a self, input: &mut ProductInput) -> BTreeMap<&'a str, MediaId> {
        let mut known = BTreeMap::new();
        for picture in &self.pictures {
            if let Some(media) = place_picture(input, &picture.url, picture.alt.as_ref()) {
                known.insert(picture.url.as_str(), media);
            }
        }
        for variant in &self.variants {
            let Some(url) = variant.image.as_deref().filter(|url| !known.contains_key(url)) else { continue };
            match place_picture(input, url, None) {
                Some(media) => drop(known.insert(url, media)),
                None => {
                    let kept = input.image_urls.iter_mut().find(|kept| kept.url == url);
                    let sku = variant.sku.to_string();
                    if let Some(kept) = kept.filter(|kept| !kept.skus.contains(&sku)) {
                        kept.skus.push(sku);
                    }
                }
            }
        }
        known
    }
}

impl SheetVariant {
    fn put<'a>(
        &self,
        variant: &mut VariantInput,
        names: impl Iterator<Item = &'a String>,
        images: &BTreeMap<&str, MediaId>,
    ) {
        let chosen: BTreeMap<String, String> = names.cloned().zip(self.values.iter().cloned()).collect();
        if !chosen.is_empty() {
            variant.options = chosen;
        }
        for price in &self.prices {
            put_price(&mut variant.prices, price.clone());
        }
        for (currency, amount) in &self.compare_at {
            let code = currency.code();
            match amount {
                Some(amount) => {
                    let price = MoneyInput { amount: *amount, currency: code.to_owned() };
                    put_price(&mut variant.compare_at_prices, price);
                }
                None => variant.compare_at_prices.retain(|price| price.currency != code),
            }
        }
        variant.gtin = self.gtin.as_ref().map(ToString::to_string).or(variant.gtin.take());
        let image = self.image.as_deref().and_then(|url| images.get(url));
        variant.image = image.map(ToString::to_string).or(variant.image.take());
    }
}

fn put_price(prices: &mut Vec<MoneyInput>, price: MoneyInput) {
    match prices.iter_mut().find(|known| known.currency == price.currency) {
        Some(known) => *known = price,
        None => prices.push(price),
    }
}

/// What this shop wrote into the column itself says nothing new.
fn describe(input: &mut ProductInput, before: Option<&Content>, text: &str) {
    if before.is_some_and(|content| body::exported(content) == text) {
        return;
    }
    match body::is_html(text) {
        true => (input.description, input.description_html) = (None, Some(text.to_owned())),
        false => (input.description, input.description_html) = (Some(text.to_owned()), None),
    }
}

fn place_picture(input: &mut ProductInput, url: &str, alt: Option<&String>) -> Option<MediaId> {
    let own = own_media(url);
    let is_this = |image: &ImageInput| {
        image.source.as_deref() == Some(url) || own.as_ref().is_some_and(|media| media.as_str() == image.media)
    };
    if let Some(image) = input.images.iter_mut().find(|image| is_this(image)) {
        image.alt = alt.cloned().or(image.alt.take());
        return MediaId::parse(&image.media).ok();
    }
    if let Some(media) = own.filter(|_| url.starts_with('/')) {
        input.images.push(ImageInput { media: media.to_string(), alt: alt.cloned(), source: None });
        return Some(media);
    }
    match input.image_urls.iter_mut().find(|kept| kept.url == url) {
        Some(kept) => kept.alt = alt.cloned().or(kept.alt.take()),
        None => input.image_urls.push(ImageUrlInput { url: url.to_owned(), alt: alt.cloned(), skus: Vec::new() }),
    }
    None
}

/// The picture that an address of a shop like this one means.
fn own_media(url: &str) -> Option<MediaId> {
    let path = url.split(['?', '#']).next()?;
    let (_, name) = path.rsplit_once(MEDIA_FOLDER)?;
    MediaId::parse(name.split(['.', '-']).next()?).ok()
}
