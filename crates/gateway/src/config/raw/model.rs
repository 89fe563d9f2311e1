//! Names under `models:` as they are written.

use schemars::JsonSchema;

use super::super::read::{Read, Reader, Spot, choice, section};
use super::super::tree::{Node, Value};
use super::super::units::{Count, Time};
use super::{Cache, Later, Timeouts};

choice!(
    /// How the first target is chosen.
    Choose {
        /// In the order of the list.
        Priority = "priority",
        /// By chance, in proportion to the weights.
        Weighted = "weighted",
        /// Not built yet.
        Cheapest = "cheapest",
        /// Not built yet.
        Fastest = "fastest",
        /// Not built yet.
        LeastBusy = "least_busy",
    }
);

choice!(
    /// What to do with what a dialect cannot carry.
    Losses {
        /// Say so in a header and in the ledger.
        Report = "report",
        /// Refuse the request.
        Reject = "reject",
    }
);

section!(
    /// A name that clients may ask for.
    Model {
        /// How the first target is chosen. Default: priority.
        choose: Choose,
        /// Where it goes: `provider/model`; `*` in the model stands for the name asked for.
        targets: Vec<Spot<Target>>,
        /// How often it is tried.
        retry: Retry,
        /// Where it goes when no target is left.
        fallback: Vec<Spot<Target>>,
        /// Over the providers' time-outs.
        timeouts: Timeouts,
        /// What the targets are asked to keep: those that are known to miss it come last, where figures choose.
        slo: Slo,
        /// A second request when the first is slow: not built yet. Default: off.
        hedge: Later,
        /// Going on with a broken stream elsewhere: not built yet. Default: off.
        rescue: Later,
        /// Marking prompts for caching: not built yet. Default: off.
        prompt_cache: Later,
        /// What to do with what a dialect cannot carry. Default: report.
        losses: Losses,
        /// The reply cache of this model; only `{ mode: off }`.
        cache: Cache,
    }
);

section!(
    /// What targets are asked to keep.
    Slo {
        /// Time to the first content, at most.
        first_byte: Time,
        /// Tokens a second, at least.
        tokens_per_second: Count,
    }
);

section!(
    /// How often a request is tried.
    Retry {
        /// Tries in all, over targets, their keys and fallbacks. Default: 3.
        attempts: Count,
    }
);

section!(
    /// A target and its weight.
    WeightedTarget {
        /// `provider/model`.
        model: String,
        /// Its share under `choose: weighted` and `least_busy`. Default: 1.
        weight: Count,
    }
);

/// A target: `provider/model`, or a map with a weight.
#[derive(Debug, JsonSchema)]
#[schemars(untagged)]
pub(in crate::config) enum Target {
    /// `provider/model`.
    Model(String),
    /// With a weight.
    Weighted(WeightedTarget),
}

impl Read for Target {
    fn read(node: &Node, reader: &mut Reader<'_>) -> Option<Self> {
        match node.value {
            Value::Map(_) => WeightedTarget::read(node, reader).map(Self::Weighted),
            _ => String::read(node, reader).map(Self::Model),
        }
    }
}
