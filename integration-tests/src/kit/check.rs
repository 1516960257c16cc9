use std::fmt;

/// What a behaviour answers: that the rule is kept, or how it is broken.
pub type Checked<T = ()> = Result<T, Failure>;

/// How a rule is broken.
#[derive(Clone, PartialEq, Eq)]
pub struct Failure(String);

impl Failure {
    /// A failure with these words.
    pub fn new(words: impl Into<String>) -> Self {
        Self(words.into())
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<cache_api::Error> for Failure {
    fn from(error: cache_api::Error) -> Self {
        Self(format!("an error where none belongs: {error}"))
    }
}

impl From<tokio::task::JoinError> for Failure {
    fn from(error: tokio::task::JoinError) -> Self {
        Self(format!("a call panicked: {error}"))
    }
}

/// Fails with these words unless the condition holds.
macro_rules! check {
    ($holds:expr, $($words:tt)+) => {
        if !$holds {
            return Err($crate::kit::Failure::new(format!($($words)+)));
        }
    };
}

/// Fails unless the two are equal, and says what they are.
macro_rules! check_eq {
    ($found:expr, $wanted:expr, $($words:tt)+) => {
        match (&$found, &$wanted) {
            (found, wanted) => if *found != *wanted {
                return Err($crate::kit::Failure::new(format!(
                    "{}: found {}, wanted {}",
                    format_args!($($words)+),
                    $crate::kit::check::brief(found),
                    $crate::kit::check::brief(wanted),
                )));
            },
        }
    };
}

pub(super) use {check, check_eq};

/// As `Debug`, but a value of 32 MiB does not fill the screen.
pub(super) fn brief(value: &dyn fmt::Debug) -> String {
    let text = format!("{value:?}");
    match text.char_indices().nth(200) {
        Some((end, _)) => format!("{}… ({} characters)", &text[..end], text.len()),
        None => text,
    }
}
