//! Words that are kept for commands to come, and words that are none.

use super::failure::Failure;
use crate::config::diagnose::near;

/// Commands that are to come.
const LATER: [&str; 14] = [
    "assess",
    "import",
    "plan",
    "whatif",
    "report",
    "top",
    "doctor",
    "simulate",
    "audit",
    "catalog",
    "providers",
    "migrate",
    "backup",
    "restore",
];
/// Commands that there are.
const NOW: [&str; 6] = ["serve", "check", "explain", "keys", "demo", "help"];

/// Why a word is no command.
#[must_use]
pub fn refuse(word: &str) -> Failure {
    if LATER.contains(&word) {
        return Failure::mistake(format!(
            "`tollgate {word}` is not part of this release. `tollgate help` lists what is."
        ));
    }
    match near(word, NOW).first() {
        Some(near) => Failure::mistake(format!("There is no command `{word}`; did you mean `tollgate {near}`?")),
        None => Failure::mistake(format!("There is no command `{word}`. `tollgate help` lists what there is.")),
    }
}
