//! JSON Schema to the subset of OpenAPI's that old models take as `parameters` and `responseSchema`, with
//! losses, and that subset back to JSON Schema.
//!
//! The subset has no references, no unions but `anyOf`, no constants, and types in capitals; a type that may
//! be null is `nullable`. Source: the API's reference of `Schema`.

use wire::json::{Json, Kind, Writer};

use super::member::camel;
use crate::loss::Loss;

/// Deepest nesting of a schema written here: references may go round in circles.
const MAX_DEPTH: usize = 24;

/// Keywords that mean the same there.
const KEPT: &[&str] = &[
    "title",
    "description",
    "required",
    "minItems",
    "maxItems",
    "minProperties",
    "maxProperties",
    "minimum",
    "maximum",
    "minLength",
    "maxLength",
    "pattern",
    "example",
    "default",
    "propertyOrdering",
];

/// Formats that are not refused.
const FORMATS: &[&str] = &["enum", "date-time", "float", "double", "int32", "int64"];

/// A schema in the subset. Each keyword that has no place there is a loss.
pub(super) fn to_subset(schema: &str, at: &str, losses: &mut Vec<Loss>) -> String {
    let root = Json::parse(schema).unwrap_or(Json::NULL);
    let mut subset = Subset { root, at, losses };
    let mut json = Writer::with_capacity(schema.len());
    subset.write(root, 0, &mut json);
    json.finish()
}

struct Subset<'a> {
    root: Json<'a>,
    at: &'a str,
    losses: &'a mut Vec<Loss>,
}

impl<'a> Subset<'a> {
    fn lose(&mut self, what: &str) {
        let loss = Loss::dropped(format!("schema {what}"), self.at);
        if !self.losses.contains(&loss) {
            self.losses.push(loss);
        }
    }

    /// The schema that a reference names, by `#/…`.
    fn resolve(&self, reference: &str) -> Option<Json<'a>> {
        let path = reference.strip_prefix("#/")?;
        path.split('/').try_fold(self.root, |json, name| json.get(&name.replace("~1", "/").replace("~0", "~")))
    }

    fn write(&mut self, schema: Json<'a>, depth: usize, json: &mut Writer) {
        if depth >= MAX_DEPTH || schema.kind() != Kind::Object {
            // `true`, and what goes round in circles, is anything.
            if depth >= MAX_DEPTH || schema.as_bool() != Some(true) {
                self.lose("nesting");
            }
            json.object(|_| {});
            return;
        }
        if let Some(reference) = schema.get("$ref").and_then(Json::as_str) {
            let target = self.resolve(&reference).unwrap_or(Json::NULL);
            if schema.members().count() > 1 {
                self.lose("beside $ref");
            }
            return self.write(target, depth + 1, json);
        }
        let all: Vec<Json<'a>> = schema.get("allOf").map(|all| all.items().collect()).unwrap_or_default();
        if let ([only], None, None) = (all.as_slice(), schema.get("type"), schema.get("properties")) {
            // How a description is put beside a reference.
            if schema.members().any(|(key, _)| !matches!(&*key, "allOf" | "description" | "title" | "default")) {
                self.lose("allOf");
            }
            return self.write(*only, depth + 1, json);
        }
        let (kinds, nullable) = types(schema);
        json.object(|json| {
            match kinds.as_slice() {
                [] => {}
                [only] => _ = json.key("type").str(&only.to_ascii_uppercase()),
                many => {
                    json.key("anyOf").array(|json| {
                        for kind in many {
                            json.object(|json| _ = json.key("type").str(&kind.to_ascii_uppercase()));
                        }
                    });
                }
            }
            if nullable {
                json.key("nullable").bool(true);
            }
            for (key, value) in schema.members() {
                self.member(&key, value, kinds.len() > 1, depth, json);
            }
        });
    }

    fn member(&mut self, key: &str, value: Json<'a>, united: bool, depth: usize, json: &mut Writer) {
        match key {
            "type" | "nullable" | "$schema" | "$id" | "$comment" | "$defs" | "definitions" => {}
            key if KEPT.contains(&key) => _ = json.key(key).raw(value.raw()),
            "examples" => {
                if let Some(example) = value.items().next() {
                    json.key("example").raw(example.raw());
                }
            }
            "enum" => {
                let texts: Vec<Json<'a>> = value.items().filter(|item| item.kind() == Kind::String).collect();
                if texts.len() < value.items().filter(|item| !item.is_null()).count() {
                    return self.lose("enum");
                }
                json.key("enum").array(|json| texts.iter().for_each(|text| _ = json.raw(text.raw())));
            }
            "const" if value.kind() == Kind::String => {
                json.key("enum").array(|json| _ = json.raw(value.raw()));
            }
            "format" => match value.as_str() {
                Some(format) if FORMATS.contains(&&*format) => _ = json.key("format").str(&format),
                _ => self.lose("format"),
            },
            "properties" => {
                json.key("properties").object(|json| {
                    for (name, property) in value.members() {
                        self.write(property, depth + 1, json.key(&name));
                    }
                });
            }
            "items" if value.kind() == Kind::Object => self.write(value, depth + 1, json.key("items")),
            "anyOf" | "oneOf" if !united => {
                if key == "oneOf" {
                    self.lose("oneOf");
                }
                let options: Vec<Json<'a>> = value.items().filter(|option| !is_null(*option)).collect();
                json.key("anyOf").array(|json| {
                    for option in options {
                        self.write(option, depth + 1, json);
                    }
                });
            }
            // That nothing else may stand there is what the model does anyway, without a promise.
            other => self.lose(other),
        }
    }
}

