//! Floor 5: the program. Everything that touches the network, the clock, the disk or the environment.

pub mod admin;
pub mod api;
pub mod auth;
pub mod boot;
pub mod cli;
pub mod coding;
pub mod config;
pub mod demo;
pub mod env;
pub mod exchange;
pub mod fetch;
pub mod gateway;
pub mod held;
pub mod jobs;
pub mod kept;
pub mod native;
pub mod newkey;
pub mod objects;
pub mod operation;
pub mod realtime;
pub mod server;
pub mod state;
pub mod tasks;
pub mod telemetry;
pub mod traffic;
pub mod upstream;
