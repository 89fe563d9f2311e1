//! The published files are what the code says. `UPDATE_DOCS=1 cargo test -p tollgate docs` writes them anew.

use super::super::docs;
use super::super::env::Env;
use super::*;

fn fresh(path: &str, text: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(path);
    if super::super::env::Process.var("UPDATE_DOCS").is_some() {
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("a folder can be made");
        std::fs::write(&path, text).expect("the file can be written");
    }
    let written = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(written == text, "{} is stale: UPDATE_DOCS=1 cargo test -p tollgate docs", path.display());
}

#[test]
fn docs_are_fresh() {
    fresh("docs/tollgate.schema.json", &docs::schema());
    fresh("docs/config.md", &docs::config());
    fresh("docs/providers.md", &docs::providers());
}

/// The example is good as it stands, with the variables that it names.
#[test]
fn docs_example_is_good() {
    let env = Given::vars([("OPENAI_API_KEY", "sk-o"), ("ANTHROPIC_API_KEY", "sk-a"), ("OPENROUTER_API_KEY", "sk-r")]);
    let loaded = read_with(docs::EXAMPLE, &env).unwrap_or_else(|mistakes| panic!("{}", shown(&mistakes)));
    assert!(loaded.warnings.is_empty(), "{}", shown(&loaded.warnings));
    assert!(loaded.config.providers.len() >= 4);
}

/// Every field of every section has words, and every field that is read is in the schema.
#[test]
fn docs_describe_every_field() {
    fn walk(value: &serde_json::Value, missing: &mut Vec<String>) {
        for (name, field) in value.get("properties").and_then(|p| p.as_object()).into_iter().flatten() {
            if field.get("description").and_then(|text| text.as_str()).is_none_or(str::is_empty) {
                missing.push(name.clone());
            }
        }
        for (_, inner) in value.get("$defs").and_then(|defs| defs.as_object()).into_iter().flatten() {
            walk(inner, missing);
        }
    }
    let schema: serde_json::Value = serde_json::from_str(&docs::schema()).unwrap();
    let mut missing = Vec::new();
    walk(&schema, &mut missing);
    assert_eq!(missing, [] as [String; 0]);
    assert!(schema["$defs"]["Provider"]["properties"]["on_disconnect"].is_object());
    assert!(schema["$defs"]["ModelFacts"]["properties"]["as"].is_object());
    assert_eq!(schema["additionalProperties"], false);
}
