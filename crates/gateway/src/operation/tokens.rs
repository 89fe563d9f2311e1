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

/// About how many tokens it is for a model.
pub async fn count(tasks: &Tasks, gist: Gist, model: &str) -> u64 {
    let percent = percent(model);
    // Never closed: an error would be no reason not to count.
    let _place = PLACES.acquire().await.ok();
    let fallback = (gist.text.len() as u64).div_ceil(BYTES_PER_TOKEN) + gist.beside;
    tasks.aside("tokens", move || of(&gist, percent)).await.unwrap_or(fallback)
}

/// Tokens of a model of that family for 100 of `o200k_base`.
fn percent(model: &str) -> u64 {
    let model = model.to_ascii_lowercase();
    if model.contains("claude") {
        120
    } else if model.contains("gemini") {
        105
    } else {
        100
    }
}

fn of(gist: &Gist, percent: u64) -> u64 {
    let text = gist.text.as_str();
    let begin = text.get(..text.floor_char_boundary(MOST)).unwrap_or(text);
    let tokens = match tiktoken::get_encoding("o200k_base") {
        Some(vocabulary) => vocabulary.count(begin) as u64,
        None => (begin.len() as u64).div_ceil(BYTES_PER_TOKEN),
    };
    let (all, read) = (text.len() as u64, begin.len().max(1) as u64);
    let tokens = if all > read { tokens.saturating_mul(all) / read } else { tokens };
    (tokens.saturating_mul(percent) / 100).saturating_add(gist.beside)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_counted_and_long_ones_taken_to_go_on_as_they_begin() {
        let check = |text: &str, percent, expected| {
            assert_eq!(of(&Gist { text: text.to_owned(), beside: 3 }, percent), expected, "{percent}");
        };
        check("", 100, 3);
        check("Hello, world!", 100, 4 + 3);
        check("Hello, world!", 150, 6 + 3);
        let long = "Hello, world! ".repeat(100_000);
        let tokens = of(&Gist { text: long, beside: 0 }, 100);
        assert!((390_000..=510_000).contains(&tokens), "{tokens}");
        // One character repeated costs the most to cut; cut characters are none.
        assert!(of(&Gist { text: "é".repeat(MOST), beside: 0 }, 100) > 0);
    }

    #[test]
    fn families_differ() {
        for (model, expected) in [("Claude-x", 120), ("google/gemini-3", 105), ("gpt-5", 100), ("", 100)] {
            assert_eq!(percent(model), expected, "{model}");
        }
    }
}
