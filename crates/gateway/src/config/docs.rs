//! The published descriptions: the JSON Schema, `docs/config.md` and `docs/providers.md`, from what is read.

use std::fmt::Write as _;

use policy::provider::operation::Serves;
use policy::provider::row::{Cloud, Kind, Row, Speaks};
use policy::provider::table::builtin;
use serde_json::{Map, Value};

use super::raw;

/// The annotated example, which is `tollgate.example.yaml` too.
pub const EXAMPLE: &str = include_str!("../../../../tollgate.example.yaml");

/// The JSON Schema of `tollgate.yaml`, as text.
#[must_use]
pub fn schema() -> String {
    let mut schema = schemars::schema_for!(raw::File).to_value();
    if let Some(top) = schema.as_object_mut() {
        top.insert("title".to_owned(), "tollgate.yaml".into());
    }
    serde_json::to_string_pretty(&schema).unwrap_or_default() + "\n"
}

/// The reference of the configuration in Markdown.
#[must_use]
pub fn config() -> String {
    let schema = schemars::schema_for!(raw::File).to_value();
    let empty = Map::new();
    let definitions = schema.get("$defs").and_then(Value::as_object).unwrap_or(&empty);
    let mut page = INTRODUCTION.to_owned();
    let mut sections: Vec<(String, &Value)> = vec![("The file".to_owned(), &schema)];
    let mut done: Vec<&str> = Vec::new();
    while !sections.is_empty() {
        let (title, section) = sections.remove(0);
        let _ = writeln!(page, "## {title}\n");
        if title != "The file" {
            let _ = writeln!(page, "{}\n", text(section));
        }
        page.push_str("| field | what it is |\n|---|---|\n");
        for (name, field) in section.get("properties").and_then(Value::as_object).unwrap_or(&empty) {
            let mut kinds = Vec::new();
            let mut inner = Vec::new();
            describe(field, definitions, &mut kinds, &mut inner);
            let _ = writeln!(page, "| `{name}` | {} *{}* |", text(field), kinds.join(" or "));
            for name in inner {
                if !done.contains(&name) {
                    done.push(name);
                    sections.extend(definitions.get(name).map(|section| (name.to_owned(), section)));
                }
            }
        }
        page.push('\n');
    }
    let _ = write!(page, "## An example\n\n```yaml\n{EXAMPLE}```\n");
    page
}

const INTRODUCTION: &str = "# Configuration

<!-- Generated from crates/gateway/src/config/raw.rs: UPDATE_DOCS=1 cargo test -p tollgate docs -->

`tollgate.yaml` in the working directory, or the file of `--config`. `tollgate check` prints every mistake at
once with its line, its column and what to do. Without a file, every provider whose environment variable is set is
switched on (see [providers](providers.md)), a local Ollama or vLLM is looked for, and the simulated provider
answers `demo/…`; a file turns that one off unless it names it.

Unknown fields are refused. A field whose feature is not built yet is refused too, unless it says its default.
`null` is the same as leaving the field out.

**Values.** Any text may hold `${VAR}` or `${VAR:-default}`; a plain `${` is written `$${`. In `{ … }` and
`[ … ]` YAML wants quotes around it. Secrets may be `file:/path`. Durations are `300ms`, `1.5s`, `2m`, `1h30m`,
`400d`; sizes `64MiB`; counts `60k`, `1M`; money `$0.50`; percentages `5.5%`.

**Reload.** On SIGHUP and when the file changes. A file with a mistake changes nothing. `server.listen`,
`server.admin_listen`, `store` and `data_dir` need a restart: a reload keeps their old values and says so.

";

/// A description on one line.
fn text(of: &Value) -> String {
    let text = of.get("description").and_then(Value::as_str).unwrap_or_default();
    text.replace('\n', " ").replace('|', "\\|")
}

/// What kinds of value a field takes, and the sections inside it.
fn describe<'a>(
    field: &'a Value,
    definitions: &'a Map<String, Value>,
    kinds: &mut Vec<String>,
    inner: &mut Vec<&'a str>,
) {
    if let Some(name) = field.get("$ref").and_then(Value::as_str).and_then(|path| path.strip_prefix("#/$defs/")) {
        let Some(definition) = definitions.get(name) else { return };
        if definition.get("properties").is_some() {
            kinds.push(format!("[{name}](#{})", name.to_lowercase()));
            inner.push(name);
        } else if definition.get("oneOf").is_some()
            || definition.get("anyOf").is_some()
            || definition.get("enum").is_some()
        {
            describe(definition, definitions, kinds, inner);
        } else {
            kinds.push(if name == "NotBuiltYet" { "not built yet".to_owned() } else { name.to_lowercase() });
        }
        return;
    }
    for choice in ["anyOf", "oneOf"].iter().filter_map(|key| field.get(key)).filter_map(Value::as_array).flatten() {
        describe(choice, definitions, kinds, inner);
    }
    if let Some(word) = field.get("const").and_then(Value::as_str) {
        kinds.push(format!("`{word}`"));
        return;
    }
    for word in field.get("enum").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str) {
        kinds.push(format!("`{word}`"));
    }
    if let Some(item) = field.get("items") {
        kinds.push(format!("list of {}", nested(item, definitions, inner)));
        return;
    }
    if let Some(value) = field.get("additionalProperties").filter(|value| value.is_object()) {
        kinds.push(format!("map from names to {}", nested(value, definitions, inner)));
        return;
    }
    let types = field.get("type").map(|kind| kind.as_array().cloned().unwrap_or_else(|| vec![kind.clone()]));
    let types: Vec<&str> =
        types.iter().flatten().filter_map(Value::as_str).filter(|kind| *kind != "null").map(plain).collect();
    kinds.extend(types.into_iter().filter(|_| field.get("enum").is_none()).map(str::to_owned));
}

