//! Each proof in its short form, one after the other: they measure time, and need the machine.

use std::{path::PathBuf, sync::Mutex};

use proofs::{PROOFS, Run, Scale};

static ALONE: Mutex<()> = Mutex::new(());

#[track_caller]
fn holds(name: &str) {
    let _alone = ALONE.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    let proof = PROOFS.iter().find(|proof| proof.name == name).expect("it is one of them");
    let run = Run {
        scale: Scale::Short,
        seed: rand::random(),
        program: PathBuf::from(env!("CARGO_BIN_EXE_proofs")),
    };
    println!("seed {}", run.seed);
    let report = (proof.run)(&run).expect("it can be run");
    assert!(report.holds(), "{report}");
}

#[test]
fn every_proof_has_a_test() {
    let names: Vec<_> = PROOFS.iter().map(|proof| proof.name).collect();
    assert_eq!(names, ["stale", "history", "outages", "clocks", "flights", "streaming", "leaks"]);
}

#[test]
fn nobody_reads_what_was_invalidated() {
    holds("stale");
}

#[test]
fn every_read_is_legal() {
    holds("history");
}

#[test]
fn of_all_who_miss_a_key_one_asks_its_source() {
    holds("flights");
}

#[test]
fn a_store_in_trouble_troubles_nobody() {
    holds("outages");
}

#[test]
fn nothing_is_served_past_its_time_by_whatever_clock() {
    holds("clocks");
}

#[test]
fn what_is_streamed_is_whole_or_visibly_not() {
    holds("streaming");
}

#[test]
fn no_user_gets_the_answer_of_another() {
    holds("leaks");
}
