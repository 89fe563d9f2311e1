//! What a translation could not carry: told to the caller and the ledger, never silent.

use std::borrow::Cow;
use std::fmt;

/// In which way something was lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum How {
    /// It is not in the result at all.
    Dropped,
    /// Something near it stands in the result.
    Approximated,
    /// It is there, but a guarantee that came with it is gone.
    Weakened,
}

impl How {
    /// The word in headers and ledger lines.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            How::Dropped => "dropped",
            How::Approximated => "approximated",
            How::Weakened => "weakened",
        }
    }
}

/// One thing that could not come along.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Loss {
    /// In which way.
    pub how: How,
    /// What, in the caller's words where it has a word (`cache_control`, `top_k`, `signature`).
    pub what: Cow<'static, str>,
    /// Where in the request or answer (`messages[0].content[1]`); empty for the whole.
    pub at: String,
}

impl Loss {
    /// Something that is not in the result.
    pub fn dropped(what: impl Into<Cow<'static, str>>, at: impl Into<String>) -> Self {
        Self { how: How::Dropped, what: what.into(), at: at.into() }
    }

    /// Something that the result only comes near to.
    pub fn approximated(what: impl Into<Cow<'static, str>>, at: impl Into<String>) -> Self {
        Self { how: How::Approximated, what: what.into(), at: at.into() }
    }

    /// Something that is there without its guarantee.
    pub fn weakened(what: impl Into<Cow<'static, str>>, at: impl Into<String>) -> Self {
        Self { how: How::Weakened, what: what.into(), at: at.into() }
    }
}

impl fmt::Display for Loss {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.how.name(), self.what)?;
        if !self.at.is_empty() {
            write!(f, " at {}", self.at)?;
        }
        Ok(())
    }
}

/// A value and everything that could not come along with it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Lossy<T> {
    /// What was carried.
    pub value: T,
    /// What was not, in the order it was met.
    pub losses: Vec<Loss>,
}

impl<T> Lossy<T> {
    /// A value that lost nothing.
    pub const fn whole(value: T) -> Self {
        Self { value, losses: Vec::new() }
    }
}
