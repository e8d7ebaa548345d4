//! How this server speaks HTTP: problems, bodies, lists, tags, keys for repeating, limits, traces.
//! It does not know what is served; the services bring the routes.

pub mod etag;
pub mod extract;
pub mod idempotency;
pub mod lists;
pub mod problem;
pub mod trace;
