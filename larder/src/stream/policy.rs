use std::time::Duration;

/// A fill that nobody follows goes on if this little is left, in bytes.
const LITTLE: u64 = 8 << 20;

/// ... or so much of it is done: one in this many parts.
const DONE: u64 = 4;

/// ... or it has not run for longer than this.
const YOUNG: Duration = Duration::from_secs(30);

/// What is known of a fill.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Fill {
    /// Someone follows in this process.
    pub(crate) followed: bool,
    /// Someone follows in another one, as far as is known.
    pub(crate) followed_elsewhere: bool,
    /// It is being stored.
    pub(crate) stored: bool,
    pub(crate) produced: u64,
    /// How long it will be, if the source said so.
    pub(crate) length: Option<u64>,
    pub(crate) elapsed: Duration,
    pub(crate) max_fill_time: Duration,
}

/// Whether a fill goes on, now that its client may have left.
///
/// While someone follows it always does, however long it takes. Without followers it goes on only to be
/// stored: for the next request, and within `max_fill_time`. It does if it is likely to be done soon:
/// the source said how long it is, and little is left or a good part is done; or it is still young.
pub(crate) fn goes_on(fill: &Fill) -> bool {
    if fill.followed || fill.followed_elsewhere {
        return true;
    }
    if !fill.stored || fill.elapsed >= fill.max_fill_time {
        return false;
    }
    let nearly = fill.length.is_some_and(|length| {
        length.saturating_sub(fill.produced) <= LITTLE || fill.produced >= length / DONE
    });
    nearly || fill.elapsed < YOUNG
}

/// How long until the answer may change by the passing of time alone, for a fill that nobody follows
/// here.
pub(crate) fn judged_again_in(fill: &Fill) -> Duration {
    if fill.followed_elsewhere {
        return Duration::from_secs(1);
    }
    [YOUNG, fill.max_fill_time]
        .into_iter()
        .map(|moment| moment.saturating_sub(fill.elapsed))
        .filter(|wait| !wait.is_zero())
        .min()
        .unwrap_or(Duration::from_secs(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: u64 = 1 << 20;

    fn left(produced: u64, length: Option<u64>, seconds: u64) -> Fill {
        Fill {
            followed: false,
            followed_elsewhere: false,
            stored: true,
            produced,
            length,
            elapsed: Duration::from_secs(seconds),
            max_fill_time: Duration::from_secs(600),
        }
    }

    #[test]
    fn while_someone_follows_it_goes_on() {
        let fill = Fill { followed: true, stored: false, ..left(0, None, 100_000) };
        assert!(goes_on(&fill));
        assert!(goes_on(&Fill { followed: false, followed_elsewhere: true, ..fill }));
    }

    #[test]
    fn unfollowed_it_goes_on_while_it_is_likely_to_be_done_soon() {
        assert!(goes_on(&left(0, None, 29)), "young");
        assert!(!goes_on(&left(0, None, 30)), "old, and nobody knows how long");
        assert!(goes_on(&left(0, Some(8 * MIB), 599)), "little left");
        assert!(!goes_on(&left(0, Some(9 * MIB), 599)));
        assert!(goes_on(&left(25 * MIB, Some(100 * MIB), 599)), "a quarter done");
        assert!(!goes_on(&left(24 * MIB, Some(100 * MIB), 599)));
    }

    #[test]
    fn unfollowed_it_never_goes_on_for_nothing_or_for_ever() {
        assert!(!goes_on(&Fill { stored: false, ..left(0, None, 0) }));
        assert!(!goes_on(&left(99 * MIB, Some(100 * MIB), 600)));
    }

    #[test]
    fn it_is_judged_again_when_it_is_no_longer_young() {
        assert_eq!(judged_again_in(&left(0, None, 10)), Duration::from_secs(20));
        assert_eq!(judged_again_in(&left(0, None, 100)), Duration::from_secs(500));
    }
}
