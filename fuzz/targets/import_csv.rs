//! Feeds `testkit::fuzz::import_csv` for as long as it is let. It knows nothing else.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| testkit::fuzz::import_csv(data));
