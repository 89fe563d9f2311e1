//! What every command takes, and the configuration it works with.

use std::path::PathBuf;

use clap::Args;

use super::failure::Failure;
use crate::config::{self, Config, Flags};

/// What every command takes.
#[derive(Debug, Args, Clone, Default)]
pub struct Common {
    /// The configuration file [default: ./tollgate.yaml when present, else the environment]
    #[arg(long, global = true, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Where the store, the journal and the admin key's file live
    #[arg(long, global = true, value_name = "DIR")]
    pub data_dir: Option<PathBuf>,
}

impl Common {
    /// What the command line says over the file.
    #[must_use]
    pub fn flags(&self, listen: Option<String>) -> Flags {
        Flags { listen, data_dir: self.data_dir.clone() }
    }

    /// The configuration.
    ///
    /// # Errors
    /// Every mistake in it.
    pub fn load(&self) -> Result<Config, Failure> {
        let loaded = config::load(self.config.as_deref(), &config::env::Process, &self.flags(None));
        loaded.map(|loaded| loaded.config).map_err(|mistakes| Failure::config(&mistakes))
    }
}
