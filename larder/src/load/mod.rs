//! Loading.
mod options;
pub(crate) use options::{Options, setters};
