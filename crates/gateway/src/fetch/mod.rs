//! Downloads media for targets that fetch none themselves, from addresses that anybody may reach and no others.

pub mod address;
pub mod failure;
pub mod get;
pub mod guard;
pub mod resolve;
pub mod sniff;
