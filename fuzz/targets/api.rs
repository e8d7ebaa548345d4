//! Feeds `testkit::fuzz::requests` for as long as it is let. It knows nothing else.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| testkit::fuzz::requests(data));
