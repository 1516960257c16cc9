//! Conditional `set`: what leases, locks and commits are built from.

use bytes::Bytes;
use cache_api::{Condition, STANDING_BYTES, SetOptions, SetOutcome, Ttl};

use super::{
    Checked, Ctx, Failure,
    check::{brief, check, check_eq},
    ctx::{LONG, starts_with},
};

/// `Absent` stores once.
pub async fn absent_stores_where_nothing_stands(ctx: &Ctx) -> Checked {
    let key = ctx.key("absent")?;
    let first = ctx.set_when(&key, b"first", Condition::Absent).await?;
    check_eq!(first, SetOutcome::Stored, "Absent where nothing stands");
    ctx.stands(&key, b"first", "after Absent").await?;
    let second = ctx.set_when(&key, b"second", Condition::Absent).await?;
    check!(!second.is_stored(), "a second Absent was stored");
    ctx.stands(&key, b"first", "after a refused Absent").await
}

/// "Already equal, so stored" would give a raced `Absent` many winners.
pub async fn absent_refuses_an_equal_value(ctx: &Ctx) -> Checked {
    let key = ctx.key("equal")?;
    ctx.put(&key, b"same", LONG).await?;
    let outcome = ctx.set_when(&key, b"same", Condition::Absent).await?;
    check!(!outcome.is_stored(), "Absent over an equal value was stored");
    Ok(())
}

/// An empty value stands in the way of `Absent`, and is present.
pub async fn absent_sees_an_empty_value(ctx: &Ctx) -> Checked {
    let key = ctx.key("empty")?;
    ctx.put(&key, b"", LONG).await?;
    let outcome = ctx.set_when(&key, b"new", Condition::Absent).await?;
    check!(!outcome.is_stored(), "Absent over an empty value was stored");
    let outcome = ctx.set_when(&key, b"new", Condition::Present).await?;
    check!(outcome.is_stored(), "Present over an empty value was refused");
    Ok(())
}

/// `Present` creates nothing.
pub async fn present_stores_over_an_entry_only(ctx: &Ctx) -> Checked {
    let key = ctx.key("present")?;
    let outcome = ctx.set_when(&key, b"v", Condition::Present).await?;
    check_eq!(outcome, SetOutcome::Refused { standing: None }, "Present where nothing stands");
    ctx.missing(&key, "after a refused Present").await?;
    ctx.put(&key, b"old", Ttl::Never).await?;
    let outcome = ctx.set_when(&key, b"new", Condition::Present).await?;
    check_eq!(outcome, SetOutcome::Stored, "Present over an entry");
    ctx.stands(&key, b"new", "after Present").await?;
    ctx.lives_for(&key, LONG, "after Present").await
}

/// The head counts, not the whole value, and not something in the middle.
pub async fn starts_with_compares_the_head(ctx: &Ctx) -> Checked {
    let key = ctx.key("head")?;
    for (prefix, holds) in [
        ("version-1", true),
        ("v", true),
        ("version-1|body", true),
        ("version-2", false),
        ("body", false),
    ] {
        ctx.put(&key, b"version-1|body", LONG).await?;
        let outcome = ctx.set_when(&key, b"new", starts_with(prefix)?).await?;
        check_eq!(outcome.is_stored(), holds, "StartsWith({prefix:?}) over `version-1|body`");
        let wanted = if holds { b"new".as_slice() } else { b"version-1|body" };
        ctx.stands(&key, wanted, "after StartsWith").await?;
    }
    Ok(())
}

/// A value that is a part of the prefix does not start with it; neither does an empty one.
pub async fn starts_with_refuses_a_shorter_value(ctx: &Ctx) -> Checked {
    let key = ctx.key("shorter")?;
    for value in ["", "a", "ab"] {
        ctx.put(&key, value.as_bytes(), LONG).await?;
        let outcome = ctx.set_when(&key, b"new", starts_with("abc")?).await?;
        check!(!outcome.is_stored(), "StartsWith(\"abc\") over {value:?} was stored");
        ctx.stands(&key, value.as_bytes(), "after a refused StartsWith").await?;
    }
    Ok(())
}

/// All 64 bytes of the longest prefix are compared, the last one too.
pub async fn starts_with_takes_64_bytes(ctx: &Ctx) -> Checked {
    let key = ctx.key("longest")?;
    let value = [b'p'; 80];
    ctx.put(&key, &value, LONG).await?;
    let mut other = [b'p'; 64];
    other[63] = b'q';
    let outcome = ctx.set_when(&key, b"new", starts_with(other)?).await?;
    check!(!outcome.is_stored(), "a prefix that differs in its 64th byte held");
    let outcome = ctx.set_when(&key, b"new", starts_with([b'p'; 64])?).await?;
    check!(outcome.is_stored(), "a prefix of 64 bytes did not hold");
    Ok(())
}

