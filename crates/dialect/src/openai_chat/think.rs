//! Reasoning inside the text, between tags at its start: `<think>…</think>`, cut anywhere.

/// The tags that servers use.
const TAGS: [(&str, &str); 2] = [("<think>", "</think>"), ("<reasoning>", "</reasoning>")];

/// A piece of text that is one or the other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Piece {
    Reasoning(String),
    Text(String),
}

/// Splits text as it comes.
#[derive(Debug, Default)]
pub(super) struct Think {
    state: State,
    /// Text that may be the start of a tag.
    held: String,
}

#[derive(Debug, Default, Clone, Copy)]
enum State {
    #[default]
    Start,
    /// Behind the opening tag; line feeds are skipped.
    Opened(&'static str),
    /// Inside; waiting for this closing tag.
    Inside(&'static str),
    /// Behind the closing tag; white space is skipped.
    Behind,
    Text,
}

impl Think {
    /// Takes more text.
    pub(super) fn push(&mut self, text: &str, out: &mut Vec<Piece>) {
        self.held.push_str(text);
        loop {
            match self.state {
                State::Start => {
                    let begun = self.held.trim_start();
                    if let Some((open, close)) = TAGS.iter().find(|(open, _)| begun.starts_with(open)) {
                        self.held = begun.get(open.len()..).unwrap_or_default().to_owned();
                        self.state = State::Opened(close);
                    } else if TAGS.iter().any(|(open, _)| open.starts_with(begun)) {
                        return;
                    } else {
                        self.state = State::Text;
                    }
                }
                State::Opened(close) => {
                    self.held = self.held.trim_start_matches('\n').to_owned();
                    if self.held.is_empty() {
                        return;
                    }
                    self.state = State::Inside(close);
                }
                State::Inside(close) => match self.held.split_once(close) {
                    Some((inside, behind)) => {
                        let (inside, behind) = (inside.to_owned(), behind.to_owned());
                        give(inside, Piece::Reasoning, out);
                        self.held = behind;
                        self.state = State::Behind;
                    }
                    None => {
                        let keep = overlap(&self.held, close);
                        let rest = self.held.split_off(self.held.len() - keep);
                        give(std::mem::replace(&mut self.held, rest), Piece::Reasoning, out);
                        return;
                    }
                },
                State::Behind => {
                    self.held = self.held.trim_start().to_owned();
                    if self.held.is_empty() {
                        return;
                    }
                    self.state = State::Text;
                }
                State::Text => return give(std::mem::take(&mut self.held), Piece::Text, out),
            }
        }
    }

    /// The text ended: what was held is what it looks like.
    pub(super) fn finish(&mut self, out: &mut Vec<Piece>) {
        let held = std::mem::take(&mut self.held);
        match self.state {
            State::Opened(_) | State::Inside(_) => give(held, Piece::Reasoning, out),
            State::Start | State::Behind | State::Text => give(held, Piece::Text, out),
        }
        self.state = State::Text;
    }
}

fn give(text: String, piece: fn(String) -> Piece, out: &mut Vec<Piece>) {
    if !text.is_empty() {
        out.push(piece(text));
    }
}

/// Length of the longest end of `text` that begins `tag`. Tags are ASCII, so it is a char boundary.
fn overlap(text: &str, tag: &str) -> usize {
    (1..tag.len()).rev().find(|len| tag.get(..*len).is_some_and(|start| text.ends_with(start))).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn split(pieces: &[&str]) -> (String, String) {
        let (mut think, mut out) = (Think::default(), Vec::new());
        for piece in pieces {
            think.push(piece, &mut out);
        }
        think.finish(&mut out);
        let mut both = (String::new(), String::new());
        for piece in out {
            match piece {
                Piece::Reasoning(text) => both.0.push_str(&text),
                Piece::Text(text) => both.1.push_str(&text),
            }
        }
        both
    }

    #[test]
    fn tags_are_found_however_they_are_cut() {
        for (text, reasoning, rest) in [
            ("<think>\na < b</think>\n\nyes", "a < b", "yes"),
            ("  <think>a</think>b</think>", "a", "b</think>"),
            ("<reasoning>a</reasoning>b", "a", "b"),
            ("no <think>tag</think>", "", "no <think>tag</think>"),
            ("<thin", "", "<thin"),
            ("<think>never ends</thi", "never ends</thi", ""),
            ("", "", ""),
        ] {
            let expected = (reasoning.to_owned(), rest.to_owned());
            assert_eq!(split(&[text]), expected, "{text}");
            let chars: Vec<String> = text.chars().map(String::from).collect();
            let chars: Vec<&str> = chars.iter().map(String::as_str).collect();
            assert_eq!(split(&chars), expected, "{text}");
        }
    }
}
