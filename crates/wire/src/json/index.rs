//! Every value of a JSON text, found and checked in one walk; a [`Json`] that has it never scans again.

use super::node::Node;
use super::read::Json;
use super::scan;
use crate::error::JsonError;
use crate::limits::MAX_DEPTH;

/// Room for the nodes of a text, to be used again for the next one.
#[derive(Debug, Clone, Default)]
pub struct Index {
    nodes: Vec<Node>,
    /// The places of containers that are open.
    open: Vec<u32>,
}

/// What a text is walked for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Depth {
    /// All that is in it.
    Whole,
    /// The members of the outermost object alone: there are too many others.
    Members,
}

impl Index {
    /// Most nodes of a text that is indexed whole: 1 MiB. A longer text is read as it is asked for.
    const MOST: usize = 1 << 16;
    /// Most nodes whose room is kept for the next text.
    const KEEP: usize = 4_096;

    /// Checks a text that holds one value and nothing else but white space, and finds all that is in it. The text
    /// is read once; looks at the value afterwards read none of it but what they ask for.
    ///
    /// # Errors
    /// The first byte that is not JSON, or nesting deeper than [`crate::limits::MAX_DEPTH`].
    pub fn read<'a>(&'a mut self, text: &'a str) -> Result<Json<'a>, JsonError> {
        match self.walk(text.as_bytes(), Depth::Whole)? {
            true => Ok(self.again(text)),
            false => Json::parse(text),
        }
    }

    /// The same from bytes.
    ///
    /// # Errors
    /// As [`Index::read`]; also bytes that are not UTF-8.
    pub fn read_bytes<'a>(&'a mut self, bytes: &'a [u8]) -> Result<Json<'a>, JsonError> {
        match std::str::from_utf8(bytes) {
            Ok(text) => self.read(text),
            Err(error) => Err(JsonError::new("not UTF-8", error.valid_up_to())),
        }
    }

    /// Checks a text that holds one object, and finds its members at least.
    pub(super) fn object(&mut self, text: &str) -> Result<(), JsonError> {
        let bytes = text.as_bytes();
        let at = scan::space(bytes, 0);
        match bytes.get(at) {
            Some(b'{') => {}
            None => return Err(JsonError::new("the body is empty", at)),
            Some(_) => return Err(JsonError::new("expected an object", at)),
        }
        if !self.walk(bytes, Depth::Whole)? {
            self.walk(bytes, Depth::Members)?;
        }
        Ok(())
    }

    /// The value of a text that was read into this index last.
    pub(super) fn again<'a>(&'a self, text: &'a str) -> Json<'a> {
        self.at(text, 0)
    }

    /// The value whose node stands at a place.
    pub(super) fn at<'a>(&'a self, text: &'a str, place: usize) -> Json<'a> {
        Json::indexed(text, self.nodes.get(place..).unwrap_or_default())
    }

    pub(super) fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    /// Adds a node without others inside it; returns its end.
    fn leaf(&mut self, start: usize, end: usize, escaped: bool) -> usize {
        self.nodes.push(Node { start: narrow(start), end: narrow(end), nodes: 1, escaped });
        end
    }

    fn string(&mut self, bytes: &[u8], at: usize) -> Result<usize, JsonError> {
        let (end, escaped) = scan::string(bytes, at)?;
        Ok(self.leaf(at, end, escaped))
    }

    /// A member's key and colon; returns where its value starts.
    fn key(&mut self, bytes: &[u8], at: usize) -> Result<usize, JsonError> {
        if bytes.get(at) != Some(&b'"') {
            return Err(JsonError::new("expected a key in quotes", at));
        }
        let end = self.string(bytes, at)?;
        let at = scan::space(bytes, end);
        if bytes.get(at) != Some(&b':') {
            return Err(JsonError::new("expected `:`", at));
        }
        Ok(scan::space(bytes, at + 1))
    }

