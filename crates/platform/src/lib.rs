//! The machinery that every service stands on: log, executor, documents, projections, sealing, http conventions.
//! It knows no word of what is sold; the services bring their own kinds of facts and documents.

pub mod blobs;
pub mod cache;
pub mod clock;
pub mod copying;
pub mod documents;
pub mod entropy;
pub mod http;
pub mod leases;
pub mod log;
pub mod naming;
pub mod presence;
pub mod projection;
pub mod sealing;
pub mod signal;
pub mod store;
