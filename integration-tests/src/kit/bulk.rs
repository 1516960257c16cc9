//! Bulk calls: order, duplicates, empty lists, a condition and a lifetime for each item.

use std::time::Duration;

use bytes::Bytes;
use cache_api::{Condition, Key, SetItem, SetOptions, SetOutcome, Ttl};

use super::{
    Checked, Ctx,
    check::{check, check_eq},
    ctx::{LONG, starts_with},
};

pub(super) fn item(key: &Key, value: impl Into<Vec<u8>>, options: SetOptions) -> SetItem {
    SetItem { key: key.clone(), value: Bytes::from(value.into()), options }
}

/// Values come in the order of the keys, `None` where nothing stands.
pub async fn get_many_keeps_the_order(ctx: &Ctx) -> Checked {
    let keys = ctx.keys("ordered", 9)?;
    for (number, key) in keys.iter().enumerate().filter(|(number, _)| number % 3 != 1) {
        ctx.put(key, number.to_string().as_bytes(), LONG).await?;
    }
    // Neither the order of writing nor that of the keys.
    let asked: Vec<_> =
        [8, 0, 4, 2, 7, 5, 1, 3, 6].map(|number: usize| keys[number].clone()).into();
    let found = ctx.store().get_many(&asked).await?;
    let found: Vec<Option<&[u8]>> = found.iter().map(Option::as_deref).collect();
    let wanted: [Option<&[u8]>; 9] =
        [Some(b"8"), Some(b"0"), None, Some(b"2"), None, Some(b"5"), None, Some(b"3"), Some(b"6")];
    check_eq!(found, wanted, "get_many of nine keys, three of them missing");
    Ok(())
}

/// A key that is asked twice is answered twice.
pub async fn get_many_answers_duplicates(ctx: &Ctx) -> Checked {
    let keys = ctx.keys("duplicate", 3)?;
    ctx.put(&keys[0], b"a", LONG).await?;
    ctx.put(&keys[1], b"b", LONG).await?;
    let asked = [0, 1, 0, 2, 2, 0].map(|number: usize| keys[number].clone());
    let found = ctx.store().get_many(&asked).await?;
    let found: Vec<Option<&[u8]>> = found.iter().map(Option::as_deref).collect();
    let wanted: [Option<&[u8]>; 6] = [Some(b"a"), Some(b"b"), Some(b"a"), None, None, Some(b"a")];
    check_eq!(found, wanted, "get_many with duplicates");
    Ok(())
}

/// An empty value is no miss.
pub async fn get_many_tells_empty_from_missing(ctx: &Ctx) -> Checked {
    let keys = ctx.keys("empty", 2)?;
    ctx.put(&keys[0], b"", LONG).await?;
    let found = ctx.store().get_many(&keys).await?;
    check_eq!(found, [Some(Bytes::new()), None], "get_many of an empty value and of nothing");
    Ok(())
}

/// Outcomes come in the order of the items.
pub async fn set_many_keeps_the_order_of_outcomes(ctx: &Ctx) -> Checked {
    let keys = ctx.keys("outcomes", 7)?;
    for number in [1, 2, 5] {
        ctx.put(&keys[number], format!("old {number}").as_bytes(), LONG).await?;
    }
    let absent = SetOptions::new(LONG).when(Condition::Absent);
    let items = keys.iter().map(|key| item(key, "new", absent)).collect();
    let outcomes = ctx.store().set_many(items).await?;
    let wanted: Vec<_> = (0..7)
        .map(|number| match number {
            1 | 2 | 5 => SetOutcome::Refused { standing: Some(format!("old {number}").into()) },
            _ => SetOutcome::Stored,
        })
        .collect();
    check_eq!(outcomes, wanted, "outcomes of seven Absent, three of them over an entry");
    Ok(())
}

/// Each item has a condition of its own; a refused one changes nothing and stops no other.
pub async fn set_many_judges_each_condition(ctx: &Ctx) -> Checked {
    let keys = ctx.keys("conditions", 6)?;
    for number in [0, 2, 4] {
        ctx.put(&keys[number], b"old", LONG).await?;
    }
    let conditions = [
        Condition::Absent,
        Condition::Absent,
        Condition::Present,
        Condition::Present,
        starts_with("ol")?,
        Condition::Always,
    ];
    let items = keys.iter().zip(conditions);
    let items = items.map(|(key, when)| item(key, "new", SetOptions::new(LONG).when(when)));
    let outcomes = ctx.store().set_many(items.collect()).await?;
    let stored: Vec<_> = outcomes.iter().map(SetOutcome::is_stored).collect();
    check_eq!(stored, [false, true, true, false, true, true], "set_many with conditions");
    let found = ctx.store().get_many(&keys).await?;
    let found: Vec<Option<&[u8]>> = found.iter().map(Option::as_deref).collect();
    let (old, new) = (Some(b"old".as_slice()), Some(b"new".as_slice()));
    check_eq!(found, [old, new, new, None, new, new], "what stands after set_many");
    Ok(())
}