    /// Checks a text and notes what is in it; false when that is too much.
    fn walk(&mut self, bytes: &[u8], depth: Depth) -> Result<bool, JsonError> {
        if u32::try_from(bytes.len()).is_err() {
            return match depth {
                Depth::Whole => Ok(false),
                Depth::Members => Err(JsonError::new("longer than 4 GiB", 0)),
            };
        }
        self.nodes.clear();
        self.nodes.shrink_to(Self::KEEP);
        self.open.clear();
        // A guess: answers have a value or a key in every sixteen bytes or so, prompts fewer.
        self.nodes.reserve((bytes.len() / 16).clamp(16, 256));
        self.open.reserve(8);
        let end = match self.value(bytes, scan::space(bytes, 0), depth)? {
            Some(end) => end,
            None => return Ok(false),
        };
        let behind = scan::space(bytes, end);
        match behind == bytes.len() {
            true => Ok(true),
            false => Err(JsonError::new("more text behind the value", behind)),
        }
    }

    /// Checks and notes the value that starts at `at`; returns the offset behind it, `None` when there is too much.
    fn value(&mut self, bytes: &[u8], mut at: usize, depth: Depth) -> Result<Option<usize>, JsonError> {
        // One bit per open container: 1 = object, 0 = array.
        let mut objects: u128 = 0;
        loop {
            // A value starts here.
            match bytes.get(at) {
                Some(b'"') => at = self.string(bytes, at)?,
                Some(b'{' | b'[') if depth == Depth::Members && !self.open.is_empty() => {
                    at = self.leaf(at, scan::value_within(bytes, at, self.open.len())?, false);
                }
                Some(opening @ (b'{' | b'[')) => {
                    if self.open.len() >= MAX_DEPTH {
                        return Err(JsonError::new("nested too deeply", at));
                    }
                    let object = *opening == b'{';
                    self.open.push(narrow(self.nodes.len()));
                    objects = (objects << 1) | u128::from(object);
                    self.leaf(at, at, false);
                    at = scan::space(bytes, at + 1);
                    match (object, bytes.get(at)) {
                        // The container is empty: it is closed below.
                        (true, Some(b'}')) | (false, Some(b']')) => {}
                        (true, _) => {
                            at = self.key(bytes, at)?;
                            continue;
                        }
                        (false, _) => continue,
                    }
                }
                _ => {
                    let end = scan::plain(bytes, at)?;
                    at = self.leaf(at, end, false);
                }
            }
            if self.nodes.len() > Self::MOST && depth == Depth::Whole {
                return Ok(None);
            }
            // A value ended here: close containers until another one must start.
            loop {
                let Some(place) = self.open.last().copied() else { return Ok(Some(at)) };
                let object = objects & 1 == 1;
                at = scan::space(bytes, at);
                match (object, bytes.get(at)) {
                    (true, Some(b',')) => {
                        at = self.key(bytes, scan::space(bytes, at + 1))?;
                        break;
                    }
                    (false, Some(b',')) => {
                        at = scan::space(bytes, at + 1);
                        break;
                    }
                    (true, Some(b'}')) | (false, Some(b']')) => {
                        at += 1;
                        objects >>= 1;
                        self.open.pop();
                        let all = narrow(self.nodes.len());
                        if let Some(node) = self.nodes.get_mut(place as usize) {
                            (node.end, node.nodes) = (narrow(at), all - place);
                        }
                    }
                    (_, None) => return Err(JsonError::new("unexpected end", at)),
                    (true, Some(_)) => return Err(JsonError::new("expected `,` or `}`", at)),
                    (false, Some(_)) => return Err(JsonError::new("expected `,` or `]`", at)),
                }
            }
        }
    }
}

/// An offset of a text below 4 GiB; [`Index::walk`] sees to that.
fn narrow(offset: usize) -> u32 {
    u32::try_from(offset).unwrap_or(u32::MAX)
}
