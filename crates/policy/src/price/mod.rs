//! What a unit costs and what an answer cost: price sheets, the one cost function, the operator's own prices.

pub mod cost;
pub mod overrides;
pub mod sheet;