/// Each item has a lifetime of its own, and none keeps that of the entry it replaces.
pub async fn set_many_keeps_each_lifetime(ctx: &Ctx) -> Checked {
    let keys = ctx.keys("lifetimes", 4)?;
    for key in &keys {
        ctx.put(key, b"old", LONG * 5).await?;
    }
    let lifetimes = [Ttl::Never, LONG.into(), Duration::ZERO.into(), (LONG * 20).into()];
    let items = keys.iter().zip(lifetimes);
    let items = items.map(|(key, ttl)| item(key, "new", SetOptions::new(ttl)));
    let outcomes = ctx.store().set_many(items.collect()).await?;
    check_eq!(outcomes, vec![SetOutcome::Stored; 4], "set_many without conditions");
    ctx.lives_for_ever(&keys[0], "after set_many with Never").await?;
    ctx.lives_for(&keys[1], LONG, "after set_many").await?;
    ctx.missing(&keys[2], "after set_many with zero").await?;
    ctx.lives_for(&keys[3], LONG * 20, "after set_many").await
}

/// Of two items with one key the later stands, and judges what the earlier left.
pub async fn set_many_writes_duplicates_in_order(ctx: &Ctx) -> Checked {
    let keys = ctx.keys("twice", 3)?;
    let (always, absent) = (SetOptions::new(LONG), SetOptions::new(LONG).when(Condition::Absent));
    let items = vec![
        item(&keys[0], "first", always),
        item(&keys[1], "first", absent),
        item(&keys[2], "first", always),
        item(&keys[0], "second", always),
        item(&keys[1], "second", absent),
        item(&keys[2], "second", SetOptions::new(LONG).when(starts_with("first")?)),
        item(&keys[0], "third", always),
    ];
    let outcomes = ctx.store().set_many(items).await?;
    let stored: Vec<_> = outcomes.iter().map(SetOutcome::is_stored).collect();
    check_eq!(stored, [true, true, true, true, false, true, true], "set_many with duplicates");
    ctx.stands(&keys[0], b"third", "the last of three").await?;
    ctx.stands(&keys[1], b"first", "Absent twice").await?;
    ctx.stands(&keys[2], b"second", "StartsWith over the item before").await
}

/// Only entries that stood there count, each once.
pub async fn delete_many_counts_what_stood(ctx: &Ctx) -> Checked {
    let keys = ctx.keys("deleted", 5)?;
    for number in [0, 1, 3] {
        ctx.put(&keys[number], b"", LONG).await?;
    }
    let asked = [0, 1, 2, 1, 0].map(|number: usize| keys[number].clone());
    check_eq!(ctx.store().delete_many(&asked).await?, 2, "delete_many of two entries");
    ctx.missing(&keys[0], "after delete_many").await?;
    ctx.missing(&keys[1], "after delete_many").await?;
    ctx.stands(&keys[3], b"", "after delete_many of other keys").await?;
    check_eq!(ctx.store().delete_many(&asked).await?, 0, "delete_many of nothing");
    Ok(())
}

/// An empty list is no error.
pub async fn take_empty_lists(ctx: &Ctx) -> Checked {
    check_eq!(ctx.store().get_many(&[]).await?, Vec::<Option<Bytes>>::new(), "get_many of no key");
    check_eq!(ctx.store().set_many(Vec::new()).await?, Vec::new(), "set_many of no item");
    check_eq!(ctx.store().delete_many(&[]).await?, 0, "delete_many of no key");
    Ok(())
}

/// A thousand items, in order.
pub async fn take_a_thousand_items(ctx: &Ctx) -> Checked {
    let keys = ctx.keys("thousand", 1000)?;
    let items = keys.iter().enumerate();
    let items = items.map(|(number, key)| item(key, number.to_string(), SetOptions::new(LONG)));
    let outcomes = ctx.store().set_many(items.collect()).await?;
    check!(
        outcomes.len() == 1000 && outcomes.iter().all(SetOutcome::is_stored),
        "set_many of 1,000 items: {} outcomes, not all of them Stored",
        outcomes.len()
    );
    let found = ctx.store().get_many(&keys).await?;
    check_eq!(found.len(), 1000, "the number of answers of get_many of 1,000 keys");
    for (number, value) in found.iter().enumerate() {
        let wanted = number.to_string();
        check_eq!(value.as_deref(), Some(wanted.as_bytes()), "answer {number} of 1,000");
    }
    check_eq!(ctx.store().delete_many(&keys).await?, 1000, "delete_many of 1,000 entries");
    Ok(())
}
