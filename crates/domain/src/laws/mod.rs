//! What holds whatever happens: random sequences against laws that a shopkeeper would name.
//! A failure is shrunk to the fewest moves; they read as a story.

mod money;
mod order;
mod payment;
mod pricing;
mod stock;
