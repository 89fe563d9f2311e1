//! Where a key or a value stands in a text that was indexed.

/// A key or a value of the text: where it stands, and how many nodes it is.
///
/// Nodes stand in the order of the text: an object is followed by a key, its value, the next key …; an array by
/// its items.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Node {
    /// First byte, the quote of a string.
    pub(super) start: u32,
    /// The byte behind the last.
    pub(super) end: u32,
    /// How many nodes this one and those inside it are.
    pub(super) nodes: u32,
    /// A string that holds an escape.
    pub(super) escaped: bool,
}
