//! The engines: the only crate that names a vendor. Each module stands behind a port of `platform` or `services`.
//! It does not know what is stored or sold, nor which engine a shop has picked; `wiring` in the binary does.

pub mod passwords;
