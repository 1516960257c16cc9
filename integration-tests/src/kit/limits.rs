//! The largest value: it is kept, and one more byte is refused.

use bytes::Bytes;
use cache_api::{Condition, Error, SetItem, SetOptions};

use super::{Checked, Ctx, Failure, check::check, ctx::LONG};

/// What every store that can should take.
pub(super) const LARGE: usize = 32 << 20;

/// 32 MiB come back as they were, and are replaced like any other value.
pub async fn a_value_of_32_mib_is_kept(ctx: &Ctx) -> Checked {
    let key = ctx.key("large")?;
    let block: Vec<u8> = (0..4093).map(|at: usize| (at % 251) as u8).collect();
    let mut value = block.repeat(LARGE / block.len() + 1);
    value.truncate(LARGE);
    let value = Bytes::from(value);
    let outcome = ctx.store().set(&key, value.clone(), SetOptions::new(LONG)).await?;
    check!(outcome.is_stored(), "a set without condition was refused");
    let found = ctx.store().get(&key).await?;
    check!(found.as_ref() == Some(&value), "a value of 32 MiB did not come back as it was");
    ctx.put(&key, b"small", LONG).await?;
    ctx.stands(&key, b"small", "after 32 MiB were replaced").await
}

/// The error names both sizes; the largest value itself is kept.
pub async fn a_value_over_the_limit_is_refused(ctx: &Ctx) -> Checked {
    let (key, limit) = (ctx.key("over")?, ctx.fixture().declared().max_value);
    let answer = ctx.store().set(&key, zeros(limit + 1), SetOptions::new(LONG)).await;
    names_both_sizes(answer, limit)?;
    ctx.missing(&key, "after a value over the limit").await?;
    if limit <= LARGE {
        let outcome = ctx.store().set(&key, zeros(limit), SetOptions::new(LONG)).await?;
        check!(outcome.is_stored(), "a set without condition was refused");
        let found = ctx.store().get(&key).await?;
        check!(found == Some(zeros(limit)), "the largest value did not come back as it was");
    }
    Ok(())
}

/// Neither value nor lifetime changes, whatever the condition.
pub async fn a_refused_value_changes_nothing(ctx: &Ctx) -> Checked {
    let (key, limit) = (ctx.key("standing")?, ctx.fixture().declared().max_value);
    ctx.put(&key, b"old", LONG * 2).await?;
    for condition in [Condition::Always, Condition::Present] {
        let options = SetOptions::new(LONG).when(condition);
        let answer = ctx.store().set(&key, zeros(limit + 1), options).await;
        names_both_sizes(answer, limit)?;
        ctx.stands(&key, b"old", "after a value over the limit").await?;
        ctx.lives_for(&key, LONG * 2, "after a value over the limit").await?;
    }
    Ok(())
}

/// In a bulk call too: an error, and what stood there stands.
pub async fn bulk_calls_keep_the_limit(ctx: &Ctx) -> Checked {
    let (keys, limit) = (ctx.keys("bulk", 3)?, ctx.fixture().declared().max_value);
    ctx.put(&keys[1], b"old", LONG).await?;
    let values = [Bytes::from_static(b"a"), zeros(limit + 1), Bytes::from_static(b"c")];
    let items = keys.iter().cloned().zip(values);
    let items = items.map(|(key, value)| SetItem { key, value, options: SetOptions::new(LONG) });
    let answer = ctx.store().set_many(items.collect()).await;
    names_both_sizes(answer, limit)?;
    ctx.stands(&keys[1], b"old", "after a value over the limit in set_many").await
}

/// Zeros cost no memory until someone writes to them.
fn zeros(size: usize) -> Bytes {
    Bytes::from(vec![0; size])
}

fn names_both_sizes<T: std::fmt::Debug>(
    answer: cache_api::Result<T>,
    over: usize,
) -> Result<(), Failure> {
    let error = match answer {
        Ok(outcome) => {
            let words = format!("a value of {} bytes, over the limit: {outcome:?}", over + 1);
            return Err(Failure::new(words));
        }
        Err(error) => error,
    };
    check!(
        matches!(error, Error::TooLarge { size, limit, .. } if size == over + 1 && limit == over),
        "a value of {} bytes: found the error `{error}`, wanted TooLarge with both sizes",
        over + 1
    );
    check!(!error.may_have_applied(), "TooLarge says that it may have been applied");
    Ok(())
}
