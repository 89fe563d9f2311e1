//! Shows the sums: a table drawn over on a terminal, a line now and then elsewhere, or JSON.

use std::io::{self, Write};

use comfy_table::{CellAlignment, ContentArrangement, LineStyle, Table, TableStyle};
use policy::money::Nano;
use wire::json::Writer;

use super::call::Finished;
use super::line::Line;
use super::tally::{Last, Tally};

/// Widest line that is drawn, in columns.
const WIDTH: usize = 100;
/// Hides the cursor and turns wrapping off, so that a narrow terminal cuts lines and the redraw stays in place.
const QUIET: &str = "\x1b[?25l\x1b[?7l";
/// Undoes [`QUIET`].
const LOUD: &str = "\x1b[?7h\x1b[?25h";

/// How it is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Style {
    /// A table that is drawn over.
    Live,
    /// A line now and then.
    Lines,
    /// One JSON object for each request.
    Json,
}

/// Where it is shown.
#[derive(Debug)]
pub(super) struct Screen<'a, W> {
    out: &'a mut W,
    style: Style,
    base: &'a str,
    /// Lines of the last drawing.
    drawn: usize,
}

impl<'a, W: Write> Screen<'a, W> {
    /// A screen that shows nothing yet.
    pub(super) fn new(out: &'a mut W, style: Style, base_url: &'a str) -> Self {
        Self { out, style, base: base_url.trim_end_matches('/'), drawn: 0 }
    }

    /// How it is shown.
    pub(super) fn style(&self) -> Style {
        self.style
    }

    /// Begins.
    pub(super) fn open(&mut self) -> io::Result<()> {
        match self.style {
            Style::Live => write!(self.out, "{QUIET}")?,
            Style::Lines => writeln!(self.out, "Simulated traffic at {}. Ctrl-C ends it.", self.base)?,
            Style::Json => {}
        }
        self.out.flush()
    }

    /// Gives the terminal back.
    pub(super) fn close(&mut self) -> io::Result<()> {
        if self.style == Style::Live {
            write!(self.out, "{LOUD}")?;
        }
        self.out.flush()
    }

    /// Shows a request that is over: its ledger line, or why there is none.
    pub(super) fn finished(&mut self, finished: &Finished) -> io::Result<()> {
        if self.style != Style::Json {
            return Ok(());
        }
        match &finished.line {
            Some(line) => {
                self.out.write_all(line.trim_ascii())?;
                writeln!(self.out)?;
            }
            None => writeln!(self.out, "{}", without_line(finished))?,
        }
        self.out.flush()
    }

    /// Shows the sums so far.
    pub(super) fn draw(&mut self, tally: &Tally, ms: u64, open: usize) -> io::Result<()> {
        match self.style {
            Style::Json => return Ok(()),
            Style::Lines => writeln!(self.out, "{}", short(tally, ms, open))?,
            Style::Live => {
                let frame = frame(tally, self.base, ms, Some(open));
                self.over(&frame)?;
            }
        }
        self.out.flush()
    }

    /// Shows the sums of all, and what to do next.
    pub(super) fn summary(&mut self, tally: &Tally, ms: u64) -> io::Result<()> {
        if self.style == Style::Json {
            return Ok(());
        }
        let frame = frame(tally, self.base, ms, None);
        self.over(&frame)?;
        self.drawn = 0;
        write!(self.out, "{}", next(tally, self.base))?;
        self.out.flush()
    }

    /// Writes a drawing over the last one.
    fn over(&mut self, frame: &str) -> io::Result<()> {
        if self.style == Style::Live && self.drawn > 0 {
            write!(self.out, "\x1b[{}A\r\x1b[J", self.drawn)?;
        }
        self.drawn = frame.matches('\n').count();
        match frame.split_once('\n') {
            Some((title, rest)) if self.style == Style::Live => write!(self.out, "\x1b[1m{title}\x1b[0m\n{rest}"),
            _ => self.out.write_all(frame.as_bytes()),
        }
    }
}

fn without_line(finished: &Finished) -> String {
    let mut json = Writer::new();
    json.object(|json| {
        json.key("id");
        match &finished.id {
            Some(id) => json.str(id),
            None => json.null(),
        };
        json.key("http");
        match finished.http {
            Some(status) => json.u64(u64::from(status)),
            None => json.null(),
        };
        json.key("status").str("unknown");
        json.key("trouble").str(finished.trouble.as_deref().unwrap_or_default());
    });
    json.finish()
}

/// `1:05`
fn clock(ms: u64) -> String {
    let seconds = ms / 1_000;
    format!("{}:{:02}", seconds / 60, seconds % 60)
}

fn short(tally: &Tally, ms: u64, open: usize) -> String {
    let served = tally.rows.iter().filter(|(_, row)| row.requests > 0);
    let mut served: Vec<(u64, &str)> = served.map(|(target, row)| (row.requests, target.as_str())).collect();
    served.sort_unstable_by(|one, other| other.cmp(one));
    let served: Vec<String> = served.iter().take(3).map(|(requests, target)| format!("{target} {requests}")).collect();
    let (requests, failed) = (tally.requests, tally.failed);
    let head = format!("{:>6}  {requests} requests, {failed} failed, {open} open", clock(ms));
    fit(&format!("{head}  {}  {}", tally.usd.human(), served.join(", ")))
}

