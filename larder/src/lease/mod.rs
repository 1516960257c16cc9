//! Tokens at an entry's own key, and conditional writes whose answer may be lost: judged here, in one
//! place, for loads, streams and locks alike.
//!
//! # A lease stands before the source is asked
//!
//! Whoever is going to fill a key first puts a *lease* there: a record of twelve bytes, the
//! [`Stamp`](crate::envelope::Stamp) alone, with a fresh version. The answer later replaces exactly
//! that lease. A delete, a clear, an eviction removes the lease, so the answer that was on its way is
//! refused, and nothing that was read from the source before an invalidation is ever stored after it.
//! A lost lease is never placed again: an eviction and a delete look alike.
//!
//! A lease lives for two heartbeats and is renewed after two thirds of one, so a dead holder blocks its
//! key for three seconds at most, and a hanging one until [`Terms::renew_for`] has passed. One that is
//! nobody's because the store did not answer is removed as soon as it does, and until then its own process does
//! not wait for it.
//!
//! # An answer that did not arrive
//!
//! See [`write()`]. Every conditional write of larder goes through it.

mod conditional;
mod given_up;
mod held;
mod validity;

pub(crate) use conditional::{Place, Written, write, write_in_doubt};
pub(crate) use given_up::GivenUp;
pub(crate) use held::{Held, Taken, Terms, take, take_at_once};
pub(crate) use validity::Validity;

#[cfg(test)]
mod tests;
