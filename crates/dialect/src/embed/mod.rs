//! Embeddings between OpenAI's form and Google's: what is asked, and the vectors that come back.
//!
//! Sources: OpenAI's `/v1/embeddings`, Google's `embedContent` and `batchEmbedContents`.

pub mod gemini;
pub mod openai;
pub mod vector;

use crate::ir::foreign::Raw;

/// One text to embed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Input {
    /// A text.
    Text(String),
    /// Token ids of OpenAI's vocabulary, as they came.
    Tokens(Raw),
}

/// What is asked.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Embed {
    /// The texts.
    pub inputs: Vec<Input>,
    /// How many numbers a vector is to have.
    pub dimensions: Option<u64>,
    /// How OpenAI's callers want vectors.
    pub encoding: vector::Encoding,
    /// Google's `taskType`.
    pub task: Option<String>,
    /// Google's `title`.
    pub title: Option<String>,
}

impl Embed {
    /// The texts that are texts.
    pub fn texts(&self) -> impl Iterator<Item = &str> {
        self.inputs.iter().filter_map(|input| match input {
            Input::Text(text) => Some(text.as_str()),
            Input::Tokens(_) => None,
        })
    }
}

/// What came back: one vector each, and the tokens that the provider reports, `None` where it does not.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Embedded {
    /// Vectors in the order of the inputs, each a JSON array of numbers as they came.
    pub vectors: Vec<Raw>,
    /// Tokens read.
    pub tokens: Option<u64>,
}

#[cfg(test)]
mod tests;
