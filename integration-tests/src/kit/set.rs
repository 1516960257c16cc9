//! `set` and `get` of one entry.

use std::time::Duration;

use bytes::Bytes;
use cache_api::{Condition, SetOptions, Ttl};

use super::{
    Checked, Ctx,
    check::{check, check_eq},
    ctx::{LONG, SHORT},
};

/// What was set is read; what was not is missing.
pub async fn stores_what_it_is_given(ctx: &Ctx) -> Checked {
    let (key, other) = (ctx.key("stored")?, ctx.key("other")?);
    ctx.missing(&key, "before any set").await?;
    ctx.put(&key, b"a value", LONG).await?;
    ctx.stands(&key, b"a value", "after set").await?;
    ctx.missing(&other, "another key, after set").await
}

/// The last `set` stands, longer or shorter than the one before.
pub async fn replaces_the_value(ctx: &Ctx) -> Checked {
    let key = ctx.key("replaced")?;
    for value in [b"first, the longer one".as_slice(), b"second", b"third, longer again"] {
        ctx.put(&key, value, LONG).await?;
        ctx.stands(&key, value, "after an overwrite").await?;
    }
    Ok(())
}

/// Nothing of the old entry's lifetime survives an overwrite, whether it was longer or shorter.
pub async fn replaces_the_lifetime(ctx: &Ctx) -> Checked {
    let (shorter, longer) = (ctx.key("shorter")?, ctx.key("longer")?);
    ctx.put(&shorter, b"old", LONG / 10).await?;
    ctx.put(&shorter, b"new", LONG).await?;
    ctx.lives_for(&shorter, LONG, "after an overwrite with a longer lifetime").await?;
    ctx.put(&longer, b"old", LONG).await?;
    ctx.put(&longer, b"new", LONG / 10).await?;
    ctx.lives_for(&longer, LONG / 10, "after an overwrite with a shorter lifetime").await?;

    let key = ctx.key("outlived")?;
    ctx.put(&key, b"old", SHORT).await?;
    ctx.put(&key, b"new", LONG).await?;
    ctx.pass(SHORT).await;
    ctx.stands(&key, b"new", "after the time of the entry that was overwritten").await
}

/// `Never` over a lifetime leaves none.
pub async fn with_never_ends_a_lifetime(ctx: &Ctx) -> Checked {
    let key = ctx.key("never")?;
    ctx.put(&key, b"old", SHORT).await?;
    ctx.put(&key, b"new", Ttl::Never).await?;
    ctx.lives_for_ever(&key, "after set with Never over a lifetime").await?;
    ctx.pass(SHORT).await;
    ctx.stands(&key, b"new", "after the time of the entry that was overwritten").await
}

/// A lifetime of zero leaves no entry, and is `Stored`.
pub async fn with_zero_stores_nothing(ctx: &Ctx) -> Checked {
    let key = ctx.key("zero")?;
    ctx.put(&key, b"never seen", Duration::ZERO).await?;
    ctx.missing(&key, "after set with a lifetime of zero").await?;
    let fresh = ctx.set_when(&key, b"fresh", Condition::Absent).await?;
    check!(fresh.is_stored(), "a set with a lifetime of zero left something that blocks Absent");
    Ok(())
}

/// A lifetime of zero over an entry removes it.
pub async fn with_zero_removes_what_stood(ctx: &Ctx) -> Checked {
    let key = ctx.key("zero-over")?;
    ctx.put(&key, b"old", Ttl::Never).await?;
    ctx.put(&key, b"new", Duration::ZERO).await?;
    ctx.missing(&key, "after set with a lifetime of zero over an entry").await
}

