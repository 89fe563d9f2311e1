//! About how many tokens a text is, where nobody counts it exactly: OpenAI's vocabulary `o200k_base` times a factor of
//! the model's family.
//!
//! Counted aside from the threads that serve, a few texts at a time. Of a long text only the beginning is cut into
//! tokens; the rest is taken to be like it.

use dialect::gist::Gist;
use tokio::sync::Semaphore;

use crate::tasks::Tasks;

/// Bytes of a text that are cut into tokens.
const MOST: usize = 256 << 10;
/// Texts that are counted at once.
const AT_ONCE: usize = 2;
/// Bytes that make a token where the vocabulary cannot be read.
const BYTES_PER_TOKEN: u64 = 4;

static PLACES: Semaphore = Semaphore::const_new(AT_ONCE);

/// How a family of models counts otherwise than OpenAI's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Family {
    /// Tokens of a text for 100 of `o200k_base`.
    percent: u64,
    /// Tokens of the instructions that stand before any tools.
    tools: u64,
    /// Tokens of a picture.
    media: u64,
}

/// The family of a model. The figures are those of recorded requests and what their providers reported of them.
fn family(model: &str) -> Family {
    let model = model.to_ascii_lowercase();
    if model.contains("claude") {
        Family { percent: 115, tools: 480, media: 1_000 }
    } else if model.contains("gemini") {
        Family { percent: 105, tools: 0, media: 258 }
    } else {
        Family { percent: 100, tools: 0, media: 800 }
    }
}

/// About how many tokens it is for a model.
pub async fn count(tasks: &Tasks, gist: Gist, model: &str) -> u64 {
    let family = family(model);
    // Never closed: an error would be no reason not to count.
    let _place = PLACES.acquire().await.ok();
    let fallback = (gist.text.len() as u64).div_ceil(BYTES_PER_TOKEN) + gist.beside;
    tasks.aside("tokens", move || of(&gist, family)).await.unwrap_or(fallback)
}

fn of(gist: &Gist, family: Family) -> u64 {
    let text = gist.text.as_str();
    let begin = text.get(..text.floor_char_boundary(MOST)).unwrap_or(text);
    let tokens = match tiktoken::get_encoding("o200k_base") {
        Some(vocabulary) => vocabulary.count(begin) as u64,
        None => (begin.len() as u64).div_ceil(BYTES_PER_TOKEN),
    };
    let (all, read) = (text.len() as u64, begin.len().max(1) as u64);
    let tokens = if all > read { tokens.saturating_mul(all) / read } else { tokens };
    let tools = if gist.tools > 0 { family.tools } else { 0 };
    let media = gist.media.saturating_mul(family.media);
    (tokens.saturating_mul(family.percent) / 100)
        .saturating_add(gist.beside)
        .saturating_add(tools)
        .saturating_add(media)
}

#[cfg(test)]
mod tests;
