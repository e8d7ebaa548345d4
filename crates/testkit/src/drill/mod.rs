//! The crash drill: what a shop is promised of crashes, power cuts and full disks, tried on the real binary.
//! It does not know how the shop keeps its word; it knows what buyers and staff were told, and asks for it again.
//!
//! | scenario | what happens to the shop |
//! |---|---|
//! | [`kill`] | `kill -9` at random instants, under load, at the start and in recovery |
//! | [`unsynced`] | the power goes: what was written and not synced is there, or not, or in part |
//! | [`traced`] | nothing; its system calls show an fdatasync between a write and its answer |
//! | [`torn_wal`] | the end of its write-ahead log is cut, flipped or wiped |
//! | [`disk_full`] | there is no room, and later there is |
//! | [`read_only`] | its folder cannot be written |
//! | [`frozen`] | it is stopped for some seconds, and woken |
//! | [`two_processes`] | it is started a second time on the same folder |
//!
//! What several nodes are promised is tried in [`cluster`].

mod audit;
mod bank;
mod book;
mod disk;
mod ground;
mod load;
mod outcome;
mod recording;
mod settle;
mod told;
mod trace;

pub mod cluster;
pub mod disk_full;
pub mod frozen;
pub mod kill;
pub mod mount;
pub mod read_only;
pub mod torn_wal;
pub mod traced;
pub mod two_processes;
pub mod unsynced;

pub use ground::Ground;
pub use outcome::Outcome;
