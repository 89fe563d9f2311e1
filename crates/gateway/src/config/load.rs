//! Loading, checking and comparing configurations.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Serialize;

use super::diagnose::{At, Diagnostic};
use super::env::Env;
use super::raw;
use super::read::{Read, Reader};
use super::resolve::{Flags, resolve};
use super::tree;
use super::types::Config;

/// The file that is read when none is named and it exists.
const DEFAULT_FILE: &str = "./tollgate.yaml";

/// A configuration that can run, and what is odd about it.
#[derive(Debug, Clone)]
pub struct Loaded {
    /// The configuration.
    pub config: Config,
    /// What is allowed but hardly meant.
    pub warnings: Vec<Diagnostic>,
}

/// Loads the named file, else `./tollgate.yaml` when there is one, else what the environment says.
///
/// # Errors
/// Every mistake that was found.
pub fn load(path: Option<&Path>, env: &dyn Env, flags: &Flags) -> Result<Loaded, Vec<Diagnostic>> {
    let file = path.unwrap_or(Path::new(DEFAULT_FILE));
    match env.file(file) {
        Ok(text) => of_text(Some((file, &text)), env, flags),
        Err(error) if path.is_none() && error.kind() == std::io::ErrorKind::NotFound => of_text(None, env, flags),
        Err(error) => Err(vec![Diagnostic {
            file: file.display().to_string(),
            at: At::default(),
            what: format!("the file cannot be read: {error}"),
            remedy: "check the path and its permissions, or start without --config to use the environment".to_owned(),
        }]),
    }
}

/// Reads a file's text, or with `None` the environment alone.
///
/// # Errors
/// Every mistake that was found, in the order of the file.
pub fn of_text(file: Option<(&Path, &str)>, env: &dyn Env, flags: &Flags) -> Result<Loaded, Vec<Diagnostic>> {
    let name = file.map_or_else(|| "environment".to_owned(), |(path, _)| path.display().to_string());
    let mut reader = Reader::new(env, &name);
    let raw = match file {
        Some((_, text)) => {
            let node = tree::parse(text, &name).map_err(|error| vec![error])?;
            raw::File::read(&node, &mut reader)
        }
        None => Some(raw::File::default()),
    };
    let config = raw.and_then(|raw| resolve(raw, file.map(|(path, _)| path), flags, &mut reader));
    let Reader { mut problems, mut warnings, .. } = reader;
    problems.sort_by_key(|problem| problem.at);
    warnings.sort_by_key(|warning| warning.at);
    match config {
        Some(config) if problems.is_empty() => Ok(Loaded { config, warnings }),
        Some(_) | None => Err(problems),
    }
}

/// What `tollgate check` prints.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    /// True when the gateway would start with it.
    pub ok: bool,
    /// What was read: a file's name or `environment`.
    pub source: String,
    /// Every mistake.
    pub mistakes: Vec<Diagnostic>,
    /// What is allowed but hardly meant.
    pub warnings: Vec<Diagnostic>,
    /// Names of the providers that are on.
    pub providers: Vec<String>,
    /// Which source of credentials each provider without a key uses, by the provider's name.
    pub credentials: BTreeMap<String, String>,
    /// How many named models there are.
    pub models: usize,
}

/// Checks a configuration without starting anything.
#[must_use]
pub fn check(path: Option<&Path>, env: &dyn Env, flags: &Flags) -> Report {
    match load(path, env, flags) {
        Ok(Loaded { config, warnings }) => Report {
            ok: true,
            source: config.file.as_deref().map_or_else(|| "environment".to_owned(), |file| file.display().to_string()),
            mistakes: Vec::new(),
            warnings,
            providers: config.providers.iter().map(|provider| provider.name.to_string()).collect(),
            credentials: config
                .providers
                .iter()
                .filter_map(|provider| Some((provider.name.to_string(), provider.credential.as_ref()?.to_string())))
                .collect(),
            models: config.models.len(),
        },
        Err(mistakes) => Report {
            ok: false,
            source: path.unwrap_or(Path::new(DEFAULT_FILE)).display().to_string(),
            mistakes,
            warnings: Vec::new(),
            providers: Vec::new(),
            credentials: BTreeMap::new(),
            models: 0,
        },
    }
}

impl std::fmt::Display for Report {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for mistake in &self.mistakes {
            writeln!(f, "{mistake}")?;
        }
        for warning in &self.warnings {
            writeln!(f, "warning: {warning}")?;
        }
        for (provider, source) in &self.credentials {
            writeln!(f, "credentials of {provider}: {source}")?;
        }
        if self.ok {
            let providers = if self.providers.is_empty() { "none".to_owned() } else { self.providers.join(", ") };
            return writeln!(f, "{}: ok. providers: {providers}; named models: {}", self.source, self.models);
        }
        let count = self.mistakes.len();
        writeln!(f, "{count} mistake{} in {}", if count == 1 { "" } else { "s" }, self.source)
    }
}

/// The new configuration with the old values of what only a restart can change, and the names of those fields
/// that would have changed.
#[must_use]
pub fn keep_fixed(old: &Config, mut new: Config) -> (Config, Vec<&'static str>) {
    let mut kept = Vec::new();
    if old.server.listen != new.server.listen {
        kept.push("server.listen");
        new.server.listen = old.server.listen;
    }
    if old.server.admin_listen != new.server.admin_listen {
        kept.push("server.admin_listen");
        new.server.admin_listen = old.server.admin_listen;
    }
    if old.store != new.store {
        kept.push("store");
        new.store = old.store;
    }
    if old.data_dir != new.data_dir {
        kept.push("data_dir");
        new.data_dir.clone_from(&old.data_dir);
    }
    (new.hashed(), kept)
}
