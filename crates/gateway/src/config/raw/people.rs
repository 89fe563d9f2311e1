//! Organizations, teams and keys as they are written.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

use super::super::read::{Named, Read, Reader, Spot, Tried, section};
use super::super::tree::{Node, Value};
use super::super::units::KeyHash;
use super::{Cache, Later};

/// The values of a data attribute that will do: one, or a list.
#[derive(Debug, Default)]
pub(in crate::config) struct Wanted(pub(in crate::config) Vec<String>);

impl JsonSchema for Wanted {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Wanted".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let one = ["string", "boolean", "number"];
        json_schema!({ "anyOf": [{ "type": one }, { "type": "array", "items": { "type": one } }] })
    }
}

impl Read for Wanted {
    fn read(node: &Node, reader: &mut Reader<'_>) -> Option<Self> {
        match &node.value {
            Value::List(list) => {
                let values: Vec<String> = list.iter().filter_map(|node| reader.text(node)).collect();
                if values.is_empty() {
                    reader.problem(
                        node.at,
                        "no value will do here, so no provider could serve",
                        "name one, or remove it",
                    );
                }
                Some(Self(values))
            }
            _ => reader.text(node).map(|value| Self(vec![value])),
        }
    }
}

section!(
    /// An organization.
    Organization {
        /// Its teams.
        teams: Vec<Spot<String>>,
        /// Data attributes that every provider of its requests must have: a value, or a list of those that will do.
        require: Named<Wanted>,
    }
);

section!(
    /// A team.
    Team {
        /// Names and globs that its keys may ask for. Default: all.
        models: Vec<Spot<String>>,
        /// Data attributes that every provider of its requests must have: a value, or a list of those that will do.
        require: Named<Wanted>,
    }
);

section!(
    /// A virtual key.
    Key {
        /// Its name, unique.
        name: String,
        /// Its team.
        team: String,
        /// The end user it is bound to.
        user: String,
        /// `sha256:` and the hex SHA-256 of the whole key text.
        hash: Tried<KeyHash>,
        /// Names and globs it may ask for. Default: all, or its team's.
        models: Vec<Spot<String>>,
        /// The day or moment it ends: `2027-01-31` or `2027-01-31T12:00:00Z`. Default: never.
        expires: String,
        /// Whether clients may go past the gateway when it is away: only `open`. Default: open.
        fail: Later,
        /// Data attributes that every provider of its requests must have: a value, or a list of those that will do.
        require: Named<Wanted>,
        /// The reply cache of this key; only `{ mode: off }`.
        cache: Cache,
    }
);
