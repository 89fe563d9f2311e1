//! What runs beside requests: reload, lists of models, servers to be found.

pub mod lists;
pub mod reload;
