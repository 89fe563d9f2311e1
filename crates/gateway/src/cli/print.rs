//! What commands say: data on standard output, words for people on standard error. The one place that prints.

use std::io::{IsTerminal as _, Write as _};

use comfy_table::presets::NOTHING;
use comfy_table::{Attribute, Cell, ContentArrangement, Table};

/// Data, as it is.
pub fn data(text: &str) {
    // A reader that has gone wants no more.
    let _ = std::io::stdout().write_all(text.as_bytes());
    let _ = std::io::stdout().flush();
}

/// One line of data.
pub fn line(text: &str) {
    data(&format!("{text}\n"));
}

/// Standard output itself, for what draws on it, and whether it is a terminal.
#[must_use]
pub fn screen() -> (std::io::Stdout, bool) {
    let out = std::io::stdout();
    let terminal = out.is_terminal();
    (out, terminal)
}

/// Words for people.
pub fn note(text: &str) {
    let _ = std::io::stderr().write_all(text.as_bytes());
    let _ = std::io::stderr().flush();
}

/// A table of data; the heads are bold on a terminal.
#[must_use]
pub fn table(heads: &[&str], rows: &[Vec<String>]) -> String {
    let mut table = Table::new();
    table.load_style(NOTHING).set_content_arrangement(ContentArrangement::Disabled);
    let bold = std::io::stdout().is_terminal();
    table.set_header(heads.iter().map(|head| {
        let cell = Cell::new(head);
        if bold { cell.add_attribute(Attribute::Bold) } else { cell }
    }));
    for row in rows {
        table.add_row(row);
    }
    let text = table.to_string();
    let lines = text.lines().map(|line| line.strip_prefix(' ').unwrap_or(line).trim_end());
    lines.fold(String::new(), |all, line| all + line + "\n")
}
