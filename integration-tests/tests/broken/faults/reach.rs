//! Faults of `clear` and `scan`: too far, not far enough, too late.

use std::future::ready;

use cache_api::{Change, Key, KeyStream, Namespace, Scan};
use futures_util::{StreamExt, stream};
use tokio::task::yield_now;

use super::{Broken, Fault};

/// Whether a key lies in a namespace for one who takes `.` and `_` for any character.
fn matches(namespace: &Namespace, key: &Key) -> bool {
    let (pattern, found) = (namespace.as_str().as_bytes(), key.namespace());
    let found = found.as_str().as_bytes();
    found.len() == pattern.len()
        && pattern.iter().zip(found).all(|(wanted, byte)| b"._".contains(wanted) || wanted == byte)
}

impl Broken {
    pub(super) fn clear_some(&self, namespace: &Namespace) {
        let model = &self.model;
        match self.fault {
            Fault::ClearByBarePrefix => {
                model.clear_where(|key| key.as_bytes().starts_with(namespace.as_str().as_bytes()));
            }
            Fault::ClearWithoutDescendants => model.clear_where(|key| key.is_in(namespace)),
            Fault::ClearEverything => model.entries().clear(),
            Fault::ClearByPattern => {
                model.clear_where(|key| key.is_within(namespace) || matches(namespace, key));
            }
            Fault::ClearWhatIsForeign => model.entries().retain(|key, _| {
                let rest = key.strip_prefix(namespace.as_str().as_bytes());
                !rest.is_some_and(|rest| rest.is_empty() || b":/".contains(&rest[0]))
            }),
            Fault::ClearOnePage => {
                let page = std::cell::Cell::new(0);
                model.clear_where(|key| {
                    let reached = key.is_within(namespace) && page.get() < 1000;
                    page.set(page.get() + usize::from(reached));
                    reached
                });
            }
            Fault::ClearLater => {
                let (model, namespace) = (model.clone(), namespace.clone());
                drop(tokio::spawn(async move {
                    yield_now().await;
                    model.clear_where(|key| key.is_within(&namespace));
                    model.report(Change::Namespace(namespace));
                }));
                return;
            }
            _ => model.clear_where(|key| key.is_within(namespace)),
        }
        model.report(Change::Namespace(namespace.clone()));
    }
}

impl Scan for Broken {
    fn keys(&self, namespace: &Namespace) -> KeyStream {
        let model = self.model.clone();
        let namespace = namespace.clone();
        match self.fault {
            Fault::ScanWithoutDescendants => model.keys_where(|key| key.is_in(&namespace)),
            Fault::ScanByPattern => {
                model.keys_where(|key| key.is_within(&namespace) || matches(&namespace, key))
            }
            Fault::ScanOnePage => {
                let mut page = 0;
                let page = move |key: &Key| {
                    let reached = key.is_within(&namespace) && page < 1000;
                    page += usize::from(reached);
                    reached
                };
                let page = std::cell::RefCell::new(page);
                model.keys_where(|key| (page.borrow_mut())(key))
            }
            // The hundred keys after so many others: what goes before them moves them.
            Fault::ScanByOffset => Box::pin(
                stream::iter((0..).step_by(100))
                    .then(move |offset| {
                        let page = model.keys_where(|key| key.is_within(&namespace));
                        page.skip(offset).take(100).collect::<Vec<_>>()
                    })
                    .take_while(|page| ready(!page.is_empty()))
                    .flat_map(stream::iter),
            ),
            _ => model.keys_where(|key| key.is_within(&namespace)),
        }
    }
}
