//! `increment`.

use std::time::Duration;

use cache_api::{Condition, Error, Key, Ttl};

use super::{
    Checked, Ctx, Failure,
    check::{check, check_eq},
    ctx::{LONG, SHORT},
};

/// What is missing counts from zero.
pub async fn count_from_zero(ctx: &Ctx) -> Checked {
    let keys = ctx.keys("counter", 3)?;
    for (key, by, wanted) in
        [(0, 1, 1), (0, 1, 2), (1, 40, 40), (0, 5, 7), (1, 2, 42), (2, i64::MIN, i64::MIN)]
    {
        let sum = ctx.store().increment(&keys[key], by, LONG.into()).await?;
        check_eq!(sum, wanted, "increment by {by}");
    }
    Ok(())
}

/// A counter is an entry, and its value decimal text that anyone reads.
pub async fn hold_decimal_text(ctx: &Ctx) -> Checked {
    let key = ctx.key("text")?;
    for (by, wanted) in [(12, "12"), (-12, "0"), (-7, "-7"), (i64::MAX, "9223372036854775800")] {
        ctx.store().increment(&key, by, LONG.into()).await?;
        ctx.stands(&key, wanted.as_bytes(), "after increment").await?;
    }
    check!(ctx.store().delete(&key).await?, "delete of a counter said false");
    Ok(())
}

/// The first increment gives the lifetime, by the same rules as `set`.
pub async fn give_the_lifetime_at_creation(ctx: &Ctx) -> Checked {
    let keys = ctx.keys("created", 3)?;
    ctx.store().increment(&keys[0], 1, LONG.into()).await?;
    ctx.lives_for(&keys[0], LONG, "after the first increment").await?;
    ctx.store().increment(&keys[1], 1, Ttl::Never).await?;
    ctx.lives_for_ever(&keys[1], "after the first increment, with Never").await?;
    ctx.store().increment(&keys[2], 1, SHORT.into()).await?;
    ctx.pass(SHORT).await;
    ctx.missing(&keys[2], "a counter whose time is over").await
}

/// Later increments change the number and nothing else.
pub async fn keep_the_lifetime_afterwards(ctx: &Ctx) -> Checked {
    let keys = ctx.keys("kept", 3)?;
    ctx.store().increment(&keys[0], 1, LONG.into()).await?;
    for ttl in [(LONG * 5).into(), Ttl::Never, (LONG / 10).into()] {
        ctx.store().increment(&keys[0], 1, ttl).await?;
        ctx.lives_for(&keys[0], LONG, "after a later increment").await?;
    }
    ctx.store().increment(&keys[1], 1, Ttl::Never).await?;
    ctx.store().increment(&keys[1], 1, LONG.into()).await?;
    ctx.lives_for_ever(&keys[1], "after a later increment of one without lifetime").await?;

    ctx.store().increment(&keys[2], 1, SHORT.into()).await?;
    ctx.store().increment(&keys[2], 1, LONG.into()).await?;
    ctx.pass(SHORT).await;
    ctx.missing(&keys[2], "a counter whose time is over, though it was incremented").await
}

/// Negative steps count down; a step of nothing reads, and creates.
pub async fn count_down_and_by_nothing(ctx: &Ctx) -> Checked {
    let key = ctx.key("down")?;
    for (by, wanted) in [(0, 0), (3, 3), (-5, -2), (0, -2), (i64::MAX, i64::MAX - 2), (2, i64::MAX)]
    {
        let sum = ctx.store().increment(&key, by, LONG.into()).await?;
        check_eq!(sum, wanted, "increment by {by}");
    }
    Ok(())
}

/// Numbers are integers of 64 bits, not floating point ones.
pub async fn are_exact_over_53_bits(ctx: &Ctx) -> Checked {
    let key = ctx.key("exact")?;
    let start = (1_i64 << 53) + 1;
    check_eq!(ctx.store().increment(&key, start, LONG.into()).await?, start, "2^53 + 1");
    check_eq!(ctx.store().increment(&key, 2, LONG.into()).await?, start + 2, "2^53 + 1 + 2");
    ctx.stands(&key, (start + 2).to_string().as_bytes(), "2^53 + 1 + 2").await
}

