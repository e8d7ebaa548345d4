//! Planted bugs: six mistakes that a shop could have, each made at a seam of the simulated machine or by a wrapper around a
//! contract, never in the shop's own code. They show that the simulation finds such mistakes.
//! It does not know which invariant will find them.

mod documents;
mod inventory;
mod projection;
mod provider;

pub use documents::Forgetful;
pub use inventory::Unreleasing;
pub use projection::skipping;
pub use provider::FreshKeys;

/// A planted bug.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Plant {
    /// The inventory says that it released stock, and did not.
    LostRelease,
    /// The log writes whatever version was seen.
    SkippedVersionCheck,
    /// The disk answers before what was written is durable.
    ReplyBeforeCommit,
    /// The provider is asked under a new key each time.
    NonIdempotentStep,
    /// A projection leaves out some facts.
    SkippingProjection,
    /// After a restart, the sweeper is not told of what was due before.
    LostTimer,
}

impl Plant {
    pub const ALL: [Plant; 6] = [
        Self::LostRelease,
        Self::SkippedVersionCheck,
        Self::ReplyBeforeCommit,
        Self::NonIdempotentStep,
        Self::SkippingProjection,
        Self::LostTimer,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Self::LostRelease => "lost-release",
            Self::SkippedVersionCheck => "skipped-version-check",
            Self::ReplyBeforeCommit => "reply-before-commit",
            Self::NonIdempotentStep => "non-idempotent-step",
            Self::SkippingProjection => "skipping-projection",
            Self::LostTimer => "lost-timer",
        }
    }

    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|plant| plant.name() == name)
    }
}
