//! Models from a hub on loopback that can misbehave.
//!
//! Separate from the unit tests because it needs servers and processes. The invariant: no test needs a network.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod answers;
mod download;
mod machine;
mod resolving;
mod server;
mod sharing;
