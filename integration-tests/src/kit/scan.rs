//! `scan`: the keys of a namespace.

use std::collections::BTreeSet;

use cache_api::{Key, Namespace, SetOptions, SetOutcome};
use futures_util::TryStreamExt;

use super::{
    Checked, Ctx, Failure,
    bulk::item,
    check::{check, check_eq},
    ctx::LONG,
    keys::STRANGE,
};

/// All keys of a namespace, each once.
async fn keys_of(ctx: &Ctx, namespace: &Namespace) -> Checked<BTreeSet<Key>> {
    let store = ctx.store();
    let Some(scan) = store.scan() else {
        return Err(Failure::new("the fixture declares scan, and there is none"));
    };
    Ok(scan.keys(namespace).try_collect().await?)
}

async fn put_all(ctx: &Ctx, keys: &[Key]) -> Checked {
    for part in keys.chunks(500) {
        let items = part.iter().map(|key| item(key, "v", SetOptions::new(LONG))).collect();
        let outcomes = ctx.store().set_many(items).await?;
        check!(
            outcomes.iter().all(SetOutcome::is_stored),
            "set_many without condition was refused"
        );
    }
    Ok(())
}

/// The namespace, its descendants, and what the library keeps there; no neighbour, no ancestor.
pub async fn yields_what_clear_would_remove(ctx: &Ctx) -> Checked {
    let namespace = ctx.namespace();
    let own = [
        namespace.key("1")?,
        namespace.key("")?,
        namespace.child("child")?.key("1")?,
        namespace.child("child/grandchild")?.key("1")?,
        namespace.reserved("chunk")?.key("0123:0")?,
    ];
    let others = [
        ctx.neighbour("room2")?.key("1")?,
        ctx.neighbour("room-")?.key("1")?,
        ctx.neighbour("roo")?.key("1")?,
        ctx.root().key("room:1")?,
        ctx.root().key(namespace.as_str())?,
    ];
    put_all(ctx, &own).await?;
    put_all(ctx, &others).await?;
    check_eq!(keys_of(ctx, namespace).await?, BTreeSet::from(own), "what a scan yields");
    Ok(())
}

/// What was deleted, taken, cleared before it began is not listed.
pub async fn leaves_out_what_was_removed(ctx: &Ctx) -> Checked {
    let keys = ctx.keys("removed", 4)?;
    let child = ctx.namespace().child("child")?;
    put_all(ctx, &keys).await?;
    put_all(ctx, &[child.key("1")?]).await?;
    check!(ctx.store().delete(&keys[0]).await?, "delete said false");
    check!(ctx.store().take(&keys[1]).await?.is_some(), "take found nothing");
    check_eq!(ctx.store().delete_many(&keys[2..3]).await?, 1, "delete_many");
    ctx.store().clear(&child).await?;
    let left = BTreeSet::from([keys[3].clone()]);
    check_eq!(keys_of(ctx, ctx.namespace()).await?, left, "what a scan yields after removals");
    Ok(())
}

/// Keys come as they are, whatever their bytes.
pub async fn yields_any_bytes(ctx: &Ctx) -> Checked {
    let mut keys: Vec<Key> = STRANGE.iter().map(|user| ctx.key(user)).collect::<Checked<_>>()?;
    keys.push(ctx.key([b'k'; Key::MAX_BYTES])?);
    put_all(ctx, &keys).await?;
    let wanted: BTreeSet<_> = keys.into_iter().collect();
    check_eq!(keys_of(ctx, ctx.namespace()).await?, wanted, "what a scan yields of strange keys");
    Ok(())
}

/// A namespace is no pattern: its `.` and `_` mean themselves.
pub async fn treats_no_byte_as_a_pattern(ctx: &Ctx) -> Checked {
    put_all(ctx, &[ctx.key("1")?, ctx.neighbour("rxom")?.key("1")?]).await?;
    for name in ["r.om", "r_om", "r-om"] {
        let namespace = ctx.neighbour(name)?;
        check_eq!(keys_of(ctx, &namespace).await?, BTreeSet::new(), "what a scan of {name} yields");
    }
    Ok(())
}

/// Where there is nothing it ends.
pub async fn of_nothing_ends(ctx: &Ctx) -> Checked {
    check_eq!(keys_of(ctx, ctx.namespace()).await?, BTreeSet::new(), "a scan of nothing");
    Ok(())
}

/// Thousands of keys, not just the first page of them.
pub async fn yields_many(ctx: &Ctx) -> Checked {
    let keys = ctx.keys("many", 3000)?;
    put_all(ctx, &keys).await?;
    let found = keys_of(ctx, ctx.namespace()).await?;
    check_eq!(found.len(), keys.len(), "the number of keys that a scan of 3,000 yields");
    check!(keys.iter().all(|key| found.contains(key)), "a scan yields other keys than were set");
    Ok(())
}

/// A key that stands there the whole time is yielded, whatever comes and goes around it.
pub async fn loses_nothing_while_others_change(ctx: &Ctx) -> Checked {
    let lasting: Vec<_> =
        (0..600).map(|number| ctx.key(format!("{number:03}-lasting"))).collect::<Checked<_>>()?;
    put_all(ctx, &lasting).await?;
    let store = ctx.store();
    let Some(scan) = store.scan() else {
        return Err(Failure::new("the fixture declares scan, and there is none"));
    };
    for round in 0..3 {
        // Between those that last, so that what comes and goes moves them wherever order counts.
        let passing = |number| ctx.key(format!("{number:03}-passing{round}"));
        let passing: Vec<_> = (0..600).map(passing).collect::<Checked<_>>()?;
        let (old, new) = passing.split_at(300);
        put_all(ctx, old).await?;
        let (mut going, mut coming) = (old.chunks(10), new.chunks(10));
        let (mut keys, mut found) = (scan.keys(ctx.namespace()), BTreeSet::new());
        while let Some(key) = keys.try_next().await? {
            found.insert(key);
            if found.len() % 10 == 0 {
                store.delete_many(going.next().unwrap_or_default()).await?;
                put_all(ctx, coming.next().unwrap_or_default()).await?;
            }
        }
        let lost = lasting.iter().filter(|key| !found.contains(*key)).count();
        check!(
            lost == 0,
            "scan {round} lost {lost} of {} keys that stood all the time",
            lasting.len()
        );
    }
    Ok(())
}

/// What does not parse as a key of ours is not listed, and no error.
pub async fn leaves_out_what_is_not_ours(ctx: &Ctx) -> Checked {
    let (raw, name) = (ctx.raw()?, ctx.namespace().as_str());
    let failed = |error: super::BoxError| Failure::new(error.to_string());
    for key in [name.to_owned(), format!("{name}/not a segment:1"), format!("{name}//:1")] {
        raw.write(key.as_bytes(), b"foreign").await.map_err(failed)?;
    }
    raw.write_other_type(ctx.key("a-list")?.as_bytes()).await.map_err(failed)?;
    let own = ctx.key("1")?;
    put_all(ctx, std::slice::from_ref(&own)).await?;
    let found = keys_of(ctx, ctx.namespace()).await?;
    check_eq!(found, BTreeSet::from([own]), "what a scan yields beside foreign keys");
    Ok(())
}
