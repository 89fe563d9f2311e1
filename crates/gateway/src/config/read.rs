//! From the tree to sections of known fields. Never stops at a mistake: each is noted and the field left out.

use std::borrow::Cow;
use std::path::{Path, PathBuf};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

use super::diagnose::{At, Diagnostic, suggest};
use super::env::{Env, Unfilled, interpolate};
use super::secret::Secret;
use super::tree::{Key, Node, Value};

/// What reading needs and what it finds wrong.
pub(super) struct Reader<'a> {
    pub(super) env: &'a dyn Env,
    pub(super) file: &'a str,
    pub(super) problems: Vec<Diagnostic>,
    pub(super) warnings: Vec<Diagnostic>,
}

impl<'a> Reader<'a> {
    pub(super) fn new(env: &'a dyn Env, file: &'a str) -> Self {
        Self { env, file, problems: Vec::new(), warnings: Vec::new() }
    }

    /// Notes a mistake.
    pub(super) fn problem(&mut self, at: At, what: impl Into<String>, remedy: impl Into<String>) {
        let found = Diagnostic { file: self.file.to_owned(), at, what: what.into(), remedy: remedy.into() };
        self.problems.push(found);
    }

    /// Notes what is allowed but hardly meant.
    pub(super) fn warning(&mut self, at: At, what: impl Into<String>, remedy: impl Into<String>) {
        let found = Diagnostic { file: self.file.to_owned(), at, what: what.into(), remedy: remedy.into() };
        self.warnings.push(found);
    }

    /// The entries of a map, each key once.
    pub(super) fn entries<'n>(&mut self, node: &'n Node, wanted: &str) -> Option<Vec<(&'n Key, &'n Node)>> {
        let Value::Map(map) = &node.value else {
            self.problem(node.at, format!("{wanted} must be a map, not {}", node.value.kind()), "write `key: value`");
            return None;
        };
        let mut entries: Vec<(&Key, &Node)> = Vec::with_capacity(map.len());
        for (key, value) in map {
            match entries.iter().find(|(known, _)| known.text == key.text) {
                Some((first, _)) => {
                    let what = format!("`{}` is given twice", key.text);
                    let remedy = format!("remove one; the first is on line {}", first.at.line);
                    self.problem(key.at, what, remedy);
                }
                None => entries.push((key, value)),
            }
        }
        Some(entries)
    }

    /// A field's value; `None` for `null` and for a mistake.
    pub(super) fn field<T: Read>(&mut self, node: &Node) -> Option<Spot<T>> {
        if matches!(node.value, Value::Null) {
            return None;
        }
        T::read(node, self).map(|value| Spot { at: node.at, value })
    }

    /// A key that is not known.
    pub(super) fn unknown(&mut self, key: &Key, known: &[&str]) {
        let known = known.iter().map(|name| name.trim_start_matches("r#"));
        self.problem(key.at, format!("unknown field `{}`", key.text), suggest(&key.text, known));
    }

    /// A scalar's text with variables filled in.
    pub(super) fn text(&mut self, node: &Node) -> Option<String> {
        match &node.value {
            Value::Text(text) => self.fill(node.at, text),
            Value::Number(text) => Some(text.clone()),
            Value::Bool(value) => Some(value.to_string()),
            other @ (Value::Null | Value::List(_) | Value::Map(_)) => {
                let what = format!("one value is wanted here, not {}", other.kind());
                self.problem(node.at, what, "write it on one line, in quotes when it holds special characters");
                None
            }
        }
    }

    /// One of some words.
    pub(super) fn choice<T: Copy>(&mut self, node: &Node, choices: &[(&str, T)]) -> Option<T> {
        let text = self.text(node)?;
        let found = choices.iter().find(|(word, _)| *word == text).map(|(_, value)| *value);
        if found.is_none() {
            let remedy = suggest(&text, choices.iter().map(|(word, _)| *word));
            self.problem(node.at, format!("`{text}` is not one of the choices"), remedy);
        }
        found
    }

    fn fill(&mut self, at: At, text: &str) -> Option<String> {
        match interpolate(text, self.env) {
            Ok(filled) => Some(filled),
            Err(Unfilled::Unset(name)) => {
                let what = format!("the environment variable `{name}` is not set");
                self.problem(at, what, format!("set it, or give a default: ${{{name}:-default}}"));
                None
            }
            Err(Unfilled::Malformed) => {
                let remedy = "write ${NAME} or ${NAME:-default}; a plain `${` is `$${`";
                self.problem(at, "`${` without a variable's name and `}`", remedy);
                None
            }
        }
    }

    /// A secret: a text with variables filled in, or the contents of `file:/path`.
    fn secret(&mut self, node: &Node) -> Option<Secret> {
        let Value::Text(written) = &node.value else {
            let what = format!("a secret must be a text, not {}", node.value.kind());
            self.problem(node.at, what, "put it in quotes, or write \"${VARIABLE}\" or \"file:/path\"");
            return None;
        };
        let text = self.fill(node.at, written)?;
        // Only what the file itself says names another file: a variable's value is a secret, not a path.
        let Some(path) = written.strip_prefix("file:").and(text.strip_prefix("file:")) else {
            return self.checked_secret(node.at, &text);
        };
        match self.env.file(Path::new(path)) {
            Ok(text) => self.checked_secret(node.at, &text),
            Err(error) => {
                let what = format!("the secret's file `{path}` cannot be read: {error}");
                self.problem(node.at, what, "check the path and its permissions");
                None
            }
        }
    }

    fn checked_secret(&mut self, at: At, text: &str) -> Option<Secret> {
        let text = text.trim();
        if text.is_empty() {
            self.problem(at, "the secret is empty", "check the variable or the file that it comes from");
            return None;
        }
        if !text.chars().all(|c| c.is_ascii_graphic() || c == ' ') {
            let remedy = "a header cannot carry it: look for a line break or a letter beyond ASCII";
            self.problem(at, "the secret holds a character that no key has", remedy);
            return None;
        }
        Some(Secret::new(text))
    }
}

