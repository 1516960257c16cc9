//! The list of behaviours, written down once: for the table, and for the macro that makes tests.

use std::{fmt, future::Future, pin::Pin};

use super::{Checked, Ctx, Fixture};

/// One rule, and how to check it.
pub struct Behaviour {
    /// Its name: `set::replaces_the_lifetime`.
    pub name: &'static str,
    /// What a fixture must declare for it to apply.
    pub needs: &'static [Need],
    /// Checks it.
    pub run: for<'a> fn(&'a Ctx) -> Running<'a>,
}

/// A behaviour under way.
type Running<'a> = Pin<Box<dyn Future<Output = Checked> + Send + 'a>>;

impl fmt::Debug for Behaviour {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Behaviour")
            .field("name", &self.name)
            .field("needs", &self.needs)
            .finish_non_exhaustive()
    }
}

/// What not every store does, or not every fixture allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Need {
    /// [`Declared::scan`](super::Declared::scan).
    Scan,
    /// [`Declared::watch`](super::Declared::watch).
    Watch,
    /// [`Declared::shared`](super::Declared::shared).
    Shared,
    /// [`Declared::persistent`](super::Declared::persistent).
    Persistent,
    /// [`Fixture::raw`].
    Raw,
    /// [`Fixture::clock`].
    TestClock,
    /// A largest value of at least 32 MiB.
    LargeValues,
    /// A largest value that fits into the memory of a test: up to 1 GiB.
    ReachableLimit,
}

impl Need {
    pub(super) fn is_met(self, fixture: &dyn Fixture) -> bool {
        let declared = fixture.declared();
        match self {
            Self::Scan => declared.scan,
            Self::Watch => declared.watch,
            Self::Shared => declared.shared,
            Self::Persistent => declared.persistent,
            Self::Raw => fixture.raw().is_some(),
            Self::TestClock => fixture.clock().is_some(),
            Self::LargeValues => declared.max_value >= super::limits::LARGE,
            Self::ReachableLimit => declared.max_value <= 1 << 30,
        }
    }

    pub(super) const fn unmet(self) -> &'static str {
        match self {
            Self::Scan => "declared: no scan",
            Self::Watch => "declared: no watch",
            Self::Shared => "declared: not shared",
            Self::Persistent => "declared: not persistent",
            Self::Raw => "the fixture has no raw access",
            Self::TestClock => "the fixture's time is real",
            Self::LargeValues => "declared: no values of 32 MiB",
            Self::ReachableLimit => "declared: a limit over 1 GiB",
        }
    }
}

