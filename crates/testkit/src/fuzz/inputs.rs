//! Inputs for a fuzz body without a fuzzer: the committed seeds, and as many variations of them as are wanted.
//! It does not know what an input means; the same number makes the same inputs.

use std::path::PathBuf;

/// What breaks parsers more often than other pieces do.
const TOKENS: [&str; 40] = [
    "null",
    "true",
    "-1",
    "0",
    "1e999",
    "9223372036854775807",
    "-9223372036854775808",
    "18446744073709551616",
    "1.5",
    "\"\"",
    "\"",
    "\\",
    "\\u0000",
    "\\ud800",
    "{",
    "}",
    "[",
    "]",
    "[[[[[[[[[[[[[[[[",
    ",",
    ":",
    "\u{0}",
    "\u{feff}",
    "\u{202e}",
    "é",
    "가",
    "👩‍👩‍👧",
    "%00",
    "%ff",
    "&",
    "=",
    ";",
    "<script>",
    "<x-fuzz>",
    "'",
    "../",
    "\r\n",
    "\t",
    "=cmd()",
    "1000000000000000",
];
/// The longest input that is made, in bytes.
const BYTES_MAX: usize = 16 * 1024;
/// So many changes are made to one seed at most.
const CHANGES_MAX: u64 = 6;

/// The committed seeds of a target, in the order of their names.
///
/// # Panics
/// Where there are none: a target without a seed is not tested.
pub fn seeds(target: &str) -> Vec<(String, Vec<u8>)> {
    let folder = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../fuzz/seeds")).join(target);
    let entries = std::fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut seeds: Vec<(String, Vec<u8>)> = entries
        .map(|entry| {
            let entry = entry.expect("an entry of the folder");
            let bytes = std::fs::read(entry.path()).expect("a seed");
            (entry.file_name().to_string_lossy().into_owned(), bytes)
        })
        .collect();
    seeds.sort();
    assert!(!seeds.is_empty(), "{} holds no seed", folder.display());
    seeds
}

/// So many variations of the seeds.
pub fn variations(seeds: &[Vec<u8>], seed: u64, count: usize) -> impl Iterator<Item = Vec<u8>> {
    let mut dice = Dice(seed);
    (0..count).map(move |_| vary(seeds, &mut dice))
}

fn vary(seeds: &[Vec<u8>], dice: &mut Dice) -> Vec<u8> {
    let mut input = seeds[dice.below(seeds.len())].clone();
    for _ in 0..=dice.next() % CHANGES_MAX {
        change(&mut input, seeds, dice);
    }
    input.truncate(BYTES_MAX);
    input
}

fn change(input: &mut Vec<u8>, seeds: &[Vec<u8>], dice: &mut Dice) {
    let at = dice.below(input.len() + 1);
    let end = (at + dice.below(24)).min(input.len());
    match dice.next() % 8 {
        0 if at < input.len() => input[at] ^= 1 << (dice.next() % 8),
        1 => drop(input.drain(at..end)),
        2 => {
            let piece = input[at..end].to_vec();
            input.splice(at..at, piece);
        }
        3 | 4 => drop(input.splice(at..at, token(dice).bytes())),
        5 => drop(input.splice(at..end, token(dice).bytes())),
        6 => replace_number(input, at, dice),
        _ => {
            let other = &seeds[dice.below(seeds.len())];
            let from = dice.below(other.len() + 1);
            input.truncate(at);
            input.extend_from_slice(&other[from..]);
        }
    }
}

fn token(dice: &mut Dice) -> &'static str {
    TOKENS[dice.below(TOKENS.len())]
}

/// The first number at or after a place becomes another one.
fn replace_number(input: &mut Vec<u8>, at: usize, dice: &mut Dice) {
    let Some(from) = input[at..].iter().position(u8::is_ascii_digit).map(|begin| at + begin) else { return };
    let digits = input[from..].iter().take_while(|byte| byte.is_ascii_digit()).count();
    let number = match dice.next() % 3 {
        0 => dice.next().to_string(),
        1 => (dice.next() % 10).to_string(),
        _ => format!("-{}", dice.next() >> 40),
    };
    input.splice(from..from + digits, number.bytes());
}

/// SplitMix64 (Steele, Lea and Flood, 2014): enough to make inputs from.
struct Dice(u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut word = self.0;
        word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        word ^ (word >> 31)
    }

    /// Below `limit`, which is above zero.
    fn below(&mut self, limit: usize) -> usize {
        usize::try_from(self.next() % limit as u64).unwrap_or(0)
    }
}
