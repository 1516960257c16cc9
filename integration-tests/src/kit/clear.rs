//! `clear`: all of a namespace, and nothing else.

use cache_api::{Error, Key, Namespace, SetOptions, SetOutcome};

use super::{Checked, Ctx, Failure, bulk::item, check::check, ctx::LONG, keys::STRANGE};

async fn put_in(ctx: &Ctx, namespace: &Namespace, user: &[u8]) -> Checked<Key> {
    let key = namespace.key(user)?;
    ctx.put(&key, b"v", LONG).await?;
    Ok(key)
}

/// Every entry of the namespace goes.
pub async fn removes_the_namespace(ctx: &Ctx) -> Checked {
    let keys = ctx.keys("cleared", 20)?;
    for key in &keys {
        ctx.put(key, b"v", LONG).await?;
    }
    ctx.store().clear(ctx.namespace()).await?;
    for key in &keys {
        ctx.missing(key, "after clear").await?;
    }
    Ok(())
}

/// `ns/child` and `ns/child/grandchild` belong to `ns`.
pub async fn removes_descendants(ctx: &Ctx) -> Checked {
    let child = ctx.namespace().child("child")?;
    let keys = [
        put_in(ctx, &child, b"1").await?,
        put_in(ctx, &child.child("grandchild")?, b"1").await?,
        put_in(ctx, &child.child("great/grandchild")?, b"").await?,
    ];
    ctx.store().clear(ctx.namespace()).await?;
    for key in &keys {
        ctx.missing(key, &format!("{key} after clear of its ancestor")).await?;
    }
    Ok(())
}

/// What the library keeps beside the entries (`ns/.chunk`, `ns/.tag`) goes with them.
pub async fn removes_what_the_library_keeps(ctx: &Ctx) -> Checked {
    let keys = [
        put_in(ctx, &ctx.namespace().reserved("chunk")?, b"0123:0").await?,
        put_in(ctx, &ctx.namespace().child("child")?.reserved("tag")?, b"team:7").await?,
    ];
    ctx.store().clear(ctx.namespace()).await?;
    for key in &keys {
        ctx.missing(key, &format!("{key} after clear")).await?;
    }
    Ok(())
}

/// A namespace whose name is longer, shorter, or close to it stays.
pub async fn leaves_neighbours(ctx: &Ctx) -> Checked {
    let mut neighbours = Vec::new();
    for name in
        ["room2", "room-", "room.b", "room_", "roo", "xroom", "Room", "roomroom", "room2/room"]
    {
        neighbours.push(put_in(ctx, &ctx.neighbour(name)?, b"1").await?);
    }
    let own = put_in(ctx, ctx.namespace(), b"1").await?;
    ctx.store().clear(ctx.namespace()).await?;
    ctx.missing(&own, "after clear").await?;
    for key in &neighbours {
        ctx.stands(key, b"v", &format!("{key} after clear of {}", ctx.namespace())).await?;
    }
    Ok(())
}

/// Clearing a child leaves its parents.
pub async fn leaves_ancestors(ctx: &Ctx) -> Checked {
    let child = ctx.namespace().child("child")?;
    let parents = [
        put_in(ctx, ctx.namespace(), b"child").await?,
        put_in(ctx, ctx.namespace(), b"/child:1").await?,
        put_in(ctx, ctx.root(), b"room/child:1").await?,
    ];
    let own = put_in(ctx, &child, b"1").await?;
    ctx.store().clear(&child).await?;
    ctx.missing(&own, "after clear").await?;
    for key in &parents {
        ctx.stands(key, b"v", &format!("{key} after clear of {child}")).await?;
    }
    Ok(())
}

/// A user key that holds the name of the namespace is not in it.
pub async fn leaves_keys_that_only_look_alike(ctx: &Ctx) -> Checked {
    let (other, name) = (ctx.neighbour("other")?, ctx.namespace().as_str());
    let mut alike = Vec::new();
    for user in [format!("{name}:1"), format!(":{name}:1"), format!("/{name}/x:1"), name.to_owned()]
    {
        alike.push(put_in(ctx, &other, user.as_bytes()).await?);
        alike.push(put_in(ctx, ctx.root(), user.as_bytes()).await?);
    }
    ctx.store().clear(ctx.namespace()).await?;
    for key in &alike {
        ctx.stands(key, b"v", &format!("{key} after clear of {name}")).await?;
    }
    Ok(())
}

/// Neither the name of a namespace nor a user key is a pattern.
pub async fn treats_no_byte_as_a_pattern(ctx: &Ctx) -> Checked {
    // `.` and `_` match any character elsewhere.
    let (dotted, scored) = (ctx.neighbour("r.om")?, ctx.neighbour("r_om")?);
    let spared = [
        put_in(ctx, ctx.namespace(), b"1").await?,
        put_in(ctx, &ctx.neighbour("rxom")?, b"1").await?,
    ];
    let cleared = [put_in(ctx, &dotted, b"1").await?, put_in(ctx, &scored, b"1").await?];
    ctx.store().clear(&dotted).await?;
    ctx.store().clear(&scored).await?;
    for key in &spared {
        ctx.stands(key, b"v", &format!("{key} after clear of {dotted} and {scored}")).await?;
    }
    for key in &cleared {
        ctx.missing(key, "after clear").await?;
    }
    let mut strange = Vec::new();
    for user in STRANGE {
        strange.push(put_in(ctx, ctx.namespace(), user).await?);
    }
    ctx.store().clear(ctx.namespace()).await?;
    for key in &strange {
        ctx.missing(key, &format!("{key} after clear")).await?;
    }
    Ok(())
}

