//! placeholder for now.
