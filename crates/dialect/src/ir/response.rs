//! One whole answer.

use super::finish::Finish;
use super::part::Part;
use crate::usage::Usage;

/// One of the answers asked for.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Choice {
    /// What it says, in order.
    pub parts: Vec<Part>,
    /// Why it ended.
    pub finish: Option<Finish>,
}

/// One whole answer.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Response {
    /// The provider's id; empty where it gave none.
    pub id: String,
    /// The model the provider says it used; empty where it does not say.
    pub model: String,
    /// Unix time in seconds, where the provider says.
    pub created: Option<u64>,
    /// The answers, by index.
    pub choices: Vec<Choice>,
    /// What was used.
    pub usage: Usage,
}
