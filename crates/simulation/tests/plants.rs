//! What the simulation would find: six bugs are planted in turn, each is found by the invariant that it breaks, and its
//! seed fails in the same way again. Without the bug, the same seed is clean.
//! The bugs are not in the shop; `simulation::Plant` says where they are.

use simulation::{Invariant, Plant, run};

/// A bug that is not found in so many seeds is not found.
const SEEDS: u64 = 150;

/// Runs seeds until one fails with this bug in it; answers what found it.
fn finds(plant: Plant) -> Invariant {
    for seed in 1..=SEEDS {
        let planted = run(seed, Some(plant), 0);
        let Some(violation) = &planted.violation else { continue };
        let again = run(seed, Some(plant), 0);
        assert_eq!(planted, again, "seed {seed} fails in the same way again");
        let clean = run(seed, None, 0);
        assert_eq!(clean.violation, None, "without the bug, seed {seed} is clean");
        println!("{}: seed {seed}, {:?}: {}", plant.name(), violation.invariant, violation.detail);
        return violation.invariant;
    }
    panic!("{} was not found in {SEEDS} seeds", plant.name());
}

#[test]
fn a_lost_release_is_found() {
    assert_eq!(finds(Plant::LostRelease), Invariant::UndoneHoldsNoStock);
}

#[test]
fn a_skipped_version_check_is_found() {
    let found = finds(Plant::SkippedVersionCheck);
    let expected =
        [Invariant::NeverOversold, Invariant::LawfulFacts, Invariant::StockConserved, Invariant::FactsFollow];
    assert!(expected.contains(&found), "{found:?}");
}

#[test]
fn a_reply_before_commit_is_found() {
    let found = finds(Plant::ReplyBeforeCommit);
    assert_eq!(found, Invariant::AcknowledgedIsThere);
}

#[test]
fn a_step_that_is_not_idempotent_is_found() {
    assert_eq!(finds(Plant::NonIdempotentStep), Invariant::ChargedOnce);
}

#[test]
fn a_projection_that_skips_is_found() {
    assert_eq!(finds(Plant::SkippingProjection), Invariant::ProjectionsAgree);
}

#[test]
fn a_timer_lost_in_a_crash_is_found() {
    assert_eq!(finds(Plant::LostTimer), Invariant::ProcessesEnd);
}
