//! Which source of credentials is chosen, and what is told where there is none.

use super::super::load::check;
use super::*;

/// What the provider of a text uses, or the mistakes.
fn uses(text: &str, env: &Given) -> String {
    match read_with(&format!("providers: {{ {text} }}"), env) {
        Err(mistakes) => shown(&mistakes),
        Ok(Loaded { config, .. }) => match (&config.providers[0].credential, config.providers[0].keys.len()) {
            (Some(credential), 0) => credential.to_string(),
            (None, keys) => format!("{keys} keys"),
            both => panic!("{both:?}"),
        },
    }
}

fn aws(vars: &[(&str, &str)]) -> Given {
    let mut env = Given::default()
        .with_file("/home/a/.aws/config", "[default]\nregion = eu-west-2\n[profile dev]\nregion = eu-west-3\n")
        .with_file("/home/a/.aws/credentials", "[default]\naws_access_key_id = A\naws_secret_access_key = S\n[dev]\n");
    env.vars.extend(vars.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
    env
}

#[test]
fn the_first_source_of_aws_counts() {
    let keys = [("AWS_ACCESS_KEY_ID", "A"), ("AWS_SECRET_ACCESS_KEY", "S")];
    let web = [("AWS_WEB_IDENTITY_TOKEN_FILE", "/t"), ("AWS_ROLE_ARN", "r")];
    let (home, container) = (("HOME", "/home/a"), ("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "/x"));
    let row = "bedrock-claude: {}";
    let all: Vec<(&str, &str)> = keys.into_iter().chain(web).chain([home, container]).collect();
    for (skip, expect) in [
        (0, "AWS, keys from AWS_ACCESS_KEY_ID, signed for bedrock in eu-west-2"),
        (2, "AWS, web identity (AWS_WEB_IDENTITY_TOKEN_FILE), signed for bedrock in eu-west-2"),
        (4, "AWS, profile `default` of the shared files, signed for bedrock in eu-west-2"),
        (5, "AWS, the container's endpoint (AWS_CONTAINER_CREDENTIALS_…), signed for bedrock in us-east-1"),
        (6, "AWS, the instance's metadata service, signed for bedrock in us-east-1"),
    ] {
        assert_eq!(uses(row, &aws(&all[skip..])), expect);
    }
    // A key of Bedrock goes before all of them, but not before what the file says.
    let with_key: Vec<(&str, &str)> = all.iter().copied().chain([("AWS_BEARER_TOKEN_BEDROCK", "b")]).collect();
    assert_eq!(uses(row, &aws(&with_key)), "1 keys");
    assert_eq!(
        uses("bedrock-mantle: { credentials: { profile: dev, role_arn: r } }", &aws(&with_key)),
        "AWS, profile `dev` of the shared files, then the role of `role_arn`, signed for bedrock-mantle in eu-west-3"
    );
    assert_eq!(
        uses("bedrock-claude: { region: eu-north-1, credentials: { source: instance } }", &aws(&with_key)),
        "AWS, the instance's metadata service, signed for bedrock in eu-north-1"
    );
    assert_eq!(
        uses("bedrock-claude: { base_url: \"https://bedrock-runtime.ca-central-1.amazonaws.com\" }", &aws(&all)),
        "AWS, keys from AWS_ACCESS_KEY_ID, signed for bedrock in ca-central-1"
    );
    assert_eq!(
        uses("bedrock: { base_url: \"https://bedrock-mantle.us-west-2.api.aws\" }", &aws(&all)),
        "AWS, keys from AWS_ACCESS_KEY_ID, signed for bedrock-mantle in us-west-2"
    );
    let files = &aws(&[home, ("AWS_PROFILE", "dev")]);
    let config = read_with("providers: { bedrock-claude: {} }", files).unwrap().config;
    assert_eq!(config.providers[0].base_url, "https://bedrock-runtime.eu-west-3.amazonaws.com");
}

#[test]
fn mistakes_in_credentials_are_told() {
    let off = aws(&[("AWS_EC2_METADATA_DISABLED", "true"), ("HOME", "/home/b")]);
    for (text, expect) in [
        (
            "bedrock-claude: {}",
            "t.yaml:1:14: provider `bedrock-claude` has no key and no credentials\n  set AWS_BEARER_TOKEN_BEDROCK, or give \
             `api_key:`, or set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE\n",
        ),
        (
            "bedrock-claude: { credentials: { access_key_id: A } }",
            "t.yaml:1:45: `access_key_id` and `secret_access_key` belong together\n  give both, or neither\n",
        ),
        ("bedrock-claude: { credentials: { tenant_id: A } }", "`tenant_id` is not of the credentials of aws"),
        (
            "bedrock-claude: { credentials: { source: metadata } }",
            "`metadata` is not a source of credentials of aws\n  write environment, web_identity, profile, container, instance\n",
        ),
        ("bedrock-claude: { credentials: { sorce: metadata } }", "unknown field `sorce`\n  did you mean `source`?"),
        ("bedrock-claude: { api_key: k, credentials: { profile: x } }", "both a key and `credentials` are given"),
        ("bedrock-claude: { credentials: { profile: x } }", "there is no profile `x` in the shared files of AWS"),
        ("openai: { credentials: { profile: x } }", "`openai` takes no `credentials`"),
        ("openai: { api_key: k, region: eu-west-1 }", "`openai` has no `region`"),
        ("bedrock-claude: { api_key: k, region: \"evil.example/\" }", "`evil.example/` is no region"),
        (
            "vertex: { project: p, credentials: { file: /nowhere } }",
            "the credentials file `/nowhere` of `credentials` cannot be read",
        ),
        (
            "azure: { base_url: \"https://x\", credentials: { tenant_id: t } }",
            "the credentials name no whole application",
        ),
        ("azure: { base_url: \"https://x\" }", "provider `azure` has no key and no credentials"),
    ] {
        let found = uses(text, &off);
        assert!(found.contains(expect), "{text}\n{found}");
    }
    let evil = aws(&[("AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://evil.example/x")]);
    assert!(uses("bedrock-claude: {}", &evil).contains("AWS_CONTAINER_CREDENTIALS_FULL_URI cannot be used"));
}

#[test]
fn google_and_entra_are_chosen_by_their_variables() {
    let file = "{\"type\": \"service_account\", \"project_id\": \"from-file\"}";
    let env = Given::vars([("GOOGLE_APPLICATION_CREDENTIALS", "/k.json")]).with_file("/k.json", file);
    assert_eq!(uses("vertex: {}", &env), "Google, the credentials file of GOOGLE_APPLICATION_CREDENTIALS");
    let base = |text: &str, env: &Given| {
        read_with(&format!("providers: {{ {text} }}"), env).unwrap().config.providers[0].base_url.clone()
    };
    let host = "aiplatform.googleapis.com/v1/projects";
    assert_eq!(base("vertex: {}", &env), format!("https://us-central1-{host}/from-file/locations/us-central1"));
    assert_eq!(
        base("vertex-claude: { project: mine, location: global }", &env),
        format!("https://{host}/mine/locations/global")
    );
    assert_eq!(
        base("vertex: { location: eu }", &env),
        "https://aiplatform.eu.rep.googleapis.com/v1/projects/from-file/locations/eu"
    );
    let none = Given::vars([("GOOGLE_CLOUD_PROJECT", "p")]);
    assert_eq!(uses("vertex: {}", &none), "Google, the metadata service");
    // Express mode: an API key and no project.
    let express = Given::vars([("VERTEX_API_KEY", "AIzaSy-x")]);
    assert_eq!(base("vertex: {}", &express), "https://aiplatform.googleapis.com/v1");
    let odd = Given::vars([("GOOGLE_APPLICATION_CREDENTIALS", "/k.json"), ("GOOGLE_CLOUD_PROJECT", "p")])
        .with_file("/k.json", "{\"type\": \"gdch\"}");
    assert!(uses("vertex: {}", &odd).contains("is of the kind `gdch`, which is not supported"));

    let azure = "azure: { base_url: \"https://x.openai.azure.com\" }";
    let app = [("AZURE_TENANT_ID", "t"), ("AZURE_CLIENT_ID", "c"), ("AZURE_CLIENT_SECRET", "s")];
    assert_eq!(uses(azure, &Given::vars(app)), "Microsoft Entra, an application's client secret");
    let workload =
        Given::vars([("AZURE_TENANT_ID", "t"), ("AZURE_CLIENT_ID", "c"), ("AZURE_FEDERATED_TOKEN_FILE", "/t")]);
    assert_eq!(uses(azure, &workload), "Microsoft Entra, workload identity (a federated token)");
    let service = Given::vars([("IDENTITY_ENDPOINT", "http://127.0.0.1:42356/msi/token"), ("IDENTITY_HEADER", "h")]);
    assert_eq!(uses(azure, &service), "Microsoft Entra, managed identity (IDENTITY_ENDPOINT)");
    assert_eq!(
        uses("azure: { base_url: \"https://x\", credentials: { source: managed_identity } }", &Given::default()),
        "Microsoft Entra, managed identity (the metadata service)"
    );
}

#[test]
fn the_environment_alone_switches_clouds_on_by_what_it_names() {
    let names = |env: &Given| {
        let config = of_text(None, env, &Flags::default()).unwrap().config;
        let names: Vec<String> =
            config.providers.iter().filter(|one| one.credential.is_some()).map(|one| one.name.to_string()).collect();
        names.join(" ")
    };
    let bedrock = "bedrock-claude bedrock bedrock-mantle";
    assert_eq!(names(&aws(&[("AWS_ACCESS_KEY_ID", "A"), ("AWS_SECRET_ACCESS_KEY", "S")])), bedrock);
    assert_eq!(names(&aws(&[("HOME", "/home/a"), ("AWS_PROFILE", "dev")])), bedrock);
    // What is only there, unnamed, switches nothing on.
    assert_eq!(names(&aws(&[("HOME", "/home/a")])), "");
    let file = "{\"type\": \"service_account\"}";
    let google = Given::vars([("GOOGLE_APPLICATION_CREDENTIALS", "/k.json")]).with_file("/k.json", file);
    assert_eq!(names(&google), "", "no project");
    let google = Given::vars([("GOOGLE_APPLICATION_CREDENTIALS", "/k.json"), ("GOOGLE_CLOUD_PROJECT", "p")])
        .with_file("/k.json", file);
    assert_eq!(names(&google), "vertex-claude vertex");
    let app = [("AZURE_TENANT_ID", "t"), ("AZURE_CLIENT_ID", "c"), ("AZURE_CLIENT_SECRET", "s")];
    assert_eq!(names(&Given::vars(app)), "");
    let mut azure = Given::vars(app);
    azure.vars.insert("AZURE_OPENAI_ENDPOINT".to_owned(), "https://x.openai.azure.com".to_owned());
    assert_eq!(names(&azure), "azure");
}

#[test]
fn check_says_which_source_is_used_and_no_secret() {
    let env = aws(&[("AWS_ACCESS_KEY_ID", "AKIAX"), ("AWS_SECRET_ACCESS_KEY", "SECRETX")])
        .with_file("t.yaml", "providers: { bedrock-claude: {} }");
    let report = check(Some(Path::new("t.yaml")), &env, &Flags::default()).to_string();
    assert_eq!(
        report,
        "credentials of bedrock-claude: AWS, keys from AWS_ACCESS_KEY_ID, signed for bedrock in us-east-1\n\
         t.yaml: ok. providers: bedrock-claude; named models: 0\n"
    );
    let config = read_with("providers: { bedrock-claude: {} }", &env).unwrap().config;
    assert!(!format!("{config:?}").contains("SECRETX"));
    // Another secret is another configuration.
    let other = aws(&[("AWS_ACCESS_KEY_ID", "AKIAX"), ("AWS_SECRET_ACCESS_KEY", "SECRETY")]);
    assert_ne!(config.hash, read_with("providers: { bedrock-claude: {} }", &other).unwrap().config.hash);
}
