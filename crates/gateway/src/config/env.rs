//! Where settings come from beside the file: environment variables, and files that hold secrets.

use std::collections::BTreeMap;
use std::path::Path;

/// What the configuration may ask of its surroundings.
pub trait Env {
    /// A variable's value; `None` when it is not set or not UTF-8.
    fn var(&self, name: &str) -> Option<String>;
    /// A file's text.
    ///
    /// # Errors
    /// When the file cannot be read or is not UTF-8.
    fn file(&self, path: &Path) -> std::io::Result<String>;
}

/// The process's own surroundings.
#[derive(Debug, Clone, Copy, Default)]
pub struct Process;

impl Env for Process {
    #[expect(clippy::disallowed_methods, reason = "this is the one place that reads the environment")]
    fn var(&self, name: &str) -> Option<String> {
        std::env::var(name).ok()
    }

    fn file(&self, path: &Path) -> std::io::Result<String> {
        std::fs::read_to_string(path)
    }
}

/// Surroundings that are given: variables and files by name.
#[derive(Debug, Clone, Default)]
pub struct Given {
    /// Variables.
    pub vars: BTreeMap<String, String>,
    /// Files by path.
    pub files: BTreeMap<String, String>,
}

impl Given {
    /// Surroundings with these variables and no files.
    #[must_use]
    pub fn vars<const N: usize>(vars: [(&str, &str); N]) -> Self {
        let vars = vars.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        Self { vars, files: BTreeMap::new() }
    }

    /// The same with one more file.
    #[must_use]
    pub fn with_file(mut self, path: &str, text: &str) -> Self {
        self.files.insert(path.to_owned(), text.to_owned());
        self
    }
}

impl Env for Given {
    fn var(&self, name: &str) -> Option<String> {
        self.vars.get(name).cloned()
    }

    fn file(&self, path: &Path) -> std::io::Result<String> {
        let found = path.to_str().and_then(|path| self.files.get(path));
        found.cloned().ok_or_else(|| std::io::Error::from(std::io::ErrorKind::NotFound))
    }
}

/// A variable that is set to something, or `None`.
pub(super) fn set(env: &dyn Env, name: &str) -> Option<String> {
    env.var(name).map(|value| value.trim().to_owned()).filter(|value| !value.is_empty())
}

/// Why a text could not be filled in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Unfilled {
    /// The variable is not set.
    Unset(String),
    /// `${` without its end, or a name that no variable can have.
    Malformed,
}

/// Fills `${VAR}` and `${VAR:-default}` in; `$${` is a plain `${`. The result is not looked at again, so a
/// value cannot name another variable.
pub(super) fn interpolate(text: &str, env: &dyn Env) -> Result<String, Unfilled> {
    let mut filled = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("${") {
        if let Some(before) = before.strip_suffix('$') {
            filled.push_str(before);
            filled.push_str("${");
            rest = after;
            continue;
        }
        filled.push_str(before);
        let (inside, after) = after.split_once('}').ok_or(Unfilled::Malformed)?;
        let (name, default) = match inside.split_once(":-") {
            Some((name, default)) => (name, Some(default)),
            None => (inside, None),
        };
        let named = |c: char| c.is_ascii_alphanumeric() || c == '_';
        if name.is_empty() || !name.chars().all(named) || name.starts_with(|c: char| c.is_ascii_digit()) {
            return Err(Unfilled::Malformed);
        }
        match (env.var(name).filter(|value| !value.is_empty() || default.is_none()), default) {
            (Some(value), _) => filled.push_str(&value),
            (None, Some(default)) => filled.push_str(default),
            (None, None) => return Err(Unfilled::Unset(name.to_owned())),
        }
        rest = after;
    }
    filled.push_str(rest);
    Ok(filled)
}