fn nested<'a>(of: &'a Value, definitions: &'a Map<String, Value>, inner: &mut Vec<&'a str>) -> String {
    let mut kinds = Vec::new();
    describe(of, definitions, &mut kinds, inner);
    kinds.join(" or ")
}

fn plain(kind: &str) -> &'static str {
    match kind {
        "string" => "text",
        "boolean" => "true or false",
        "integer" | "number" => "number",
        "array" => "list",
        "object" => "map",
        _ => "value",
    }
}

/// The table of built-in providers in Markdown.
#[must_use]
pub fn providers() -> String {
    let mut page = PROVIDERS.to_owned();
    page.push_str(
        "| `kind` | provider | sort | dialects | base_url | key from | auth |\n|---|---|---|---|---|---|---|\n",
    );
    for row in builtin().rows() {
        let dialects: Vec<String> = row.speaks.iter().map(dialect).fold(Vec::new(), |mut list, name| {
            if !list.contains(&name) {
                list.push(name);
            }
            list
        });
        let keys: Vec<String> = row.keys.iter().map(|key| format!("`{key}`")).collect();
        let keys = match (keys.is_empty(), row.keyless) {
            (true, true) => "none needed".to_owned(),
            (true, false) => "`api_key`".to_owned(),
            (false, true) => format!("{} (not needed)", keys.join(", ")),
            (false, false) => keys.join(", "),
        };
        let computed = row.credential.as_ref().map(|cloud| {
            let (name, place) = match cloud {
                Cloud::Aws { .. } => ("AWS", "aws"),
                Cloud::Google => ("Google", "google-cloud"),
                Cloud::Entra => ("Microsoft Entra", "azure"),
            };
            format!(", else [{name}](credentials.md#{place})")
        });
        let keys = keys + &computed.unwrap_or_default();
        let _ = writeln!(
            page,
            "| `{}` | {} | {} | {} | {} | {keys} | {} |",
            row.name,
            if row.docs.is_empty() { row.title.clone() } else { format!("[{}]({})", row.title, row.docs) },
            row.kind.name(),
            dialects.join(", "),
            base(row),
            row.auth.name(),
        );
    }
    page.push_str("\n## Notes\n\n");
    for row in builtin().rows() {
        let mut notes = Vec::new();
        notes.extend(Some(row.note.clone()).filter(|note| !note.is_empty()));
        notes.extend(row.vars.iter().map(|(name, variable)| {
            let default = variable.default.as_ref().map(|default| format!(", else `{default}`")).unwrap_or_default();
            format!("`{{{name}}}` is {}{default}.", variable.env.join(" or "))
        }));
        notes.extend(row.api_version.as_ref().map(|version| format!("`api_version` is {version} unless given.")));
        let own = row.operations.iter().flatten().map(Serves::name);
        let embeds = row.speaks.iter().any(|speaks| speaks.embed_batch.is_some()).then_some("embeddings");
        let counts = row.speaks.iter().any(|speaks| speaks.count.is_some()).then_some("count_tokens");
        let names: Vec<&str> = own.chain(embeds).chain(counts).collect();
        if row.operations.is_some() || row.kind == Kind::Vendor {
            notes.extend((!names.is_empty()).then(|| format!("Also serves: {}.", names.join(", "))));
        }
        notes.extend(row.keeps.as_ref().map(|keeps| format!("Keeps: {}.", keeps.join(", "))));
        if !row.quirks.is_empty() {
            notes.push(format!("Differs from its dialect: {}.", row.quirks.join(", ")));
        }
        notes.extend(row.cost_header.as_ref().map(|name| format!("What an answer costs is taken from `{name}`.")));
        if !row.data.is_empty() {
            let data: Vec<String> = row.data.iter().map(|(name, value)| format!("{name}: {value}")).collect();
            notes.push(format!("Data attributes: {}.", data.join(", ")));
        }
        if !notes.is_empty() {
            let _ = writeln!(page, "- **{}**: {}", row.name, notes.join(" "));
        }
    }
    page
}

const PROVIDERS: &str = "# Providers

<!-- Generated from crates/policy/providers.toml: UPDATE_DOCS=1 cargo test -p tollgate docs -->

The rows that `kind:` can name; a provider's own name is its kind unless `kind:` says otherwise. Without a
configuration file, every row whose variable is set is switched on, in this order. `base_url` is what the vendor's
own SDK takes. A dialect in brackets is not built yet. Any other server is reached with `openai-compatible` or
`anthropic-compatible` and a `base_url`.

";

fn dialect(speaks: &Speaks) -> String {
    if speaks.id().is_some() { speaks.dialect.clone() } else { format!("({})", speaks.dialect) }
}

fn base(row: &Row) -> String {
    if row.base_url.is_empty() { "to be given".to_owned() } else { format!("`{}`", row.base_url) }
}
