//! `credential_process`: a program that prints keys.

use std::process::Stdio;

use tokio::process::Command;

use super::super::CredentialError;
use super::{Keys, of_json};

/// Runs it, without a shell. Source: <https://docs.aws.amazon.com/sdkref/latest/guide/feature-process-credentials.html>.
pub(super) async fn keys(line: &str) -> Result<Keys, CredentialError> {
    let words = words(line);
    let failed = |what: String| CredentialError::new(what, "Run the program by hand and look at what it prints.");
    let Some((program, arguments)) = words.split_first() else {
        return Err(failed("`credential_process` is empty".to_owned()));
    };
    let run = Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .output()
        .await
        .map_err(|error| failed(format!("`credential_process` cannot be run: {}", error.kind())))?;
    if !run.status.success() {
        return Err(failed(format!("`credential_process` ended with {}", run.status)));
    }
    of_json(&run.stdout, "SessionToken")
        .ok_or_else(|| failed("`credential_process` printed something else than keys".to_owned()))
}

/// Words as a shell splits them: at blanks outside of quotes, a backslash before any character but in single quotes.
fn words(line: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quote: Option<char> = None;
    let mut chars = line.chars();
    while let Some(c) = chars.next() {
        match (quote, c) {
            (Some(open), c) if c == open => quote = None,
            (None, '"' | '\'') => {
                quote = Some(c);
                word.get_or_insert_default();
            }
            (None | Some('"'), '\\') => word.get_or_insert_default().extend(chars.next()),
            (None, c) if c.is_whitespace() => words.extend(word.take()),
            (_, c) => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_split_as_a_shell_does() {
        assert_eq!(words(r#"/a/b  --x "c d" 'e "f"' g\ h """#), ["/a/b", "--x", "c d", "e \"f\"", "g h", ""]);
    }
}