/// The whole drawing; `open`: requests under way, while it goes on.
fn frame(tally: &Tally, base: &str, ms: u64, open: Option<usize>) -> String {
    let mut counts = format!("  {} requests  {} failed", tally.requests, tally.failed);
    if tally.unpriced > 0 {
        counts.push_str(&format!("  {} unpriced", tally.unpriced));
    }
    counts.push_str(&open.map_or_else(String::new, |open| format!("  {open} under way")));
    let title = format!(" tollgate demo   {base}   {}", clock(ms));
    let room = WIDTH.saturating_sub(title.chars().count());
    let mut frame = format!("{}\n\n{}\n", fit(&format!("{title}{counts:>room$}")), table(tally));
    let teams = tally.teams.iter().map(|(name, team)| format!("{name} {} ({})", team.usd.human(), team.requests));
    let teams = teams.collect::<Vec<_>>().join("  ");
    frame.push_str(&fit(&format!(" by team   {teams}")));
    frame.push_str("\n\n");
    for last in &tally.last {
        frame.push_str(&fit(&told(last)));
        frame.push('\n');
    }
    frame
}

fn table(tally: &Tally) -> String {
    let mut table = Table::new();
    table.load_style(TableStyle::new().header_separator(LineStyle::none().fill('─').junction('─')));
    table.set_content_arrangement(ContentArrangement::Disabled);
    let head =
        ["served by", "requests", "errors", "fallbacks", "tokens in", "tokens out", "cost USD", "p50 ms", "p95 ms"];
    table.set_header(head);
    let (mut errors, mut fallbacks, mut input, mut output) = (0_u64, 0_u64, 0_u64, 0_u64);
    let mut usd = Nano::ZERO;
    let ms = |ms: Option<u64>| ms.map_or_else(|| "-".to_owned(), |ms| ms.to_string());
    let mut served = 0_u64;
    for (target, row) in &tally.rows {
        served += row.requests;
        errors += row.errors;
        fallbacks += row.fallbacks;
        input = input.saturating_add(row.input);
        output = output.saturating_add(row.output);
        usd = usd.saturating_add(row.usd);
        let numbers = [row.requests, row.errors, row.fallbacks, row.input, row.output].map(|n| n.to_string());
        let mut cells = vec![target.chars().take(18).collect::<String>()];
        cells.extend(numbers);
        cells.extend([row.usd.to_string(), ms(row.percentile(50)), ms(row.percentile(95))]);
        table.add_row(cells);
    }
    let numbers = [served, errors, fallbacks, input, output].map(|n| n.to_string());
    let mut cells = vec!["total".to_owned()];
    cells.extend(numbers);
    cells.extend([usd.to_string(), String::new(), String::new()]);
    table.add_row(cells);
    for (place, column) in table.column_iter_mut().enumerate() {
        column.set_padding((0, 1));
        if place > 0 {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    let table = table.to_string();
    let mut lines: Vec<&str> = table.lines().map(str::trim_end).collect();
    // The line below the head stands above the total, too.
    if let (Some(rule), Some(total)) = (lines.get(1).copied(), lines.pop()) {
        lines.extend([rule, total]);
    }
    lines.iter().map(|line| format!(" {line}\n")).collect()
}

/// One of the last requests in a line.
fn told(last: &Last) -> String {
    let line = match &last.line {
        Ok(line) => line,
        Err(trouble) => return format!(" {:<12} {trouble}", last.who),
    };
    let Line { asked, served, why, error, ms, usd, .. } = line;
    let way = format!("{asked} → {}", served.as_deref().unwrap_or("nobody"));
    let why = match (line.status.as_str(), served) {
        ("ok", _) => why,
        (_, Some(_)) => &line.status,
        (_, None) => error.as_deref().unwrap_or(&line.status),
    };
    let stream = if line.stream { "stream" } else { "" };
    let usd = usd.map_or_else(|| "unpriced".to_owned(), Nano::human);
    let ms = ms.map(|ms| format!("{ms} ms")).unwrap_or_default();
    format!(" {:<12} {way:<30} {why:<26} {ms:>8} {usd:>12} {stream}", last.who)
}

/// Cuts a line to the width.
fn fit(line: &str) -> String {
    line.chars().take(WIDTH).collect::<String>().trim_end().to_owned()
}

/// What to do next.
fn next(tally: &Tally, base: &str) -> String {
    let seen = tally.last.iter().find_map(|last| last.id.as_deref());
    let mut text = String::from("\nNothing was spent: providers, answers and prices were simulated. What next:\n\n");
    if let Some(id) = seen {
        text.push_str("  Every request left a line in the ledger. While the demo runs, read one, such as the last:\n");
        text.push_str(&format!("    curl {base}/v1/requests/{id}\n\n"));
    }
    text.push_str(
        "  Ask a simulated model yourself, without any key:\n    tollgate &\n    curl http://127.0.0.1:4000/v1/chat/completions \
         -H 'content-type: application/json' \\\n      -d '{\"model\":\"demo/fast\",\"messages\":[{\"role\":\"user\",\
         \"content\":\"Hello\"}]}'\n\n  Ask a real one: set OPENAI_API_KEY or ANTHROPIC_API_KEY (or another provider's \
         variable)\n  and start `tollgate`; models are then asked for as openai/… and anthropic/….\n",
    );
    text
}

#[cfg(test)]
mod tests;
