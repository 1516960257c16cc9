//! The model with one fault each: mistakes that stores really make.

mod bulk;
mod counter;
mod entry;
mod reach;
mod set;
mod watch;

use std::{collections::VecDeque, sync::Arc};

use async_trait::async_trait;
use bytes::Bytes;
use cache_api::{
    Cache, Capabilities, Condition, Key, Namespace, Remaining, Result, Scan, SetItem, SetOptions,
    SetOutcome, Ttl, Watch,
};
use tokio::sync::{Mutex, Semaphore};

use crate::model::Model;

/// What is wrong with a store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    // Lifetimes.
    LifetimeSurvivesOverwrite,
    ZeroIsForEver,
    ZeroIgnoresItsCondition,
    ZeroKeepsWhatStood,
    MillisecondsRoundDown,
    SubMillisecondIsForEver,
    LongLifetimesOverflow,
    ReadingLengthensLife,
    ExpiredIsRead,
    ExpiredBlocksAbsent,
    ExpiredIsIncremented,
    NeverIsMissing,
    ExpireIgnoresItsCondition,
    ExpireOnlyLengthens,
    ExpireWithZeroIsForEver,
    ExpireCreates,
    // Values and conditions.
    EmptyIsAMiss,
    TextOnly,
    TooLargeIsStored,
    TooLargeIsCut,
    EqualIsStored,
    PresentCreates,
    StartsWithComparesTheWhole,
    StartsWithTakesShorter,
    RefusalShowsNothing,
    RefusalShowsTooLittle,
    RefusalTakesEmptyForNothing,
    RefusalTouchesTheLifetime,
    DeleteIgnoresItsCondition,
    TakeLeavesTheEntry,
    TakeHangs,
    TakeBlocks,
    // Counters.
    CounterLivesForEver,
    IncrementLengthensLife,
    IncrementTakesAnyNumber,
    IncrementWraps,
    IncrementIsAFloat,
    IncrementWithZeroIsForEver,
    // Races and cancellation.
    AbsentIsChecked,
    IncrementIsReadAndWrite,
    TakeIsReadAndDelete,
    PlainSetIsNotExcluded,
    WritesAreTorn,
    AnswersGoAstray,
    AbandonedWritesLand,
    AbandonedCallsLeakPermits,
    // Bulk.
    GetManySorts,
    GetManyDropsDuplicates,
    SetManyIgnoresConditions,
    SetManyGivesOneLifetime,
    SetManyGoesBackwards,
    DeleteManyCountsWhatWasAsked,
    EmptyListIsAnError,
    // Keys, clear, scan.
    KeysAreText,
    KeysEndAtZero,
    KeysAreHashed,
    ClearByBarePrefix,
    ClearWithoutDescendants,
    ClearEverything,
    ClearByPattern,
    ClearWhatIsForeign,
    ClearOnePage,
    ClearLater,
    ScanWithoutDescendants,
    ScanByPattern,
    ScanOnePage,
    ScanByOffset,
    // Watch and capabilities.
    WatchIsArmedLater,
    WatchReportsBeforeItIsReadable,
    WatchLosesInSilence,
    WatchForgetsExpire,
    WatchForgetsClear,
    WatchForgetsClearOfAncestors,
    WatchReportsDescendants,
    CapabilityIsLost,
    ClientsAreApart,
    NothingPersists,
}

/// The model with a fault.
#[derive(Debug)]
pub(crate) struct Broken {
    model: Model,
    fault: Fault,
    /// The answers under way on the one connection of a client that loses count.
    answers: Mutex<VecDeque<Option<Bytes>>>,
    permits: Arc<Semaphore>,
}

impl Broken {
    pub(crate) fn new(model: &Model, fault: Fault) -> Self {
        let model = match fault {
            // Another store, that shows the same time.
            Fault::ClientsAreApart => {
                Model { clock: model.clock.clone(), ..Model::new(model.max_value) }
            }
            _ => model.clone(),
        };
        if fault == Fault::NothingPersists {
            model.entries().clear();
        }
        Self { model, fault, answers: Mutex::default(), permits: Arc::new(Semaphore::new(8)) }
    }

    /// What it takes the key for.
    fn key(&self, key: &Key) -> Key {
        let user = match self.fault {
            Fault::KeysAreText => String::from_utf8_lossy(key.user()).into_owned().into_bytes(),
            Fault::KeysEndAtZero => {
                key.user().split(|byte| *byte == 0).next().unwrap_or(&[]).to_vec()
            }
            Fault::KeysAreHashed => {
                let sum =
                    |sum: u64, byte: &u8| (sum ^ u64::from(*byte)).wrapping_mul(0x100_0000_01b3);
                format!("{:016x}", key.user().iter().fold(0xcbf2_9ce4_8422_2325, sum)).into_bytes()
            }
            _ => return key.clone(),
        };
        key.namespace().key(&user[..user.len().min(Key::MAX_BYTES)]).expect("it is short enough")
    }
}

#[async_trait]
impl Cache for Broken {
    fn name(&self) -> &'static str {
        "broken"
    }

    fn capabilities(&self) -> Capabilities {
        self.model.capabilities()
    }

    async fn get(&self, key: &Key) -> Result<Option<Bytes>> {
        self.get_one(&self.key(key)).await
    }

    async fn set(&self, key: &Key, value: Bytes, options: SetOptions) -> Result<SetOutcome> {
        self.set_one(&self.key(key), value, options).await
    }

    async fn delete_if(&self, key: &Key, condition: Condition) -> Result<bool> {
        self.delete_one(&self.key(key), condition).await
    }

    async fn take(&self, key: &Key) -> Result<Option<Bytes>> {
        self.take_one(&self.key(key)).await
    }

    async fn ttl(&self, key: &Key) -> Result<Remaining> {
        match self.model.ttl(&self.key(key)).await? {
            Remaining::Never if self.fault == Fault::NeverIsMissing => Ok(Remaining::Missing),
            remaining => Ok(remaining),
        }
    }

    async fn expire(&self, key: &Key, ttl: Ttl, condition: Condition) -> Result<bool> {
        self.expire_one(&self.key(key), ttl, condition).await
    }

    async fn increment(&self, key: &Key, by: i64, ttl: Ttl) -> Result<i64> {
        self.increment_one(&self.key(key), by, ttl).await
    }

    async fn clear(&self, namespace: &Namespace) -> Result<()> {
        self.clear_some(namespace);
        Ok(())
    }

    async fn get_many(&self, keys: &[Key]) -> Result<Vec<Option<Bytes>>> {
        self.get_all(keys).await
    }

    async fn set_many(&self, items: Vec<SetItem>) -> Result<Vec<SetOutcome>> {
        self.set_all(items).await
    }

    async fn delete_many(&self, keys: &[Key]) -> Result<u64> {
        self.delete_all(keys).await
    }

    fn scan(&self) -> Option<&dyn Scan> {
        Some(self)
    }

    fn watch(&self) -> Option<&dyn Watch> {
        (self.fault != Fault::CapabilityIsLost).then_some(self)
    }
}
