//! How behaviours are run: bounded, and with nothing left out in silence.

use std::{sync::Arc, time::Duration};

use cache_api::Cache;
use integration_tests::kit::{BEHAVIOURS, Declared, Fixture, Outcome, from_fn, run, run_all};

use crate::{faults::Fault, fixture::Models, model::Model};

async fn outcome(fixture: impl Fixture, name: &str) -> Outcome {
    let behaviour = BEHAVIOURS.iter().find(|behaviour| behaviour.name == name);
    run(behaviour.expect("there is a behaviour of this name"), Arc::new(fixture)).await.outcome
}

#[tokio::test]
async fn a_call_that_hangs_is_a_failure_within_the_bound() {
    let bound = Duration::from_millis(50);
    let hanging = Models::broken(Fault::TakeHangs).bounded(bound);
    let Outcome::Failed(how) = outcome(hanging, "delete::take_returns_what_stood").await else {
        panic!("a call that hangs was not noticed");
    };
    assert_eq!(how, "it took more than 50ms");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_that_blocks_its_thread_is_a_failure_within_the_bound() {
    let bound = Duration::from_millis(50);
    let blocking = Models::broken(Fault::TakeBlocks).bounded(bound);
    let outcome = outcome(blocking, "delete::take_returns_what_stood").await;
    assert_eq!(outcome, Outcome::Failed("it took more than 50ms".into()));
}

#[tokio::test]
async fn what_is_declared_to_be_missing_must_be_missing() {
    let has_watch = || async { Ok(Arc::new(Model::new(1 << 20)) as Arc<dyn Cache>) };
    let declared = Declared::new(1 << 20).shared().persistent().scan();
    let found = outcome(from_fn(declared, has_watch), "watch::reports_set").await;
    assert!(matches!(&found, Outcome::Failed(how) if how.contains("watch")), "{found:?}");

    let found = outcome(from_fn(declared.watch(), has_watch), "ttl::ends_exactly").await;
    assert_eq!(found, Outcome::NotApplicable("the fixture's time is real"));
}

#[tokio::test]
async fn a_store_that_does_not_open_conforms_to_nothing() {
    let shut = from_fn(Declared::new(1), || async { Err("it is shut".into()) });
    let report = run_all(Shut(shut)).await;
    assert!(!report.is_conformant());
    assert_eq!(report.counts(), (0, BEHAVIOURS.len(), 0));
    let text = report.to_string();
    assert!(text.contains("set::replaces_the_lifetime ") && text.contains("it is shut"), "{text}");
    let last = format!("no store: 0 passed, {} failed, 0 not applicable", BEHAVIOURS.len());
    assert!(text.ends_with(&last), "{text}");
}

/// With no patience.
struct Shut<F>(F);

#[async_trait::async_trait]
impl<F: Fixture> Fixture for Shut<F> {
    async fn open(&self) -> Result<Arc<dyn Cache>, integration_tests::kit::BoxError> {
        self.0.open().await
    }

    fn declared(&self) -> Declared {
        self.0.declared()
    }

    fn patience(&self) -> Duration {
        Duration::ZERO
    }
}
