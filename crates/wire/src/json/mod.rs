//! JSON as spans of the text it came in: read lazily, edited in place, never re-serialised.

mod document;
mod edit;
mod index;
mod node;
mod read;
mod scan;
mod text;
mod write;

pub use document::Document;
pub use edit::{Edit, Step};
pub use index::Index;
pub use read::{Items, Json, Kind, Members};
pub use text::{Joiner, Text, quote, unescape};
pub use write::Writer;
