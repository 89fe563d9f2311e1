//! Every mistake is found at once, at its place, with its remedy.

use super::*;

/// The mistakes of a text, as printed.
fn check(text: &str, expect: &str) {
    let found = match read_with(text, &Given::vars([("OPENAI_API_KEY", "sk-1"), ("EMPTY", "")])) {
        Ok(_) => String::new(),
        Err(mistakes) => shown(&mistakes),
    };
    assert_eq!(found.trim_end(), expect.trim_end(), "\n--- of\n{text}");
}

#[test]
fn fields_that_are_not_known() {
    check("providrs: {}\n", "t.yaml:1:1: unknown field `providrs`\n  did you mean `providers`?");
    check("server: { lsiten: 1 }\n", "t.yaml:1:11: unknown field `lsiten`\n  did you mean `listen`?");
    check(
        "providers:\n  openai:\n    models:\n      - { id: a, ass: b }\n",
        "t.yaml:4:18: unknown field `ass`\n  did you mean `as`?",
    );
    check("journal: { zzzzz: 1 }", "t.yaml:1:12: unknown field `zzzzz`\n  known here: sync, memory");
}

#[test]
fn all_mistakes_are_told_at_once() {
    check(
        "server:\n  listen: nowhere\n  max_body: 64mib\n  drain: soon\ntimezone: Mars/Olympus\nmodels:\n  fast: { targets: [opnai/x, openai] }\n\
         providers: { openai: { fee: lots } }\n",
        "t.yaml:2:11: `nowhere` is not an address with a port
  write for example 127.0.0.1:4000, 0.0.0.0:4000 or [::1]:4000
t.yaml:3:13: `64mib` is not a size
  write for example 64MiB, 512KiB, 1GiB or a number of bytes
t.yaml:4:10: `soon` is not a duration
  write for example 300ms, 1.5s, 2m, 1h30m or 400d
t.yaml:5:11: `Mars/Olympus` is not a known time zone
  write an IANA name such as Europe/Berlin, or UTC
t.yaml:7:21: provider `opnai` is not defined
  did you mean `openai`?
t.yaml:7:30: `openai` does not name a provider's model
  write provider/model, such as `openai/openai`
t.yaml:8:29: `lots` is not a percentage from 0 to 1000
  write for example 5.5%",
    );
}

#[test]
fn providers() {
    check(
        "providers: { opnai: {} }",
        "t.yaml:1:14: `opnai` is not a kind of provider\n  did you mean `openai`? any server of OpenAI's dialect is `kind: openai-compatible`",
    );
    check(
        "providers: { gpu-box: { base_url: http://h/v1 } }",
        "t.yaml:1:14: `gpu-box` is not a kind of provider\n  give `kind:`, for any server of OpenAI's dialect `kind: openai-compatible`; see docs/providers.md",
    );
    check(
        "providers: { mistral: {} }",
        "t.yaml:1:14: provider `mistral` has no key\n  set MISTRAL_API_KEY, or give `api_key: \"${MISTRAL_API_KEY}\"`",
    );
    check(
        "providers: { box: { kind: openai-compatible } }",
        "t.yaml:1:14: provider `box` needs a base_url\n  give `base_url:`, for example http://10.0.0.7:8000/v1",
    );
    check(
        "providers: { azure: { api_key: k } }",
        "t.yaml:1:14: provider `azure` needs a base_url\n  give `base_url:`, or set AZURE_OPENAI_ENDPOINT",
    );
    check(
        "providers: { box: { kind: vllm, base_url: 10.0.0.7:8000 } }",
        "t.yaml:1:43: the base_url of `box` cannot be used: it must start with `https://` or `http://`\n  write for example https://api.example.com/v1",
    );
    check(
        "providers: { voyage: { api_key: k, dialect: openai-chat } }",
        "t.yaml:1:45: `voyage` does not speak openai-chat\n  remove it",
    );
    check(
        "providers: { openai: { dialect: anthropic-messages } }",
        "t.yaml:1:33: `openai` does not speak anthropic-messages\n  it speaks openai-chat and openai-responses",
    );
    check(
        "providers: { openai: { api_key: a, api_keys: [b] } }",
        "t.yaml:1:46: both `api_key` and `api_keys` are given\n  put every key into `api_keys`",
    );
    check(
        "providers: { openai: { api_keys: [] } }",
        "t.yaml:1:34: `api_keys` is empty\n  give at least one key, or remove it",
    );
    check(
        "providers: { a/b: { kind: openai } }",
        "t.yaml:1:14: `a/b` cannot be a provider's name\n  use letters, digits, `-`, `_` and `.`, at most 64: it is the part before the slash in provider/model",
    );
    check(
        "providers: { openai: { headers: { Host: x, 'a b': y } } }",
        "t.yaml:1:35: the header `host` is set by the gateway\n  remove it\nt.yaml:1:44: `a b` is not a header's name\n  use letters, digits and `-`",
    );
    check(
        "providers: { openai: { timeouts: { idle: 0s } } }",
        "t.yaml:1:42: zero is not a duration here\n  write a longer one, such as 1s",
    );
    check(
        "providers: { openai: { prices: { '*': { input: -1, output: free } } } }",
        "t.yaml:1:48: `-1` is not a price in USD, at least 0\n  write for example 0.25 or \"$0.25\"\nt.yaml:1:60: `free` is not a price in USD, at least 0\n  write for example 0.25 or \"$0.25\"",
    );
    check(
        "providers: { openai: { models: [a, a, { context: 1 }] } }",
        "t.yaml:1:36: model `a` is given twice\n  remove one of them\nt.yaml:1:39: a model has no `id`\n  give `id:`, the name that is sent upstream",
    );
}

