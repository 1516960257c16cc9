//! `delete`, `delete_if` and `take`.

use bytes::Bytes;
use cache_api::{Condition, Ttl};

use super::{
    Checked, Ctx,
    check::{check, check_eq},
    ctx::{LONG, starts_with},
};

/// `true` once, then the entry is gone.
pub async fn removes_and_says_so(ctx: &Ctx) -> Checked {
    let (key, other) = (ctx.key("deleted")?, ctx.key("other")?);
    ctx.put(&key, b"v", LONG).await?;
    ctx.put(&other, b"v", LONG).await?;
    check!(ctx.store().delete(&key).await?, "delete of an entry said false");
    ctx.missing(&key, "after delete").await?;
    check!(!ctx.store().delete(&key).await?, "a second delete said true");
    ctx.stands(&other, b"v", "after delete of another key").await?;
    ctx.put(&key, b"", Ttl::Never).await?;
    check!(ctx.store().delete(&key).await?, "delete of an empty value said false");
    ctx.missing(&key, "after delete of an empty value").await
}

/// There is nothing to remove, whatever the condition.
pub async fn of_nothing_is_false(ctx: &Ctx) -> Checked {
    let key = ctx.key("nothing")?;
    for condition in [Condition::Always, Condition::Absent, Condition::Present, starts_with("v")?] {
        let removed = ctx.store().delete_if(&key, condition).await?;
        check!(!removed, "delete_if({condition:?}) of nothing said true");
    }
    check!(!ctx.store().delete(&key).await?, "delete of nothing said true");
    Ok(())
}

/// A removal by its version removes no other version.
pub async fn judges_its_condition(ctx: &Ctx) -> Checked {
    let key = ctx.key("conditional")?;
    for (condition, holds) in [
        (Condition::Always, true),
        (Condition::Present, true),
        (starts_with("mine")?, true),
        (starts_with("m")?, true),
        (starts_with("yours")?, false),
        (starts_with("mine and more")?, false),
    ] {
        ctx.put(&key, b"mine", LONG).await?;
        let removed = ctx.store().delete_if(&key, condition).await?;
        check_eq!(removed, holds, "delete_if({condition:?}) over `mine`");
        if holds {
            ctx.missing(&key, "after delete_if whose condition held").await?;
        } else {
            ctx.stands(&key, b"mine", "after delete_if whose condition did not hold").await?;
            ctx.lives_for(&key, LONG, "after delete_if whose condition did not hold").await?;
        }
    }
    Ok(())
}

/// With `Absent` nothing is ever removed.
pub async fn with_absent_is_always_false(ctx: &Ctx) -> Checked {
    let key = ctx.key("standing")?;
    ctx.put(&key, b"v", LONG).await?;
    let removed = ctx.store().delete_if(&key, Condition::Absent).await?;
    check!(!removed, "delete_if(Absent) said true");
    ctx.stands(&key, b"v", "after delete_if(Absent)").await
}

/// `take` removes what it returns.
pub async fn take_returns_what_stood(ctx: &Ctx) -> Checked {
    let key = ctx.key("taken")?;
    check_eq!(ctx.store().take(&key).await?, None, "take of nothing");
    for size in [3_usize, 100_000] {
        let value = vec![b'v'; size];
        ctx.put(&key, &value, LONG).await?;
        check_eq!(ctx.store().take(&key).await?, Some(Bytes::from(value)), "take of an entry");
        ctx.missing(&key, "after take").await?;
        check_eq!(ctx.store().take(&key).await?, None, "a second take");
    }
    Ok(())
}

/// An empty value is taken, not missed.
pub async fn take_returns_an_empty_value(ctx: &Ctx) -> Checked {
    let key = ctx.key("empty")?;
    ctx.put(&key, b"", LONG).await?;
    check_eq!(ctx.store().take(&key).await?, Some(Bytes::new()), "take of an empty value");
    ctx.missing(&key, "after take").await
}

/// What was removed is absent, and leaves no lifetime behind.
pub async fn leaves_room_for_absent(ctx: &Ctx) -> Checked {
    let key = ctx.key("again")?;
    for way in ["delete", "delete_if", "take"] {
        ctx.put(&key, b"old", LONG / 10).await?;
        match way {
            "delete" => check!(ctx.store().delete(&key).await?, "delete said false"),
            "take" => check!(ctx.store().take(&key).await?.is_some(), "take found nothing"),
            _ => check!(
                ctx.store().delete_if(&key, starts_with("old")?).await?,
                "delete_if said false"
            ),
        }
        let outcome = ctx.set_when(&key, b"new", Condition::Absent).await?;
        check!(outcome.is_stored(), "Absent after {way} was refused");
        ctx.lives_for(&key, LONG, "an entry written after a removal").await?;
    }
    Ok(())
}
