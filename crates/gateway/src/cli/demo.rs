//! `tollgate demo`: a gateway with simulated providers, and traffic through it.

use std::path::{Path, PathBuf};

use clap::Args;

use super::common::Common;
use super::failure::Failure;
use super::print;
use crate::boot::{self, Start};
use crate::config::env::Given;
use crate::config::{self, Flags};
use crate::traffic::{self, Options};

/// What `demo` takes.
#[derive(Debug, Args, Clone)]
pub struct Demo {
    /// The address to listen on
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:4000")]
    listen: String,
    /// End after so many seconds [default: on Ctrl-C]
    #[arg(long, value_name = "N")]
    seconds: Option<u64>,
    /// Requests a second, 0.1 to 500
    #[arg(long, value_name = "N", default_value_t = 5.0)]
    rate: f64,
    /// Print the ledger line of each request instead of a table
    #[arg(long)]
    json: bool,
}

/// Runs the demonstration to its end.
///
/// # Errors
/// Why it does not start.
pub async fn run(common: &Common, demo: &Demo) -> Result<(), Failure> {
    let folder = Folder::new(common.data_dir.clone());
    let flags = Flags { listen: Some(demo.listen.clone()), data_dir: Some(folder.path.clone()) };
    let text = (Path::new("the demo's own"), traffic::config_text());
    let loaded = config::of_text(Some(text), &Given::default(), &flags).map_err(|all| Failure::config(&all))?;
    let mut config = loaded.config;
    // No file to be read anew.
    config.file = None;
    let start = Start { file: None, flags, quiet: true, silent: true };
    let running = boot::open(config, &start).await?;
    let base = format!("http://{}", running.address);
    print::note(&format!("tollgate {} listens on {base}: a demonstration\n", env!("CARGO_PKG_VERSION")));
    let stop = running.gateway.tasks.stop().clone();
    let options = Options { seconds: demo.seconds, rate: demo.rate, json: demo.json };
    let drive = async {
        let (mut out, terminal) = print::screen();
        let drawn = traffic::run(&base, &options, stop.clone(), &mut out, terminal).await;
        stop.cancel();
        drawn
    };
    let (served, drawn) = tokio::join!(running.serve(), drive);
    served?;
    match drawn {
        // Whoever read the output has seen enough.
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
        Err(error) => Err(Failure::environment(format!("Standard output cannot be written to: {error}."))),
        Ok(()) => Ok(()),
    }
}

/// The data folder: the given one, else one that goes with the demonstration.
#[derive(Debug)]
struct Folder {
    path: PathBuf,
    passing: bool,
}

impl Folder {
    fn new(given: Option<PathBuf>) -> Self {
        let passing = given.is_none();
        let name = || std::env::temp_dir().join(format!("tollgate-demo-{:016x}", crate::env::roll()));
        Self { path: given.unwrap_or_else(name), passing }
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if self.passing {
            let _ = std::fs::remove_dir_all(&self.path);
        }
    }
}
