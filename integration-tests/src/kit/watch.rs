//! `watch`: the changes of namespaces, made by anyone.

use std::{collections::HashSet, time::Duration};

use bytes::Bytes;
use cache_api::{Change, ChangeStream, Condition, Key, Namespace, SetOptions, Ttl};
use futures_util::StreamExt;
use tokio::time::timeout;

use super::{
    Checked, Ctx, Failure,
    bulk::item,
    check::{check, check_eq},
    ctx::{LONG, starts_with},
};

/// A watch under way.
struct Watching {
    changes: ChangeStream,
    patience: Duration,
}

impl Watching {
    async fn of(ctx: &Ctx, namespaces: &[Namespace]) -> Checked<Self> {
        let store = ctx.store();
        let Some(watch) = store.watch() else {
            return Err(Failure::new("the fixture declares watch, and there is none"));
        };
        let patience = ctx.fixture().patience();
        Ok(Self { changes: watch.changes(namespaces).await?, patience })
    }

    /// The next change, heartbeats aside; `None` if the stream ended.
    async fn next(&mut self, what: &str) -> Checked<Option<Change>> {
        let next = async {
            loop {
                match self.changes.next().await {
                    Some(Change::Beat { .. }) => {}
                    other => return other,
                }
            }
        };
        let silent = || Failure::new(format!("{what} was not reported within {:?}", self.patience));
        timeout(self.patience, next).await.map_err(|_| silent())
    }

    /// Waits for a report that covers this key.
    async fn reports(&mut self, key: &Key, what: &str) -> Checked {
        loop {
            match self.next(what).await? {
                Some(change) if covers(&change, key) => return Ok(()),
                Some(_) => {}
                None => return Err(ended(what)),
            }
        }
    }
}

fn ended(what: &str) -> Failure {
    Failure::new(format!("the stream ended before {what} was reported, though nothing was lost"))
}

fn covers(change: &Change, key: &Key) -> bool {
    match change {
        Change::Entry(changed) => changed == key,
        Change::Namespace(namespace) => namespace.contains(&key.namespace()),
        _ => false,
    }
}

fn own(ctx: &Ctx) -> [Namespace; 1] {
    [ctx.namespace().clone()]
}

/// What is changed after `changes` has resolved is reported.
pub async fn is_armed_when_it_resolves(ctx: &Ctx) -> Checked {
    for round in 0..10 {
        let key = ctx.key(format!("armed{round}"))?;
        let mut watching = Watching::of(ctx, &own(ctx)).await?;
        ctx.put(&key, b"v", LONG).await?;
        watching.reports(&key, "a change right after the watch resolved").await?;
    }
    Ok(())
}

/// After the last report of a change, whoever reads sees it: a report that comes before makes a
/// near cache keep the old value.
pub async fn reports_after_it_is_readable(ctx: &Ctx) -> Checked {
    let key = ctx.key("readable")?;
    let mut watching = Watching::of(ctx, &own(ctx)).await?;
    for round in 0..30 {
        let value = Bytes::from(format!("round {round}"));
        let writer = tokio::spawn({
            let (store, key, value) = (ctx.store(), key.clone(), value.clone());
            async move { store.set(&key, value, SetOptions::new(LONG)).await }
        });
        loop {
            let what = "a change, once it was readable,";
            match watching.next(what).await? {
                Some(change) if covers(&change, &key) => {}
                Some(_) => continue,
                None => return Err(ended(what)),
            }
            if ctx.store().get(&key).await?.as_ref() == Some(&value) {
                break;
            }
        }
        check!(writer.await??.is_stored(), "a set without condition was refused");
    }
    Ok(())
}

/// A set, over nothing and over an entry; one that removes by a lifetime of zero.
pub async fn reports_set(ctx: &Ctx) -> Checked {
    let key = ctx.key("set")?;
    for (value, ttl) in [("new", LONG), ("other", LONG), ("other", LONG * 2), ("", Duration::ZERO)]
    {
        let mut watching = Watching::of(ctx, &own(ctx)).await?;
        ctx.put(&key, value.as_bytes(), ttl).await?;
        watching.reports(&key, &format!("set of {value:?} for {ttl:?}")).await?;
    }
    Ok(())
}

/// A delete, with a condition and without.
pub async fn reports_delete(ctx: &Ctx) -> Checked {
    let key = ctx.key("deleted")?;
    for condition in [Condition::Always, Condition::Present, starts_with("v")?] {
        ctx.put(&key, b"v", LONG).await?;
        let mut watching = Watching::of(ctx, &own(ctx)).await?;
        check!(ctx.store().delete_if(&key, condition).await?, "delete_if said false");
        watching.reports(&key, &format!("delete_if({condition:?})")).await?;
    }
    ctx.put(&key, b"v", LONG).await?;
    let mut watching = Watching::of(ctx, &own(ctx)).await?;
    check!(ctx.store().delete(&key).await?, "delete said false");
    watching.reports(&key, "delete").await
}

