//! Which of a product's variants a shopper means.
//! It does not know prices or stock beyond what the product's view says.

use contracts::catalog::{Availability, ProductView, VariantView};

/// The value that was chosen of the option with this number, counted from 1.
pub type Chosen<'a> = dyn Fn(usize) -> Option<&'a str> + 'a;

/// A form's field for an option, counted from 1.
pub fn field_name(number: usize) -> String {
    format!("o{number}")
}

/// The variant with these values; `None` where there is no such combination, or a value is missing.
pub fn by_values<'p>(product: &'p ProductView, chosen: &Chosen<'_>) -> Option<&'p VariantView> {
    if product.options.is_empty() {
        return product.variants.first();
    }
    product.variants.iter().find(|variant| {
        let mut options = product.options.iter().enumerate();
        options.all(|(index, option)| {
            let has = variant.options.get(&option.name).map(String::as_str);
            has.is_some() && has == chosen(index + 1)
        })
    })
}

pub fn by_sku<'p>(product: &'p ProductView, sku: &str) -> Option<&'p VariantView> {
    product.variants.iter().find(|variant| variant.sku == sku)
}

/// The first one that can be bought, else the first one.
pub fn first(product: &ProductView) -> Option<&VariantView> {
    let can_be_bought =
        |variant: &&VariantView| variant.price.is_some() && variant.availability != Availability::SoldOut;
    product.variants.iter().find(can_be_bought).or(product.variants.first())
}
