//! What a request is expected to cost at each of its targets, and how they stand: what the choice is made by.

use std::sync::Arc;
use std::time::Duration;

use dialect::peek::Peek;
use dialect::usage::{Source, Unit, Usage};
use jiff::Timestamp;
use policy::money::Nano;
use policy::price::cost::cost;
use policy::price::sheet::Asked;
use policy::route::order::Standing;
use policy::route::pace::Pace;

use super::estimate::BYTES_PER_TOKEN;
use crate::state::target::Target;

/// Tokens of an answer where nobody has answered yet.
const USUAL: u64 = 300;

/// What is known of a request before it is sent.
#[derive(Debug, Clone, Default)]
pub struct Size {
    /// Bytes of its body.
    pub bytes: u64,
    /// The most tokens its answer may have, where it says.
    pub most: Option<u64>,
    /// How many answers it asks for.
    pub choices: u64,
    /// The service tier it asks for.
    pub tier: Option<String>,
    /// Its answer costs nothing by the token (embeddings).
    pub silent: bool,
}

impl Size {
    /// What one look at a body tells.
    #[must_use]
    pub fn of(peek: &Peek) -> Self {
        Self {
            bytes: peek.bytes as u64,
            most: peek.max_output,
            choices: peek.choices,
            tier: peek.tier.clone(),
            silent: false,
        }
    }

    /// Tokens of the prompt, estimated.
    #[must_use]
    pub const fn prompt(&self) -> u64 {
        self.bytes.div_ceil(BYTES_PER_TOKEN)
    }

    /// Tokens of one answer of a target, by what it answered before.
    fn output(&self, pace: &Pace, others: Option<u64>, now: Duration) -> u64 {
        let usual = pace.output(now).or(others).unwrap_or(USUAL);
        usual.min(self.most.unwrap_or(u64::MAX))
    }
}

/// How targets stand for a request.
#[derive(Debug)]
pub struct Outlook {
    /// Each target in its place.
    pub standing: Vec<Standing>,
    /// Tokens of the answer, over all targets.
    pub output: f64,
}

/// How each target stands for a request at a time; `uptime` is the clock of the averages.
#[must_use]
pub fn outlook(targets: &[(Arc<Target>, u32)], size: &Size, at: Timestamp, uptime: Duration) -> Outlook {
    let paces: Vec<Pace> = targets.iter().map(|(target, _)| target.live.pace()).collect();
    let known: Vec<u64> = paces.iter().filter_map(|pace| pace.output(uptime)).collect();
    let others = known.iter().sum::<u64>().checked_div(known.len() as u64);
    let prompt = size.prompt();
    let standing = targets.iter().zip(&paces).map(|((target, weight), pace)| Standing {
        weight: *weight,
        expected: expected(target, size, size.output(pace, others, uptime), at),
        first_byte_ms: pace.first_byte_ms(uptime, prompt),
        tokens_per_second: pace.tokens_per_second(uptime),
        busy: target.live.busy(),
    });
    let output = others.unwrap_or(USUAL).min(size.most.unwrap_or(u64::MAX));
    Outlook { standing: standing.collect(), output: f64::from(u32::try_from(output).unwrap_or(u32::MAX)) }
}

/// What a request is expected to cost at a target whose answer has `output` tokens; `None`: unpriced.
fn expected(target: &Target, size: &Size, output: u64, at: Timestamp) -> Option<Nano> {
    let sheet = target.sheet.as_ref()?;
    let mut usage = Usage::unknown();
    usage.source = Source::Estimated;
    usage.set(Unit::Input, size.prompt());
    if !size.silent {
        usage.set(Unit::Output, output.saturating_mul(size.choices.max(1)));
    }
    let asked = Asked { tier: size.tier.as_deref(), region: target.region.as_deref() };
    cost(&usage, Some(sheet), at, asked, target.provider.config.fee).total()
}
