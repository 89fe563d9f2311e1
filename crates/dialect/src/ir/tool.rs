//! Tool definitions and choice; schemas stay the JSON text they came in, key order kept.

use super::foreign::{Foreign, Raw};
use super::part::CacheMark;
use crate::id::DialectId;

/// A tool the model may call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Tool {
    /// A function of the client's.
    Function(Function),
    /// A tool that runs at the provider, or of a kind only its own dialect knows.
    Foreign {
        /// Whose word it is.
        dialect: DialectId,
        /// Its `type`.
        kind: String,
        /// The whole definition.
        raw: Raw,
    },
}

/// A function of the client's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Function {
    /// Its name.
    pub name: String,
    /// What it does.
    pub description: Option<String>,
    /// JSON Schema of its arguments.
    pub schema: Option<Raw>,
    /// Arguments must follow the schema exactly.
    pub strict: Option<bool>,
    /// A prompt-cache mark on it.
    pub cache: Option<CacheMark>,
    /// Members beyond what the IR knows.
    pub foreign: Foreign,
}

/// Which tools the model is to call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ToolChoice {
    /// The model decides.
    Auto,
    /// It must call some tool.
    Any,
    /// It must call none.
    None,
    /// It must call this one.
    Named(String),
    /// Only these may be called.
    Allowed {
        /// It must call one of them.
        required: bool,
        /// Their names.
        names: Vec<String>,
    },
}
