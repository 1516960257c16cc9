//! What fuzzers run, for minutes by `cargo fuzz` and for a second in tests. Any bytes are taken; a panic is a
//! mistake in what is fuzzed.

use bytes::Bytes;
use cache_api::Namespace;

use crate::{envelope, stream::format};

/// The longest value, in bytes.
const LIMIT: usize = 1 << 20;

/// A record as it may lie in a store, of whatever kind it says it is.
pub fn stored_record(input: &[u8]) {
    let namespace = Namespace::new("n").expect("it is a namespace");
    let key = namespace.key("k").expect("it is a key");
    let record = Bytes::copy_from_slice(input);
    let _ = envelope::outline(&record, &key, LIMIT);
    let _ = envelope::read_work(&record);
    format::read_any(&record);
    // With a checksum that fits, so that the fields are looked at.
    format::resealed(&record).iter().for_each(|record| _ = format::read_any(record));
}

#[cfg(test)]
mod tests {
    use integration_tests::fuzzed;

    use super::*;

    #[test]
    fn stored_records_for_a_second() {
        fuzzed::run("stored_record", 10_000, stored_record);
    }
}