/// Nothing to remove is no error, once and again.
pub async fn of_nothing_succeeds(ctx: &Ctx) -> Checked {
    ctx.store().clear(ctx.namespace()).await?;
    ctx.store().clear(ctx.namespace()).await?;
    Ok(())
}

/// When it has returned it is over: it removes nothing that is set afterwards.
pub async fn leaves_what_is_set_afterwards(ctx: &Ctx) -> Checked {
    let keys = ctx.keys("round", 50)?;
    for round in 0..5 {
        for key in &keys {
            ctx.put(key, b"before", LONG).await?;
        }
        ctx.store().clear(ctx.namespace()).await?;
        for key in keys.iter().step_by(2) {
            ctx.put(key, b"after", LONG).await?;
        }
        tokio::task::yield_now().await;
        for pair in keys.chunks(2) {
            ctx.stands(&pair[0], b"after", &format!("round {round}, set after clear")).await?;
            ctx.missing(&pair[1], &format!("round {round}, set before clear")).await?;
        }
    }
    Ok(())
}

/// Thousands of entries, not just the first page of them.
pub async fn removes_many(ctx: &Ctx) -> Checked {
    let mut keys = ctx.keys("many", 3000)?;
    for number in 0..500 {
        keys.push(ctx.namespace().child("child")?.key(number.to_string())?);
    }
    let spared = put_in(ctx, &ctx.neighbour("room2")?, b"1").await?;
    for part in keys.chunks(500) {
        let items = part.iter().map(|key| item(key, "v", SetOptions::new(LONG))).collect();
        let outcomes = ctx.store().set_many(items).await?;
        check!(
            outcomes.iter().all(SetOutcome::is_stored),
            "set_many without condition was refused"
        );
    }
    ctx.store().clear(ctx.namespace()).await?;
    for part in keys.chunks(500) {
        let left = ctx.store().get_many(part).await?.iter().flatten().count();
        check!(left == 0, "{left} of {} entries stand after clear", part.len());
    }
    ctx.stands(&spared, b"v", "a neighbour after clear").await
}

/// Others go on writing while it runs, and lose nothing.
pub async fn leaves_what_others_write_meanwhile(ctx: &Ctx) -> Checked {
    let neighbour = ctx.neighbour("room2")?;
    let own = ctx.keys("own", 500)?;
    let store = ctx.store();
    let items = own.iter().map(|key| item(key, "v", SetOptions::new(LONG))).collect();
    let outcomes = store.set_many(items).await?;
    check!(outcomes.iter().all(SetOutcome::is_stored), "set_many without condition was refused");
    let mut written = Vec::new();
    for round in 0..20 {
        let keys: Vec<_> = (0..15)
            .map(|number| neighbour.key(format!("{round}-{number}")))
            .collect::<Result<_, _>>()?;
        let writing = async {
            for key in &keys {
                ctx.put(key, b"v", LONG).await?;
            }
            Checked::Ok(())
        };
        let (cleared, wrote) = tokio::join!(store.clear(ctx.namespace()), writing);
        cleared?;
        wrote?;
        written.extend(keys);
    }
    for key in &written {
        let when = format!("{key}, written while {} was cleared", ctx.namespace());
        ctx.stands(key, b"v", &when).await?;
    }
    for key in &own {
        ctx.missing(key, "after clear").await?;
    }
    Ok(())
}

/// What does not parse as a key of ours is another program's.
pub async fn leaves_what_is_not_ours(ctx: &Ctx) -> Checked {
    let (raw, name) = (ctx.raw()?, ctx.namespace().as_str());
    let too_long = format!("{name}:{}", "x".repeat(Key::MAX_BYTES + 1));
    let foreign = [
        name.to_owned(),
        format!("{name}/child"),
        format!("{name}/not a segment:1"),
        format!("{name}//:1"),
        format!("{name}*:1"),
        too_long,
    ];
    for key in &foreign {
        raw.write(key.as_bytes(), b"foreign").await.map_err(|e| Failure::new(e.to_string()))?;
    }
    let own = put_in(ctx, ctx.namespace(), b"1").await?;
    ctx.store().clear(ctx.namespace()).await?;
    ctx.missing(&own, "after clear").await?;
    for key in &foreign {
        let found = raw.read(key.as_bytes()).await.map_err(|e| Failure::new(e.to_string()))?;
        check!(found.is_some(), "clear removed {key:.100}, which is no key of ours");
    }
    Ok(())
}

/// A list, a set under a key of our form is another program's: it stays, and reading it is an error.
pub async fn leaves_what_is_no_value(ctx: &Ctx) -> Checked {
    let (raw, key) = (ctx.raw()?, ctx.key("a-list")?);
    let failed = |error: super::BoxError| Failure::new(error.to_string());
    if !raw.write_other_type(key.as_bytes()).await.map_err(failed)? {
        // This store holds nothing but values.
        return Ok(());
    }
    let answer = ctx.store().get(&key).await;
    check!(
        matches!(answer, Err(Error::WrongType { .. })),
        "get of what is no value: found {answer:?}, wanted the error WrongType"
    );
    ctx.store().clear(ctx.namespace()).await?;
    let stands = raw.exists(key.as_bytes()).await.map_err(failed)?;
    check!(stands, "clear removed what is no value");
    Ok(())
}