/// A take.
pub async fn reports_take(ctx: &Ctx) -> Checked {
    let key = ctx.key("taken")?;
    ctx.put(&key, b"v", LONG).await?;
    let mut watching = Watching::of(ctx, &own(ctx)).await?;
    check!(ctx.store().take(&key).await?.is_some(), "take found nothing");
    watching.reports(&key, "take").await
}

/// A new lifetime is a change: a copy of the entry dies at another time now.
pub async fn reports_expire(ctx: &Ctx) -> Checked {
    let key = ctx.key("expired")?;
    ctx.put(&key, b"v", LONG).await?;
    for ttl in [(LONG * 2).into(), (LONG / 10).into(), Ttl::Never, Duration::ZERO.into()] {
        let mut watching = Watching::of(ctx, &own(ctx)).await?;
        check!(ctx.store().expire(&key, ttl, Condition::Always).await?, "expire said false");
        watching.reports(&key, &format!("expire({ttl:?})")).await?;
    }
    Ok(())
}

/// The increment that creates, and the one that counts on.
pub async fn reports_increment(ctx: &Ctx) -> Checked {
    let key = ctx.key("counter")?;
    for what in ["the first increment", "a later increment"] {
        let mut watching = Watching::of(ctx, &own(ctx)).await?;
        ctx.store().increment(&key, 1, LONG.into()).await?;
        watching.reports(&key, what).await?;
    }
    Ok(())
}

/// Every key of a bulk call.
pub async fn reports_bulk_calls(ctx: &Ctx) -> Checked {
    let keys = ctx.keys("bulk", 20)?;
    let mut watching = Watching::of(ctx, &own(ctx)).await?;
    let items = keys.iter().map(|key| item(key, "v", SetOptions::new(LONG))).collect();
    let outcomes = ctx.store().set_many(items).await?;
    check_eq!(outcomes.len(), 20, "the number of outcomes");
    all_reported(&mut watching, &keys, "set_many").await?;
    let mut watching = Watching::of(ctx, &own(ctx)).await?;
    check_eq!(ctx.store().delete_many(&keys).await?, 20, "delete_many");
    all_reported(&mut watching, &keys, "delete_many").await
}

async fn all_reported(watching: &mut Watching, keys: &[Key], what: &str) -> Checked {
    let mut waiting: HashSet<&Key> = keys.iter().collect();
    while !waiting.is_empty() {
        let Some(change) = watching.next(what).await? else { return Err(ended(what)) };
        waiting.retain(|key| !covers(&change, key));
    }
    Ok(())
}

/// A conditional write that happened.
pub async fn reports_conditional_writes(ctx: &Ctx) -> Checked {
    let key = ctx.key("conditional")?;
    for condition in [Condition::Absent, Condition::Present, starts_with("v")?] {
        let mut watching = Watching::of(ctx, &own(ctx)).await?;
        let outcome = ctx.set_when(&key, b"v", condition).await?;
        check!(outcome.is_stored(), "{condition:?} was refused");
        watching.reports(&key, &format!("set with {condition:?}")).await?;
    }
    Ok(())
}

/// A clear, for every entry it removed.
pub async fn reports_clear(ctx: &Ctx) -> Checked {
    let keys = ctx.keys("cleared", 5)?;
    for key in &keys {
        ctx.put(key, b"v", LONG).await?;
    }
    let mut watching = Watching::of(ctx, &own(ctx)).await?;
    ctx.store().clear(ctx.namespace()).await?;
    all_reported(&mut watching, &keys, "clear").await
}

/// A clear of what the namespace lies in.
pub async fn reports_clear_of_an_ancestor(ctx: &Ctx) -> Checked {
    let keys = ctx.keys("cleared", 5)?;
    for key in &keys {
        ctx.put(key, b"v", LONG).await?;
    }
    let mut watching = Watching::of(ctx, &own(ctx)).await?;
    ctx.store().clear(ctx.root()).await?;
    all_reported(&mut watching, &keys, "clear of an ancestor").await
}