#[test]
fn models() {
    let with = |models: &str| format!("providers: {{ openai: {{ models: [gpt-a, gpt-b] }} }}\nmodels:\n{models}");
    let line3 = |text: &str, expect: &str| check(&with(text), expect);
    line3("  m: {}", "t.yaml:3:3: model `m` has no targets\n  give `targets: [provider/model]`");
    line3("  m:", "t.yaml:3:3: model `m` has no targets\n  give `targets: [provider/model]`");
    line3(
        "  m: { targets: [openai/gpt-c] }",
        "t.yaml:3:18: provider `openai` lists no model `gpt-c`\n  did you mean `gpt-a` or `gpt-b`? (its `models:` is on line 1 or below)",
    );
    line3(
        "  m: { targets: ['openai/*'] }",
        "t.yaml:3:18: `*` in `*` stands for nothing\n  one `*` may stand for the name asked for, under a model whose own name has a `*`",
    );
    line3("  m: { targets: [{ weight: 2 }] }", "t.yaml:3:18: a target has no `model`\n  give `model: provider/model`");
    line3(
        "  m: { choose: weighted, targets: [{ model: openai/gpt-a, weight: 0 }] }",
        "t.yaml:3:35: every target's weight is 0\n  give at least one target a weight of 1 or more",
    );
    line3(
        "  m: { choose: random, targets: [openai/gpt-a] }",
        "t.yaml:3:16: `random` is not one of the choices\n  known here: priority, weighted, cheapest, fastest, least_busy",
    );
    line3(
        "  m: { retry: { attempts: 0 }, targets: [openai/gpt-a] }",
        "t.yaml:3:27: `attempts` must be from 1 to 100\n  1 is a single try, 3 the default",
    );
}

#[test]
fn people() {
    let hash = "0".repeat(64);
    check(
        "teams: { growth: {} }\norganizations: { acme: { teams: [growht] } }\nkeys:\n  - { name: k, team: growh, hash: 'sha256:abc' }\n  - { name: l }\n  - { team: growth }\n",
        "t.yaml:2:34: team `growht` is not defined\n  did you mean `growth`?
t.yaml:4:35: `sha256:abc` is not the hash of a key
  write sha256: and the 64 hex digits of the SHA-256 of the whole key text
t.yaml:5:13: key `l` has no `hash`
  give `hash: \"sha256:…\"`, or create it at run time: tollgate keys create --name NAME
t.yaml:6:5: a key has no `name`
  give `name:`",
    );
    check(
        &format!("keys:\n  - {{ name: k, hash: 'sha256:{hash}', expires: tomorrow }}\n"),
        "t.yaml:2:106: `tomorrow` is not a day or a moment\n  write a day such as 2027-01-31, or a moment such as 2027-01-31T12:00:00Z",
    );
    let twice =
        format!("keys:\n  - {{ name: k, hash: 'sha256:{hash}' }}\n  - {{ name: k, hash: 'sha256:{hash}', team: t }}\n");
    check(
        &twice,
        "t.yaml:3:13: key `k` is given twice\n  give each key its own name
t.yaml:3:13: key `k` has the hash of key `k`\n  one key has one name: remove one of them
t.yaml:3:103: team `t` is not defined\n  none is defined",
    );
}

