#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| larder::fuzzing::stored_record(input));