/// A lifetime of zero is a write like any other: refused when its condition does not hold.
pub async fn with_zero_keeps_its_condition(ctx: &Ctx) -> Checked {
    let key = ctx.key("zero-if")?;
    ctx.put(&key, b"old", LONG).await?;
    let zero = |condition| SetOptions::new(Duration::ZERO).when(condition);
    let refused = ctx.store().set(&key, Bytes::new(), zero(Condition::Absent)).await?;
    check!(!refused.is_stored(), "zero with Absent over an entry was not refused");
    ctx.stands(&key, b"old", "after a refused set with a lifetime of zero").await?;
    let stored = ctx.store().set(&key, Bytes::new(), zero(Condition::Present)).await?;
    check!(stored.is_stored(), "zero with Present over an entry was refused");
    ctx.missing(&key, "after set with a lifetime of zero").await?;
    let refused = ctx.store().set(&key, Bytes::new(), zero(Condition::Present)).await?;
    check!(!refused.is_stored(), "zero with Present where nothing stands was not refused");
    Ok(())
}

/// An empty value is a value: read, not missed.
pub async fn keeps_an_empty_value(ctx: &Ctx) -> Checked {
    let key = ctx.key("empty")?;
    ctx.put(&key, b"", LONG).await?;
    ctx.stands(&key, b"", "after set of an empty value").await?;
    ctx.lives_for(&key, LONG, "an empty value").await
}

/// An empty value replaces one that is not.
pub async fn of_an_empty_value_replaces(ctx: &Ctx) -> Checked {
    let key = ctx.key("emptied")?;
    ctx.put(&key, b"full", LONG).await?;
    ctx.put(&key, b"", LONG).await?;
    ctx.stands(&key, b"", "after set of an empty value over another").await
}

/// Every byte is kept, at sizes around those at which stores change their ways.
pub async fn keeps_any_bytes(ctx: &Ctx) -> Checked {
    let every: Vec<u8> = (0..=255).collect();
    let key = ctx.key("bytes")?;
    ctx.put(&key, &every, LONG).await?;
    ctx.stands(&key, &every, "all 256 bytes").await?;
    for size in [1, 63, 64, 65, 4096, 16 << 10, (32 << 10) + 1, (128 << 10) - 1, 300_000] {
        if size > ctx.fixture().declared().max_value {
            break;
        }
        let value: Vec<u8> = (0..size).map(|at: usize| (at % 251) as u8).collect();
        ctx.put(&key, &value, LONG).await?;
        ctx.stands(&key, &value, &format!("a value of {size} bytes")).await?;
    }
    Ok(())
}

/// Two clients of a shared store see each other's entries.
pub async fn is_seen_by_a_second_client(ctx: &Ctx) -> Checked {
    let (key, second) = (ctx.key("shared")?, ctx.second().await?);
    ctx.put(&key, b"from the first", LONG).await?;
    let found = second.get(&key).await?;
    check_eq!(found.as_deref(), Some(b"from the first".as_slice()), "what a second client reads");
    let options = SetOptions::new(LONG).when(Condition::Present);
    let outcome = second.set(&key, Bytes::from_static(b"from the second"), options).await?;
    check!(outcome.is_stored(), "a second client does not see the entry as present");
    ctx.stands(&key, b"from the second", "after a second client's set").await?;
    check!(second.delete(&key).await?, "a second client's delete found nothing");
    ctx.missing(&key, "after a second client's delete").await
}

/// A persistent store has its entries, their lifetimes and its removals when it is opened again.
pub async fn outlives_the_store(ctx: &Ctx) -> Checked {
    let keys = ctx.keys("persistent", 4)?;
    let [value, counter, removed, dying] = &keys[..] else { return Ok(()) };
    ctx.put(value, b"kept", LONG).await?;
    ctx.store().increment(counter, 41, Ttl::Never).await?;
    ctx.put(removed, b"gone", LONG).await?;
    check!(ctx.store().delete(removed).await?, "delete found nothing");
    ctx.put(dying, b"dies while closed", SHORT).await?;
    ctx.reopen().await?;
    ctx.lives_for(value, LONG, "after the store was opened again").await?;
    ctx.pass(SHORT).await;
    let store = ctx.store();
    let found = store.get_many(&keys).await?;
    let text: Vec<Option<&[u8]>> = found.iter().map(Option::as_deref).collect();
    let wanted = [Some(b"kept".as_slice()), Some(b"41"), None, None];
    check_eq!(text, wanted, "what stands after the store was opened again");
    check_eq!(store.increment(counter, 1, LONG.into()).await?, 42, "a counter after opening");
    Ok(())
}
