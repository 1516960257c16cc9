//! A recording while it is written, as its own process sees it.
//!
//! The source pushes pieces in at one end. At the other, any number of readers take each piece as it
//! came, at once: the first byte on a miss is the source's first byte. Beside them the storer cuts the
//! same bytes into chunks and writes them to the store.
//!
//! What is retained is bounded by the *window*. A piece stays until it is stored; then until every
//! reader here has had it, or until the window is needed. A reader that falls behind what is retained
//! reads stored chunks, and comes back.
//!
//! The *client* of a fill, for whom the source was asked, is never made to: it would get an error if the
//! store evicts a chunk. It sets the pace of the source, as if there were no cache. But only while it
//! moves: after two seconds without a step it is a reader as the others are, and the source goes on.
//!
//! A recording may cease to be stored, because it grows too long or the store is too slow. It is
//! *transient* from then on: what is retained is bounded as before, and the first of its readers sets
//! the pace. When that one stands still and another waits, the next one does. Who falls out of the
//! window gets [`StreamError::Lagged`](crate::stream::StreamError::Lagged).

mod patience;
mod pieces;
mod push;
mod reader;
mod state;

#[cfg(test)]
mod tests;

pub(crate) use push::{Live, View};
pub(crate) use reader::LiveReader;
pub(crate) use state::Ending;
pub use state::Unstored;
