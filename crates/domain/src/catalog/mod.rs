//! What is for sale, and under which categories it is found.
//! It does not know stock, carts or orders, nor which currencies and languages the shop has.

mod as_input;
mod category;
mod decide;
mod fact;
mod input;
mod product;
mod translation;
mod variant;

#[cfg(test)]
mod tests;

pub use category::{Categories, Category, CategoryInput, CategoryText, CategoryTextInput};
pub use decide::{Error, archive, create, replace, restore};
pub use fact::{Claims, Fact, Section, State};
pub use input::{Draft, ImageInput, ImageUrlInput, OptionInput, ProductInput};
pub use product::{Content, Image, ImageUrl, OptionDef, Product, Status, TextIn};
pub use translation::{OptionText, OptionTextInput, Translation, TranslationInput};
pub use variant::{MoneyInput, Variant, VariantDraft, VariantInput};

pub const MAX_DESCRIPTION_CHARS: usize = 20_000;
/// A description with its structure: the text, and room for what is around it.
pub const MAX_DESCRIPTION_HTML_CHARS: usize = 60_000;
pub const MAX_PRODUCT_CATEGORIES: usize = 20;
pub const MAX_ATTRIBUTES: usize = 100;
pub const MAX_ATTRIBUTE_KEY_CHARS: usize = 64;
pub const MAX_ATTRIBUTE_CHARS: usize = 500;
pub const MAX_OPTIONS: usize = 5;
pub const MAX_OPTION_VALUES: usize = 200;
pub const MAX_VARIANTS: usize = 2_000;
pub const MAX_PRICES: usize = 50;
pub const MAX_IMAGES: usize = 50;
/// Addresses of pictures that were not fetched yet.
pub const MAX_IMAGE_URLS: usize = 250;
pub const MAX_IMAGE_URL_CHARS: usize = 2_000;
pub const MAX_ALT_CHARS: usize = 500;
pub const MAX_TRANSLATIONS: usize = 50;
pub const MAX_CATEGORIES: usize = 1_000;
/// A category at the top has depth one.
pub const MAX_CATEGORY_DEPTH: usize = 5;
