//! Many at once: what must be atomic is.

use std::sync::Arc;

use bytes::Bytes;
use cache_api::{Cache, Condition, Key, SetOptions, SetOutcome, Ttl};
use tokio::{sync::Barrier, task::JoinSet};

use super::{
    Checked, Ctx, Failure,
    bulk::item,
    check::{check, check_eq},
    ctx::{LONG, starts_with},
};

const ROUNDS: usize = 12;
const RACERS: usize = 64;

/// Lets so many tasks loose at one moment, and gathers what they found.
pub(super) async fn race<T, Fut>(racers: usize, run: impl Fn(usize) -> Fut) -> Checked<Vec<T>>
where
    T: Send + 'static,
    Fut: Future<Output = Checked<T>> + Send + 'static,
{
    let gate = Arc::new(Barrier::new(racers));
    let mut tasks = JoinSet::new();
    for number in 0..racers {
        let (gate, running) = (Arc::clone(&gate), run(number));
        tasks.spawn(async move {
            gate.wait().await;
            running.await
        });
    }
    let mut found = Vec::with_capacity(racers);
    while let Some(ended) = tasks.join_next().await {
        found.push(ended??);
    }
    Ok(found)
}

/// Of 64 that race for a lease one has it, and the others are shown whose it is.
pub async fn absent_has_one_winner(ctx: &Ctx) -> Checked {
    for round in 0..ROUNDS {
        let key = ctx.key(format!("lease{round}"))?;
        one_winner(ctx, &key).await?;
    }
    Ok(())
}

/// An entry that has expired is taken over once.
pub async fn absent_over_an_expired_entry_has_one_winner(ctx: &Ctx) -> Checked {
    for round in 0..3 {
        let key = ctx.key(format!("expired{round}"))?;
        ctx.put_expired(&key, b"old holder").await?;
        one_winner(ctx, &key).await?;
    }
    Ok(())
}

async fn one_winner(ctx: &Ctx, key: &Key) -> Checked {
    let outcomes = race(RACERS, |number| {
        let (store, key) = (ctx.store(), key.clone());
        async move {
            let options = SetOptions::new(LONG).when(Condition::Absent);
            let value = Bytes::from(format!("racer {number}"));
            Ok((value.clone(), store.set(&key, value, options).await?))
        }
    })
    .await?;
    let winners: Vec<_> = outcomes.iter().filter(|(_, outcome)| outcome.is_stored()).collect();
    check_eq!(winners.len(), 1, "winners among {RACERS} racing Absent");
    let winner = &winners[0].0;
    ctx.stands(key, winner, "the winner's value").await?;
    for (_, outcome) in &outcomes {
        if let SetOutcome::Refused { standing } = outcome {
            check_eq!(standing.as_ref(), Some(winner), "what a loser was shown");
        }
    }
    Ok(())
}

/// No increment is lost, none counts twice, each is answered with a sum of its own.
pub async fn increments_are_exact(ctx: &Ctx) -> Checked {
    const EACH: i64 = 20;
    let key = ctx.key("counter")?;
    let sums = race(RACERS, |_| {
        let (store, key) = (ctx.store(), key.clone());
        async move {
            let mut sums = Vec::new();
            for _ in 0..EACH {
                sums.push(store.increment(&key, 1, LONG.into()).await?);
            }
            Ok(sums)
        }
    })
    .await?;
    let mut sums = sums.concat();
    sums.sort_unstable();
    let all: Vec<i64> = (1..=EACH * RACERS as i64).collect();
    check!(
        sums == all,
        "{} racing increments were not answered with 1 to {0} once each",
        all.len()
    );
    ctx.stands(&key, all.len().to_string().as_bytes(), "after racing increments").await
}

/// Read, and replace exactly what was read: no step is lost.
pub async fn compare_and_swap_is_exact(ctx: &Ctx) -> Checked {
    const SWAPPERS: usize = 8;
    const EACH: usize = 15;
    let key = ctx.key("swapped")?;
    ctx.put(&key, b"0|", LONG).await?;
    race(SWAPPERS, |_| {
        let (store, key) = (ctx.store(), key.clone());
        async move {
            for _ in 0..EACH {
                while !swap(&*store, &key).await? {}
            }
            Ok(())
        }
    })
    .await?;
    let wanted = format!("{}|", SWAPPERS * EACH);
    ctx.stands(&key, wanted.as_bytes(), "after racing compare-and-swap loops").await
}

/// One attempt to count one on.
async fn swap(store: &dyn Cache, key: &Key) -> Checked<bool> {
    let Some(found) = store.get(key).await? else {
        return Err(Failure::new("the entry vanished under compare-and-swap"));
    };
    let number = std::str::from_utf8(&found).ok().and_then(|text| text.strip_suffix('|'));
    let Some(number) = number.and_then(|number| number.parse::<u64>().ok()) else {
        return Err(Failure::new(format!("compare-and-swap read {found:?}")));
    };
    let options = SetOptions::new(LONG).when(starts_with(&found)?);
    let value = Bytes::from(format!("{}|", number + 1));
    Ok(store.set(key, value, options).await?.is_stored())
}

