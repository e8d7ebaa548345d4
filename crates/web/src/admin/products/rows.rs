//! What the buttons of a product's form do to its rows: add, remove, move, fill. Nothing is stored by any of them.
//! It does not know the page; each button says `rows.number.deed`.

use super::form::{AttributeRow, ImageRow, OptionRow, ProductForm, ValueRow, VariantRow};
use super::matrix::TooMany;

/// What a button could not do.
#[derive(Debug, PartialEq, Eq)]
pub enum Error {
    /// No such button; the form stays as it is.
    Unknown,
    TooManyVariants,
}

impl From<TooMany> for Error {
    fn from(_: TooMany) -> Self {
        Self::TooManyVariants
    }
}

impl ProductForm {
    pub fn press(&mut self, button: &str) -> Result<(), Error> {
        let pieces: Vec<&str> = button.split('.').collect();
        match pieces.as_slice() {
            ["options", "add"] => self.add_option(),
            ["options", number, "remove"] => self.remove_option(place(number)?),
            ["options", number, "values", "add"] => {
                let option = self.options.get_mut(place(number)?).ok_or(Error::Unknown)?;
                option.values.push(ValueRow::default());
            }
            ["options", number, "values", value, "remove"] => self.remove_value(place(number)?, place(value)?),
            ["variants", "fill"] => self.fill_variants()?,
            ["variants", "add"] => self.add_variant(),
            ["variants", number, "remove"] => remove(&mut self.variants, place(number)?),
            ["attributes", "add"] => self.attributes.push(AttributeRow::default()),
            ["attributes", number, "remove"] => remove(&mut self.attributes, place(number)?),
            ["images", number, "earlier"] => swap(&mut self.images, place(number)?.checked_sub(1)),
            ["images", number, "later"] => swap(&mut self.images, Some(place(number)?)),
            ["images", number, "remove"] => self.remove_image(place(number)?),
            _ => return Err(Error::Unknown),
        }
        Ok(())
    }

    /// With an empty row at the end of each list that staff write into, so that there is always somewhere to write.
    pub fn with_spares(mut self) -> Self {
        for option in &mut self.options {
            if option.values.last().is_none_or(|row| !row.value.is_empty()) {
                option.values.push(ValueRow::default());
            }
        }
        if self.attributes.last().is_none_or(|row| !row.key.is_empty() || !row.value.is_empty()) {
            self.attributes.push(AttributeRow::default());
        }
        if self.variants.is_empty() {
            self.variants.push(VariantRow::default());
        }
        for variant in &mut self.variants {
            variant.chosen.resize(self.options.len(), None);
        }
        self
    }

    /// A picture that was just uploaded goes to the end; one that is there stays where it is.
    pub fn add_image(&mut self, media: String) {
        if self.images.iter().all(|image| image.media != media) {
            self.images.push(ImageRow { media, ..ImageRow::default() });
        }
    }

    fn add_option(&mut self) {
        self.options.push(OptionRow::default());
        for variant in &mut self.variants {
            variant.chosen.push(None);
        }
    }

    fn remove_option(&mut self, option: usize) {
        remove(&mut self.options, option);
        for variant in &mut self.variants {
            remove(&mut variant.chosen, option);
        }
    }

    fn remove_value(&mut self, option: usize, value: usize) {
        let Some(row) = self.options.get_mut(option) else { return };
        remove(&mut row.values, value);
        for variant in &mut self.variants {
            let Some(chosen) = variant.chosen.get_mut(option) else { continue };
            *chosen = match *chosen {
                Some(there) if there == value => None,
                Some(there) if there > value => Some(there - 1),
                other => other,
            };
        }
    }

    fn add_variant(&mut self) {
        let prices = self.variants.last().map(|last| (last.prices.clone(), last.before.clone())).unwrap_or_default();
        let chosen = vec![None; self.options.len()];
        self.variants.push(VariantRow { prices: prices.0, before: prices.1, chosen, ..VariantRow::default() });
    }

    fn remove_image(&mut self, number: usize) {
        let Some(image) = self.images.get(number) else { return };
        for variant in self.variants.iter_mut().filter(|variant| variant.image == image.media) {
            variant.image = String::new();
        }
        self.images.remove(number);
    }
}

fn place(number: &str) -> Result<usize, Error> {
    number.parse().map_err(|_| Error::Unknown)
}

fn remove<T>(rows: &mut Vec<T>, number: usize) {
    if number < rows.len() {
        rows.remove(number);
    }
}

fn swap<T>(rows: &mut [T], first: Option<usize>) {
    if let Some(first) = first.filter(|first| first + 1 < rows.len()) {
        rows.swap(first, first + 1);
    }
}
