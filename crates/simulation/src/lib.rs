//! A whole shop under a storm, in one thread and by one seed: the real executor, projections and services on a simulated
//! disk, bank and clock, with clients who hold it to its word. For tests only.
//! It knows no engine; what it finds is in the core, or in the contracts between its parts.

mod bank;
mod chance;
mod clients;
mod disk;
mod ending;
mod faults;
mod goods;
mod judge;
mod life;
mod node;
mod plant;
mod run;
mod town;
mod trace;
mod world;

pub use judge::{Invariant, Violation};
pub use plant::Plant;
pub use run::{Report, THREADS, run};
