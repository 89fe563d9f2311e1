//! The load generator: closed loop, open loop at a fixed rate, streams, and streams held open.
//!
//! With `--watch PID` it also reads what that process spends in the measured window alone, warm-up left out.

mod figures;
mod work;

use clap::{Args, Subcommand};

pub use self::figures::Figures;
pub use self::work::run;
use crate::Fault;
use crate::bodies::Shape;

/// The virtual key of the bench, as a client sends it.
pub const KEY: &str = "tg-benchbenchbe-0123456789abcdef0123456789abcdef0123456789abcdef";
/// The SHA-256 of [`KEY`], as a configuration declares it.
pub const KEY_SHA256: &str = "b75813da84131e424efcab6cdd827a1c5a56b4ea35cd9d9d19da3a6fbab789da";

/// Options of the load generator.
#[derive(Debug, Clone, Args)]
pub struct Options {
    /// `host:port` to load.
    #[arg(long, default_value = "127.0.0.1:4000", global = true)]
    pub target: String,
    /// Dialect of the requests.
    #[arg(long, value_enum, default_value = "chat", global = true)]
    pub shape: Shape,
    /// Model asked for.
    #[arg(long, default_value = "mock/gpt-4o-mini", global = true)]
    pub model: String,
    /// Bytes of a request's body.
    #[arg(long, default_value_t = 1_000, global = true)]
    pub size: usize,
    /// Key sent as `Authorization: Bearer`.
    #[arg(long, default_value = KEY, global = true)]
    pub key: String,
    /// Process whose CPU and memory to read.
    #[arg(long, global = true)]
    pub watch: Option<u32>,
    /// Print JSON.
    #[arg(long, global = true)]
    pub json: bool,
    /// What to do.
    #[command(subcommand)]
    pub mode: Mode,
}

/// The shape of the load.
#[derive(Debug, Clone, Copy, Subcommand)]
pub enum Mode {
    /// Every connection sends its next request when it has its answer.
    Closed {
        /// Connections.
        #[arg(long, short, default_value_t = 64)]
        connections: usize,
        /// Seconds to measure.
        #[arg(long, default_value_t = 3.0)]
        seconds: f64,
        /// Stop after so many requests instead.
        #[arg(long)]
        requests: Option<u64>,
        /// Seconds before measuring.
        #[arg(long, default_value_t = 0.2)]
        warmup: f64,
    },
    /// Requests leave at a fixed rate, answered or not.
    Open {
        /// Requests per second.
        #[arg(long, default_value_t = 1_000)]
        rate: u32,
        /// Seconds to measure.
        #[arg(long, default_value_t = 3.0)]
        seconds: f64,
        /// Seconds before measuring.
        #[arg(long, default_value_t = 0.2)]
        warmup: f64,
    },
    /// Streams at once, each connection some of them one after another.
    Stream {
        /// Streams at once.
        #[arg(long, default_value_t = 50)]
        streams: usize,
        /// Streams on each connection.
        #[arg(long, default_value_t = 3)]
        repeat: u32,
        /// Content chunks of a stream.
        #[arg(long, default_value_t = 100)]
        chunks: u32,
        /// Milliseconds between chunks; 0 is as fast as they go.
        #[arg(long, default_value_t = 10)]
        pace_ms: u32,
    },
    /// Opens slow streams and reads the memory of `--watch` once all have begun.
    Hold {
        /// Streams at once.
        #[arg(long, default_value_t = 1_000)]
        streams: usize,
        /// Seconds to hold them before reading.
        #[arg(long, default_value_t = 2.0)]
        seconds: f64,
    },
}

/// Runs the load and prints what it measured.
///
/// # Errors
/// When the target cannot be reached or the watched process is gone.
pub async fn main(options: Options) -> Result<(), Fault> {
    let figures = run(&options).await?;
    if options.json {
        println!("{}", serde_json::to_string(&figures).map_err(|e| e.to_string())?);
    } else {
        println!("{figures}");
    }
    Ok(())
}
