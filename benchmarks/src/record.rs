//! What is kept in the measurements of typed values.

use serde::{Deserialize, Serialize};

/// Ten fields of the sorts that records have.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct User {
    id: u64,
    name: String,
    email: String,
    team: String,
    age: u8,
    active: bool,
    score: f64,
    created: i64,
    updated: i64,
    note: Option<String>,
}

impl User {
    /// The user with this number.
    pub fn new(id: u64) -> Self {
        Self {
            id,
            name: format!("User Number {id}"),
            email: format!("user{id}@example.com"),
            team: "infrastructure".into(),
            age: 42,
            active: true,
            score: 0.731,
            created: 1_700_000_000,
            updated: 1_750_000_000,
            note: None,
        }
    }
}