/// A value and where it was written.
#[derive(Debug, Clone)]
pub(super) struct Spot<T> {
    pub(super) at: At,
    pub(super) value: T,
}

impl<T: JsonSchema> JsonSchema for Spot<T> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        T::schema_name()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        generator.subschema_for::<T>()
    }
}

/// What can be read from a node. Mistakes are noted and give `None`.
pub(super) trait Read: Sized {
    fn read(node: &Node, reader: &mut Reader<'_>) -> Option<Self>;
}

impl Read for String {
    fn read(node: &Node, reader: &mut Reader<'_>) -> Option<Self> {
        reader.text(node)
    }
}

impl Read for PathBuf {
    fn read(node: &Node, reader: &mut Reader<'_>) -> Option<Self> {
        let text = reader.text(node)?;
        if text.is_empty() {
            reader.problem(node.at, "the path is empty", "write a path");
            return None;
        }
        Some(text.into())
    }
}

impl Read for bool {
    fn read(node: &Node, reader: &mut Reader<'_>) -> Option<Self> {
        if let Value::Bool(value) = node.value {
            return Some(value);
        }
        let text = reader.text(node)?;
        match text.as_str() {
            "true" => Some(true),
            "false" => Some(false),
            _ => {
                reader.problem(node.at, format!("`{text}` is neither true nor false"), "write `true` or `false`");
                None
            }
        }
    }
}

impl Read for Secret {
    fn read(node: &Node, reader: &mut Reader<'_>) -> Option<Self> {
        reader.secret(node)
    }
}

impl JsonSchema for Secret {
    fn schema_name() -> Cow<'static, str> {
        "Secret".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "description": "A secret: `${VAR}`, `${VAR:-default}`, `file:/path`, or the text itself." })
    }
}

impl<T: Read> Read for Vec<Spot<T>> {
    fn read(node: &Node, reader: &mut Reader<'_>) -> Option<Self> {
        let Value::List(items) = &node.value else {
            let what = format!("a list is wanted here, not {}", node.value.kind());
            reader.problem(node.at, what, "write `[a, b]`, or one `- item` a line");
            return None;
        };
        let mut list = Self::with_capacity(items.len());
        for item in items {
            if matches!(item.value, Value::Null) {
                reader.problem(item.at, "an item of the list is empty", "write a value or remove the item");
            }
            list.extend(reader.field::<T>(item));
        }
        Some(list)
    }
}

