//! The traffic generator of `tollgate demo`.
