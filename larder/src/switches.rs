//! Rules that a test may switch off, one `Larder` at a time, to see what breaks without them.
//!
//! A test of a protection that also passes without it proves nothing. So each rule that a guarantee rests
//! on is asked for by its name where it is applied; in a test of this crate, or with the feature
//! `broken-for-tests`, a `Larder` can be built that does without. In any other build every rule is kept,
//! and nothing is left of the question.

/// A rule of loading, of tags, of invalidations or of the near tier, and what is done without it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(
    not(any(test, feature = "broken-for-tests")),
    expect(unreachable_pub, reason = "it is public with the feature")
)]
pub enum Rule {
    /// A lease stands at the key before the source is asked. Without it: look, load, write.
    LeaseBeforeSource,
    /// What was loaded replaces exactly the lease. Without it: whatever stands there.
    CommitIsConditional,
    /// A lease that is gone is never placed again. Without it: its renewal places it.
    LostLeaseStaysLost,
    /// A lease is renewed if it still stands. Without it: what stands there gets the lease's lifetime.
    RenewalIsConditional,
    /// A caller shares a load that began before his call only if he found its mark. Without it: any load of
    /// the key.
    LookBeforeJoin,
    /// And only if the tags it was made under are as he has read them. Without it: the mark is enough.
    SharedTagsCompared,
    /// An entry has the tags as they were before its source was asked. Without it: as they are after.
    TagsBeforeLoad,
    /// Who finds an entry compares its tags. Without it: what stands there is served.
    TagsCompared,
    /// Tags that a loader names are trusted only if nothing was invalidated during the load. Without it:
    /// as they are after it.
    LateTagsChecked,
    /// An invalidation ends all sequences before it changes a tag. Without it: after.
    SequenceBeforeTag,
    /// What is dead makes way for a lease. Without it: it blocks its key until it expires.
    DeadMakesWay,
    /// After an answer that was lost the key is read. Without it: the write counts as failed.
    LostAnswersRead,
    /// A failure leaves a mark that nobody queues behind. Without it: everybody loads in turn.
    PassAfterFailure,
    /// One in the fleet refreshes an answer. Without it: everyone who finds it stale.
    RefresherElected,
    /// A refresh replaces exactly the answer that it refreshes. Without it: whatever stands there.
    RefreshIsConditional,
    /// That there is nothing is stored as a value is. Without it: whatever stands there.
    NegativesFenced,
    /// Nothing is trusted that an invalidation in the queue concerns. Without it: what the store says.
    QueuedDistrusted,
    /// Who waits for another server goes on alone when his time is over. Without it: waits on.
    WaitersDeadline,
    /// A load of many keys asks its source for those it won before anyone waits for the others. Without
    /// it: holds what it won and waits.
    BatchWaitsLast,
    /// A copy in the near tier is kept only if nothing was told of its key since the store was asked. Without
    /// it: it is kept.
    CopiesTakeTokens,
    /// A gap in what is told, or a cleared namespace, voids all copies. Without it: they stay.
    GapsVoidCopies,
    /// Copies are served only while the store gives signs of life. Without it: as long as nothing is told.
    SilenceIsBounded,
    /// What a process writes drops its own copy. Without it: as it is told, like everybody else.
    OwnWritesDropCopies,
    /// The tags of a copy are compared at every hit. Without it: it is served.
    TagsOfCopiesCompared,
    /// A copy dies with its entry. Without it: it is served until something is told of it.
    CopiesDieWithEntries,
}

#[cfg(any(test, feature = "broken-for-tests"))]
impl Rule {
    /// All of them.
    pub const ALL: [Self; 25] = [
        Self::LeaseBeforeSource,
        Self::CommitIsConditional,
        Self::LostLeaseStaysLost,
        Self::RenewalIsConditional,
        Self::LookBeforeJoin,
        Self::SharedTagsCompared,
        Self::TagsBeforeLoad,
        Self::TagsCompared,
        Self::LateTagsChecked,
        Self::SequenceBeforeTag,
        Self::DeadMakesWay,
        Self::LostAnswersRead,
        Self::PassAfterFailure,
        Self::RefresherElected,
        Self::RefreshIsConditional,
        Self::NegativesFenced,
        Self::QueuedDistrusted,
        Self::WaitersDeadline,
        Self::BatchWaitsLast,
        Self::CopiesTakeTokens,
        Self::GapsVoidCopies,
        Self::SilenceIsBounded,
        Self::OwnWritesDropCopies,
        Self::TagsOfCopiesCompared,
        Self::CopiesDieWithEntries,
    ];
}

/// Which rules are off: none, unless a test says so.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Switches {
    #[cfg(any(test, feature = "broken-for-tests"))]
    off: u32,
}

impl Switches {
    /// Whether a rule is kept.
    #[cfg(not(any(test, feature = "broken-for-tests")))]
    pub(crate) const fn keep(self, _: Rule) -> bool {
        true
    }

    /// Whether a rule is kept.
    #[cfg(any(test, feature = "broken-for-tests"))]
    pub(crate) const fn keep(self, rule: Rule) -> bool {
        self.off & (1 << rule as u32) == 0
    }

    #[cfg(any(test, feature = "broken-for-tests"))]
    pub(crate) const fn switch_off(&mut self, rule: Rule) {
        self.off |= 1 << rule as u32;
    }
}
