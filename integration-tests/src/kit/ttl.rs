//! Lifetimes: their edges, and what an expired entry is to each operation.

use std::time::Duration;

use bytes::Bytes;
use cache_api::{Condition, Remaining, SetItem, SetOptions, SetOutcome, Ttl};
use futures_util::TryStreamExt;

use super::{
    Checked, Ctx,
    check::{check, check_eq},
    ctx::{LONG, SHORT, starts_with},
};

const REFUSED_BY_NOTHING: SetOutcome = SetOutcome::Refused { standing: None };

/// `ttl` tells the three cases apart.
pub async fn tells_missing_never_and_for(ctx: &Ctx) -> Checked {
    let key = ctx.key("ttl")?;
    check_eq!(ctx.store().ttl(&key).await?, Remaining::Missing, "ttl of nothing");
    ctx.put(&key, b"", Ttl::Never).await?;
    ctx.lives_for_ever(&key, "after set with Never").await?;
    ctx.put(&key, b"", LONG).await?;
    ctx.lives_for(&key, LONG, "after set").await
}

/// A lifetime under a millisecond is one of a millisecond: neither none nor for ever.
pub async fn under_a_millisecond_rounds_up(ctx: &Ctx) -> Checked {
    for lifetime in [Duration::from_nanos(1), Duration::from_micros(999)] {
        let key = ctx.key(format!("sub-ms-{}", lifetime.as_nanos()))?;
        ctx.put(&key, b"brief", lifetime).await?;
        let left = ctx.store().ttl(&key).await?;
        check!(left != Remaining::Never, "a lifetime of {lifetime:?} became for ever");
        ctx.pass(Duration::from_millis(1)).await;
        ctx.missing(&key, "a millisecond after a set with a lifetime under one").await?;
    }
    Ok(())
}

/// With time standing still it is seen that a nanosecond does leave an entry.
pub async fn of_a_nanosecond_lives_a_millisecond(ctx: &Ctx) -> Checked {
    let key = ctx.key("nanosecond")?;
    ctx.put(&key, b"brief", Duration::from_nanos(1)).await?;
    ctx.stands(&key, b"brief", "after set with a lifetime of 1 ns, at the same instant").await?;
    ctx.lives_for(&key, Duration::from_millis(1), "a lifetime of 1 ns").await
}

/// Over 100 years is for ever, and no overflow.
pub async fn over_a_hundred_years_is_never(ctx: &Ctx) -> Checked {
    let key = ctx.key("centuries")?;
    for lifetime in [Ttl::LONGEST + Duration::from_nanos(1), Duration::MAX] {
        ctx.put(&key, b"old", lifetime).await?;
        ctx.lives_for_ever(&key, &format!("after set with a lifetime of {lifetime:?}")).await?;
        ctx.put(&key, b"old", LONG).await?;
        check!(
            ctx.store().expire(&key, lifetime.into(), Condition::Always).await?,
            "expire of an entry said false"
        );
        ctx.lives_for_ever(&key, &format!("after expire with {lifetime:?}")).await?;
    }
    let counter = ctx.key("counter")?;
    ctx.store().increment(&counter, 1, Duration::MAX.into()).await?;
    ctx.lives_for_ever(&counter, "after increment with Duration::MAX").await
}

/// A hundred years are a lifetime still.
pub async fn of_a_hundred_years_is_kept(ctx: &Ctx) -> Checked {
    let key = ctx.key("century")?;
    ctx.put(&key, b"old", Ttl::LONGEST).await?;
    ctx.lives_for(&key, Ttl::LONGEST, "after set with a lifetime of 100 years").await
}

/// A millisecond before its end an entry stands; at its end it does not.
pub async fn ends_exactly(ctx: &Ctx) -> Checked {
    let key = ctx.key("exact")?;
    ctx.put(&key, b"v", SHORT).await?;
    ctx.pass(SHORT - Duration::from_millis(1)).await;
    ctx.stands(&key, b"v", "a millisecond before its end").await?;
    ctx.lives_for(&key, Duration::from_millis(1), "a millisecond before its end").await?;
    ctx.pass(Duration::from_millis(1)).await;
    ctx.missing(&key, "at its end").await
}

/// A lifetime is counted from its own write: reading does not lengthen it, a new one starts afresh.
pub async fn is_counted_from_the_write(ctx: &Ctx) -> Checked {
    let (read, expired) = (ctx.key("read")?, ctx.key("expired")?);
    ctx.put(&read, b"v", SHORT).await?;
    ctx.put(&expired, b"v", LONG).await?;
    for _ in 0..3 {
        ctx.pass(SHORT / 3).await;
        ctx.store().get(&read).await?;
        ctx.store().expire(&expired, SHORT.into(), Condition::Always).await?;
    }
    ctx.missing(&read, "at its end, though it was read").await?;
    ctx.lives_for(&expired, SHORT, "after expire").await
}

/// `get` misses an expired entry.
pub async fn expired_is_missing_for_get(ctx: &Ctx) -> Checked {
    let key = ctx.key("expired")?;
    ctx.put_expired(&key, b"old").await?;
    ctx.missing(&key, "an expired entry").await
}

/// `ttl` misses an expired entry.
pub async fn expired_is_missing_for_ttl(ctx: &Ctx) -> Checked {
    let key = ctx.key("expired")?;
    ctx.put_expired(&key, b"old").await?;
    check_eq!(ctx.store().ttl(&key).await?, Remaining::Missing, "ttl of an expired entry");
    Ok(())
}

