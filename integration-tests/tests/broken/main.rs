//! Proof that the kit bites: stores that break one rule each fail the behaviour of that name, and the
//! whole one passes them all.

mod faults;
mod fixture;
mod model;
mod runner;

use faults::Fault;
use fixture::Models;
use integration_tests::kit::{BEHAVIOURS, Outcome, run, run_all};
use std::sync::Arc;

integration_tests::conformance!(reference, Models::whole());

/// Runs the kit over a store with this fault: these behaviours must fail.
fn fails(fault: Fault, names: &[&str]) {
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let runtime = runtime.expect("the machine has threads left");
    let report = runtime.block_on(run_all(Models::broken(fault)));
    let failed: Vec<_> = report.failed().map(|(name, _)| name).collect();
    println!("{fault:?}: {:#?}", report.failed().collect::<Vec<_>>());
    for name in names {
        let caught = failed.contains(name) || runtime.block_on(fails_at_last(fault, name));
        assert!(caught, "{fault:?} was not caught by {name}; what failed: {failed:?}");
    }
    runtime.shutdown_background();
    // A fault is found where it is: the kit does not fail all over for it.
    assert!(failed.len() <= report.findings.len() / 4, "{fault:?} failed {}", failed.len());
}

/// A race that went well by luck is run again: what counts is that the behaviour can tell.
async fn fails_at_last(fault: Fault, name: &str) -> bool {
    let behaviour = BEHAVIOURS.iter().find(|behaviour| behaviour.name == name);
    let behaviour = behaviour.expect("there is a behaviour of this name");
    for _ in 0..50 {
        let finding = run(behaviour, Arc::new(Models::broken(fault))).await;
        if matches!(finding.outcome, Outcome::Failed(_)) {
            return true;
        }
    }
    false
}

macro_rules! caught {
    ($($test:ident: $fault:ident by $($name:literal),+;)*) => {$(
        #[test]
        fn $test() {
            fails(Fault::$fault, &[$($name),+]);
        }
    )*};
}

mod lifetimes {
    use super::*;

    caught! {
        survives_an_overwrite: LifetimeSurvivesOverwrite by "set::replaces_the_lifetime", "set::with_never_ends_a_lifetime";
        zero_is_for_ever: ZeroIsForEver by "set::with_zero_stores_nothing", "set::with_zero_removes_what_stood";
        zero_ignores_its_condition: ZeroIgnoresItsCondition by "set::with_zero_keeps_its_condition";
        zero_keeps_what_stood: ZeroKeepsWhatStood by "set::with_zero_removes_what_stood";
        round_down: MillisecondsRoundDown by "ttl::of_a_nanosecond_lives_a_millisecond";
        sub_millisecond_is_for_ever: SubMillisecondIsForEver by "ttl::under_a_millisecond_rounds_up";
        overflow: LongLifetimesOverflow by "ttl::over_a_hundred_years_is_never";
        are_lengthened_by_reading: ReadingLengthensLife by "ttl::is_counted_from_the_write";
        expired_is_read: ExpiredIsRead by "ttl::expired_is_missing_for_get";
        expired_blocks_absent: ExpiredBlocksAbsent by "ttl::expired_is_missing_for_absent", "races::absent_over_an_expired_entry_has_one_winner";
        expired_is_incremented: ExpiredIsIncremented by "ttl::expired_is_missing_for_increment", "counters::forget_when_expired";
        never_is_missing: NeverIsMissing by "ttl::tells_missing_never_and_for";
        expire_ignores_its_condition: ExpireIgnoresItsCondition by "expire::judges_its_condition", "expire::with_zero_keeps_its_condition", "expire::with_absent_is_always_false";
        expire_only_lengthens: ExpireOnlyLengthens by "expire::lengthens_and_shortens";
        expire_with_zero_is_for_ever: ExpireWithZeroIsForEver by "expire::with_zero_removes";
        expire_creates: ExpireCreates by "expire::of_nothing_is_false";
    }
}

mod values_and_conditions {
    use super::*;

    caught! {
        empty_is_a_miss: EmptyIsAMiss by "set::keeps_an_empty_value", "bulk::get_many_tells_empty_from_missing";
        text_only: TextOnly by "set::keeps_any_bytes";
        too_large_is_stored: TooLargeIsStored by "limits::a_value_over_the_limit_is_refused", "limits::bulk_calls_keep_the_limit";
        too_large_is_cut: TooLargeIsCut by "limits::a_value_over_the_limit_is_refused", "limits::a_refused_value_changes_nothing";
        equal_is_stored: EqualIsStored by "conditions::absent_refuses_an_equal_value";
        present_creates: PresentCreates by "conditions::present_stores_over_an_entry_only";
        starts_with_compares_the_whole: StartsWithComparesTheWhole by "conditions::starts_with_compares_the_head";
        starts_with_takes_shorter: StartsWithTakesShorter by "conditions::starts_with_refuses_a_shorter_value";
        refusal_shows_nothing: RefusalShowsNothing by "conditions::a_refusal_returns_what_stands";
        refusal_shows_too_little: RefusalShowsTooLittle by "conditions::a_refusal_returns_at_least_64_bytes";
        refusal_takes_empty_for_nothing: RefusalTakesEmptyForNothing by "conditions::a_refusal_tells_empty_from_nothing";
        refusal_touches_the_lifetime: RefusalTouchesTheLifetime by "conditions::a_refusal_changes_nothing";
        delete_ignores_its_condition: DeleteIgnoresItsCondition by "delete::judges_its_condition", "delete::with_absent_is_always_false";
        take_leaves_the_entry: TakeLeavesTheEntry by "delete::take_returns_what_stood";
    }
}

