//! What can go wrong between a model's name and its output, each with what the user can do next.
//!
//! Separate because every engine file returns it. The invariant: every message names the file, the model or the
//! option concerned.

use std::fmt::Display;

/// An error of the engine.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// A model file is absent or cannot be read.
    #[error("{file}: {reason}")]
    File {
        /// Path or name of the file.
        file: String,
        /// What the system said.
        reason: String,
    },
    /// A model file was read but does not hold what its format promises.
    #[error("{file} is not a usable model file: {reason}")]
    Malformed {
        /// Path or name of the file.
        file: String,
        /// What is wrong with it.
        reason: String,
    },
    /// No model has this name, or none is known for these languages.
    #[error("no model `{name}`: {hint}")]
    UnknownModel {
        /// The name as given.
        name: String,
        /// What to do instead.
        hint: String,
    },
    /// The model is of a kind this version does not run.
    #[error("{0}")]
    Unsupported(String),
    /// The device asked for is not there, or not in this build.
    #[error("{0}")]
    Device(String),
    /// The hub could not give the model.
    #[error(transparent)]
    Hub(#[from] super::hub::HubError),
    /// A tensor operation failed.
    #[error("tensor operation failed: {}", without_backtrace(.0))]
    Tensor(#[from] candle_core::Error),
}

/// Returns the error that the library wraps in a backtrace where `RUST_BACKTRACE` is set: pages that tell a user nothing.
pub(super) fn without_backtrace(error: &candle_core::Error) -> &candle_core::Error {
    match error {
        candle_core::Error::WithBacktrace { inner, .. } => without_backtrace(inner),
        _ => error,
    }
}

impl EngineError {
    /// Returns true where a device has no memory left: less at a time may go.
    pub fn is_out_of_memory(&self) -> bool {
        let EngineError::Tensor(error) = self else { return false };
        // The driver's and cuBLAS's own names for it; candle keeps no more of an error than its text.
        let text = format!("{error} {error:?}");
        text.contains("OUT_OF_MEMORY") || text.contains("ALLOC_FAILED") || text.contains("out of memory")
    }

    /// Returns an error about reading a file.
    pub fn file(file: impl Display, reason: impl Display) -> Self {
        EngineError::File { file: file.to_string(), reason: reason.to_string() }
    }

    /// Returns an error about a file's content.
    pub fn malformed(file: impl Display, reason: impl Display) -> Self {
        EngineError::Malformed { file: file.to_string(), reason: reason.to_string() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_holds_no_backtrace() {
        let backtrace = Box::new(std::backtrace::Backtrace::force_capture());
        let inner = Box::new(candle_core::Error::Msg("no memory".into()));
        let error = EngineError::Tensor(candle_core::Error::WithBacktrace { inner, backtrace });
        assert_eq!(error.to_string(), "tensor operation failed: no memory");
    }
}