/// Calls a macro with every behaviour: `group { name [needs], … } …`.
#[doc(hidden)]
#[macro_export]
macro_rules! __behaviours {
    ($($callback:tt)*) => {
        $($callback)*! {
            capabilities {
                are_as_declared [],
            }
            set {
                stores_what_it_is_given [],
                replaces_the_value [],
                replaces_the_lifetime [],
                with_never_ends_a_lifetime [],
                with_zero_stores_nothing [],
                with_zero_removes_what_stood [],
                with_zero_keeps_its_condition [],
                keeps_an_empty_value [],
                of_an_empty_value_replaces [],
                keeps_any_bytes [],
                is_seen_by_a_second_client [Shared],
                outlives_the_store [Persistent],
            }
            ttl {
                tells_missing_never_and_for [],
                under_a_millisecond_rounds_up [],
                of_a_nanosecond_lives_a_millisecond [TestClock],
                over_a_hundred_years_is_never [],
                of_a_hundred_years_is_kept [],
                ends_exactly [TestClock],
                is_counted_from_the_write [TestClock],
                expired_is_missing_for_get [],
                expired_is_missing_for_ttl [],
                expired_is_missing_for_absent [],
                expired_is_missing_for_present [],
                expired_is_missing_for_starts_with [],
                expired_is_missing_for_delete [],
                expired_is_missing_for_take [],
                expired_is_missing_for_expire [],
                expired_is_missing_for_increment [],
                expired_is_missing_for_bulk_calls [],
                expired_is_missing_for_scan [Scan],
            }
            expire {
                lengthens_and_shortens [],
                never_ends_a_lifetime [],
                keeps_the_value [],
                of_nothing_is_false [],
                with_zero_removes [],
                with_zero_keeps_its_condition [],
                judges_its_condition [],
                with_absent_is_always_false [],
                lets_the_entry_die [],
            }
            conditions {
                absent_stores_where_nothing_stands [],
                absent_refuses_an_equal_value [],
                absent_sees_an_empty_value [],
                present_stores_over_an_entry_only [],
                starts_with_compares_the_head [],
                starts_with_refuses_a_shorter_value [],
                starts_with_takes_64_bytes [],
                starts_with_refuses_where_nothing_stands [],
                starts_with_compares_any_bytes [],
                a_refusal_changes_nothing [],
                a_refusal_returns_what_stands [],
                a_refusal_returns_at_least_64_bytes [],
                a_refusal_tells_empty_from_nothing [],
            }
            delete {
                removes_and_says_so [],
                of_nothing_is_false [],
                judges_its_condition [],
                with_absent_is_always_false [],
                take_returns_what_stood [],
                take_returns_an_empty_value [],
                leaves_room_for_absent [],
            }
            bulk {
                get_many_keeps_the_order [],
                get_many_answers_duplicates [],
                get_many_tells_empty_from_missing [],
                set_many_keeps_the_order_of_outcomes [],
                set_many_judges_each_condition [],
                set_many_keeps_each_lifetime [],
                set_many_writes_duplicates_in_order [],
                delete_many_counts_what_stood [],
                take_empty_lists [],
                take_a_thousand_items [],
            }
            counters {
                count_from_zero [],
                hold_decimal_text [],
                give_the_lifetime_at_creation [],
                keep_the_lifetime_afterwards [],
                count_down_and_by_nothing [],
                are_exact_over_53_bits [],
                take_what_set_wrote [],
                refuse_what_is_no_canonical_number [],
                refuse_overflow [],
                refuse_a_lifetime_of_zero [],
                forget_when_expired [],
            }
            clear {
                removes_the_namespace [],
                removes_descendants [],
                removes_what_the_library_keeps [],
                leaves_neighbours [],
                leaves_ancestors [],
                leaves_keys_that_only_look_alike [],
                treats_no_byte_as_a_pattern [],
                of_nothing_succeeds [],
                leaves_what_is_set_afterwards [],
                removes_many [],
                leaves_what_others_write_meanwhile [],
                leaves_what_is_not_ours [Raw],
                leaves_what_is_no_value [Raw],
            }
            keys {
                may_be_empty [],
                may_have_1_kib [],
                may_hold_any_byte [],
                are_no_patterns [],
                are_never_confused [],
                of_two_namespaces_are_apart [],
                are_stored_as_they_are [Raw],
            }
            limits {
                a_value_of_32_mib_is_kept [LargeValues],
                a_value_over_the_limit_is_refused [ReachableLimit],
                a_refused_value_changes_nothing [ReachableLimit],
                bulk_calls_keep_the_limit [ReachableLimit],
            }
            races {
                absent_has_one_winner [],
                absent_over_an_expired_entry_has_one_winner [],
                increments_are_exact [],
                compare_and_swap_is_exact [],
                take_has_one_taker [],
                delete_counts_once [],
                a_plain_set_is_never_undone [],
                a_delete_is_never_undone [],
                readers_see_whole_values [],
                bulk_items_are_atomic [],
            }
            cancellation {
                reads_never_answer_the_wrong_caller [],
                absent_has_one_winner_still [],
                compare_and_swap_goes_forward_still [],
                counters_stay_whole [],
                leaves_the_store_usable [],
            }
            scan {
                yields_what_clear_would_remove [Scan],
                leaves_out_what_was_removed [Scan],
                yields_any_bytes [Scan],
                treats_no_byte_as_a_pattern [Scan],
                of_nothing_ends [Scan],
                yields_many [Scan],
                loses_nothing_while_others_change [Scan],
                leaves_out_what_is_not_ours [Scan, Raw],
            }
            watch {
                is_armed_when_it_resolves [Watch],
                reports_after_it_is_readable [Watch],
                reports_set [Watch],
                reports_delete [Watch],
                reports_take [Watch],
                reports_expire [Watch],
                reports_increment [Watch],
                reports_bulk_calls [Watch],
                reports_conditional_writes [Watch],
                reports_clear [Watch],
                reports_clear_of_an_ancestor [Watch],
                reports_only_its_namespaces [Watch],
                covers_several_namespaces [Watch],
                serves_two_watchers [Watch],
                reports_what_another_client_did [Watch, Shared],
                reports_what_no_client_of_ours_did [Watch, Raw],
                loses_nothing_in_silence [Watch],
            }
        }
    };
}

macro_rules! table {
    ($($group:ident { $($name:ident [$($need:ident),*]),* $(,)? })*) => {
        /// Every behaviour, in the order in which they run.
        pub const BEHAVIOURS: &[Behaviour] = &[$($(Behaviour {
            name: concat!(stringify!($group), "::", stringify!($name)),
            needs: &[$(Need::$need),*],
            run: |ctx| Box::pin(super::$group::$name(ctx)),
        }),*),*];
    };
}

crate::__behaviours!(table);

/// Makes a module of tests, one for each behaviour, of an expression that makes a
/// [`Fixture`].
///
/// The expression is evaluated for each test, and sees what the place of the call sees. Each test has
/// a runtime of its own, so that nothing but this crate is needed.
///
/// ```
/// use integration_tests::{conformance, kit::{Declared, from_fn}};
///
/// conformance!(mine, from_fn(Declared::new(1 << 20), async || Err("open yours here".into())));
/// # fn main() {}
/// ```
#[macro_export]
macro_rules! conformance {
    ($module:ident, $fixture:expr $(,)?) => {
        mod $module {
            use super::*;

            fn fixture() -> impl $crate::kit::Fixture {
                $fixture
            }

            $crate::__behaviours!($crate::__tests);
        }
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __tests {
    ($($group:ident { $($name:ident [$($need:ident),*]),* $(,)? })*) => {
        $(mod $group {
            $(#[test]
            fn $name() {
                let name = concat!(stringify!($group), "::", stringify!($name));
                $crate::kit::test(super::fixture(), name);
            })*
        })*
    };
}
