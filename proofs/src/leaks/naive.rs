//! The control: whoever asks for a path first asks for everyone.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use tokio::sync::OnceCell;

use super::play::{Answer, Origin, Question};
use crate::Result;

#[derive(Debug, Default)]
pub(super) struct Naive(Mutex<HashMap<String, Arc<OnceCell<Answer>>>>);

impl Naive {
    pub(super) async fn ask(&self, question: Question, mut origin: Origin) -> Result<Answer> {
        let path = question.uri().path().to_owned();
        let cell = {
            let mut cells = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(cells.entry(path).or_default())
        };
        let answer = cell.get_or_init(|| async { origin.answer(&question).await });
        Ok(answer.await.clone())
    }
}