/// Neighbours, ancestors and descendants are not reported.
pub async fn reports_only_its_namespaces(ctx: &Ctx) -> Checked {
    let (namespace, last) = (ctx.namespace(), ctx.key("last")?);
    let others = [
        namespace.child("child")?.key("1")?,
        namespace.reserved("chunk")?.key("0123:0")?,
        ctx.neighbour("room2")?.key("1")?,
        ctx.neighbour("roo")?.key("m:1")?,
        ctx.root().key("room:1")?,
    ];
    let mut watching = Watching::of(ctx, &own(ctx)).await?;
    for key in &others {
        ctx.put(key, b"v", LONG).await?;
        check!(ctx.store().delete(key).await?, "delete said false");
    }
    ctx.put(&last, b"v", LONG).await?;
    loop {
        match watching.next("set").await? {
            Some(Change::Entry(key)) if key == last => return Ok(()),
            Some(Change::Entry(key)) => {
                check!(key.is_in(namespace), "a watch of {namespace} reported {key}");
            }
            Some(Change::Namespace(changed)) => {
                check!(changed.contains(namespace), "a watch of {namespace} reported {changed}");
                if changed.contains(&last.namespace()) {
                    return Ok(());
                }
            }
            Some(_) => {}
            None => return Err(ended("set")),
        }
    }
}

/// One watch of several namespaces, of a child beside its parent too.
pub async fn covers_several_namespaces(ctx: &Ctx) -> Checked {
    let watched = [
        ctx.namespace().clone(),
        ctx.namespace().child("child")?,
        ctx.neighbour("room2")?,
        ctx.namespace().reserved("tag")?,
    ];
    let mut watching = Watching::of(ctx, &watched).await?;
    for namespace in &watched {
        let key = namespace.key("1")?;
        ctx.put(&key, b"v", LONG).await?;
        watching.reports(&key, &format!("set in {namespace}, one of four watched")).await?;
    }
    Ok(())
}

/// Two watches do not take each other's reports, and one goes on when the other is dropped.
pub async fn serves_two_watchers(ctx: &Ctx) -> Checked {
    let keys = ctx.keys("seen", 2)?;
    let mut first = Watching::of(ctx, &own(ctx)).await?;
    let mut second = Watching::of(ctx, &own(ctx)).await?;
    ctx.put(&keys[0], b"v", LONG).await?;
    first.reports(&keys[0], "set, to the first of two watchers,").await?;
    second.reports(&keys[0], "set, to the second of two watchers,").await?;
    drop(first);
    ctx.put(&keys[1], b"v", LONG).await?;
    second.reports(&keys[1], "set, after another watcher was dropped,").await
}

/// A change by another client of a shared store.
pub async fn reports_what_another_client_did(ctx: &Ctx) -> Checked {
    let (key, second) = (ctx.key("theirs")?, ctx.second().await?);
    let mut watching = Watching::of(ctx, &own(ctx)).await?;
    let set = second.set(&key, Bytes::from_static(b"v"), SetOptions::new(LONG)).await?;
    check!(set.is_stored(), "a set without condition was refused");
    watching.reports(&key, "another client's set").await?;
    second.clear(ctx.namespace()).await?;
    watching.reports(&key, "another client's clear").await
}

/// A change by a program that knows nothing of larder.
pub async fn reports_what_no_client_of_ours_did(ctx: &Ctx) -> Checked {
    let key = ctx.key("foreign")?;
    let mut watching = Watching::of(ctx, &own(ctx)).await?;
    let written = ctx.raw()?.write(key.as_bytes(), b"v").await;
    written.map_err(|error| Failure::new(error.to_string()))?;
    watching.reports(&key, "another program's write").await
}

/// Whoever reads too slowly gets every change in the end, or the end of the stream.
pub async fn loses_nothing_in_silence(ctx: &Ctx) -> Checked {
    let (keys, last) = (ctx.keys("flood", 6000)?, ctx.key("last")?);
    let mut watching = Watching::of(ctx, &own(ctx)).await?;
    for part in keys.chunks(500) {
        let items = part.iter().map(|key| item(key, "v", SetOptions::new(LONG))).collect();
        let outcomes = ctx.store().set_many(items).await?;
        check_eq!(outcomes.len(), part.len(), "the number of outcomes");
    }
    ctx.put(&last, b"v", LONG).await?;
    let mut waiting: HashSet<&Key> = keys.iter().collect();
    loop {
        // The end says that something was lost, which is what it is for.
        let Some(change) = watching.next("set, after thousands of unread ones,").await? else {
            return Ok(());
        };
        match &change {
            Change::Entry(key) => drop(waiting.remove(key)),
            _ => waiting.retain(|key| !covers(&change, key)),
        }
        if covers(&change, &last) {
            break;
        }
    }
    check!(
        waiting.is_empty(),
        "{} of {} changes were lost, and the stream went on",
        waiting.len(),
        keys.len()
    );
    Ok(())
}