#[test]
fn what_is_not_built_is_refused_and_its_off_state_is_not() {
    let off = "limits: []\ncache: { mode: off }\nlog: { content: false }\non_loss: local\naffinity: auto\nstore: sqlite\n\
        coordination: local\nproviders: { openai: { native: false } }\nmodels: { m: { targets: [openai/x], hedge: off, rescue: off, \
        prompt_cache: off, slo: null, cache: { mode: off } } }\nteams: { t: { require: {} } }\n";
    check(off, "");
    check(
        "limits: [{ who: { key: each }, allow: 60 requests/minute }]\ncache: { mode: exact }\nlog: { content: errors }\non_loss: open\n\
         affinity: strict\nstore: postgres://u:secret@h/db\ncoordination: redis://h\nproviders: { openai: {} }\n\
         models: { m: { choose: cheapest, targets: [openai/x], hedge: { after: p95 }, rescue: continue, prompt_cache: auto } }\n\
         teams: { t: { require: { region: eu } } }\n",
        "t.yaml:1:9: `limits` is not built yet\n  remove it
t.yaml:2:16: `cache.mode` is not built yet\n  remove it
t.yaml:3:17: `log.content: errors` is not built yet\n  remove it, or write `off` or `all`
t.yaml:4:10: `on_loss` is not built yet\n  remove it, or write the default `local`
t.yaml:5:11: `affinity` is not built yet\n  remove it, or write the default `auto`
t.yaml:6:8: this `store` is not built yet\n  remove it, or write the default `sqlite`
t.yaml:7:15: this `coordination` is not built yet\n  remove it, or write the default `local`
t.yaml:9:62: `hedge` is not built yet\n  remove it
t.yaml:9:86: `rescue` is not built yet\n  remove it
t.yaml:9:110: `prompt_cache` is not built yet\n  remove it",
    );
}

#[test]
fn wrong_shapes() {
    check("[a]", "t.yaml:1:1: this must be a map, not a list\n  write `key: value`");
    check("server: 4000", "t.yaml:1:9: this must be a map, not a number\n  write `key: value`");
    check(
        "keys: { name: k }",
        "t.yaml:1:7: a list is wanted here, not a map\n  write `[a, b]`, or one `- item` a line",
    );
    check("cost_in_usage: yes", "t.yaml:1:16: `yes` is neither true nor false\n  write `true` or `false`");
    check(
        "timezone: [UTC]",
        "t.yaml:1:11: one value is wanted here, not a list\n  write it on one line, in quotes when it holds special characters",
    );
    check(
        "server:\n  listen: 127.0.0.1:1\n  listen: 127.0.0.1:2\n",
        "t.yaml:3:3: `listen` is given twice\n  remove one; the first is on line 2",
    );
    check(
        "server: { tls: { cert: c.pem } }",
        "t.yaml:1:16: tls has no `key`\n  give both: tls: { cert: cert.pem, key: key.pem }",
    );
    check(
        "server: { cors: [example.com], trusted_proxies: [10.0.0.0/99] }",
        "t.yaml:1:18: `example.com` is not an origin\n  write scheme and host, such as https://app.example, or *
t.yaml:1:50: `10.0.0.0/99` is not an address or a network\n  write for example 10.0.0.0/8 or 192.0.2.7",
    );
    check(
        "server: { fetch_media: { hosts: [a.example, \"http://b\"], ports: [0] } }",
        "t.yaml:1:33: `hosts` count with mode `allow` alone\n  write `mode: allow`, or remove `hosts`
t.yaml:1:45: `http://b` is not a host\n  write a host without scheme and port, such as files.example or *.cdn.example
t.yaml:1:66: a port is a number from 1 to 65535\n  write for example 8080",
    );
    check(
        "server: { fetch_media: { mode: allow } }",
        "t.yaml:1:24: mode `allow` lists nothing that is allowed\n  give `hosts:` or `networks:`, or `mode: off`",
    );
    check(
        "server: { admin_key: short }",
        "t.yaml:1:22: the admin key is shorter than 16 characters\n  make a longer one, for example with `openssl rand -hex 32`",
    );
}

