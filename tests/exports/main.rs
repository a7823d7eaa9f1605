//! The formats, the glossary, the translation memory and the review loop, from outside.
//!
//! Separate from `cli.rs` because each of these is a loop of several runs. The invariant: a file is read back here by a
//! reader other than the program's own.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test stops at what it did not expect")]

mod desk;
mod formats;
mod repair;
mod review;
mod same;
mod summaries;

const ARABIC: &str = "افتتاح مكتبة جديدة\n\nأين المدرسة؟ لا أريد أن أذهب اليوم.\n";
const OTHER: &str = "إعادة فتح الطريق\n\nاضغط على موافق لحفظ الإعدادات. أين المدرسة؟\n";
