//! Products as staff write them: the list, the form, the pictures.
//! It does not know which SKUs are taken, nor how shoppers see a product.

pub mod form;
mod matrix;
pub mod places;
mod reading;
mod rows;
#[cfg(test)]
mod tests;
