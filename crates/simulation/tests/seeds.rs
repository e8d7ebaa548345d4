//! Thousands of seeds, each a shop under a storm of its own: nothing that must hold may break. And a seed is a seed: run
//! twice, it takes the same steps.
//! What a seed does, and how to run one again, is told in docs/SIMULATION.md.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use simulation::{Report, THREADS, run};

/// Seeds of every run of the tests; nights take more with `cargo xtask simulate`.
const SEEDS: u64 = 2_000;
/// Seeds that are run twice.
const TWICE: u64 = 60;

/// Runs seeds on all cores; answers those that failed.
fn failing(seeds: std::ops::Range<u64>, look: impl Fn(u64) -> Option<String> + Sync) -> Vec<String> {
    let next = AtomicU64::new(seeds.start);
    let work = || {
        let mut failed = Vec::new();
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= seeds.end {
                return failed;
            }
            failed.extend(look(seed));
        }
    };
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZeroUsize::get);
    std::thread::scope(|scope| {
        let named = |core| std::thread::Builder::new().name(format!("{THREADS}{core}"));
        let threads: Vec<_> = (0..cores).map(|core| named(core).spawn_scoped(scope, work).expect("a thread")).collect();
        threads.into_iter().flat_map(|thread| thread.join().expect("no panic outside of runs")).collect()
    })
}

fn told(report: &Report) -> Option<String> {
    let violation = report.violation.as_ref()?;
    let (seed, invariant, detail) = (report.seed, violation.invariant, &violation.detail);
    Some(format!("seed {seed}: {invariant:?}: {detail}\n  again: cargo xtask simulate --seed {seed}"))
}

/// Each of these tests keeps all processors busy, so they take turns.
static TURN: Mutex<()> = Mutex::new(());

fn turn() -> MutexGuard<'static, ()> {
    TURN.lock().unwrap_or_else(PoisonError::into_inner)
}

#[test]
fn nothing_breaks_in_thousands_of_storms() {
    let _turn = turn();
    let failed = failing(1..SEEDS + 1, |seed| told(&run(seed, None, 0)));
    assert!(failed.is_empty(), "{} seeds failed:\n{}", failed.len(), failed.join("\n"));
}

#[test]
fn a_seed_takes_the_same_steps_again() {
    let _turn = turn();
    let differing = failing(1..TWICE + 1, |seed| {
        // Keeping lines to read changes nothing.
        let (first, again) = (run(seed, None, 0), Report { lines: Vec::new(), ..run(seed, None, 10) });
        (first != again).then(|| format!("seed {seed}: {first:?} and then {again:?}"))
    });
    assert!(differing.is_empty(), "{differing:#?}");
    assert_ne!(run(1, None, 0).hash, run(2, None, 0).hash);
}
