use std::sync::Arc;

use tokio::{
    runtime,
    time::{Instant, timeout},
};

use super::{BEHAVIOURS, Behaviour, Ctx, Finding, Fixture, Outcome, Report};

/// Runs every behaviour, one after the other.
pub async fn run_all(fixture: impl Fixture) -> Report {
    run_with(fixture, |_| {}).await
}

/// Runs every behaviour, and tells of each as soon as it is known.
pub async fn run_with(fixture: impl Fixture, mut tell: impl FnMut(&Finding) + Send) -> Report {
    let fixture: Arc<dyn Fixture> = Arc::new(fixture);
    let mut report = Report { store: None, findings: Vec::with_capacity(BEHAVIOURS.len()) };
    if let Ok(store) = super::ctx::open(&*fixture).await {
        report.store = Some(store.name());
    }
    for behaviour in BEHAVIOURS {
        let finding = run(behaviour, Arc::clone(&fixture)).await;
        tell(&finding);
        report.findings.push(finding);
    }
    report
}

/// Runs one behaviour, within the fixture's bound, in a fresh namespace that is cleared afterwards.
pub async fn run(behaviour: &'static Behaviour, fixture: Arc<dyn Fixture>) -> Finding {
    let begun = Instant::now();
    let bound = fixture.bound();
    // A task of its own: a panic is a finding, and a store that blocks a thread blocks not us.
    let mut task = tokio::spawn(judge(behaviour, fixture));
    let outcome = match timeout(bound, &mut task).await {
        Ok(Ok(outcome)) => outcome,
        Ok(Err(panicked)) => Outcome::Failed(format!("a call panicked: {panicked}")),
        Err(_) => {
            task.abort();
            Outcome::Failed(format!("it took more than {bound:?}"))
        }
    };
    Finding { name: behaviour.name, outcome, took: begun.elapsed() }
}

/// Runs one behaviour by its name in a runtime of its own, for a `#[test]`.
///
/// # Panics
///
/// If the store breaks the rule: so does a test fail.
#[expect(clippy::panic, reason = "this is the body of a test")]
pub fn test(fixture: impl Fixture, name: &str) {
    let Some(behaviour) = BEHAVIOURS.iter().find(|behaviour| behaviour.name == name) else {
        panic!("there is no behaviour {name}");
    };
    let runtime = runtime::Builder::new_multi_thread().worker_threads(4).enable_all().build();
    let runtime = runtime.expect("the machine has threads left");
    let fixture: Arc<dyn Fixture> = Arc::new(fixture);
    let finding = runtime.block_on(run(behaviour, Arc::clone(&fixture)));
    // What a blocked call holds must not hold the test.
    runtime.shutdown_background();
    println!("{finding}");
    if let Outcome::Failed(how) = &finding.outcome {
        panic!("{name}: {how}");
    }
}

async fn judge(behaviour: &'static Behaviour, fixture: Arc<dyn Fixture>) -> Outcome {
    let missing = behaviour.needs.iter().find(|need| !need.is_met(&*fixture));
    let ctx = match Ctx::new(fixture).await {
        Ok(ctx) => ctx,
        Err(failure) => return Outcome::Failed(failure.to_string()),
    };
    if let Some(need) = missing {
        // What is left out must be as the fixture says.
        return match super::capabilities::are_as_declared(&ctx).await {
            Ok(()) => Outcome::NotApplicable(need.unmet()),
            Err(failure) => Outcome::Failed(failure.to_string()),
        };
    }
    let checked = (behaviour.run)(&ctx).await;
    ctx.clean_up().await;
    match checked {
        Ok(()) => Outcome::Passed,
        Err(failure) => Outcome::Failed(failure.to_string()),
    }
}
