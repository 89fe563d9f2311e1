//! Arguments that come in pieces by path (Vertex, `streamFunctionCallArguments`): `{"jsonPath":"$.a[0].b",
//! "stringValue":"…"}`, put together as one object.

use wire::json::{Json, Writer};

use super::member::get;

/// Deepest path, and so the deepest nesting.
const MAX_STEPS: usize = 32;
/// Most values that one call's pieces may make.
const MAX_NODES: usize = 10_000;

/// A value under construction.
#[derive(Debug)]
enum Node {
    Object(Vec<(String, Node)>),
    Array(Vec<Node>),
    Text(String),
    Raw(String),
}

/// The arguments so far.
#[derive(Debug, Default)]
pub(super) struct Partial {
    root: Option<Node>,
    nodes: usize,
}

#[derive(Debug)]
enum Step {
    Key(String),
    Item(usize),
}

impl Partial {
    /// Takes one piece of `partialArgs`; false where it cannot be placed.
    pub(super) fn take(&mut self, piece: Json<'_>) -> bool {
        let path = get(piece, "jsonPath").and_then(Json::as_str).unwrap_or_default();
        let Some(steps) = steps(&path) else { return false };
        let mut node = self.root.get_or_insert_with(|| Node::Object(Vec::new()));
        for step in steps {
            self.nodes += 1;
            if self.nodes > MAX_NODES {
                return false;
            }
            node = match below(node, step) {
                Some(node) => node,
                None => return false,
            };
        }
        for (key, value) in piece.members() {
            match &*super::member::camel(key) {
                "stringValue" => {
                    let more = value.as_str().unwrap_or_default();
                    if let Node::Text(text) = node {
                        text.push_str(&more);
                    } else {
                        *node = Node::Text(more.into_owned());
                    }
                }
                "numberValue" | "boolValue" => *node = Node::Raw(value.raw().to_owned()),
                "nullValue" => *node = Node::Raw("null".to_owned()),
                _ => {}
            }
        }
        true
    }

    /// The object as JSON text.
    pub(super) fn finish(self) -> String {
        let mut json = Writer::new();
        write(&self.root.unwrap_or(Node::Object(Vec::new())), &mut json);
        json.finish()
    }
}

/// The value of a step below another, made where it is new. An item's number may be the next one at most.
fn below(node: &mut Node, step: Step) -> Option<&mut Node> {
    match step {
        Step::Key(key) => {
            if !matches!(node, Node::Object(_)) {
                *node = Node::Object(Vec::new());
            }
            let Node::Object(members) = node else { return None };
            let place = members.iter().position(|(name, _)| *name == key).unwrap_or_else(|| {
                members.push((key, Node::Raw("null".to_owned())));
                members.len() - 1
            });
            members.get_mut(place).map(|(_, node)| node)
        }
        Step::Item(index) => {
            if !matches!(node, Node::Array(_)) {
                *node = Node::Array(Vec::new());
            }
            let Node::Array(items) = node else { return None };
            if index == items.len() {
                items.push(Node::Raw("null".to_owned()));
            }
            items.get_mut(index)
        }
    }
}

/// The steps of `$.a.b[0]` or `$['a'][0]`.
fn steps(path: &str) -> Option<Vec<Step>> {
    let mut rest = path.strip_prefix('$')?;
    let mut steps = Vec::new();
    while !rest.is_empty() {
        if steps.len() == MAX_STEPS {
            return None;
        }
        if let Some(key) = rest.strip_prefix('.') {
            let end = key.find(['.', '[']).unwrap_or(key.len());
            let (key, behind) = key.split_at_checked(end)?;
            steps.push(Step::Key(key.to_owned()));
            rest = behind;
        } else {
            let (inside, behind) = rest.strip_prefix('[')?.split_once(']')?;
            let quoted = |mark: char| inside.strip_prefix(mark).and_then(|key| key.strip_suffix(mark));
            steps.push(match quoted('\'').or_else(|| quoted('"')) {
                Some(key) => Step::Key(key.to_owned()),
                None => Step::Item(inside.parse().ok()?),
            });
            rest = behind;
        }
    }
    Some(steps)
}

fn write(node: &Node, json: &mut Writer) {
    match node {
        Node::Object(members) => {
            json.object(|json| members.iter().for_each(|(key, node)| write(node, json.key(key))));
        }
        Node::Array(items) => {
            json.array(|json| items.iter().for_each(|node| write(node, json)));
        }
        Node::Text(text) => _ = json.str(text),
        Node::Raw(raw) => _ = json.raw(raw),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::expect_used, clippy::allow_attributes, reason = "tests")]
    use super::*;

    fn check(pieces: &[&str], expected: &str, placed: bool) {
        let mut partial = Partial::default();
        let all = pieces.iter().all(|piece| partial.take(Json::parse(piece).expect("JSON")));
        assert_eq!((partial.finish().as_str(), all), (expected, placed), "{pieces:?}");
    }

    #[test]
    fn pieces_are_put_together() {
        check(&[], "{}", true);
        check(
            &[
                r#"{"jsonPath":"$.a","stringValue":"Bos","willContinue":true}"#,
                r#"{"jsonPath":"$.a","stringValue":"ton"}"#,
                r#"{"jsonPath":"$.b.c[0]","numberValue":1e400}"#,
                r#"{"jsonPath":"$.b['c'][1].d","boolValue":true}"#,
                r#"{"jsonPath":"$.n","nullValue":"NULL_VALUE"}"#,
            ],
            r#"{"a":"Boston","b":{"c":[1e400,{"d":true}]},"n":null}"#,
            true,
        );
        check(&[r#"{"jsonPath":"a","stringValue":"x"}"#], "{}", false);
        check(&[r#"{"jsonPath":"$[7]","stringValue":"x"}"#], "[]", false);
        check(&[&format!(r#"{{"jsonPath":"${}"}}"#, "[0]".repeat(99))], "{}", false);
    }
}