fn is_null(schema: Json<'_>) -> bool {
    schema.get("type").is_some_and(|kind| kind.is("null"))
}

/// The types of a schema but `null`, and whether null is one of them.
fn types(schema: Json<'_>) -> (Vec<String>, bool) {
    let union = ["anyOf", "oneOf"].iter().filter_map(|name| schema.get(name)).any(|union| union.items().any(is_null));
    let flag = schema.get("nullable").and_then(Json::as_bool).unwrap_or(false);
    let mut kinds: Vec<String> = match schema.get("type") {
        Some(one) if one.kind() == Kind::String => one.as_str().map(String::from).into_iter().collect(),
        Some(many) => many.items().filter_map(|kind| kind.as_str().map(String::from)).collect(),
        None => Vec::new(),
    };
    let listed = kinds.len() > 1 && kinds.iter().any(|kind| kind == "null");
    if listed {
        kinds.retain(|kind| kind != "null");
    }
    (kinds, union || flag || listed)
}

/// A schema of the subset as JSON Schema: types in small letters, `nullable` as a type. Any other schema
/// stays the text it is.
pub(super) fn from_subset(schema: Json<'_>) -> String {
    if !is_subset(schema, 0) {
        return schema.raw().to_owned();
    }
    let mut json = Writer::with_capacity(schema.raw().len());
    plain(schema, 0, &mut json);
    json.finish()
}

/// True where something is written as only the subset has it.
fn is_subset(schema: Json<'_>, depth: usize) -> bool {
    if depth > wire::limits::MAX_DEPTH {
        return false;
    }
    let capital = |kind: Json<'_>| kind.inside().is_some_and(|kind| kind.bytes().any(|byte| byte.is_ascii_uppercase()));
    schema.members().any(|(key, value)| match &*key {
        "type" => capital(value),
        "nullable" => value.as_bool().is_some(),
        "properties" => value.members().any(|(_, property)| is_subset(property, depth + 1)),
        "items" => is_subset(value, depth + 1),
        "anyOf" | "any_of" => value.items().any(|option| is_subset(option, depth + 1)),
        key => camel(key) != key,
    })
}

fn plain(schema: Json<'_>, depth: usize, json: &mut Writer) {
    if depth > wire::limits::MAX_DEPTH || schema.kind() != Kind::Object {
        json.raw(schema.raw());
        return;
    }
    let nullable = schema.get("nullable").and_then(Json::as_bool).unwrap_or(false);
    json.object(|json| {
        for (key, value) in schema.members() {
            match &*camel(key) {
                "nullable" => {}
                "type" => {
                    let kind = value.as_str().map(|kind| kind.to_ascii_lowercase());
                    match (kind, nullable) {
                        (Some(kind), true) => {
                            json.key("type").array(|json| _ = json.str(&kind).str("null"));
                        }
                        (Some(kind), false) => _ = json.key("type").str(&kind),
                        (None, _) => _ = json.key("type").raw(value.raw()),
                    }
                }
                "properties" => {
                    json.key("properties").object(|json| {
                        for (name, property) in value.members() {
                            plain(property, depth + 1, json.key(&name));
                        }
                    });
                }
                "items" => plain(value, depth + 1, json.key("items")),
                "anyOf" => {
                    json.key("anyOf").array(|json| value.items().for_each(|option| plain(option, depth + 1, json)));
                }
                key => _ = json.key(key).raw(value.raw()),
            }
        }
    });
}

#[cfg(test)]
mod tests;
