//! What runs beside requests: reload, keys, lists of models, servers to be found.

pub mod background;
pub mod batches;
pub mod keys;
pub mod lists;
pub mod reload;
pub mod responses;
