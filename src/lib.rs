//! Arabic articles in, English Markdown out, every sentence linked to its source.
//!
//! The flow is `read -> clean -> segment -> chunk -> translate -> align -> summarize -> check -> render -> write`, and
//! each step has its place:
//!
//! - [`article`] is text in, text out: reading, cleaning, sentences. It knows no model.
//! - [`engine`] is tokens in, tokens out: models, tokenizers, decoding. It knows no article.
//! - [`review`] is what a reader can trust: links, summary, warnings. It knows no tensor.
//! - [`report`] is results to files: one format, one file.
//! - [`pipeline`] is the order of work; [`cli`], [`config`], [`ui`], [`commands`] and [`exit`] are the command around it.
//!
//! A Rust program may use the first four by themselves; the rest is public for the `summarize` binary.

pub mod article;
pub mod cli;
pub mod commands;
pub mod config;
pub mod engine;
pub mod exit;
pub mod pipeline;
pub mod report;
pub mod review;
pub mod ui;
