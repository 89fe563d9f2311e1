//! The file as a tree in which every value knows its place. Bounded: no alias bombs, no endless depth.

use std::fmt;

use serde::de::{Error as _, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_saphyr::{DuplicateKeyPolicy, Spanned};

use super::diagnose::{At, Diagnostic};

/// The longest file that is read, bytes.
const MOST_BYTES: usize = 4 * 1024 * 1024;

/// A value and its place.
pub(super) struct Node {
    pub(super) at: At,
    pub(super) value: Value,
}

/// A value. Numbers keep their shortest text.
pub(super) enum Value {
    Null,
    Bool(bool),
    Number(String),
    Text(String),
    List(Vec<Node>),
    Map(Vec<(Key, Node)>),
}

/// A key of a map and its place.
pub(super) struct Key {
    pub(super) at: At,
    pub(super) text: String,
}

impl Value {
    /// What kind of value it is, for messages: the value itself might be a secret.
    pub(super) const fn kind(&self) -> &'static str {
        match self {
            Self::Null => "nothing",
            Self::Bool(_) => "true or false",
            Self::Number(_) => "a number",
            Self::Text(_) => "a text",
            Self::List(_) => "a list",
            Self::Map(_) => "a map",
        }
    }
}

/// Reads a file. An empty one is an empty map.
pub(super) fn parse(text: &str, file: &str) -> Result<Node, Diagnostic> {
    let refuse = |at: At, what: String, remedy: &str| {
        Err(Diagnostic { file: file.to_owned(), at, what, remedy: remedy.to_owned() })
    };
    if text.len() > MOST_BYTES {
        return refuse(At::default(), format!("the file is longer than {MOST_BYTES} bytes"), "shorten it");
    }
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    if text.lines().all(|line| line.trim_start().is_empty() || line.trim_start().starts_with('#')) {
        return Ok(Node { at: At { line: 1, column: 1 }, value: Value::Map(Vec::new()) });
    }
    let options = serde_saphyr::options! {
        duplicate_keys: DuplicateKeyPolicy::PassThrough,
        strict_booleans: true,
        with_snippet: false,
        budget: serde_saphyr::budget! {
            max_documents: 1,
            max_depth: 64,
            max_nodes: 200_000,
            max_total_scalar_bytes: MOST_BYTES,
        },
        alias_limits: serde_saphyr::alias_limits! {
            max_total_replayed_events: 20_000,
            max_replay_stack_depth: 16,
            max_alias_expansions_per_anchor: 1_000,
        },
    };
    match serde_saphyr::from_str_with_options::<Node>(text, options) {
        // A document with nothing in it, such as `---` alone.
        Ok(Node { at, value: Value::Null }) => Ok(Node { at, value: Value::Map(Vec::new()) }),
        Ok(node) => Ok(node),
        Err(error) => {
            let at = error.location().map(|l| At { line: l.line(), column: l.column() }).unwrap_or_default();
            let remedy = match text.lines().nth(usize::try_from(at.line.saturating_sub(1)).unwrap_or(0)) {
                Some(line) if line.trim_start_matches(' ').starts_with('\t') => "indent with spaces, not tabs",
                Some(line) if line.contains(": ${") => "put the variable in quotes: \"${NAME}\"",
                _ => "the file must be one YAML document; see docs/config.md",
            };
            let what = error.without_snippet().to_string();
            let what = what.lines().next().unwrap_or_default();
            let what = what.split_once(" at line ").map_or(what, |(what, _)| what);
            refuse(at, format!("not YAML that can be read: {what}"), remedy)
        }
    }
}

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let spanned = Spanned::<Value>::deserialize(deserializer)?;
        let at = At { line: spanned.referenced.line(), column: spanned.referenced.column() };
        Ok(Self { at, value: spanned.value })
    }
}

impl<'de> Deserialize<'de> for Key {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let node = Node::deserialize(deserializer)?;
        let text = match node.value {
            Value::Text(text) | Value::Number(text) => text,
            Value::Bool(value) => value.to_string(),
            Value::Null | Value::List(_) | Value::Map(_) => {
                return Err(D::Error::custom("a key must be a plain name"));
            }
        };
        Ok(Self { at: node.at, text })
    }
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ValueVisitor)
    }
}

struct ValueVisitor;

impl<'de> Visitor<'de> for ValueVisitor {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any YAML value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_none<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        Value::deserialize(deserializer)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Number(value.to_string()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::Number(value.to_string()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(Value::Number(value.to_string()))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::Text(value.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element::<Node>()? {
            list.push(item);
        }
        Ok(Value::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        let mut map = Vec::new();
        while let Some(key) = entries.next_key::<Key>()? {
            map.push((key, entries.next_value::<Node>()?));
        }
        Ok(Value::Map(map))
    }
}
