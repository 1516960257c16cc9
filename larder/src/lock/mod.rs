//! Advisory locks: of all servers that share a store, one does the work.
//!
//! ```
//! use larder::{lock::{LockError, LockLost}, prelude::*};
//! use std::time::Duration;
//!
//! # async fn report() {}
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let larder = larder::open("memory:").await?;
//! let jobs = larder.namespace("jobs")?;
//! match jobs.lock("nightly").wait(Duration::from_secs(2)).acquire().await {
//!     Ok(guard) => {
//!         match guard.run(report()).await {
//!             Ok(()) => println!("done"),
//!             Err(LockLost) => println!("someone else may be at it now: stopped"),
//!         }
//!         guard.release().await;
//!     }
//!     Err(LockError::Busy { .. }) => println!("another server is at it"),
//!     Err(error) => return Err(error.into()),
//! }
//! # Ok(())
//! # }
//! ```
//!
//! A lock is a lease at `namespace/.lock:<key>`, where it collides with no entry. It is taken by a write
//! over nothing, renewed in the background after a third of its lifetime, and removed when its [`Guard`]
//! is released or dropped. If its holder dies, it ends with [its lifetime](Lock::ttl).
//!
//! # What such a lock is good for, and what not
//!
//! It saves work: a report is not computed twice, a job does not run on five servers. It is **advisory**:
//! nobody is kept from touching the resource by anything but his own asking for the lock, and there are
//! times when two hold it:
//!
//! | what happens | what the holder learns |
//! |---|---|
//! | the process is paused (a stopped container, a long page fault) for longer than the lifetime | [`run`](Guard::run) stops at the next poll. What is between two awaits goes on, and so does a request that was already sent |
//! | a machine is suspended as a whole, its monotonic clock with it | nothing until the next renewal is refused |
//! | Redis fails over to a replica that had not heard of the lock yet | the next renewal is refused, up to a third of the lifetime later |
//! | the store evicts the lock for want of room | the same |
//! | someone deletes the key, or [clears](crate::Space::clear) the namespace | the same |
//! | the store is out of reach | the validity runs down, and `run` stops when it is over |
//! | clocks that run at different speeds | nothing; a lifetime of seconds makes it no matter |
//!
//! A memory or sled store is one process: there only the first of these is left, and deletes.
//!
//! # Why there is no fencing number
//!
//! A number that grows with each holder would let a resource refuse whoever comes with an older one. It
//! would have to be kept in the store, where it can be evicted, cleared or lost in a failover just as the
//! lock can: it would begin again, and an *older* holder would pass the fence. A fence that holds most of
//! the time is worse than none, so none is promised.
//!
//! What to do instead, where two holders at once would do harm:
//!
//! - make the work idempotent, so that doing it twice is doing it once;
//! - let the resource decide, by a conditional write there: `UPDATE … WHERE version = 7`, an `If-Match`,
//!   a unique key of the job's run. For a value of this cache that is
//!   [`Typed::update`](crate::Typed::update), and for filling it [`Typed::reserve`](crate::Typed::reserve);
//! - for a lock that must hold, take it in the database in which the work is done.

mod acquire;
mod error;
mod guard;

pub use acquire::Lock;
pub use error::{LockError, LockLost};
pub use guard::Guard;

#[cfg(test)]
mod tests;