/// Nothing starts with nothing: a deleted lease commits nothing.
pub async fn starts_with_refuses_where_nothing_stands(ctx: &Ctx) -> Checked {
    let key = ctx.key("deleted")?;
    ctx.put(&key, b"lease", LONG).await?;
    check!(ctx.store().delete(&key).await?, "delete found nothing");
    let outcome = ctx.set_when(&key, b"commit", starts_with("lease")?).await?;
    check_eq!(outcome, SetOutcome::Refused { standing: None }, "StartsWith after a delete");
    ctx.missing(&key, "after a refused StartsWith").await
}

/// Zero bytes, line ends, bytes that are no text, and what patterns and scripts would take apart.
pub async fn starts_with_compares_any_bytes(ctx: &Ctx) -> Checked {
    let key = ctx.key("bytes")?;
    let heads: [&[u8]; 6] = [b"\0", b"\0\0\r\n", b"\xff\xfe\x80", b"*", b"a\0b", b"[a-z]?\\%d"];
    for head in heads {
        let value = [head, b"...rest"].concat();
        ctx.put(&key, &value, LONG).await?;
        let mut other = head.to_vec();
        if let Some(last) = other.last_mut() {
            *last ^= 1;
        }
        let outcome = ctx.set_when(&key, b"new", starts_with(&other)?).await?;
        check!(!outcome.is_stored(), "{} held for another head", other.escape_ascii());
        let outcome = ctx.set_when(&key, b"new", starts_with(head)?).await?;
        check!(outcome.is_stored(), "{} did not hold for its own head", head.escape_ascii());
    }
    Ok(())
}

/// Value and lifetime stay as they were.
pub async fn a_refusal_changes_nothing(ctx: &Ctx) -> Checked {
    let key = ctx.key("refused")?;
    ctx.put(&key, b"old", LONG * 3).await?;
    for condition in [Condition::Absent, starts_with("new")?] {
        let outcome = ctx.set_when(&key, b"new", condition).await?;
        check!(!outcome.is_stored(), "{condition:?} over `old` was stored");
        ctx.stands(&key, b"old", "after a refused set").await?;
        ctx.lives_for(&key, LONG * 3, "after a refused set").await?;
    }
    Ok(())
}

/// The whole of a short value.
pub async fn a_refusal_returns_what_stands(ctx: &Ctx) -> Checked {
    let key = ctx.key("standing")?;
    let standing = b"what stands\0\xff\r\n";
    ctx.put(&key, standing, LONG).await?;
    for condition in [Condition::Absent, starts_with("else")?] {
        returns(ctx, &key, condition, standing).await?;
    }
    Ok(())
}

/// The head of a long value: at least 64 bytes of it, and nothing else.
pub async fn a_refusal_returns_at_least_64_bytes(ctx: &Ctx) -> Checked {
    let key = ctx.key("long")?;
    for size in [STANDING_BYTES, STANDING_BYTES + 1, 5000, 100_000] {
        let standing: Vec<u8> = (0..size).map(|at: usize| (at % 241) as u8).collect();
        ctx.put(&key, &standing, LONG).await?;
        for condition in [Condition::Absent, starts_with("else")?] {
            returns(ctx, &key, condition, &standing).await?;
        }
    }
    Ok(())
}

/// `Some` of no bytes where an empty value stands, `None` where nothing does.
pub async fn a_refusal_tells_empty_from_nothing(ctx: &Ctx) -> Checked {
    let (empty, nothing) = (ctx.key("empty")?, ctx.key("nothing")?);
    ctx.put(&empty, b"", LONG).await?;
    for condition in [Condition::Absent, starts_with("else")?] {
        let outcome = ctx.set_when(&empty, b"new", condition).await?;
        let wanted = SetOutcome::Refused { standing: Some(Bytes::new()) };
        check_eq!(outcome, wanted, "{condition:?} over an empty value");
    }
    for condition in [Condition::Present, starts_with("else")?] {
        let outcome = ctx.set_when(&nothing, b"new", condition).await?;
        let wanted = SetOutcome::Refused { standing: None };
        check_eq!(outcome, wanted, "{condition:?} over nothing");
    }
    Ok(())
}

/// Fails unless the set is refused by what stands there.
async fn returns(ctx: &Ctx, key: &cache_api::Key, condition: Condition, wanted: &[u8]) -> Checked {
    let options = SetOptions::new(LONG).when(condition);
    match ctx.store().set(key, Bytes::from_static(b"new"), options).await? {
        SetOutcome::Refused { standing: Some(found) }
            if found.len() >= wanted.len().min(STANDING_BYTES) && wanted.starts_with(&found) =>
        {
            Ok(())
        }
        other => Err(Failure::new(format!(
            "{condition:?} over a value of {} bytes: found {}, wanted its first {STANDING_BYTES}",
            wanted.len(),
            brief(&other),
        ))),
    }
}
