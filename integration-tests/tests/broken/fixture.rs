use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use cache_api::{Cache, Change, Key, TestClock, Ttl};
use integration_tests::kit::{BoxError, Declared, Fixture, Raw};

use crate::{
    faults::{Broken, Fault},
    model::Model,
};

/// The model, whole or with one fault.
pub(crate) struct Models {
    model: Model,
    fault: Option<Fault>,
    bound: Duration,
}

impl Models {
    pub(crate) fn whole() -> Self {
        Self { model: Model::new(32 << 20), fault: None, bound: Duration::from_secs(60) }
    }

    /// With smaller values, for it is run many times.
    pub(crate) fn broken(fault: Fault) -> Self {
        Self { model: Model::new(256 << 10), fault: Some(fault), bound: Duration::from_secs(10) }
    }
}

impl Models {
    pub(crate) const fn bounded(mut self, bound: Duration) -> Self {
        self.bound = bound;
        self
    }
}

#[async_trait]
impl Fixture for Models {
    async fn open(&self) -> Result<Arc<dyn Cache>, BoxError> {
        Ok(match self.fault {
            None => Arc::new(self.model.clone()),
            Some(fault) => Arc::new(Broken::new(&self.model, fault)),
        })
    }

    fn declared(&self) -> Declared {
        Declared::new(self.model.max_value).shared().persistent().scan().watch()
    }

    fn clock(&self) -> Option<TestClock> {
        Some(self.model.clock.clone())
    }

    fn raw(&self) -> Option<&dyn Raw> {
        Some(&self.model)
    }

    fn patience(&self) -> Duration {
        Duration::from_millis(if self.fault.is_some() { 250 } else { 5000 })
    }

    fn bound(&self) -> Duration {
        self.bound
    }
}

#[async_trait]
impl Raw for Model {
    async fn write(&self, key: &[u8], value: &[u8]) -> Result<(), BoxError> {
        let entry = self.entry(value.to_vec().into(), Ttl::Never).ok_or("for ever is no zero")?;
        self.entries().insert(key.to_vec(), entry);
        if let Some(key) = Key::parse(key.to_vec()) {
            self.report(Change::Entry(key));
        }
        Ok(())
    }

    async fn read(&self, key: &[u8]) -> Result<Option<Vec<u8>>, BoxError> {
        Ok(self.entries().get(key).map(|entry| entry.value.to_vec()))
    }
}
