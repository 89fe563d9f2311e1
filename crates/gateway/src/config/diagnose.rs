//! What is wrong with a configuration, where, and what to do about it. Values are never quoted where they
//! could be secrets.

use std::fmt;

use serde::Serialize;

/// A place in the file, from 1; `0:0` when there is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Serialize)]
pub struct At {
    /// The line.
    pub line: u64,
    /// The column, in characters.
    pub column: u64,
}

/// One mistake, or one warning.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Diagnostic {
    /// The file, or what stands for it.
    pub file: String,
    /// Where.
    #[serde(flatten)]
    pub at: At,
    /// What is wrong.
    pub what: String,
    /// What to do about it.
    pub remedy: String,
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.file)?;
        if self.at.line > 0 {
            write!(f, ":{}:{}", self.at.line, self.at.column)?;
        }
        write!(f, ": {}", self.what)?;
        if self.remedy.is_empty() { Ok(()) } else { write!(f, "\n  {}", self.remedy) }
    }
}

/// "did you mean …" when something is near, else what there is.
#[must_use]
pub fn suggest<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> String {
    let known: Vec<&str> = known.into_iter().collect();
    let near = near(name, known.iter().copied());
    match (near.as_slice(), known.len()) {
        ([], 0) => "none is defined".to_owned(),
        ([], 1..=24) => format!("known here: {}", known.join(", ")),
        ([], _) => "see docs/config.md for what is known here".to_owned(),
        (near, _) => format!("did you mean `{}`?", near.join("` or `")),
    }
}

/// Up to three of the known names that a typing mistake could have meant, the nearest first.
#[must_use]
pub fn near<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Vec<&'a str> {
    let wanted = name.to_lowercase();
    let most = (wanted.chars().count() / 3).clamp(1, 3);
    let mut found: Vec<(usize, &str)> = known
        .into_iter()
        .map(|known| (distance(&wanted, &known.to_lowercase()), known))
        .filter(|(distance, _)| *distance <= most)
        .collect();
    found.sort();
    found.dedup();
    found.into_iter().take(3).map(|(_, known)| known).collect()
}

/// Edits between two texts: insert, delete, change, or swap two neighbours.
fn distance(left: &str, right: &str) -> usize {
    let right: Vec<char> = right.chars().collect();
    let mut before: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=right.len()).collect();
    let mut previous: Option<char> = None;
    for (row, from) in left.chars().enumerate() {
        let mut line = Vec::with_capacity(last.len());
        line.push(row.saturating_add(1));
        for (column, to) in right.iter().enumerate() {
            let at = |line: &[usize], column: usize| line.get(column).copied().unwrap_or(usize::MAX);
            let cost = usize::from(from != *to);
            let mut best = at(&last, column).saturating_add(cost);
            best = best.min(at(&last, column.saturating_add(1)).saturating_add(1));
            best = best.min(at(&line, column).saturating_add(1));
            let swapped = column.checked_sub(1).and_then(|before| right.get(before)) == Some(&from)
                && previous == Some(*to)
                && column > 0;
            if swapped {
                best = best.min(at(&before, column.saturating_sub(1)).saturating_add(1));
            }
            line.push(best);
        }
        before = std::mem::replace(&mut last, line);
        previous = Some(from);
    }
    last.last().copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances_count_edits_and_swaps() {
        let check =
            |left: &str, right: &str, expect: usize| assert_eq!(distance(left, right), expect, "{left} {right}");
        check("", "", 0);
        check("", "ab", 2);
        check("ab", "", 2);
        check("models", "model", 1);
        check("opneai", "openai", 1);
        check("kitten", "sitting", 3);
        check("weigth", "weight", 1);
    }

    #[test]
    fn suggestions_are_near_or_all() {
        assert_eq!(suggest("providrs", ["providers", "models"]), "did you mean `providers`?");
        assert_eq!(suggest("zzz", ["providers", "models"]), "known here: providers, models");
        assert_eq!(suggest("zzz", []), "none is defined");
        assert_eq!(near("OpenAI", ["openai", "openrouter"]), ["openai"]);
    }
}
