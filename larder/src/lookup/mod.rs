//! What stands at a key, and what it is to a reader: time, tags and kinds are judged here.
//!
//! | found | to a reader |
//! |---|---|
//! | nothing | [`Standing::Open`] |
//! | an answer within its time, tags as they were | [`Standing::Fresh`] or [`Standing::Stale`] |
//! | an answer past its time, dead by a tag, damaged, another program's | [`Standing::Open`]: to be displaced, never served |
//! | a lease or a recording, tags as they were | [`Standing::Working`] |
//! | a lease or a recording whose tags were invalidated | [`Standing::Open`] |
//! | a mark that nobody should queue | [`Standing::Passing`] |

mod find;
mod standing;

pub(crate) use find::{Found, find, find_many, judge, weigh};
pub(crate) use standing::Standing;
