use std::{sync::Arc, time::Instant};

use cache_api::Change;

use crate::{feed::Listener, near::Tier, wake::Wake};

/// Whoever in this process hears of changes of the store: the near tier, and those who wait for a load of
/// another server.
#[derive(Debug)]
pub(crate) struct Ears {
    pub(crate) tier: Option<Arc<Tier>>,
    pub(crate) wake: Arc<Wake>,
}

impl Listener for Ears {
    fn armed(&self, sent: Instant) {
        self.tier.iter().for_each(|tier| tier.armed(sent));
        self.wake.all_changed();
    }

    fn change(&self, change: &Change) {
        // First: who is woken must not find an old copy.
        self.tier.iter().for_each(|tier| tier.change(change));
        match change {
            Change::Entry(key) => self.wake.changed(key),
            Change::Beat { .. } => {}
            _ => self.wake.all_changed(),
        }
    }

    fn gap(&self) {
        self.tier.iter().for_each(|tier| tier.gap());
        self.wake.all_changed();
    }

    fn refused(&self) {
        self.tier.iter().for_each(|tier| tier.refused());
    }
}
