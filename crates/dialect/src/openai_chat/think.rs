//! Reasoning inside the text: `<think>…</think>` (or `<reasoning>…`) at its start, cut anywhere.

/// The tags that servers use.
const TAGS: [(&str, &str); 2] = [("<think>", "</think>"), ("<reasoning>", "</reasoning>")];

/// A piece of what a text says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Piece {
    /// Reasoning.
    Thought(String),
    /// Text.
    Said(String),
}

/// Divides one text that comes in pieces. What it says does not depend on how the text was cut.
#[derive(Debug, Clone, Default)]
pub(super) struct Think {
    state: State,
    /// What may be the begin of a tag, or blanks that belong to one.
    held: String,
}

#[derive(Debug, Clone, Copy, Default)]
enum State {
    /// Nothing but blanks so far.
    #[default]
    Start,
    /// Behind an opening tag; waits for this closing one.
    Inside(&'static str),
    /// Behind the closing tag; blanks are skipped.
    Behind,
    Plain,
}

impl Think {
    /// Takes the next piece of text and appends what it says for sure.
    pub(super) fn push(&mut self, text: &str, out: &mut Vec<Piece>) {
        self.held.push_str(text);
        loop {
            match self.state {
                State::Start => {
                    let begun = self.held.trim_start();
                    if let Some((open, close)) = TAGS.into_iter().find(|(open, _)| begun.starts_with(open)) {
                        self.held = begun.strip_prefix(open).unwrap_or_default().to_owned();
                        self.state = State::Inside(close);
                    } else if TAGS.into_iter().any(|(open, _)| open.starts_with(begun)) {
                        return;
                    } else {
                        self.state = State::Plain;
                    }
                }
                State::Inside(close) => match self.held.find(close) {
                    Some(at) => {
                        let behind = self.held.split_off(at);
                        give(std::mem::take(&mut self.held), Piece::Thought, out);
                        self.held = behind.strip_prefix(close).unwrap_or_default().to_owned();
                        self.state = State::Behind;
                    }
                    None => {
                        let kept = self.held.split_off(self.held.len() - overlap(&self.held, close));
                        give(std::mem::replace(&mut self.held, kept), Piece::Thought, out);
                        return;
                    }
                },
                State::Behind => {
                    self.held = self.held.trim_start().to_owned();
                    if self.held.is_empty() {
                        return;
                    }
                    self.state = State::Plain;
                }
                State::Plain => return give(std::mem::take(&mut self.held), Piece::Said, out),
            }
        }
    }

    /// The text ended: appends what was held.
    pub(super) fn finish(&mut self, out: &mut Vec<Piece>) {
        let held = std::mem::take(&mut self.held);
        match self.state {
            State::Inside(_) => give(held, Piece::Thought, out),
            State::Start | State::Plain => give(held, Piece::Said, out),
            State::Behind => {}
        }
        self.state = State::Plain;
    }
}

fn give(text: String, kind: fn(String) -> Piece, out: &mut Vec<Piece>) {
    if !text.is_empty() {
        out.push(kind(text));
    }
}

/// How many bytes at the end of `text` may be the begin of `tag` (which is ASCII).
fn overlap(text: &str, tag: &str) -> usize {
    (1..tag.len()).rev().find(|len| tag.get(..*len).is_some_and(|begin| text.ends_with(begin))).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Thought and text of a text cut into pieces of a size.
    fn divided(text: &str, size: usize) -> (String, String) {
        let mut think = Think::default();
        let mut out = Vec::new();
        let chars: Vec<char> = text.chars().collect();
        for piece in chars.chunks(size) {
            think.push(&piece.iter().collect::<String>(), &mut out);
        }
        think.finish(&mut out);
        let (mut thought, mut said) = (String::new(), String::new());
        for piece in out {
            match piece {
                Piece::Thought(text) => thought.push_str(&text),
                Piece::Said(text) => said.push_str(&text),
            }
        }
        (thought, said)
    }

    #[test]
    fn tags_count_at_the_start_only_and_however_they_are_cut() {
        let table = [
            ("<think>a<b</think>\n\nc", "a<b", "c"),
            ("\n<think>\nhé</think>x</think>", "\nhé", "x</think>"),
            ("<reasoning>r</reasoning>t", "r", "t"),
            ("<think>never closed </thi", "never closed </thi", ""),
            ("no <think>a</think>", "", "no <think>a</think>"),
            ("<thing>", "", "<thing>"),
            ("<thi", "", "<thi"),
            ("  ", "", "  "),
            ("", "", ""),
        ];
        for (text, thought, said) in table {
            for size in 1..12 {
                assert_eq!(divided(text, size), (thought.to_owned(), said.to_owned()), "{text} by {size}");
            }
        }
    }
}