/// A mistake elsewhere hides none, and a field that is wrong is not called missing.
#[test]
fn mistakes_do_not_hide_or_make_others() {
    check(
        "providers:\n  mistral: {}\n  groq: { api_key: \"${NO}\", base_url: \"${NO}\" }\n  xai: { api_keys: [12] }\nserver: { drain: x }\n",
        "t.yaml:2:3: provider `mistral` has no key\n  set MISTRAL_API_KEY, or give `api_key: \"${MISTRAL_API_KEY}\"`
t.yaml:3:20: the environment variable `NO` is not set\n  set it, or give a default: ${NO:-default}
t.yaml:3:39: the environment variable `NO` is not set\n  set it, or give a default: ${NO:-default}
t.yaml:4:21: a secret must be a text, not a number\n  put it in quotes, or write \"${VARIABLE}\" or \"file:/path\"
t.yaml:5:18: `x` is not a duration\n  write for example 300ms, 1.5s, 2m, 1h30m or 400d",
    );
}

/// What is no YAML: one mistake, with its line.
#[test]
fn files_that_are_not_yaml() {
    let mistake = |text: &str| {
        let mistakes = read_with(text, &Given::default()).expect_err(text);
        assert_eq!(mistakes.len(), 1, "{}", shown(&mistakes));
        mistakes.into_iter().next().expect("one")
    };
    let tab = mistake("server:\n\tlisten: 127.0.0.1:4000\n");
    assert_eq!((tab.at.line, tab.remedy.as_str()), (2, "indent with spaces, not tabs"), "{tab}");
    assert_eq!(mistake("server: { listen: \n").at.line, 1);
    assert_eq!(
        mistake("timezone: UTC\nproviders: { openai: { api_key: ${A} } }").to_string(),
        "t.yaml:2:34: not YAML that can be read: while parsing a flow mapping, did not find expected ',' or '}'\n  put the variable in quotes: \"${NAME}\""
    );
    assert_eq!(mistake("timezone: UTC\na: 'x\n").at.line, 2);
    mistake("server: {}\n---\nserver: {}\n");
    mistake("? [a]\n: b\n");
}

/// Alias bombs, endless depth and huge files end in one mistake, soon.
#[test]
fn bombs_are_refused() {
    let mut bomb = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
    for level in 1..12 {
        let before = level - 1;
        let row = vec![format!("*a{before}"); 10].join(", ");
        bomb.push_str(&format!("a{level}: &a{level} [{row}]\n"));
    }
    let deep = format!("a: {}{}\n", "[".repeat(5000), "]".repeat(5000));
    let wide = format!("timezone: {}\n", "x".repeat(5 << 20));
    for text in [bomb, deep, wide] {
        let begin = std::time::Instant::now();
        let mistakes = read_with(&text, &Given::default()).expect_err("a bomb");
        assert_eq!(mistakes.len(), 1, "{}", shown(&mistakes));
        assert!(begin.elapsed().as_secs() < 5, "{:?}", begin.elapsed());
    }
}

#[test]
fn warnings_are_no_mistakes() {
    let text = "providers: { openai: { api_keys: [a, a] } }\nmodels: { fast: { targets: [{ model: openai/x, weight: 2 }, openai/x] } }\n\
        teams: { t: { models: [fsat, openai/x, opnai/*, gpt-5] } }\n";
    let warnings = read_with(text, &Given::default()).expect("good").warnings;
    assert_eq!(
        shown(&warnings),
        "t.yaml: team `t` may ask for `fsat`, which nothing here answers to\n  did you mean `fast`?
t.yaml: team `t` may ask for `opnai/*`, which nothing here answers to\n  did you mean `openai`?
t.yaml:1:38: this key is given twice\n  remove one of them
t.yaml:2:56: a weight counts only with `choose: weighted` or `least_busy`\n  write `choose: weighted`, or remove the weight
t.yaml:2:61: target `openai/x` is listed twice\n  remove one of them
"
    );
}
