//! Reading the journal: batches for the store, and one line by id in what is not stored yet.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;
use std::sync::Arc;

use memchr::memmem::Finder;
use policy::port::Position;

use super::core::Core;
use super::segment;

/// How much a search reads at a time, in bytes.
const WINDOW: u64 = 1 << 20;

/// Some whole lines of the journal. Used again for the next read, so that its memory is.
#[derive(Default)]
pub struct Batch {
    text: Vec<u8>,
    ends: Vec<usize>,
    /// Where to read on.
    pub next: Position,
    /// Torn lines that were passed over.
    pub torn: u64,
}

impl std::fmt::Debug for Batch {
    /// Prints no line: they name users.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Batch({} lines, next {:?}, {} torn)", self.ends.len(), self.next, self.torn)
    }
}

impl Batch {
    /// How many lines there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// True when there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// The lines in order without their line feeds; `None` for one that is not UTF-8.
    pub fn lines(&self) -> impl Iterator<Item = Option<&str>> {
        let starts = std::iter::once(0).chain(self.ends.iter().copied());
        starts.zip(&self.ends).map(|(start, end)| std::str::from_utf8(self.text.get(start..end - 1)?).ok())
    }
}

/// A file to read and up to where.
struct Part {
    file: Arc<File>,
    number: u64,
    end: u64,
    current: bool,
}

/// The first file at or after `number`; `None` when there is none yet.
fn part(core: &Core, number: u64) -> io::Result<Option<Part>> {
    let mut at = number;
    loop {
        let written = core.written();
        let Some(found) = core.numbers().range(at..).next().copied() else { return Ok(None) };
        if found > written.file {
            return Ok(None);
        }
        if found == written.file {
            // The lock may be held by a write that hangs, so the file is opened by name first.
            let file = match File::open(segment::path(core.dir(), found)) {
                Ok(file) => Arc::new(file),
                Err(error) => match core.try_segment() {
                    Some(segment) if segment.number == found => Arc::clone(&segment.file),
                    _ => return Err(error),
                },
            };
            return Ok(Some(Part { file, number: found, end: written.offset, current: true }));
        }
        match File::open(segment::path(core.dir(), found)) {
            Ok(file) => {
                let end = file.metadata()?.len();
                return Ok(Some(Part { file: Arc::new(file), number: found, end, current: false }));
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => at = found + 1,
            Err(error) => return Err(error),
        }
    }
}

/// Reads up to `max_lines` lines of about `max_bytes` bytes from a place on; a longer line is read whole.
pub(super) fn read(
    core: &Core,
    from: Position,
    max_lines: usize,
    max_bytes: usize,
    batch: &mut Batch,
) -> io::Result<()> {
    batch.ends.clear();
    batch.next = from;
    batch.torn = 0;
    let mut want = max_bytes.max(1) as u64;
    loop {
        let Some(part) = part(core, batch.next.file)? else { return Ok(()) };
        if part.number != batch.next.file {
            batch.next = Position { file: part.number, offset: 0 };
        }
        let left = part.end.saturating_sub(batch.next.offset);
        if left == 0 {
            if part.current {
                return Ok(());
            }
            batch.next = Position { file: part.number + 1, offset: 0 };
            continue;
        }
        let length = usize::try_from(left.min(want)).unwrap_or(usize::MAX);
        if batch.text.len() < length {
            batch.text.resize(length, 0);
        }
        let Some(text) = batch.text.get_mut(..length) else { return Ok(()) };
        part.file.read_exact_at(text, batch.next.offset)?;
        batch.ends.extend(memchr::memchr_iter(b'\n', text).take(max_lines.max(1)).map(|at| at + 1));
        if let Some(end) = batch.ends.last().copied() {
            batch.next.offset += end as u64;
            return Ok(());
        }
        if left > want {
            want *= 2;
        } else {
            batch.torn += 1;
            batch.next.offset += left;
        }
    }
}

/// The newest line from a place on that contains `needle` and `matches`.
pub(super) fn find(core: &Core, from: Position, needle: &str, matches: impl Fn(&str) -> bool) -> Option<String> {
    let finder = Finder::new(needle);
    let hit = |line: &str| finder.find(line.as_bytes()).is_some() && matches(line);
    if core.queued() > 0
        && let Some(line) = core.queue().find(hit)
    {
        return Some(line);
    }
    let numbers: Vec<u64> = core.numbers().range(from.file..).rev().copied().collect();
    numbers.into_iter().find_map(|number| {
        let part = part(core, number).ok().flatten().filter(|part| part.number == number)?;
        let start = if number == from.file { from.offset } else { 0 };
        find_in(&part, start, &finder, &matches)
    })
}

/// The same in one file, from its end back to `start`.
fn find_in(part: &Part, start: u64, finder: &Finder<'_>, matches: impl Fn(&str) -> bool) -> Option<String> {
    let mut end = part.end;
    let mut window = WINDOW;
    let mut text = Vec::new();
    while end > start {
        let low = end.saturating_sub(window).max(start);
        text.resize(usize::try_from(end - low).ok()?, 0);
        part.file.read_exact_at(&mut text, low).ok()?;
        // The first line of the window may have begun before it.
        let skip = match low == start {
            true => 0,
            false => match memchr::memchr(b'\n', &text) {
                Some(at) if at + 1 < text.len() => at + 1,
                _ => {
                    window *= 2;
                    continue;
                }
            },
        };
        let body = text.get(skip..)?;
        let hits: Vec<usize> = finder.find_iter(body).collect();
        let found = hits.into_iter().rev().find_map(|at| {
            let from = memchr::memrchr(b'\n', body.get(..at)?).map_or(0, |at| at + 1);
            let to = at + memchr::memchr(b'\n', body.get(at..)?)?;
            std::str::from_utf8(body.get(from..to)?).ok().filter(|line| matches(line))
        });
        if let Some(line) = found {
            return Some(line.to_owned());
        }
        end = low + skip as u64;
        window = WINDOW;
    }
    None
}

/// Counts the lines from a place on.
pub(super) fn count(core: &Core, from: Position) -> u64 {
    let numbers: Vec<u64> = core.numbers().range(from.file..).copied().collect();
    let mut lines = 0;
    let mut text = vec![0; usize::try_from(WINDOW).unwrap_or(1)];
    for number in numbers {
        let Ok(Some(part)) = part(core, number) else { continue };
        let mut at = if number == from.file { from.offset } else { 0 };
        while part.number == number && at < part.end {
            let most = usize::try_from(part.end - at).unwrap_or(usize::MAX).min(text.len());
            let Some(window) = text.get_mut(..most) else { break };
            match part.file.read_at(window, at) {
                Ok(count) if count > 0 => {
                    lines += memchr::memchr_iter(b'\n', window.get(..count).unwrap_or_default()).count() as u64;
                    at += count as u64;
                }
                _ => break,
            }
        }
    }
    lines
}
