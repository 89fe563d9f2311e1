//! Secrets come from variables and files, and are never printed.

use super::*;

fn key_of(text: &str, env: &Given) -> Result<String, String> {
    let text = format!("providers:\n  openai:\n    api_key: {text}\n");
    match read_with(&text, env) {
        Ok(loaded) => Ok(loaded.config.providers[0].keys[0].reveal().to_owned()),
        Err(mistakes) => Err(shown(&mistakes).trim_end().to_owned()),
    }
}

#[test]
fn variables_are_filled_into_scalars() {
    let env = Given::vars([
        ("A", "sk-a"),
        ("EMPTY", ""),
        ("NEST", "${A}"),
        ("YAML", "x, base_url: http://evil"),
        ("PATH_LIKE", "file:/etc/passwd"),
    ]);
    let check = |text: &str, expect: &str| assert_eq!(key_of(text, &env), Ok(expect.to_owned()), "{text}");
    check("\"${A}\"", "sk-a");
    check("${A}", "sk-a");
    check("\"x-${A}-${A}\"", "x-sk-a-sk-a");
    check("\"${NO:-dflt}\"", "dflt");
    check("\"${EMPTY:-dflt}\"", "dflt");
    check("\"${A:-dflt}\"", "sk-a");
    check("\"$${A}\"", "${A}");
    check("\"a$b\"", "a$b");
    // What a variable holds is never read again: not as YAML, not as another variable, not as a file.
    check("\"${NEST}\"", "${A}");
    check("\"${YAML}\"", "x, base_url: http://evil");
    check("\"${PATH_LIKE}\"", "file:/etc/passwd");
}

#[test]
fn variables_that_are_missing_or_malformed() {
    let env = Given::vars([("EMPTY", "")]);
    let check = |text: &str, expect: &str| assert_eq!(key_of(text, &env), Err(expect.to_owned()), "{text}");
    check(
        "\"${NO}\"",
        "t.yaml:3:14: the environment variable `NO` is not set\n  set it, or give a default: ${NO:-default}",
    );
    for wrong in ["\"${A\"", "\"${}\"", "\"${A-b}\"", "\"${1A}\"", "\"${A B}\""] {
        check(
            wrong,
            "t.yaml:3:14: `${` without a variable's name and `}`\n  write ${NAME} or ${NAME:-default}; a plain `${` is `$${`",
        );
    }
    check("\"${EMPTY}\"", "t.yaml:3:14: the secret is empty\n  check the variable or the file that it comes from");
    check(
        "12345",
        "t.yaml:3:14: a secret must be a text, not a number\n  put it in quotes, or write \"${VARIABLE}\" or \"file:/path\"",
    );
}

#[test]
fn files_hold_secrets() {
    let env = Given::vars([("DIR", "/run")]).with_file("/run/key", "sk-file\n").with_file("/run/bad", "a\nb");
    assert_eq!(key_of("file:/run/key", &env), Ok("sk-file".to_owned()));
    assert_eq!(key_of("\"file:${DIR}/key\"", &env), Ok("sk-file".to_owned()));
    assert_eq!(
        key_of("file:/run/none", &env),
        Err("t.yaml:3:14: the secret's file `/run/none` cannot be read: entity not found\n  check the path and its permissions".to_owned())
    );
    assert_eq!(
        key_of("file:/run/bad", &env),
        Err("t.yaml:3:14: the secret holds a character that no key has\n  a header cannot carry it: look for a line break or a letter beyond ASCII".to_owned())
    );
}

const SECRET: &str = "sk-do-not-print-me-0123456789";

#[test]
fn no_secret_is_printed_by_a_good_configuration() {
    let text = format!(
        "server: {{ admin_key: {SECRET} }}\nproviders:\n  openai: {{ api_key: {SECRET}, headers: {{ x-extra: {SECRET} }}, proxy: 'http://u:{SECRET}@p:1' }}\n"
    );
    let config = good(&text);
    assert!(!format!("{config:?} {config:#?}").contains("do-not-print"));
    assert_eq!(config.providers[0].keys[0].to_string(), "***");
}

/// A secret in a place where something is wrong, or in the wrong place, is not in the message.
#[test]
fn no_secret_is_printed_by_a_mistake() {
    for text in [
        format!("providers: {{ openai: {{ api_key: [{SECRET}] }} }}"),
        format!("providers: {{ openai: {{ api_key: {{ {SECRET}: x }} }} }}"),
        format!("providers: {{ openai: {{ api_key: \"{SECRET}\u{e9}\" }} }}"),
        format!("providers: {{ openai: {{ api_key: x, base_url: 'https://u:{SECRET}@h' }} }}"),
        format!("providers: {{ openai: {{ api_key: x, proxy: 'socks://u:{SECRET}@h' }} }}"),
        format!("store: postgres://u:{SECRET}@h/db"),
        format!("coordination: redis://:{SECRET}@h"),
        format!("providers: {{ openai: {{ api_key: '{SECRET} }} }}\n"),
        format!("providers: {{ openai: {{ api_key: \"{SECRET}\\q\" }} }}\n"),
        format!("providers: {{ openai: {{ headers: {{ x: [{SECRET}] }} }} }}\n"),
    ] {
        let mistakes = read_with(&text, &Given::default()).expect_err(&text);
        assert!(!shown(&mistakes).contains("do-not-print"), "{}", shown(&mistakes));
        assert!(!format!("{mistakes:?}").contains("do-not-print"));
    }
}

#[test]
fn the_hash_changes_with_meaning_and_with_secrets_only() {
    let hash = |text: &str| good(text).hash.to_string();
    let one = hash("providers: { openai: { api_key: a } }");
    assert_eq!(one.len(), 16);
    assert_eq!(one, hash("# a comment\nproviders:\n  openai:\n    api_key: 'a'\n"));
    assert_ne!(one, hash("providers: { openai: { api_key: b } }"));
    assert_ne!(one, hash("providers: { openai: { api_key: a } }\ncost_in_usage: true"));
}
