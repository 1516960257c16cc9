//! Keys: any bytes, and never the wrong one.

use bytes::Bytes;
use cache_api::{Key, SetOptions, SetOutcome};

use super::{
    Checked, Ctx, Failure,
    bulk::item,
    check::{check, check_eq},
    ctx::LONG,
};

/// User keys that patterns, scripts, separators and text take apart.
pub(super) const STRANGE: [&[u8]; 25] = [
    b"",
    b"*",
    b"?",
    b"[a-z]",
    b"{tag}",
    b"\\",
    b"\\*",
    b":",
    b"::",
    b"/",
    b"a:b",
    b"a/b",
    b".",
    b"..",
    b"\0",
    b"a\0b",
    b"\0\0",
    b"\r\n",
    b" ",
    b"\xff\xfe",
    b"\xfe\xff",
    b"\x80",
    b"%s%00",
    b"'\"`$(x);--",
    "ключ🔑".as_bytes(),
];

/// The user part may be empty.
pub async fn may_be_empty(ctx: &Ctx) -> Checked {
    let (key, zero) = (ctx.key("")?, ctx.key("\0")?);
    ctx.put(&key, b"empty", LONG).await?;
    ctx.missing(&zero, "a key of one zero byte").await?;
    ctx.stands(&key, b"empty", "an empty user key").await?;
    check!(ctx.store().delete(&key).await?, "delete of an empty user key said false");
    Ok(())
}

/// The longest key is kept whole: two that differ in their last byte are two.
pub async fn may_have_1_kib(ctx: &Ctx) -> Checked {
    let mut user = vec![b'k'; Key::MAX_BYTES];
    let first = ctx.key(&user)?;
    user[Key::MAX_BYTES - 1] = b'l';
    let second = ctx.key(&user)?;
    let shorter = ctx.key(&user[..Key::MAX_BYTES - 1])?;
    ctx.put(&first, b"first", LONG).await?;
    ctx.missing(&second, "a key that differs in its last byte").await?;
    ctx.missing(&shorter, "a key that is a byte shorter").await?;
    ctx.put(&second, b"second", LONG).await?;
    ctx.stands(&first, b"first", "a key of 1 KiB").await?;
    ctx.stands(&second, b"second", "a key of 1 KiB").await
}

/// Each of the 256 bytes is a key of its own.
pub async fn may_hold_any_byte(ctx: &Ctx) -> Checked {
    let keys: Vec<Key> =
        (0..=255_u8).map(|byte| ctx.key([b'a', byte, b'z'])).collect::<Checked<_>>()?;
    let items = keys.iter().zip(0..=255_u8);
    let items = items.map(|(key, byte)| item(key, vec![byte], SetOptions::new(LONG))).collect();
    let outcomes = ctx.store().set_many(items).await?;
    check!(outcomes.iter().all(SetOutcome::is_stored), "set_many without condition was refused");
    for (key, byte) in keys.iter().zip(0..=255_u8) {
        ctx.stands(key, &[byte], &format!("{key}")).await?;
    }
    Ok(())
}

/// Deleting `*` deletes `*`.
pub async fn are_no_patterns(ctx: &Ctx) -> Checked {
    let plain = ctx.key("plain")?;
    ctx.put(&plain, b"plain", LONG).await?;
    for user in STRANGE {
        let key = ctx.key(user)?;
        ctx.missing(&key, &format!("{key}, which was not set")).await?;
        ctx.put(&key, user, LONG).await?;
        ctx.stands(&key, user, &format!("{key}")).await?;
        check_eq!(
            ctx.store().delete_many(std::slice::from_ref(&key)).await?,
            1,
            "delete_many of {key}"
        );
        ctx.missing(&key, &format!("{key} after delete")).await?;
    }
    ctx.stands(&plain, b"plain", "a plain key, after all the strange ones were deleted").await
}

/// Strange keys side by side, each with a value of its own.
pub async fn are_never_confused(ctx: &Ctx) -> Checked {
    let keys: Vec<Key> = STRANGE.iter().map(|user| ctx.key(user)).collect::<Checked<_>>()?;
    for (key, user) in keys.iter().zip(STRANGE) {
        ctx.put(key, user, LONG).await?;
    }
    for (key, user) in keys.iter().zip(STRANGE) {
        ctx.stands(key, user, &format!("{key}")).await?;
    }
    let found = ctx.store().get_many(&keys).await?;
    let wanted: Vec<_> = STRANGE.iter().map(|user| Some(Bytes::from_static(user))).collect();
    check_eq!(found, wanted, "get_many of strange keys");
    check_eq!(ctx.store().delete_many(&keys).await?, keys.len() as u64, "delete_many of them");
    Ok(())
}

/// `ns:a/b`, `ns/a:b` and their like are different entries.
pub async fn of_two_namespaces_are_apart(ctx: &Ctx) -> Checked {
    let namespace = ctx.namespace();
    let keys = [
        namespace.key("child:1")?,
        namespace.child("child")?.key("1")?,
        namespace.key("/child:1")?,
        namespace.child("child")?.key(":1")?,
        namespace.reserved("child")?.key("1")?,
        ctx.neighbour("room2")?.key("child:1")?,
        ctx.root().key("room/child:1")?,
    ];
    for (number, key) in keys.iter().enumerate() {
        ctx.missing(key, &format!("{key}, which was not set")).await?;
        ctx.put(key, number.to_string().as_bytes(), LONG).await?;
    }
    for (number, key) in keys.iter().enumerate() {
        ctx.stands(key, number.to_string().as_bytes(), &format!("{key}")).await?;
    }
    Ok(())
}

/// Another program finds the caller's bytes under the key's bytes, and writes what we read.
pub async fn are_stored_as_they_are(ctx: &Ctx) -> Checked {
    let raw = ctx.raw()?;
    let failed = |error: super::BoxError| Failure::new(error.to_string());
    for user in STRANGE {
        let key = ctx.key(user)?;
        let value = [user, b" as it is"].concat();
        ctx.put(&key, &value, LONG).await?;
        let found = raw.read(key.as_bytes()).await.map_err(failed)?;
        check_eq!(found.as_ref(), Some(&value), "what another program reads under {key}");
        raw.write(key.as_bytes(), b"theirs").await.map_err(failed)?;
        ctx.stands(&key, b"theirs", "what another program wrote").await?;
    }
    Ok(())
}
