use bytes::Bytes;
use cache_api::{Cache, Condition, Error, Key, Namespace, Result, SetOptions, SetOutcome, Ttl};

use super::{Sequence, TagName};
use crate::{
    envelope::{Mark, TagState, displacing},
    switches::{Rule, Switches},
};

/// What some tags are now, as far as they were asked for.
#[derive(Debug, Clone, Default)]
pub(crate) struct View(Vec<(TagName, Option<TagState>)>);

/// Whether the tags that an entry was made under still hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    Holds,
    /// One was invalidated softly: the entry is past its time.
    Soft,
    /// One was invalidated, or is not there.
    Dead,
}

/// Whether a tag that an entry was made under still holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Hold {
    /// It is what it was.
    Same,
    /// It was invalidated softly: the entry is past its time.
    Soft,
    /// It was invalidated, and something was made under it since: the entry is dead.
    Changed,
    /// It is not there. It was invalidated, and nothing was made under it since, or the store has lost it:
    /// the entry is dead.
    Gone,
}

impl View {
    /// The keys under which tags stand.
    pub(crate) fn keys<'a>(
        namespace: &Namespace,
        names: impl IntoIterator<Item = &'a TagName>,
    ) -> Result<Vec<Key>> {
        let tags = namespace.reserved("tag")?;
        names.into_iter().map(|name| tags.key(name.as_bytes())).collect()
    }

    /// Reads tags. One call to the store, none for no tags.
    pub(crate) async fn read(
        store: &dyn Cache,
        namespace: &Namespace,
        names: &[TagName],
    ) -> Result<Self> {
        let mut view = Self::default();
        view.read_more(store, namespace, names).await?;
        Ok(view)
    }

    /// Reads more of them.
    pub(crate) async fn read_more(
        &mut self,
        store: &dyn Cache,
        namespace: &Namespace,
        names: &[TagName],
    ) -> Result<()> {
        if !names.is_empty() {
            let records = store.get_many(&Self::keys(namespace, names)?).await?;
            names.iter().zip(records).for_each(|(name, record)| self.learn(name, record.as_ref()));
        }
        Ok(())
    }

    /// What was found at the key of a tag.
    pub(crate) fn learn(&mut self, name: &TagName, record: Option<&Bytes>) {
        self.set(name, record.and_then(|record| TagState::parse(record)));
    }

    pub(crate) fn set(&mut self, name: &TagName, state: Option<TagState>) {
        match self.0.iter_mut().find(|(known, _)| known == name) {
            Some((_, known)) => *known = state,
            None => self.0.push((name.clone(), state)),
        }
    }

    /// Of these tags of an entry, those that were not asked for yet.
    pub(crate) fn unknown(&self, marks: &[Mark]) -> Vec<TagName> {
        let names = marks.iter().map(|mark| TagName::from_bytes(mark.name.clone()));
        names.filter(|name| self.get(name).is_none()).collect()
    }

    /// Whether the tags of an entry hold, all of which were asked for.
    pub(crate) fn judge(&self, marks: &[Mark]) -> Verdict {
        let mut verdict = Verdict::Holds;
        for mark in marks {
            match self.hold(mark) {
                Hold::Same => {}
                Hold::Soft => verdict = Verdict::Soft,
                Hold::Changed | Hold::Gone => return Verdict::Dead,
            }
        }
        verdict
    }

    /// Whether one tag of an entry holds, which was asked for.
    pub(crate) fn hold(&self, Mark { name, seen }: &Mark) -> Hold {
        let known = self.0.iter().find(|(known, _)| known.as_bytes() == name);
        match known.and_then(|(_, state)| *state) {
            Some(now) if now.version != seen.version => Hold::Changed,
            Some(now) if now.soft != seen.soft => Hold::Soft,
            Some(_) => Hold::Same,
            None => Hold::Gone,
        }
    }

    /// These tags as they are now, creating those that are not there. One call to the store for each of
    /// those.
    pub(crate) async fn marks(
        &mut self,
        store: &dyn Cache,
        namespace: &Namespace,
        names: &[TagName],
    ) -> Result<Vec<Mark>> {
        let mut marks = Vec::with_capacity(names.len());
        for name in names {
            let seen = match self.get(name) {
                Some(Some(state)) => state,
                Some(None) | None => ensure(store, namespace, name).await?,
            };
            self.set(name, Some(seen));
            marks.push(Mark { name: name.as_bytes().clone(), seen });
        }
        Ok(marks)
    }

    /// Of these tags alone.
    pub(crate) fn only(&self, names: &[TagName]) -> Self {
        let known = names.iter().filter_map(|name| Some((name.clone(), self.get(name)?)));
        Self(known.collect())
    }

    fn get(&self, name: &TagName) -> Option<Option<TagState>> {
        self.0.iter().find(|(known, _)| known == name).map(|(_, state)| *state)
    }
}

