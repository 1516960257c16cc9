use bytes::Bytes;
use cache_api::{Condition, Key, Result};

use super::standing::{Record, Standing, read, work};
use crate::{
    envelope::{Damage, Entry, Expected},
    handle::Space,
    switches::Rule,
    tags::{TagName, Verdict, View},
    to_key::shown,
};

/// What a look-up found.
#[derive(Debug)]
pub(crate) struct Found {
    pub(crate) standing: Standing,
    /// The tags, as they were read.
    pub(crate) tags: View,
}

/// Looks at a key. These tags are read in the same call to the store; an entry that has others costs a
/// second one.
pub(crate) async fn find(
    space: &Space,
    key: &Key,
    names: &[TagName],
    expected: Expected,
) -> Result<Found> {
    if names.is_empty() {
        space.larder().settle(key, &[], &[]).await?;
        let found = space.store().get(key).await?;
        return judge(space, key, found, expected).await;
    }
    let (mut standing, tags) = find_many(space, std::slice::from_ref(key), names, expected).await?;
    let standing = standing.pop().expect("one key was asked for");
    Ok(Found { standing, tags })
}

/// Judges what was read at a key, after the queue of invalidations was [settled](crate::Larder::settle). One call
/// to the store if it has tags, else none.
pub(crate) async fn judge(
    space: &Space,
    key: &Key,
    found: Option<Bytes>,
    expected: Expected,
) -> Result<Found> {
    let record = told(space, key, read(key, found.as_ref(), expected));
    space.larder().settle(key, &[], record.tags()).await?;
    let mut tags = View::default();
    let unknown = record.unknown(&tags);
    tags.read_more(space.store().as_ref(), space.namespace(), &unknown).await?;
    let standing = record.judge(space, found.as_ref(), &tags);
    Ok(Found { standing, tags })
}

/// Looks at several keys, and at these tags, in one call to the store; entries that have others cost a
/// second one, for all of them together.
pub(crate) async fn find_many(
    space: &Space,
    keys: &[Key],
    names: &[TagName],
    expected: Expected,
) -> Result<(Vec<Standing>, View)> {
    if keys.is_empty() {
        return Ok((Vec::new(), View::default()));
    }
    for key in keys {
        space.larder().settle(key, names, &[]).await?;
    }
    let mut asked = keys.to_vec();
    asked.extend(View::keys(space.namespace(), names)?);
    let mut found = space.store().get_many(&asked).await?;
    let mut tags = View::default();
    for (name, record) in names.iter().zip(found.split_off(keys.len())) {
        tags.learn(name, record.as_ref());
    }
    let records: Vec<Record> = keys
        .iter()
        .zip(&found)
        .map(|(key, found)| told(space, key, read(key, found.as_ref(), expected)))
        .collect();
    for (key, record) in keys.iter().zip(&records) {
        if space.larder().distrusts(key, record.tags()) {
            space.larder().settle(key, &[], record.tags()).await?;
            // What was read of them before is no longer true.
            tags = View::default();
        }
    }
    let mut unknown = Vec::new();
    for record in &records {
        for name in record.unknown(&tags) {
            if !unknown.contains(&name) {
                unknown.push(name);
            }
        }
    }
    tags.read_more(space.store().as_ref(), space.namespace(), &unknown).await?;
    let judged = records.into_iter().zip(&found);
    let standing =
        judged.map(|(record, found)| record.judge(space, found.as_ref(), &tags)).collect();
    Ok((standing, tags))
}

/// What a record whose tags were all read is to a reader: an answer of whatever type, its payload left
/// alone, or a mark.
pub(crate) fn weigh(space: &Space, found: &Bytes, answer: Option<Entry>, tags: &View) -> Standing {
    let record = answer.map_or_else(|| work(found), Record::Entry);
    record.judge(space, Some(found), tags)
}

impl Record {
    fn judge(self, space: &Space, found: Option<&Bytes>, tags: &View) -> Standing {
        let larder = space.larder();
        let verdict = match larder.keeps(Rule::TagsCompared) {
            true => tags.judge(self.tags()),
            false => Verdict::Holds,
        };
        let standing = self.judge_at(found, verdict, space.has_generations(), |lifetime| {
            // A store of this process that has an entry cannot be mistaken about its end: no need to look
            // at the clock, which costs as much as the rest of this.
            let believed = lifetime.stale_for_ms == 0 && !larder.inner.shared;
            if believed { lifetime.created_ms } else { larder.now_ms() }
        });
        match standing {
            Standing::Open(_) if !larder.keeps(Rule::DeadMakesWay) => {
                Standing::Open(Condition::Absent)
            }
            standing => standing,
        }
    }
}

/// Damage is counted and is a miss.
fn told(space: &Space, key: &Key, (record, damage): (Record, Option<Damage>)) -> Record {
    if let Some(damage) = damage {
        space.larder().inner.counters.damaged(damage);
        tracing::debug!(key = shown(key), ?damage, "an entry cannot be used");
    }
    record
}
