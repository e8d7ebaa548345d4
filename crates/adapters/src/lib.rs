//! The engines behind the ports. Each folder or file names one; nothing else in the tree does.

pub mod passwords;
