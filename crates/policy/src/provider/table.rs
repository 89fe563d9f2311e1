//! The built-in provider rows, read once from `providers.toml`.

use std::sync::LazyLock;

use serde::Deserialize;

use super::row::Row;

const EMBEDDED: &str = include_str!("../../providers.toml");

static TABLE: LazyLock<Table> = LazyLock::new(|| Table::parse(EMBEDDED).unwrap_or_default());

/// Provider rows in the order in which zero configuration prefers them.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Table {
    #[serde(rename = "row")]
    rows: Vec<Row>,
}

impl Table {
    /// Reads rows and sorts them: vendors, aggregators, gateways, local servers, generic rows, the demo;
    /// inside a kind the order of the text stays.
    ///
    /// # Errors
    /// When the text is not TOML of this shape; says where and what.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut table: Self = toml::from_str(text).map_err(|error| error.to_string())?;
        table.rows.sort_by_key(|row| row.kind);
        Ok(table)
    }

    /// The rows.
    #[must_use]
    pub fn rows(&self) -> &[Row] {
        &self.rows
    }

    /// The row of a name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Row> {
        self.rows.iter().find(|row| row.name == name)
    }
}

/// The built-in table.
#[must_use]
pub fn builtin() -> &'static Table {
    &TABLE
}

#[cfg(test)]
mod tests;
