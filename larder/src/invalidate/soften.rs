use cache_api::{Error, Key, Remaining, Result, SetOptions, Ttl};

use crate::{
    envelope::{self, Age, Lifetime, displacing},
    handle::Larder,
};

/// How often a key that changes under our hands is looked at again.
const ROUNDS: u32 = 8;

/// Makes what stands at a key past its time, if it may be served stale; else removes it, a mark of work in
/// progress included: what is being loaded was asked for before the invalidation.
///
/// Three calls to the store, more if others change the key meanwhile.
pub(super) async fn soften(larder: &Larder, key: &Key) -> Result<()> {
    let store = larder.store();
    for _ in 0..ROUNDS {
        let Some(record) = store.get(key).await? else {
            // Others may have copies of what a full store has thrown out: they hear of this.
            return store.delete(key).await.map(drop);
        };
        // After it: of what was read, or of what keeps the write below from being applied.
        let remaining = store.ttl(key).await?;
        let against = displacing(Some(&record));
        let lifetime = envelope::lifetime(&record, key);
        let lifetime = lifetime.filter(|lifetime| lifetime.age(larder.now_ms()) != Age::Past);
        let stale = lifetime.and_then(Lifetime::past);
        let done = match (stale, remaining) {
            (Some(lifetime), Remaining::For(_) | Remaining::Never) => {
                let ttl = match remaining {
                    Remaining::For(left) => Ttl::After(left),
                    _ => Ttl::Never,
                };
                let past = envelope::renew(&record, key, lifetime);
                store.set(key, past, SetOptions::new(ttl).when(against)).await?.is_stored()
            }
            _ => store.delete_if(key, against).await?,
        };
        if done {
            return Ok(());
        }
    }
    Err(Error::Backend {
        backend: store.name(),
        operation: "invalidate",
        reason: "the key changed each time it was looked at".into(),
        may_have_applied: true,
        source: None,
    })
}