/// A canonical number that `set` wrote is a counter.
pub async fn take_what_set_wrote(ctx: &Ctx) -> Checked {
    let key = ctx.key("written")?;
    for number in [0, 9, -1, i64::MAX - 1, i64::MIN] {
        ctx.put(&key, number.to_string().as_bytes(), LONG * 2).await?;
        let sum = ctx.store().increment(&key, 1, LONG.into()).await?;
        check_eq!(sum, number + 1, "increment of what set wrote");
        ctx.lives_for(&key, LONG * 2, "after increment of what set wrote").await?;
    }
    Ok(())
}

/// Anything else than `0`, or an optional `-` and digits without a leading zero, is refused.
pub async fn refuse_what_is_no_canonical_number(ctx: &Ctx) -> Checked {
    let texts: [&[u8]; 22] = [
        b"",
        b"+1",
        b"01",
        b"-0",
        b"00",
        b"-01",
        b" 1",
        b"1 ",
        b"1\n",
        b"\t1",
        b"1.0",
        b"1e3",
        b"0x1",
        b"-",
        b"--1",
        b"abc",
        b"1_000",
        b"\xd9\xa1",
        b"1\0",
        b"NaN",
        b"99999999999999999999",
        b"9223372036854775808",
    ];
    let key = ctx.key("text")?;
    for text in texts {
        ctx.put(&key, text, LONG).await?;
        let answer = ctx.store().increment(&key, 1, Ttl::Never).await;
        check!(
            matches!(answer, Err(Error::NotANumber { .. })),
            "increment of {:?}: found {answer:?}, wanted the error NotANumber",
            text.escape_ascii().to_string()
        );
        unchanged(ctx, &key, text).await?;
    }
    Ok(())
}

/// Past the bounds there is an error in both directions, and the number stays.
pub async fn refuse_overflow(ctx: &Ctx) -> Checked {
    let key = ctx.key("overflow")?;
    for (start, by) in [
        (i64::MAX, 1),
        (i64::MIN, -1),
        (1, i64::MAX),
        (-1, i64::MIN),
        (i64::MAX, i64::MAX),
        (i64::MIN, i64::MIN),
    ] {
        let text = start.to_string();
        ctx.put(&key, text.as_bytes(), LONG).await?;
        let answer = ctx.store().increment(&key, by, Ttl::Never).await;
        check!(
            matches!(answer, Err(Error::Overflow { .. })),
            "increment of {start} by {by}: found {answer:?}, wanted the error Overflow"
        );
        unchanged(ctx, &key, text.as_bytes()).await?;
    }
    Ok(())
}

/// A counter that dies at once is a mistake of the caller's, whether one stands there or not.
pub async fn refuse_a_lifetime_of_zero(ctx: &Ctx) -> Checked {
    let (standing, missing) = (ctx.key("standing")?, ctx.key("missing")?);
    ctx.put(&standing, b"5", LONG).await?;
    for key in [&standing, &missing] {
        let answer = ctx.store().increment(key, 1, Duration::ZERO.into()).await;
        check!(
            matches!(answer, Err(Error::InvalidArgument { .. })),
            "increment with a lifetime of zero: found {answer:?}, wanted the error InvalidArgument"
        );
    }
    unchanged(ctx, &standing, b"5").await?;
    ctx.missing(&missing, "after a refused increment").await
}

/// Once its time is over a counter begins anew, with a new lifetime.
pub async fn forget_when_expired(ctx: &Ctx) -> Checked {
    let key = ctx.key("window")?;
    for round in 1..=2 {
        let sum = ctx.store().increment(&key, 3, SHORT.into()).await?;
        check_eq!(sum, 3, "the first increment of window {round}");
        ctx.pass(SHORT).await;
    }
    let fresh = ctx.set_when(&key, b"1", Condition::Absent).await?;
    check!(fresh.is_stored(), "a counter whose time is over blocks Absent");
    Ok(())
}

async fn unchanged(ctx: &Ctx, key: &Key, value: &[u8]) -> Result<(), Failure> {
    ctx.stands(key, value, "after a refused increment").await?;
    ctx.lives_for(key, LONG, "after a refused increment").await
}
