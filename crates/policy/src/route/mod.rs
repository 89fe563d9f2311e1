//! Where a request goes, in which order, and where it goes next after a failure. Time and dice are
//! arguments.

pub mod order;
pub mod pace;
pub mod retry;
pub mod verdict;
