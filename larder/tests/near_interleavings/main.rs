//! The tokens and the trust of the near tier under all sorts of interleavings, over a store of one key.
//!
//! Shuttle runs a test again and again, each time with another order of everything that threads do to each
//! other: by chance, and by chance with few changes of who goes first (PCT: Burckhardt, Kothari, Musuvathi,
//! Nagarakatte, *A Randomized Scheduler with Probabilistic Guarantees of Finding Bugs*, ASPLOS 2010).

mod near;
mod world;

use std::{
    panic::catch_unwind,
    time::{Duration, Instant},
};

use near::trust::{Mode, Trust};
use shuttle::{sync::Arc, thread};
use world::{Habits, play};

/// Some seconds in all.
const ROUNDS: usize = 20_000;

fn check(habits: Habits) {
    shuttle::check_random(move || play(habits), ROUNDS);
    shuttle::check_pct(move || play(habits), ROUNDS, 3);
}

/// Without a rule something breaks, and soon.
fn breaks(habits: Habits) {
    let broken = catch_unwind(|| shuttle::check_random(move || play(habits), ROUNDS));
    assert!(broken.is_err(), "{habits:?} broke nothing");
}

#[test]
fn no_copy_is_older_than_what_was_told() {
    check(Habits::default());
}

/// All of them: these are few.
#[test]
fn who_clears_all_copies_does_not_end_a_gap() {
    let gap = |renew: fn(&Trust)| {
        move || {
            let trust = Arc::new(Trust::new(Instant::now(), Duration::MAX, false));
            trust.turn(Mode::Watched);
            let clearing = thread::spawn({
                let trust = Arc::clone(&trust);
                move || renew(&trust)
            });
            trust.turn(Mode::Gap);
            clearing.join().unwrap();
            assert_eq!(Trust::mode(trust.epoch()), Mode::Gap);
        }
    };
    shuttle::check_dfs(gap(Trust::renew), None);
    // The control: in two steps.
    let naive = gap(|trust| trust.turn(Trust::mode(trust.epoch())));
    assert!(catch_unwind(|| shuttle::check_dfs(naive, None)).is_err());
}

#[test]
fn control_a_copy_that_is_kept_after_the_check_is_older() {
    breaks(Habits { keeps_after_the_check: true, ..Habits::default() });
}

#[test]
fn control_a_token_that_is_taken_after_the_read_says_nothing() {
    breaks(Habits { reads_first: true, ..Habits::default() });
}

#[test]
fn control_a_change_that_drops_the_copy_before_it_kills_the_tokens_is_too_early() {
    breaks(Habits { drops_before_it_kills: true, ..Habits::default() });
}

#[test]
fn control_a_gap_that_is_not_told_leaves_copies() {
    breaks(Habits { conceals_gaps: true, ..Habits::default() });
}
