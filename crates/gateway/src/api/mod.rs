//! Paths for callers beside model calls: lists of models, look-ups of their requests.

pub mod models;
pub mod requests;