/// What is taken is taken by one.
pub async fn take_has_one_taker(ctx: &Ctx) -> Checked {
    for round in 0..ROUNDS {
        let key = ctx.key(format!("taken{round}"))?;
        ctx.put(&key, b"prize", LONG).await?;
        let taken = race(RACERS / 2, |_| {
            let (store, key) = (ctx.store(), key.clone());
            async move { Ok(store.take(&key).await?) }
        })
        .await?;
        let taken: Vec<_> = taken.into_iter().flatten().collect();
        check_eq!(taken, [Bytes::from_static(b"prize")], "what racing takes returned");
    }
    Ok(())
}

/// What is deleted is counted by one, in single calls and in bulk.
pub async fn delete_counts_once(ctx: &Ctx) -> Checked {
    for round in 0..ROUNDS {
        let keys = ctx.keys(&format!("deleted{round}-"), 4)?;
        for key in &keys {
            ctx.put(key, b"v", LONG).await?;
        }
        let removed = race(RACERS / 2, |number| {
            let (store, keys) = (ctx.store(), keys.clone());
            async move {
                if number % 2 == 0 {
                    return Ok(store.delete_many(&keys).await?);
                }
                let mut removed = 0;
                for key in &keys {
                    removed += u64::from(store.delete(key).await?);
                }
                Ok(removed)
            }
        })
        .await?;
        check_eq!(removed.iter().sum::<u64>(), 4, "what racing deletes counted of 4 entries");
    }
    Ok(())
}

/// A plain set is not excluded from the atomic step of a conditional one: whichever comes first, it
/// stands in the end.
pub async fn a_plain_set_is_never_undone(ctx: &Ctx) -> Checked {
    for round in 0..4 * ROUNDS {
        let key = ctx.key(format!("plain{round}"))?;
        ctx.put(&key, b"old", LONG).await?;
        race(6, |number| {
            let (store, key) = (ctx.store(), key.clone());
            async move {
                if number == 2 {
                    let _ = store
                        .set(&key, Bytes::from_static(b"plain"), SetOptions::new(LONG))
                        .await?;
                } else {
                    let options = SetOptions::new(LONG).when(starts_with("old")?);
                    let _ = store.set(&key, Bytes::from_static(b"old, swapped"), options).await?;
                }
                Ok(())
            }
        })
        .await?;
        ctx.stands(&key, b"plain", "a plain set, raced by conditional ones").await?;
    }
    Ok(())
}

/// Neither is a delete: what a conditional set, an expire or an increment read before it, they do not
/// put back after it.
pub async fn a_delete_is_never_undone(ctx: &Ctx) -> Checked {
    for round in 0..4 * ROUNDS {
        let key = ctx.key(format!("removed{round}"))?;
        ctx.put(&key, b"old", LONG).await?;
        race(6, |number| {
            let (store, key) = (ctx.store(), key.clone());
            async move {
                match number {
                    2 => drop(store.delete(&key).await?),
                    0 | 4 => drop(store.expire(&key, Ttl::Never, Condition::Present).await?),
                    _ => {
                        let options = SetOptions::new(LONG).when(starts_with("old")?);
                        drop(store.set(&key, Bytes::from_static(b"old, swapped"), options).await?);
                    }
                }
                Ok(())
            }
        })
        .await?;
        ctx.missing(&key, "a deleted entry, raced by conditional writes").await?;
    }
    Ok(())
}

/// A reader sees one value or the other, never parts of both.
pub async fn readers_see_whole_values(ctx: &Ctx) -> Checked {
    const SIZES: [usize; 4] = [100, 70_000, 20_000, 200_000];
    let limit = ctx.fixture().declared().max_value;
    let value = move |number: usize| vec![b'a' + number as u8; SIZES[number].min(limit)];
    let key = ctx.key("whole")?;
    ctx.put(&key, &value(0), LONG).await?;
    race(8, |number| {
        let (store, key) = (ctx.store(), key.clone());
        async move {
            for round in 0..40 {
                if number < 2 {
                    let written = Bytes::from(value((round + number) % SIZES.len()));
                    let _ = store.set(&key, written, SetOptions::new(LONG)).await?;
                    continue;
                }
                let found = match number {
                    2 => store.get_many(std::slice::from_ref(&key)).await?.pop().flatten(),
                    _ => store.get(&key).await?,
                };
                let Some(found) = found else {
                    return Err(Failure::new("a reader missed an entry while it was overwritten"));
                };
                let whole = (0..SIZES.len()).any(|number| value(number) == found);
                check!(whole, "a reader saw {} bytes that no one wrote", found.len());
            }
            Ok(())
        }
    })
    .await?;
    Ok(())
}

/// Each item of a bulk call is as atomic as a single call.
pub async fn bulk_items_are_atomic(ctx: &Ctx) -> Checked {
    for round in 0..ROUNDS / 2 {
        let keys = ctx.keys(&format!("bulk{round}-"), 10)?;
        let won = race(RACERS / 4, |number| {
            let (store, mut keys) = (ctx.store(), keys.clone());
            // Each begins with another key, so that they meet.
            keys.rotate_left(number % 10);
            async move {
                let options = SetOptions::new(LONG).when(Condition::Absent);
                let value = format!("racer {number}");
                let items = keys.iter().map(|key| item(key, value.clone(), options)).collect();
                let outcomes = store.set_many(items).await?;
                Ok(outcomes.iter().filter(|outcome| outcome.is_stored()).count())
            }
        })
        .await?;
        check_eq!(won.iter().sum::<usize>(), 10, "winners of racing set_many with Absent, 10 keys");
    }
    Ok(())
}
