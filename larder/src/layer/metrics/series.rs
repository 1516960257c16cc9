use std::{fmt, sync::OnceLock, time::Duration};

use bytes::Bytes;
use cache_api::Op;
use metrics::{Counter, Histogram, SharedString, Unit, counter, histogram};

use crate::layer::outcome::Outcome;

const CALLS: &str = "larder_store_calls_total";
const DURATION: &str = "larder_store_call_duration_seconds";
const HITS: &str = "larder_store_hits_total";
const MISSES: &str = "larder_store_misses_total";
const READ: &str = "larder_store_read_bytes_total";
const WRITTEN: &str = "larder_store_written_bytes_total";

/// Tells the recorder what the names mean.
pub(super) fn describe() {
    use metrics::{describe_counter, describe_histogram};

    describe_counter!(CALLS, Unit::Count, "Calls to the store, by how they ended");
    describe_histogram!(DURATION, Unit::Seconds, "How long calls to the store took");
    describe_counter!(HITS, Unit::Count, "Values that were looked for and found");
    describe_counter!(MISSES, Unit::Count, "Values that were looked for and not found");
    describe_counter!(READ, Unit::Bytes, "Bytes of the values found");
    describe_counter!(WRITTEN, Unit::Bytes, "Bytes of the values stored");
}

/// What is counted of one store. A series is registered at its first call and looked up no more.
pub(super) struct Series {
    store: SharedString,
    operations: [Operation; Op::ALL.len()],
}

#[derive(Default)]
struct Operation {
    calls: [OnceLock<Counter>; Outcome::COUNT],
    duration: OnceLock<Histogram>,
    hits: OnceLock<Counter>,
    misses: OnceLock<Counter>,
    read: OnceLock<Counter>,
    written: OnceLock<Counter>,
}

impl Series {
    pub(super) fn new(store: SharedString) -> Self {
        Self { store, operations: Default::default() }
    }

    pub(super) fn ended(&self, op: Op, outcome: Outcome, took: Duration) {
        let operation = self.operation(op);
        let calls = operation.calls[outcome as usize].get_or_init(|| {
            counter!(
                CALLS,
                "store" => self.store.clone(),
                "operation" => op.name(),
                "outcome" => outcome.name(),
            )
        });
        calls.increment(1);
        let duration = operation.duration.get_or_init(
            || histogram!(DURATION, "store" => self.store.clone(), "operation" => op.name()),
        );
        duration.record(took);
    }

    pub(super) fn values(&self, op: Op, values: &[Option<Bytes>]) {
        let operation = self.operation(op);
        let found = values.iter().flatten();
        let hits = found.clone().count();
        self.add(&operation.hits, HITS, op, hits);
        self.add(&operation.misses, MISSES, op, values.len() - hits);
        self.add(&operation.read, READ, op, found.map(Bytes::len).sum());
    }

    pub(super) fn written(&self, op: Op, bytes: usize) {
        self.add(&self.operation(op).written, WRITTEN, op, bytes);
    }

    fn add(&self, counter: &OnceLock<Counter>, name: &'static str, op: Op, count: usize) {
        if count > 0 {
            let register =
                || counter!(name, "store" => self.store.clone(), "operation" => op.name());
            counter.get_or_init(register).increment(count as u64);
        }
    }

    fn operation(&self, op: Op) -> &Operation {
        &self.operations[op as usize]
    }
}

impl fmt::Debug for Series {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Series").field("store", &self.store).finish_non_exhaustive()
    }
}
