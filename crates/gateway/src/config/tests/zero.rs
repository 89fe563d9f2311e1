//! A start from the environment alone, and what a file changes about it.

use super::super::load::{check, load};
use super::*;

fn zero(env: &Given) -> Loaded {
    of_text(None, env, &Flags::default()).expect("an environment is never wrong")
}

fn names(config: &Config) -> Vec<&str> {
    config.providers.iter().map(|provider| &*provider.name).collect()
}

#[test]
fn nothing_set_leaves_the_local_servers_and_the_demo() {
    let Loaded { config, warnings } = zero(&Given::default());
    assert_eq!(names(&config), ["ollama", "vllm", "demo"]);
    assert_eq!(config.providers.iter().map(|provider| provider.probe).collect::<Vec<_>>(), [true, true, false]);
    assert!(warnings.is_empty());
    assert_eq!(config.server.listen.to_string(), "127.0.0.1:4000");
    assert_eq!(config.data_dir.to_str(), Some("./tollgate-data"));
    assert_eq!(config.file, None);
}

#[test]
fn each_variable_switches_its_provider_on_in_order_of_preference() {
    let env = Given::vars([
        ("OPENROUTER_API_KEY", "or"),
        ("OPENAI_API_KEY", "o"),
        ("ANTHROPIC_API_KEY", "a"),
        ("GOOGLE_API_KEY", "g"),
        ("GROQ_API_KEY", "q"),
        ("MISTRAL_API_KEY", "  "),
        ("VOYAGE_API_KEY", "v"),
        ("AWS_BEARER_TOKEN_BEDROCK", "b"),
        ("AWS_REGION", "eu-central-1"),
    ]);
    let config = zero(&env).config;
    let bedrock = ["bedrock-claude", "bedrock", "bedrock-mantle"];
    let vendors = ["openai", "anthropic", "gemini", "groq"];
    let others = ["openrouter", "ollama", "vllm", "demo"];
    assert_eq!(names(&config), vendors.into_iter().chain(bedrock).chain(others).collect::<Vec<_>>());
    assert!(config.providers.iter().enumerate().all(|(place, provider)| provider.order == place));
    assert_eq!(config.provider("gemini").unwrap().keys[0].reveal(), "g");
    assert_eq!(config.provider("bedrock").unwrap().base_url, "https://bedrock-runtime.eu-central-1.amazonaws.com");
}

#[test]
fn the_first_variable_of_a_row_counts() {
    let config = zero(&Given::vars([("GOOGLE_API_KEY", "second"), ("GEMINI_API_KEY", "first")])).config;
    assert_eq!(config.provider("gemini").unwrap().keys[0].reveal(), "first");
}

#[test]
fn azure_needs_its_endpoint_too() {
    let Loaded { config, warnings } = zero(&Given::vars([("AZURE_OPENAI_API_KEY", "k")]));
    assert!(config.provider("azure").is_none());
    assert_eq!(
        shown(&warnings),
        "environment: AZURE_OPENAI_API_KEY is set but azure stays off: it needs AZURE_OPENAI_ENDPOINT too\n  set AZURE_OPENAI_ENDPOINT\n"
    );
    let env = Given::vars([("AZURE_OPENAI_API_KEY", "k"), ("AZURE_OPENAI_ENDPOINT", "https://x.openai.azure.com/")]);
    let config = zero(&env).config;
    let url = config.provider("azure").unwrap().url(dialect::id::DialectId::OpenAiChat, "gpt 4");
    assert_eq!(
        url.unwrap(),
        "https://x.openai.azure.com/openai/deployments/gpt%204/chat/completions?api-version=2024-10-21"
    );
    let bad = zero(&Given::vars([("AZURE_OPENAI_API_KEY", "k"), ("AZURE_OPENAI_ENDPOINT", "x.openai.azure.com")]));
    assert!(bad.config.provider("azure").is_none());
    assert_eq!(bad.warnings.len(), 1);
}

#[test]
fn a_file_turns_the_demo_off_unless_it_names_it() {
    assert_eq!(names(&good("cost_in_usage: true")), [] as [&str; 0]);
    assert_eq!(names(&good("providers: { demo: {} }")), ["demo"]);
    assert_eq!(names(&good("providers:\n  demo:\n")), ["demo"]);
    assert!(good("providers: { demo: {} }").providers[0].is_demo());
    let env = Given::vars([("OPENAI_API_KEY", "k"), ("GROQ_API_KEY", "k")]);
    // Without `providers` the environment still says which; with it only those named are on.
    assert_eq!(names(&read_with("timezone: UTC", &env).unwrap().config), ["openai", "groq"]);
    assert_eq!(names(&read_with("providers: { groq: {} }", &env).unwrap().config), ["groq"]);
    assert_eq!(names(&read_with("providers: {}", &env).unwrap().config), [] as [&str; 0]);
}

#[test]
fn empty_files_comments_and_byte_order_marks() {
    for text in ["", "\n\n", "# nothing\n", "\u{feff}", "{}", "\u{feff}timezone: UTC\n", "---\n"] {
        assert!(read_with(text, &Given::default()).is_ok(), "{text:?}");
    }
}

#[test]
fn flags_are_over_the_file() {
    let flags = Flags { listen: Some("0.0.0.0:80".to_owned()), data_dir: Some("/data".into()) };
    let text = "server: { listen: 127.0.0.1:9 }\ndata_dir: /other\n";
    let config = of_text(Some((Path::new("t.yaml"), text)), &Given::default(), &flags).unwrap().config;
    assert_eq!(config.server.listen.to_string(), "0.0.0.0:80");
    assert_eq!(config.data_dir.to_str(), Some("/data"));
    let wrong = Flags { listen: Some("80".to_owned()), data_dir: None };
    let mistakes = of_text(None, &Given::default(), &wrong).unwrap_err();
    assert_eq!(
        shown(&mistakes),
        "environment: `80` in --listen is not an address with a port\n  write for example --listen 127.0.0.1:4000\n"
    );
}

#[test]
fn a_named_file_must_be_there_and_the_usual_one_need_not() {
    let flags = Flags::default();
    let env = Given::default();
    assert!(load(None, &env, &flags).is_ok());
    let mistakes = load(Some(Path::new("/no.yaml")), &env, &flags).unwrap_err();
    assert!(mistakes[0].to_string().starts_with("/no.yaml: the file cannot be read"), "{}", mistakes[0]);
    let env = env.with_file("./tollgate.yaml", "providers: { demo: {} }");
    assert_eq!(load(None, &env, &flags).unwrap().config.file.unwrap().to_str(), Some("./tollgate.yaml"));
}

#[test]
fn a_report_says_what_would_run_or_what_is_wrong() {
    let env = Given::default().with_file("a.yaml", "providers: { demo: {} }").with_file("b.yaml", "x: 1\ny: 2\n");
    let flags = Flags::default();
    let report = check(Some(Path::new("a.yaml")), &env, &flags);
    assert!(report.ok);
    assert_eq!(report.to_string(), "a.yaml: ok. providers: demo; named models: 0\n");
    let report = check(Some(Path::new("b.yaml")), &env, &flags);
    assert!(!report.ok);
    assert!(report.to_string().ends_with("2 mistakes in b.yaml\n"), "{report}");
    let json = serde_json::to_value(&report).unwrap();
    assert_eq!((json["mistakes"][1]["line"].as_u64(), json["mistakes"][1]["column"].as_u64()), (Some(2), Some(1)));
}
