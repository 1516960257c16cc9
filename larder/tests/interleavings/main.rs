//! The table of loads under all sorts of interleavings: `load/flight.rs` itself, with shuttle's locks in the
//! place of the standard library's, and around it what a call does with it, over a store of one key.
//!
//! Shuttle runs a test again and again, each time with another order of everything that threads do to each
//! other: by chance, and by chance with few changes of who goes first (PCT: Burckhardt, Kothari, Musuvathi,
//! Nagarakatte, *A Randomized Scheduler with Probabilistic Guarantees of Finding Bugs*, ASPLOS 2010).

mod envelope {
    pub(crate) use larder::envelope::Stamp;
}
mod load;
mod world;

use std::panic::catch_unwind;

use world::{Habits, play};

/// Some seconds in all.
const ROUNDS: usize = 10_000;

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
fn callers_share_what_they_may_and_nothing_is_left() {
    check(Habits::default());
}

#[test]
fn control_who_shares_any_load_gets_what_was_invalidated() {
    breaks(Habits { shares_any_load: true, ..Habits::default() });
}

#[test]
fn control_a_load_that_tells_too_late_that_it_has_begun_is_shared_by_the_wrong_ones() {
    breaks(Habits { begins_after_reading: true, ..Habits::default() });
}

#[test]
fn control_who_has_no_patience_loads_beside_others() {
    breaks(Habits { is_impatient: true, ..Habits::default() });
}

#[test]
fn control_what_is_struck_off_only_at_the_end_of_days_is_left() {
    breaks(Habits { forgets_takeoffs: true, ..Habits::default() });
}
