//! Floor 5: the program. Everything that touches the network, the clock, the disk or the environment.

pub mod config;
