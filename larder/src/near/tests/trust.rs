//! Whether copies may be served, by itself.

use std::time::{Duration, Instant};

use crate::near::trust::{Mode, Trust};

const BOUND: Duration = Duration::from_secs(3);

#[test]
fn a_copy_is_served_while_the_newest_answered_beat_was_sent_within_the_bound() {
    let begin = Instant::now();
    let trust = Trust::new(begin, BOUND, true);
    trust.turn(Mode::Watched);
    trust.beat(begin);
    let epoch = trust.epoch();
    assert!(trust.allows(epoch, begin + BOUND));
    assert!(!trust.allows(epoch, begin + BOUND + Duration::from_nanos(1)));
    trust.beat(begin + Duration::from_secs(2));
    assert!(trust.allows(epoch, begin + Duration::from_secs(5)));
    // An answer that comes late tells of the moment when it was asked for.
    trust.beat(begin + Duration::from_secs(1));
    assert!(trust.allows(epoch, begin + Duration::from_secs(5)));
}

#[test]
fn no_copy_outlives_a_gap() {
    let begin = Instant::now();
    let trust = Trust::new(begin, BOUND, false);
    assert!(!trust.allows(trust.epoch(), begin), "nothing is known yet");
    trust.turn(Mode::Watched);
    let epoch = trust.epoch();
    assert!(trust.allows(epoch, begin + Duration::from_secs(3600)));
    trust.turn(Mode::Gap);
    assert!(!trust.allows(epoch, begin) && !trust.allows(trust.epoch(), begin));
    trust.turn(Mode::Watched);
    assert!(!trust.allows(epoch, begin));
    trust.turn(Mode::Unwatched);
    assert!(trust.allows(trust.epoch(), begin));
}

#[test]
fn a_new_epoch_of_the_same_mode_voids_the_copies_and_ends_no_gap() {
    let trust = Trust::new(Instant::now(), BOUND, false);
    for mode in [Mode::Gap, Mode::Watched, Mode::Unwatched] {
        trust.turn(mode);
        let epoch = trust.epoch();
        trust.renew();
        assert!(trust.epoch() != epoch && Trust::mode(trust.epoch()) == mode);
    }
}
