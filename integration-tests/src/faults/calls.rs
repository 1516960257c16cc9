use std::{fmt, sync::Arc};

use cache_api::{Key, Op};

type KeyTest = Arc<dyn Fn(&Key) -> bool + Send + Sync>;

/// Which calls something is to happen to: of these operations, with these keys, so many of them.
///
/// An [`Op`] and an array of them are the next such call.
///
/// ```
/// use cache_api::Op;
/// use integration_tests::faults::{Calls, on};
///
/// let next: Calls = Op::Get.into();
/// let leases = on([Op::Set, Op::SetMany]).key(|key| key.user() == b"42").times(3);
/// let everything = Calls::all().always();
/// let writes = Calls::writes().always();
/// # drop((next, leases, everything, writes));
/// ```
#[derive(Clone)]
pub struct Calls {
    /// None: all of them.
    ops: Vec<Op>,
    key: Option<KeyTest>,
    /// How many are still to come.
    pub(super) left: usize,
}

/// The next call of such an operation.
pub fn on(calls: impl Into<Calls>) -> Calls {
    calls.into()
}

impl Calls {
    /// The next call, whatever it is.
    #[must_use]
    pub const fn all() -> Self {
        Self { ops: Vec::new(), key: None, left: 1 }
    }

    /// The next call that [writes](Op::is_write).
    #[must_use]
    pub fn writes() -> Self {
        Self { ops: Op::ALL.into_iter().filter(|op| op.is_write()).collect(), ..Self::all() }
    }

    /// Only with a key like that. Of a bulk call one key is enough; a clear has the key of its
    /// namespace with nothing of the user's.
    #[must_use]
    pub fn key(mut self, is: impl Fn(&Key) -> bool + Send + Sync + 'static) -> Self {
        self.key = Some(Arc::new(is));
        self
    }

    /// So many of them, not only the next one.
    #[must_use]
    pub const fn times(mut self, calls: usize) -> Self {
        self.left = calls;
        self
    }

    /// All of them, until [the script is forgotten](super::Scripted::forget).
    #[must_use]
    pub const fn always(self) -> Self {
        self.times(usize::MAX)
    }

    pub(super) fn include(&self, op: Op, keys: &[Key]) -> bool {
        self.left > 0
            && (self.ops.is_empty() || self.ops.contains(&op))
            && self.key.as_ref().is_none_or(|is| keys.iter().any(|key| is(key)))
    }
}

impl From<Op> for Calls {
    fn from(op: Op) -> Self {
        [op].into()
    }
}

impl<const N: usize> From<[Op; N]> for Calls {
    fn from(ops: [Op; N]) -> Self {
        Self { ops: ops.into(), ..Self::all() }
    }
}

impl fmt::Debug for Calls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { ops, key, left } = self;
        f.debug_struct("Calls")
            .field("ops", ops)
            .field("any_key", &key.is_none())
            .field("left", left)
            .finish()
    }
}