mod counters {
    use super::*;

    caught! {
        live_for_ever: CounterLivesForEver by "counters::give_the_lifetime_at_creation";
        are_lengthened: IncrementLengthensLife by "counters::keep_the_lifetime_afterwards";
        take_any_number: IncrementTakesAnyNumber by "counters::refuse_what_is_no_canonical_number";
        wrap: IncrementWraps by "counters::refuse_overflow";
        are_floats: IncrementIsAFloat by "counters::are_exact_over_53_bits";
        take_a_lifetime_of_zero: IncrementWithZeroIsForEver by "counters::refuse_a_lifetime_of_zero";
    }
}

mod races {
    use super::*;

    caught! {
        absent_is_checked: AbsentIsChecked by "races::absent_has_one_winner";
        increment_is_read_and_write: IncrementIsReadAndWrite by "races::increments_are_exact";
        take_is_read_and_delete: TakeIsReadAndDelete by "races::take_has_one_taker";
        plain_set_is_not_excluded: PlainSetIsNotExcluded by "races::a_plain_set_is_never_undone", "races::a_delete_is_never_undone";
        writes_are_torn: WritesAreTorn by "races::readers_see_whole_values";
        answers_go_astray: AnswersGoAstray by "cancellation::reads_never_answer_the_wrong_caller";
        abandoned_writes_land: AbandonedWritesLand by "cancellation::absent_has_one_winner_still", "cancellation::compare_and_swap_goes_forward_still";
        abandoned_calls_leak_permits: AbandonedCallsLeakPermits by "cancellation::leaves_the_store_usable";
    }
}

mod bulk {
    use super::*;

    caught! {
        get_many_sorts: GetManySorts by "bulk::get_many_keeps_the_order";
        get_many_drops_duplicates: GetManyDropsDuplicates by "bulk::get_many_answers_duplicates";
        set_many_ignores_conditions: SetManyIgnoresConditions by "bulk::set_many_judges_each_condition", "races::bulk_items_are_atomic";
        set_many_gives_one_lifetime: SetManyGivesOneLifetime by "bulk::set_many_keeps_each_lifetime";
        set_many_goes_backwards: SetManyGoesBackwards by "bulk::set_many_writes_duplicates_in_order";
        delete_many_counts_what_was_asked: DeleteManyCountsWhatWasAsked by "bulk::delete_many_counts_what_stood";
        empty_list_is_an_error: EmptyListIsAnError by "bulk::take_empty_lists";
    }
}

mod reach {
    use super::*;

    caught! {
        keys_are_text: KeysAreText by "keys::may_hold_any_byte", "keys::are_never_confused";
        keys_end_at_zero: KeysEndAtZero by "keys::are_never_confused", "keys::may_be_empty";
        keys_are_hashed: KeysAreHashed by "keys::are_stored_as_they_are", "scan::yields_any_bytes";
        clear_by_bare_prefix: ClearByBarePrefix by "clear::leaves_neighbours";
        clear_without_descendants: ClearWithoutDescendants by "clear::removes_descendants", "clear::removes_what_the_library_keeps";
        clear_everything: ClearEverything by "clear::leaves_neighbours", "clear::leaves_ancestors", "clear::leaves_what_is_not_ours", "clear::leaves_what_others_write_meanwhile";
        clear_by_pattern: ClearByPattern by "clear::treats_no_byte_as_a_pattern";
        clear_what_is_foreign: ClearWhatIsForeign by "clear::leaves_what_is_not_ours";
        clear_one_page: ClearOnePage by "clear::removes_many";
        clear_later: ClearLater by "clear::leaves_what_is_set_afterwards";
        scan_without_descendants: ScanWithoutDescendants by "scan::yields_what_clear_would_remove";
        scan_by_pattern: ScanByPattern by "scan::treats_no_byte_as_a_pattern";
        scan_one_page: ScanOnePage by "scan::yields_many";
        scan_by_offset: ScanByOffset by "scan::loses_nothing_while_others_change";
    }
}

mod watch {
    use super::*;

    caught! {
        is_armed_later: WatchIsArmedLater by "watch::is_armed_when_it_resolves";
        reports_before_it_is_readable: WatchReportsBeforeItIsReadable by "watch::reports_after_it_is_readable";
        loses_in_silence: WatchLosesInSilence by "watch::loses_nothing_in_silence";
        forgets_expire: WatchForgetsExpire by "watch::reports_expire";
        forgets_clear: WatchForgetsClear by "watch::reports_clear";
        forgets_clear_of_ancestors: WatchForgetsClearOfAncestors by "watch::reports_clear_of_an_ancestor";
        reports_descendants: WatchReportsDescendants by "watch::reports_only_its_namespaces";
    }
}

mod capabilities {
    use super::*;

    caught! {
        are_lost: CapabilityIsLost by "capabilities::are_as_declared";
        clients_are_apart: ClientsAreApart by "set::is_seen_by_a_second_client";
        nothing_persists: NothingPersists by "set::outlives_the_store";
    }
}
