//! What the gateway says of itself: metrics, the access log, and messages for the operator.

pub mod log;
pub mod metrics;
