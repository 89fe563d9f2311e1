//! Bounds on what is read, in one place.

/// Deepest nesting of arrays and objects in a JSON text.
pub const MAX_DEPTH: usize = 128;

/// Longest single frame of a stream, in bytes: room for an image in base64.
pub const MAX_FRAME: usize = 32 * 1024 * 1024;
