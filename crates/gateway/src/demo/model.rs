//! The simulated models: how fast, how dear and how reliable each one is.

use std::time::Duration;

use policy::money::Femto;
use policy::price::overrides::{Override, Price};

/// The ids of the simulated models:
/// `fast` answers soon and shortly, `smart` takes its time and says more, `reasoner` thinks before it answers
/// (`reasoning_content`), `flaky` fails three times in ten, `slow` is late, slow and cheap.
pub const MODELS: [&str; 5] = ["fast", "smart", "reasoner", "flaky", "slow"];

/// One simulated model.
#[derive(Debug, Clone, Copy)]
pub(super) struct Model {
    /// Its id.
    pub(super) id: &'static str,
    /// Usual time to the first token.
    pub(super) latency: Duration,
    /// Tokens per second.
    pub(super) pace: u32,
    /// Out of a hundred requests, how many fail.
    pub(super) failing: u64,
    /// It thinks first.
    pub(super) thinks: bool,
    /// How many sentences it adds about the gateway.
    pub(super) talk: usize,
    /// Price in thousandths of a USD per million tokens: prompt, prompt from a cache, completion.
    price: (i128, i128, i128),
}

const MODEL: [Model; 5] = [
    Model { talk: 1, price: (250, 25, 2_000), ..model(0, 120, 150) },
    Model { talk: 4, price: (3_000, 300, 15_000), ..model(1, 400, 90) },
    Model { talk: 2, thinks: true, price: (1_250, 125, 10_000), ..model(2, 300, 120) },
    Model { talk: 1, failing: 30, price: (150, 15, 600), ..model(3, 150, 120) },
    Model { talk: 2, price: (50, 5, 200), ..model(4, 1_500, 25) },
];

const fn model(place: usize, latency_ms: u64, pace: u32) -> Model {
    Model {
        id: MODELS[place],
        latency: Duration::from_millis(latency_ms),
        pace,
        failing: 0,
        thinks: false,
        talk: 0,
        price: (0, 0, 0),
    }
}

/// The model of an id.
pub(super) fn find(id: &str) -> Option<&'static Model> {
    MODEL.iter().find(|model| model.id == id)
}

/// What the simulated models cost, in pretended USD per million tokens.
#[must_use]
pub fn prices() -> Vec<(String, Override)> {
    let price = |thousandths: i128| Some(Price(Femto(thousandths * 1_000_000_000_000)));
    let of = |model: &Model| Override {
        input: price(model.price.0),
        cache_read: price(model.price.1),
        output: price(model.price.2),
        ..Override::default()
    };
    MODEL.iter().map(|model| (model.id.to_owned(), of(model))).collect()
}