/// A map from names that the user chooses, in the order of the file.
#[derive(Debug)]
pub(super) struct Named<T>(pub(super) Vec<(Spot<String>, Spot<T>)>);

impl<T> Default for Named<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T: Read + Default> Read for Named<T> {
    fn read(node: &Node, reader: &mut Reader<'_>) -> Option<Self> {
        let mut named = Vec::new();
        for (key, value) in reader.entries(node, "this")? {
            let name = Spot { at: key.at, value: key.text.clone() };
            // `openai:` with nothing after it is the same as `openai: {}`.
            let value = match &value.value {
                Value::Null => Some(Spot { at: key.at, value: T::default() }),
                _ => reader.field(value),
            };
            named.extend(value.map(|value| (name, value)));
        }
        Some(Self(named))
    }
}

impl<T: JsonSchema> JsonSchema for Named<T> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        format!("Named_{}", T::schema_name()).into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let inner = generator.subschema_for::<Option<T>>();
        json_schema!({ "type": "object", "additionalProperties": inner })
    }
}

/// A value that was written, `None` when what was written is wrong: a field that is missing is another mistake.
#[derive(Debug, Clone)]
pub(super) struct Tried<T>(pub(super) Option<T>);

impl<T: Read> Read for Tried<T> {
    fn read(node: &Node, reader: &mut Reader<'_>) -> Option<Self> {
        Some(Self(T::read(node, reader)))
    }
}

impl<T: JsonSchema> JsonSchema for Tried<T> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        T::schema_name()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        generator.subschema_for::<T>()
    }
}

/// A value or `off`.
#[derive(Debug, Clone, Copy)]
pub(super) enum OrOff<T> {
    Off,
    On(T),
}

/// True for the ways in which people write that something is off.
pub(super) fn is_off(value: &Value) -> bool {
    matches!(value, Value::Bool(false)) || matches!(value, Value::Text(text) if text == "off")
}

impl<T: Read> Read for OrOff<T> {
    fn read(node: &Node, reader: &mut Reader<'_>) -> Option<Self> {
        if is_off(&node.value) { Some(Self::Off) } else { T::read(node, reader).map(Self::On) }
    }
}

impl<T: JsonSchema> JsonSchema for OrOff<T> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        format!("OrOff_{}", T::schema_name()).into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let inner = generator.subschema_for::<T>();
        json_schema!({ "anyOf": [inner, { "enum": ["off", false] }] })
    }
}

/// A section of known fields: a struct, how it is read, and its schema.
macro_rules! section {
    ($(#[$meta:meta])* $name:ident { $($(#[$doc:meta])* $field:ident : $type:ty,)* }) => {
        $(#[$meta])*
        #[derive(Debug, Default, schemars::JsonSchema)]
        #[schemars(deny_unknown_fields)]
        pub(in crate::config) struct $name { $($(#[$doc])* pub(in crate::config) $field: Option<Spot<$type>>,)* }

        impl Read for $name {
            fn read(node: &Node, reader: &mut Reader<'_>) -> Option<Self> {
                let mut section = Self::default();
                for (key, value) in reader.entries(node, "this")? {
                    match key.text.as_str() {
                        $(name if name == stringify!($field).trim_start_matches("r#") => {
                            section.$field = reader.field(value);
                        })*
                        _ => reader.unknown(key, &[$(stringify!($field)),*]),
                    }
                }
                Some(section)
            }
        }
    };
}

/// One of some words.
macro_rules! choice {
    ($(#[$meta:meta])* $name:ident { $($(#[$doc:meta])* $variant:ident = $word:literal,)* }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, schemars::JsonSchema)]
        pub(in crate::config) enum $name { $($(#[$doc])* #[schemars(rename = $word)] $variant,)* }

        impl Read for $name {
            fn read(node: &Node, reader: &mut Reader<'_>) -> Option<Self> {
                reader.choice(node, &[$(($word, Self::$variant)),*])
            }
        }
    };
}

pub(in crate::config) use {choice, section};