/// An expired entry, reclaimed or not, does not block `Absent`.
pub async fn expired_is_missing_for_absent(ctx: &Ctx) -> Checked {
    let key = ctx.key("expired")?;
    ctx.put_expired(&key, b"old").await?;
    let outcome = ctx.set_when(&key, b"new", Condition::Absent).await?;
    check_eq!(outcome, SetOutcome::Stored, "Absent over an expired entry");
    ctx.stands(&key, b"new", "after Absent over an expired entry").await
}

/// An expired entry is not `Present`, and a refusal does not show it.
pub async fn expired_is_missing_for_present(ctx: &Ctx) -> Checked {
    let key = ctx.key("expired")?;
    ctx.put_expired(&key, b"old").await?;
    let outcome = ctx.set_when(&key, b"new", Condition::Present).await?;
    check_eq!(outcome, REFUSED_BY_NOTHING, "Present over an expired entry");
    ctx.missing(&key, "after a refused set").await
}

/// An expired entry starts with nothing: a lease that ran out commits nothing.
pub async fn expired_is_missing_for_starts_with(ctx: &Ctx) -> Checked {
    let key = ctx.key("expired")?;
    ctx.put_expired(&key, b"old").await?;
    let outcome = ctx.set_when(&key, b"new", starts_with("old")?).await?;
    check_eq!(outcome, REFUSED_BY_NOTHING, "StartsWith over an expired entry");
    ctx.missing(&key, "after a refused set").await
}

/// There is nothing to delete.
pub async fn expired_is_missing_for_delete(ctx: &Ctx) -> Checked {
    let key = ctx.key("expired")?;
    for condition in [Condition::Always, Condition::Present, starts_with("old")?] {
        ctx.put_expired(&key, b"old").await?;
        let removed = ctx.store().delete_if(&key, condition).await?;
        check!(!removed, "delete_if({condition:?}) of an expired entry said true");
    }
    ctx.put_expired(&key, b"old").await?;
    check!(!ctx.store().delete(&key).await?, "delete of an expired entry said true");
    Ok(())
}

/// There is nothing to take.
pub async fn expired_is_missing_for_take(ctx: &Ctx) -> Checked {
    let key = ctx.key("expired")?;
    ctx.put_expired(&key, b"old").await?;
    check_eq!(ctx.store().take(&key).await?, None, "take of an expired entry");
    Ok(())
}

/// An expired entry is not brought back.
pub async fn expired_is_missing_for_expire(ctx: &Ctx) -> Checked {
    let key = ctx.key("expired")?;
    for ttl in [LONG.into(), Ttl::Never, Duration::ZERO.into()] {
        for condition in [Condition::Always, Condition::Present, starts_with("old")?] {
            ctx.put_expired(&key, b"old").await?;
            let extended = ctx.store().expire(&key, ttl, condition).await?;
            check!(!extended, "expire({ttl:?}, {condition:?}) of an expired entry said true");
            ctx.missing(&key, "after expire of an expired entry").await?;
        }
    }
    Ok(())
}

/// An expired counter counts from zero, with a lifetime of its own; an expired text is no obstacle.
pub async fn expired_is_missing_for_increment(ctx: &Ctx) -> Checked {
    let (number, text) = (ctx.key("number")?, ctx.key("text")?);
    ctx.put_expired(&number, b"41").await?;
    check_eq!(
        ctx.store().increment(&number, 1, LONG.into()).await?,
        1,
        "an expired counter plus 1"
    );
    ctx.lives_for(&number, LONG, "a counter created over an expired one").await?;
    ctx.put_expired(&text, b"no number").await?;
    check_eq!(ctx.store().increment(&text, 5, Ttl::Never).await?, 5, "an expired text plus 5");
    Ok(())
}

/// Bulk calls judge lifetimes too.
pub async fn expired_is_missing_for_bulk_calls(ctx: &Ctx) -> Checked {
    let keys = ctx.keys("bulk", 3)?;
    ctx.put(&keys[0], b"old", SHORT).await?;
    ctx.put(&keys[1], b"old", LONG).await?;
    ctx.put_expired(&keys[2], b"old").await?;
    let found = ctx.store().get_many(&keys).await?;
    check_eq!(found, [None, Some(Bytes::from_static(b"old")), None], "get_many over expired ones");
    let absent = |key: &cache_api::Key| SetItem {
        key: key.clone(),
        value: Bytes::from_static(b"new"),
        options: SetOptions::new(SHORT).when(Condition::Absent),
    };
    let outcomes = ctx.store().set_many(keys.iter().map(absent).collect()).await?;
    let stored: Vec<_> = outcomes.iter().map(SetOutcome::is_stored).collect();
    check_eq!(stored, [true, false, true], "set_many with Absent over expired ones");
    ctx.pass(SHORT).await;
    check_eq!(ctx.store().delete_many(&keys).await?, 1, "delete_many over expired ones");
    Ok(())
}

/// A scan does not list what has expired.
pub async fn expired_is_missing_for_scan(ctx: &Ctx) -> Checked {
    let (expired, standing) = (ctx.key("expired")?, ctx.key("standing")?);
    ctx.put(&standing, b"", LONG).await?;
    ctx.put_expired(&expired, b"old").await?;
    let store = ctx.store();
    let Some(scan) = store.scan() else { return Ok(()) };
    let found: Vec<_> = scan.keys(ctx.namespace()).try_collect().await?;
    check_eq!(found, [standing], "what a scan yields beside an expired entry");
    Ok(())
}