/// How often a tag that changes under our hands is looked at again.
const ROUNDS: u32 = 8;

/// What a tag is now. Where there is none it is created: one call to the store either way.
pub(crate) async fn ensure(
    store: &dyn Cache,
    namespace: &Namespace,
    name: &TagName,
) -> Result<TagState> {
    let key = namespace.reserved("tag")?.key(name.as_bytes())?;
    let mut against = Condition::Absent;
    for _ in 0..ROUNDS {
        let fresh = TagState::random();
        let options = SetOptions::new(Ttl::Never).when(against);
        match store.set(&key, fresh.to_record(), options).await? {
            SetOutcome::Stored => return Ok(fresh),
            SetOutcome::Refused { standing } => {
                let state = standing.as_ref().and_then(|record| TagState::parse(record));
                match state {
                    Some(state) => return Ok(state),
                    // No tag, whatever it is: it must not keep one from being there.
                    None => against = displacing(standing.as_ref()),
                }
            }
        }
    }
    Err(unsettled(store))
}

/// Invalidates tags. Two calls to the store, for any number of entries. Softly, two more for each tag.
///
/// They are removed, not written anew: whoever repeats a removal, however late, can only invalidate once more.
/// A version that is written a second time, by a layer that had no answer to the first, would stand again
/// after somebody else's invalidation, and with it all that was made under it. May be repeated after any
/// error.
pub(crate) async fn invalidate(
    store: &dyn Cache,
    namespace: &Namespace,
    names: &[TagName],
    soft: bool,
    switches: Switches,
) -> Result<()> {
    // First: who reads the tags after this and before what follows must not keep what it loaded.
    let sequence_first = switches.keep(Rule::SequenceBeforeTag);
    if sequence_first {
        Sequence::end(store, namespace).await?;
    }
    if soft {
        for name in names {
            renew_softly(store, namespace, name).await?;
        }
    } else {
        store.delete_many(&View::keys(namespace, names)?).await?;
    }
    if !sequence_first {
        Sequence::end(store, namespace).await?;
    }
    Ok(())
}

async fn renew_softly(store: &dyn Cache, namespace: &Namespace, name: &TagName) -> Result<()> {
    let key = namespace.reserved("tag")?.key(name.as_bytes())?;
    for _ in 0..ROUNDS {
        let standing = store.get(&key).await?;
        let state = standing.as_ref().and_then(|record| TagState::parse(record));
        // Where nothing is known of the tag, nothing made under it holds anyhow.
        let next = state.map_or_else(TagState::random, TagState::softly_renewed);
        // Over exactly what was seen, soft version included: what lands late lands over nothing.
        let against = match (&standing, state) {
            (Some(record), Some(_)) => cache_api::Prefix::new(record).map(Condition::StartsWith)?,
            _ => displacing(standing.as_ref()),
        };
        let options = SetOptions::new(Ttl::Never).when(against);
        match store.set(&key, next.to_record(), options).await? {
            SetOutcome::Stored => return Ok(()),
            SetOutcome::Refused { .. } => {}
        }
    }
    Err(unsettled(store))
}

fn unsettled(store: &dyn Cache) -> Error {
    Error::Backend {
        backend: store.name(),
        operation: "tag",
        reason: "the tag changed each time it was looked at".into(),
        may_have_applied: true,
        source: None,
    }
}
