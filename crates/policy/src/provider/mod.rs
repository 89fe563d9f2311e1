//! What is known about each provider before anyone configures it: rows of data, and the URLs they make.

pub mod kept;
pub mod operation;
pub mod row;
pub mod table;
pub mod url;
