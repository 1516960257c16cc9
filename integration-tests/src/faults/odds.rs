/// How often each fault strikes: a part of all calls, from 0 to 1. One call suffers at most one of them,
/// and their sum is at most 1; delays may come on top.
///
/// ```
/// use integration_tests::faults::Odds;
///
/// let odds = Odds { reply_lost: 0.01, late: 0.01, ..Odds::NONE };
/// # drop(odds);
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Odds {
    /// It fails at once, and is not applied.
    pub failed: f64,
    /// It is never applied, and its caller is told that no answer came.
    pub request_lost: f64,
    /// It is applied, and its caller is told that no answer came.
    pub reply_lost: f64,
    /// Its caller is told that no answer came, and it is applied a while later.
    pub late: f64,
    /// It waits for up to a while before anything else happens to it.
    pub delayed: f64,
    /// Its answer waits for up to a while, whatever happened to it.
    pub answer_delayed: f64,
}

impl Odds {
    /// Nothing ever goes wrong.
    pub const NONE: Self = Self::each(0.0);

    /// Each fault, and each delay, with the same odds.
    #[must_use]
    pub const fn each(odds: f64) -> Self {
        Self {
            failed: odds,
            request_lost: odds,
            reply_lost: odds,
            late: odds,
            delayed: odds,
            answer_delayed: odds,
        }
    }

    /// Which fault strikes, for a number drawn from 0 to 1.
    pub(super) fn strike(&self, drawn: f64) -> Option<Fault> {
        let mut edge = 0.0;
        [
            (self.failed, Fault::Failed),
            (self.request_lost, Fault::RequestLost),
            (self.reply_lost, Fault::ReplyLost),
            (self.late, Fault::Late),
        ]
        .into_iter()
        .find_map(|(odds, fault)| {
            edge += odds;
            (drawn < edge).then_some(fault)
        })
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fault {
    Failed,
    RequestLost,
    ReplyLost,
    Late,
}

/// What has happened to the calls so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Struck {
    /// All calls.
    pub calls: u64,
    /// Those that failed and were not applied.
    pub failed: u64,
    /// Those that were never applied, unknown to their callers.
    pub requests_lost: u64,
    /// Those that were applied, unknown to their callers.
    pub replies_lost: u64,
    /// Those that were applied after their callers had been told that no answer came, or will be.
    pub late: u64,
    /// Those that waited first, or whose answers did.
    pub delayed: u64,
}
