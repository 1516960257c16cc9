//! `expire`: a new lifetime for an entry that stands.

use std::time::Duration;

use cache_api::{Condition, Ttl};

use super::{
    Checked, Ctx,
    check::{check, check_eq},
    ctx::{LONG, SHORT, starts_with},
};

/// The new lifetime counts, longer or shorter than the old one or than none.
pub async fn lengthens_and_shortens(ctx: &Ctx) -> Checked {
    let key = ctx.key("expire")?;
    ctx.put(&key, b"v", Ttl::Never).await?;
    for lifetime in [LONG, LONG / 10, LONG * 10] {
        let extended = ctx.store().expire(&key, lifetime.into(), Condition::Always).await?;
        check!(extended, "expire of an entry said false");
        ctx.lives_for(&key, lifetime, "after expire").await?;
    }
    Ok(())
}

/// `Never` ends a lifetime; an entry without one answers `true` too.
pub async fn never_ends_a_lifetime(ctx: &Ctx) -> Checked {
    let key = ctx.key("persisted")?;
    ctx.put(&key, b"v", SHORT).await?;
    for time in ["over a lifetime", "over Never"] {
        let extended = ctx.store().expire(&key, Ttl::Never, Condition::Always).await?;
        check!(extended, "expire with Never {time} said false");
        ctx.lives_for_ever(&key, "after expire with Never").await?;
    }
    ctx.pass(SHORT).await;
    ctx.stands(&key, b"v", "after the time it had before").await
}

/// Only the lifetime changes.
pub async fn keeps_the_value(ctx: &Ctx) -> Checked {
    let key = ctx.key("kept")?;
    let long = vec![7; 40_000];
    for value in [b"".as_slice(), b"a value", &long] {
        ctx.put(&key, value, LONG).await?;
        ctx.store().expire(&key, (LONG * 2).into(), Condition::Always).await?;
        ctx.stands(&key, value, "after expire").await?;
    }
    Ok(())
}

/// Where nothing stands there is nothing to extend, and nothing comes to be.
pub async fn of_nothing_is_false(ctx: &Ctx) -> Checked {
    let key = ctx.key("nothing")?;
    for ttl in [LONG.into(), Ttl::Never, Duration::ZERO.into()] {
        for condition in [Condition::Always, Condition::Present, starts_with("v")?] {
            let extended = ctx.store().expire(&key, ttl, condition).await?;
            check!(!extended, "expire({ttl:?}, {condition:?}) of nothing said true");
        }
    }
    ctx.missing(&key, "after expire of nothing").await
}

/// A lifetime of zero removes the entry.
pub async fn with_zero_removes(ctx: &Ctx) -> Checked {
    let key = ctx.key("zero")?;
    for condition in [Condition::Always, Condition::Present, starts_with("v")?] {
        ctx.put(&key, b"v", Ttl::Never).await?;
        let removed = ctx.store().expire(&key, Duration::ZERO.into(), condition).await?;
        check!(removed, "expire with zero and {condition:?} of an entry said false");
        ctx.missing(&key, "after expire with zero").await?;
    }
    Ok(())
}

/// A lifetime of zero removes nothing when the condition does not hold.
pub async fn with_zero_keeps_its_condition(ctx: &Ctx) -> Checked {
    let key = ctx.key("zero-if")?;
    ctx.put(&key, b"v", LONG).await?;
    for condition in [Condition::Absent, starts_with("w")?, starts_with("v and more")?] {
        let removed = ctx.store().expire(&key, Duration::ZERO.into(), condition).await?;
        check!(!removed, "expire with zero said true, and {condition:?} does not hold");
        ctx.stands(&key, b"v", "after a refused expire with zero").await?;
    }
    Ok(())
}

/// A renewal that comes late must not extend what replaced its entry.
pub async fn judges_its_condition(ctx: &Ctx) -> Checked {
    let key = ctx.key("lease")?;
    ctx.put(&key, b"my lease", LONG).await?;
    for (condition, holds) in [
        (Condition::Present, true),
        (starts_with("my lease")?, true),
        (starts_with("my")?, true),
        (starts_with("your")?, false),
        (starts_with("my lease and more")?, false),
    ] {
        ctx.put(&key, b"my lease", LONG).await?;
        for ttl in [(LONG * 3).into(), Ttl::Never] {
            let extended = ctx.store().expire(&key, ttl, condition).await?;
            check_eq!(extended, holds, "expire({ttl:?}, {condition:?}) over `my lease`");
        }
        if holds {
            ctx.lives_for_ever(&key, "after expire whose condition held").await?;
        } else {
            ctx.lives_for(&key, LONG, "after expire whose condition did not hold").await?;
        }
    }
    Ok(())
}

/// With `Absent` there is nothing to extend, whatever stands there.
pub async fn with_absent_is_always_false(ctx: &Ctx) -> Checked {
    let (key, nothing) = (ctx.key("standing")?, ctx.key("nothing")?);
    ctx.put(&key, b"v", LONG).await?;
    for ttl in [(LONG * 3).into(), Ttl::Never, Duration::ZERO.into()] {
        for key in [&key, &nothing] {
            let extended = ctx.store().expire(key, ttl, Condition::Absent).await?;
            check!(!extended, "expire({ttl:?}, Absent) said true");
        }
        ctx.lives_for(&key, LONG, "after expire with Absent").await?;
    }
    ctx.missing(&nothing, "after expire with Absent").await
}

/// The lifetime that `expire` gives is kept.
pub async fn lets_the_entry_die(ctx: &Ctx) -> Checked {
    let key = ctx.key("dying")?;
    ctx.put(&key, b"v", Ttl::Never).await?;
    check!(
        ctx.store().expire(&key, SHORT.into(), Condition::Always).await?,
        "expire of an entry said false"
    );
    ctx.pass(SHORT).await;
    ctx.missing(&key, "after the lifetime that expire gave").await
}
