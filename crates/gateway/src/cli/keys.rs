//! `tollgate keys`: virtual keys made, listed, ended.

use clap::{Args, Subcommand};
use http::Method;
use wire::json::{Json, Writer};

use super::common::Common;
use super::failure::Failure;
use super::print;
use super::reach::{Reach, Where, segment};

/// What `keys` takes.
#[derive(Debug, Args, Clone)]
pub struct Keys {
    #[command(subcommand)]
    command: Command,
    #[command(flatten)]
    place: Where,
}

#[derive(Debug, Subcommand, Clone)]
enum Command {
    /// Make a key: its text alone goes to standard output, this once
    Create(Create),
    /// Show every key, those of the file too
    List {
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// End a key at once
    Revoke {
        /// The key's name or id (the 12 letters after `tg-`)
        #[arg(value_name = "NAME_OR_ID")]
        key: String,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
}

#[derive(Debug, Args, Clone)]
struct Create {
    /// What the key is called in the ledger
    #[arg(long)]
    name: String,
    /// The team it belongs to; one that the configuration defines
    #[arg(long)]
    team: Option<String>,
    /// The end user it is bound to
    #[arg(long)]
    user: Option<String>,
    /// The models it may ask for, as names and globs [default: all]
    #[arg(long, value_delimiter = ',', value_name = "A,B")]
    models: Vec<String>,
    /// When it ends: 90d, 12h, 2027-01-31 [default: never]
    #[arg(long, value_name = "WHEN")]
    expires: Option<String>,
    /// It may use the admin API
    #[arg(long)]
    admin: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// Runs a command on keys.
///
/// # Errors
/// What the gateway or the store refuses.
pub async fn run(common: &Common, keys: &Keys) -> Result<(), Failure> {
    let reach = Reach::find(common, &keys.place).await?;
    match &keys.command {
        Command::Create(new) => create(&reach, new).await,
        Command::List { json } => list(&reach, *json).await,
        Command::Revoke { key, json } => revoke(&reach, key, *json).await,
    }
}

async fn create(reach: &Reach, new: &Create) -> Result<(), Failure> {
    let mut json = Writer::new();
    json.object(|json| {
        json.key("name").str(&new.name).key("admin").bool(new.admin);
        for (name, value) in [("team", &new.team), ("user", &new.user), ("expires", &new.expires)] {
            if let Some(value) = value {
                json.key(name).str(value);
            }
        }
        json.key("models").array(|json| {
            for model in &new.models {
                json.str(model);
            }
        });
    });
    let told = reach.call(Method::POST, "keys", Some(json.finish())).await?;
    if new.json {
        print::line(&told);
        return Ok(());
    }
    let made = Json::parse(&told).map_err(|error| Failure::environment(format!("The answer is no JSON: {error}.")))?;
    let key = text(made, "key");
    print::line(&key);
    print::note(&advice(&base(reach).await, made));
    Ok(())
}

/// Where callers reach the gateway.
async fn base(reach: &Reach) -> String {
    if let Reach::Remote { base, .. } = reach {
        return base.clone();
    }
    let told = reach.call(Method::GET, "config", None).await.unwrap_or_default();
    let settings = Json::parse(&told).ok().and_then(|config| config.get("settings")).unwrap_or(Json::NULL);
    let value = |name: &str| settings.get(name).and_then(|setting| setting.get("value")?.non_null());
    let scheme = if value("server.tls").is_some() { "https" } else { "http" };
    let listen = value("server.listen").and_then(Json::as_str).unwrap_or_else(|| "127.0.0.1:4000".into());
    format!("{scheme}://{listen}")
}

/// What to do with a new key. Its text is on standard output only.
fn advice(base: &str, made: Json<'_>) -> String {
    let mut said = format!("\nThis is the key `{}`, shown this once: keep it now. ", text(made, "name"));
    said.push_str("Callers need a key from now on.\n");
    if let Some(file) = made.get("admin_key_file").and_then(Json::as_str) {
        said.push_str(&format!("An admin key was made with it; it is in {file}.\n"));
    }
    let models = made.get("models").into_iter().flat_map(Json::items).filter_map(Json::as_str);
    let model = models.into_iter().find(|model| !model.contains('*')).unwrap_or_else(|| "MODEL".into());
    said.push_str(&format!(
        "\nWith the key in $KEY:\n\n  curl {base}/v1/chat/completions \\\n    -H \"authorization: Bearer $KEY\" -H \
         'content-type: application/json' \\\n    -d '{{\"model\":\"{model}\",\"messages\":[{{\"role\":\"user\",\
         \"content\":\"hello\"}}]}}'\n\n  OpenAI's SDKs     export OPENAI_BASE_URL={base}/v1 \
         OPENAI_API_KEY=\"$KEY\"\n  Anthropic's SDKs  export ANTHROPIC_BASE_URL={base} ANTHROPIC_API_KEY=\"$KEY\"\n"
    ));
    said
}

async fn list(reach: &Reach, json: bool) -> Result<(), Failure> {
    let told = reach.call(Method::GET, "keys", None).await?;
    if json {
        print::line(&told);
        return Ok(());
    }
    let list = Json::parse(&told).ok().and_then(|json| json.get("data"));
    let rows: Vec<Vec<String>> = list.into_iter().flat_map(Json::items).map(row).collect();
    if rows.is_empty() {
        print::note("There is no key yet. `tollgate keys create --name NAME` makes one.\n");
        return Ok(());
    }
    let heads = ["NAME", "ID", "TEAM", "USER", "MODELS", "EXPIRES", "ADMIN", "CREATED", "SOURCE"];
    print::data(&print::table(&heads, &rows));
    Ok(())
}

fn row(key: Json<'_>) -> Vec<String> {
    let models: Vec<String> = key
        .get("models")
        .into_iter()
        .flat_map(Json::items)
        .filter_map(|model| Some(model.as_str()?.into_owned()))
        .collect();
    let models = if models.is_empty() { "all".to_owned() } else { models.join(",") };
    let day = |name: &str, none: &str| {
        let at = text_or(key, name, none);
        // Minutes are near enough for a table; --json has the rest.
        at.get(..16).map_or_else(|| at.clone(), |minutes| minutes.replace('T', " "))
    };
    let admin = key.get("admin").and_then(Json::as_bool).unwrap_or_default();
    vec![
        text(key, "name"),
        text(key, "id"),
        text_or(key, "team", "-"),
        text_or(key, "user", "-"),
        models,
        day("expires", "never"),
        if admin { "yes" } else { "no" }.to_owned(),
        day("created", "-"),
        text(key, "source"),
    ]
}

async fn revoke(reach: &Reach, key: &str, json: bool) -> Result<(), Failure> {
    let told = reach.call(Method::DELETE, &format!("keys/{}", segment(key)), None).await?;
    if json {
        print::line(&told);
        return Ok(());
    }
    let ended = Json::parse(&told).unwrap_or(Json::NULL);
    print::note(&format!("The key `{}` ({}) has ended.\n", text(ended, "name"), text(ended, "id")));
    Ok(())
}

fn text(json: Json<'_>, name: &str) -> String {
    text_or(json, name, "")
}

fn text_or(json: Json<'_>, name: &str, none: &str) -> String {
    json.get(name).and_then(Json::as_str).map_or_else(|| none.to_owned(), |text| text.into_owned())
}
