use std::time::{Duration, Instant};

use cache_api::Condition;

use super::Storer;
use crate::{
    lease::{Written, write},
    stream::{
        Unstored,
        format::{Manifest, Recording},
    },
};

/// What a recording stands on: what its commit replaces.
#[derive(Debug)]
pub(crate) enum Footing {
    /// A placeholder is to be put against what was seen at the key.
    Seen(Condition),
    /// A placeholder of ours stands there.
    Placed,
    /// An older answer stands there, and is read until the commit.
    Over {
        condition: Condition,
        old: Option<Box<Manifest>>,
        /// When it dies of age, if it does.
        dies: Option<Instant>,
    },
    /// It was taken away. There will be no commit.
    Lost,
}

impl Storer {
    /// Places the recording where that is still to be done.
    pub(super) async fn establish(&mut self) -> Result<(), Unstored> {
        let Footing::Seen(against) = self.footing else { return Ok(()) };
        let record = self.recording().encode();
        let patience = self.options.terms().patience;
        match write(&self.place, &record, self.placeholder_ttl(), against, patience).await {
            Written::Applied => {
                self.footing = Footing::Placed;
                self.larder.inner.wake.changed(&self.place.key);
                Ok(())
            }
            Written::Refused { .. } => {
                self.footing = Footing::Lost;
                Err(Unstored::Displaced)
            }
            Written::Failed(_) | Written::Unknown(_) => {
                self.footing = Footing::Lost;
                Err(Unstored::StoreFailed)
            }
        }
    }

    /// Puts the placeholder in the place of an old answer that is about to die of age.
    pub(super) async fn succeed(&mut self, within: Duration) {
        let Footing::Over { condition, dies: Some(dies), .. } = self.footing else { return };
        if self.place.clock.now() + within < dies {
            return;
        }
        self.footing = Footing::Seen(condition);
        // Refused or not known: there will be no commit, and those who follow are served all the same.
        let _ = self.establish().await;
    }

    /// What the commit replaces.
    pub(super) fn condition(&self) -> Option<Condition> {
        match &self.footing {
            Footing::Placed => Some(self.placeholder()),
            Footing::Over { condition, .. } | Footing::Seen(condition) => Some(*condition),
            Footing::Lost => None,
        }
    }

    pub(super) fn placeholder(&self) -> Condition {
        Recording::stamp(self.chunks.keys.generation).condition()
    }
}
