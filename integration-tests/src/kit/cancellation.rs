//! Calls that are given up: no answer goes astray, and an abandoned write breaks no condition.

use std::{collections::HashSet, future::poll_fn, pin::pin, task::Poll, time::Duration};

use bytes::Bytes;
use cache_api::{Condition, SetOptions, SetOutcome};
use tokio::{task::yield_now, time::timeout};

use super::{
    Checked, Ctx, Failure,
    check::{check, check_eq},
    ctx::{LONG, starts_with},
    races::race,
};

/// Runs a call, and gives it up as the number says: not at all, after some polls, after some time.
async fn perhaps_abandoned<F: Future>(call: F, number: usize) -> Option<F::Output> {
    let mut call = pin!(call);
    match number % 10 {
        0..=2 => {
            for _ in 0..=number % 3 {
                if let Poll::Ready(answer) = poll_fn(|cx| Poll::Ready(call.as_mut().poll(cx))).await
                {
                    return Some(answer);
                }
                yield_now().await;
            }
            None
        }
        3 | 4 => timeout(Duration::from_micros(50 * (number as u64 % 16)), call).await.ok(),
        _ => Some(call.await),
    }
}

/// A thousand reads at once, half of them given up: every answer is the caller's own.
pub async fn reads_never_answer_the_wrong_caller(ctx: &Ctx) -> Checked {
    const KEYS: usize = 40;
    // The key is in the value; sizes differ, so that answers are cut at different places.
    let value = |number: usize| format!("value of {number}|").repeat(1 + 37 * (number % 23));
    let keys = ctx.keys("own", KEYS)?;
    for (number, key) in keys.iter().enumerate() {
        ctx.put(key, value(number).as_bytes(), LONG).await?;
    }
    for round in 0..3 {
        race(350, |racer| {
            let (store, keys) = (ctx.store(), keys.clone());
            async move {
                let number = (racer * 7 + round) % KEYS;
                let other = (number + 1) % KEYS;
                let asked = [keys[number].clone(), keys[other].clone()];
                let found = match racer % 4 {
                    0 => {
                        let Some(found) =
                            perhaps_abandoned(store.get_many(&asked), racer / 4).await
                        else {
                            return Ok(());
                        };
                        found?
                    }
                    _ => {
                        let Some(found) = perhaps_abandoned(store.get(&asked[0]), racer / 4).await
                        else {
                            return Ok(());
                        };
                        vec![found?]
                    }
                };
                for (found, number) in found.iter().zip([number, other]) {
                    check!(
                        found.as_deref() == Some(value(number).as_bytes()),
                        "the reader of entry {number} was answered {}",
                        super::check::brief(found)
                    );
                }
                Ok(())
            }
        })
        .await?;
    }
    Ok(())
}

/// Of racing `Absent`, some of them given up, at most one is told that it won, and all agree on who.
pub async fn absent_has_one_winner_still(ctx: &Ctx) -> Checked {
    for round in 0..12 {
        let key = ctx.key(format!("lease{round}"))?;
        let answers = race(40, |racer| {
            let (store, key) = (ctx.store(), key.clone());
            async move {
                let value = Bytes::from(format!("racer {racer}"));
                let options = SetOptions::new(LONG).when(Condition::Absent);
                let set = store.set(&key, value.clone(), options);
                let answer = perhaps_abandoned(set, racer + round).await.transpose()?;
                Ok(answer.map(|outcome| (value, outcome)))
            }
        })
        .await?;
        let Some(standing) = ctx.store().get(&key).await? else {
            return Err(Failure::new(
                "of racing Absent that were not all given up none was stored",
            ));
        };
        let answers: Vec<_> = answers.into_iter().flatten().collect();
        let winners = answers.iter().filter(|(_, outcome)| outcome.is_stored()).count();
        check!(winners <= 1, "{winners} of racing Absent were told that they won");
        for (value, outcome) in answers {
            let shown = match outcome {
                SetOutcome::Stored => Some(value),
                SetOutcome::Refused { standing } => standing,
            };
            check_eq!(shown.as_ref(), Some(&standing), "who a racer was told has won");
        }
    }
    Ok(())
}

