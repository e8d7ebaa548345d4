//! The bodies of the fuzz targets hold on their seeds and on some hundred variations of them, so that they stay honest between
//! fuzzing runs. What a fuzzer finds becomes a seed.

use testkit::fuzz::{TARGETS, Target, inputs};

/// Runs a body, and says on which input it failed.
fn feed(target: Target) {
    let seeds = inputs::seeds(target.name);
    for (name, seed) in &seeds {
        told(target, name, seed);
    }
    let bytes: Vec<Vec<u8>> = seeds.into_iter().map(|(_, seed)| seed).collect();
    for (number, input) in inputs::variations(&bytes, 1, target.generated).enumerate() {
        told(target, &format!("variation {number}"), &input);
    }
}

fn told(target: Target, name: &str, input: &[u8]) {
    if let Err(panic) = std::panic::catch_unwind(|| (target.run)(input)) {
        eprintln!("{} failed on {name}:\n{}", target.name, String::from_utf8_lossy(input));
        std::panic::resume_unwind(panic);
    }
}

fn target(name: &str) -> Target {
    *TARGETS.iter().find(|target| target.name == name).expect("a target")
}

macro_rules! targets {
    ($($name:ident),+) => {
        $(#[test]
        fn $name() {
            feed(target(stringify!($name)));
        })+

        #[test]
        fn every_target_is_tested() {
            let tested = [$(stringify!($name)),+];
            assert_eq!(TARGETS.map(|target| target.name), tested);
        }
    };
}

targets!(api, pages, notices, import_csv, import_jsonl, html, texts, cursors, index_keys, facts, sealed);
