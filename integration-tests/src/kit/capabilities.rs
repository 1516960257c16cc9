//! What a store says of itself.

use super::{
    Checked, Ctx,
    check::{check, check_eq},
};

/// `capabilities`, `scan` and `watch` are what the fixture declares: a capability that is lost by
/// mistake (a layer that forgets to forward it) is a failure, not a shorter list of tests.
pub async fn are_as_declared(ctx: &Ctx) -> Checked {
    let (store, declared) = (ctx.store(), ctx.fixture().declared());
    let facts = store.capabilities();
    check!(!store.name().is_empty(), "a store has a name, for messages");
    check_eq!(facts.shared, declared.shared, "capabilities().shared");
    check_eq!(facts.persistent, declared.persistent, "capabilities().persistent");
    check_eq!(facts.max_value, declared.max_value, "capabilities().max_value");
    check_eq!(store.scan().is_some(), declared.scan, "whether scan() is there");
    check_eq!(store.watch().is_some(), declared.watch, "whether watch() is there");
    let chunks = facts.chunks;
    check!(
        chunks.first > 0 && chunks.first <= chunks.later && chunks.later <= facts.max_value,
        "capabilities().chunks: {chunks:?} does not fit a largest value of {}",
        facts.max_value
    );
    Ok(())
}