/// An abandoned compare-and-swap applies to what it was meant for, or not at all, however late.
pub async fn compare_and_swap_goes_forward_still(ctx: &Ctx) -> Checked {
    let key = ctx.key("version")?;
    let text = |version: usize| format!("{version:08}|");
    ctx.put(&key, text(0).as_bytes(), LONG).await?;
    let reached = race(16, |racer| {
        let (store, key) = (ctx.store(), key.clone());
        async move {
            let (mut newest, mut reached) = (0, Vec::new());
            for step in 0..20 {
                let found = store.get(&key).await?.unwrap_or_default();
                let version = std::str::from_utf8(&found).ok().and_then(|t| t.strip_suffix('|'));
                let Some(version) = version.and_then(|version| version.parse().ok()) else {
                    return Err(Failure::new(format!("a reader saw {found:?}")));
                };
                check!(version >= newest, "version {newest} was followed by version {version}");
                newest = version;
                let options = SetOptions::new(LONG).when(starts_with(&found)?);
                let set = store.set(&key, Bytes::from(text(version + 1)), options);
                if let Some(outcome) = perhaps_abandoned(set, racer + step).await
                    && outcome?.is_stored()
                {
                    reached.push(version + 1);
                }
            }
            Ok(reached)
        }
    })
    .await?
    .concat();
    let distinct: HashSet<_> = reached.iter().collect();
    check_eq!(distinct.len(), reached.len(), "versions that were stored, and how often");
    check!(!reached.is_empty(), "no compare-and-swap succeeded, though most were not given up");
    Ok(())
}

/// An abandoned increment counts once or not at all; the others are exact.
pub async fn counters_stay_whole(ctx: &Ctx) -> Checked {
    let key = ctx.key("counter")?;
    let answers = race(200, |racer| {
        let (store, key) = (ctx.store(), key.clone());
        async move {
            Ok(perhaps_abandoned(store.increment(&key, 1, LONG.into()), racer).await.transpose()?)
        }
    })
    .await?;
    let sums: Vec<_> = answers.iter().flatten().collect();
    let distinct: HashSet<_> = sums.iter().collect();
    check_eq!(distinct.len(), sums.len(), "sums that were answered, and how often");
    let last = ctx.store().increment(&key, 0, LONG.into()).await?;
    check!(
        (sums.len() as i64..=200).contains(&last),
        "{} of 200 increments were answered, and the counter stands at {last}",
        sums.len()
    );
    Ok(())
}

/// Every operation given up at once, many times; then every one works.
pub async fn leaves_the_store_usable(ctx: &Ctx) -> Checked {
    let (key, counter) = (ctx.key("key")?, ctx.key("counter")?);
    let store = ctx.store();
    for number in 0..60 {
        let (keys, options) = ([key.clone(), counter.clone()], SetOptions::new(LONG));
        let item = super::bulk::item(&key, "v", options);
        // Each is polled a few times and dropped.
        let _ = perhaps_abandoned(store.get(&key), number % 3).await;
        let _ =
            perhaps_abandoned(store.set(&key, Bytes::from_static(b"v"), options), number % 3).await;
        let _ = perhaps_abandoned(store.expire(&key, LONG.into(), Condition::Present), number % 3)
            .await;
        let _ = perhaps_abandoned(store.increment(&counter, 1, LONG.into()), number % 3).await;
        let _ = perhaps_abandoned(store.get_many(&keys), number % 3).await;
        let _ = perhaps_abandoned(store.set_many(vec![item]), number % 3).await;
        let _ = perhaps_abandoned(store.take(&key), number % 3).await;
        let _ = perhaps_abandoned(store.delete_many(&keys), number % 3).await;
        let _ = perhaps_abandoned(store.clear(ctx.namespace()), number % 3).await;
    }
    // What was abandoned may still apply, late: only keys that no one touched are judged.
    let fresh = ctx.neighbour("fresh")?.key("1")?;
    let work = async {
        ctx.put(&fresh, b"v", LONG).await?;
        ctx.stands(&fresh, b"v", "after many abandoned calls").await?;
        check!(store.take(&fresh).await?.is_some(), "take found nothing after abandoned calls");
        store.clear(&ctx.neighbour("fresh")?).await?;
        Ok(())
    };
    match timeout(ctx.fixture().patience(), work).await {
        Ok(checked) => checked,
        Err(_) => Err(Failure::new("after many abandoned calls the store answers no more")),
    }
}
