//! What no compiler checks: rooms say what they promise and stay small, floors import downwards, no text
//! speaks of one developer's machine, and links between documents lead somewhere.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

/// Most lines of a source file.
const MOST_LINES: usize = 500;
/// Files that may be longer: one machine, one record or one comparison that is read in one piece.
const LONG: [&str; 3] =
    ["crates/gateway/src/exchange/relay.rs", "crates/policy/src/entry.rs", "crates/dialect/tests/common/diff.rs"];
/// The floors, lowest first. A crate may depend on those before it.
const FLOORS: [&str; 5] = ["tollgate-wire", "tollgate-dialect", "tollgate-policy", "tollgate-store", "tollgate"];
/// Libraries that read the clock, the network or the disk: not for the three pure floors.
const IMPURE: [&str; 8] = ["tokio", "hyper", "hyper-util", "rusqlite", "rustls", "notify", "socket2", "clap"];
/// Endings of files that are data, made by others or by tools.
const DATA: [&str; 6] = [".jsonl", ".tsv", ".lock", ".snap", ".proptest-regressions", "package-lock.json"];

/// Runs every check over the files that git knows. `Err` lists every mistake, one a line.
pub(crate) fn run(rest: &[String]) -> Result<String, String> {
    if let Some(extra) = rest.first() {
        return Err(format!("`cargo xtask tidy` takes no arguments, got `{extra}`"));
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let listed = output(&root, "git", &["ls-files", "--cached", "--others", "--exclude-standard"])?;
    let mut mistakes = Vec::new();
    let mut files = 0_usize;
    for path in listed.lines().filter(|path| !DATA.iter().any(|ending| path.ends_with(ending))) {
        // A file that is deleted but not committed is listed too; binary files are not text.
        let Ok(text) = std::fs::read_to_string(root.join(path)) else { continue };
        files += 1;
        rooms(path, &text, &mut mistakes);
        places(path, &text, &mut mistakes);
        if path.ends_with(".md") {
            links(&root, path, &text, &mut mistakes);
        }
    }
    let metadata = output(&root, "cargo", &["metadata", "--no-deps", "--offline", "--format-version", "1"])?;
    floors(&metadata, &mut mistakes)?;
    if mistakes.is_empty() { Ok(format!("tidy: {files} files, no mistake")) } else { Err(mistakes.join("\n")) }
}

/// A program's standard output.
fn output(root: &Path, program: &str, arguments: &[&str]) -> Result<String, String> {
    let ran = Command::new(program).args(arguments).current_dir(root).output();
    let ran = ran.map_err(|error| format!("{program} cannot be run: {error}"))?;
    if !ran.status.success() {
        return Err(format!("{program} {}: {}", arguments.join(" "), String::from_utf8_lossy(&ran.stderr)));
    }
    Ok(String::from_utf8_lossy(&ran.stdout).into_owned())
}

/// A source file says in its first line what it promises, and is no longer than a reader can hold.
fn rooms(path: &str, text: &str, mistakes: &mut Vec<String>) {
    let source = path.ends_with(".rs") && (path.contains("/src/") || path.contains("/tests/"));
    if !source {
        return;
    }
    let tests = path.contains("/tests") || path.ends_with("tests.rs");
    if !tests && !text.starts_with("//!") {
        mistakes.push(format!("{path}:1: the first line does not say (`//!`) what the file promises"));
    }
    let lines = text.lines().count();
    if lines > MOST_LINES && !LONG.contains(&path) {
        mistakes.push(format!("{path}: {lines} lines, more than {MOST_LINES}: split it by noun"));
    }
}

/// Paths of one machine have no meaning on another.
fn places(path: &str, text: &str, mistakes: &mut Vec<String>) {
    // Written in pieces, so that this file does not find itself.
    let words = [["/wo", "rk/"], ["/ro", "ot/"], ["../sh", "ared"], ["sh", "ared/design"], ["sh", "ared/data"]]
        .map(|word| word.concat());
    for (at, line) in text.lines().enumerate() {
        if let Some(word) = words.iter().find(|word| line.contains(word.as_str())) {
            mistakes.push(format!("{path}:{}: `{word}` is a path of one machine", at + 1));
        }
    }
}

/// Links from one document to another file of the tree lead to a file.
fn links(root: &Path, path: &str, text: &str, mistakes: &mut Vec<String>) {
    let folder = Path::new(path).parent().unwrap_or(Path::new(""));
    for (at, line) in text.lines().enumerate() {
        for rest in line.split("](").skip(1) {
            let target = rest.split([')', '#', ' ']).next().unwrap_or_default();
            if target.is_empty() || target.contains("://") || target.starts_with("mailto:") {
                continue;
            }
            if !root.join(folder).join(target).exists() {
                mistakes.push(format!("{path}:{}: the link `{target}` leads nowhere", at + 1));
            }
        }
    }
}

/// Crates depend on lower floors only, and the three lowest on nothing that does I/O.
fn floors(metadata: &str, mistakes: &mut Vec<String>) -> Result<(), String> {
    let parsed: serde_json::Value =
        serde_json::from_str(metadata).map_err(|error| format!("cargo metadata: {error}"))?;
    let mut uses: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for package in parsed.get("packages").and_then(|list| list.as_array()).into_iter().flatten() {
        let Some(name) = package.get("name").and_then(|name| name.as_str()) else { continue };
        let used = uses.entry(name).or_default();
        for dependency in package.get("dependencies").and_then(|list| list.as_array()).into_iter().flatten() {
            // Dependencies of tests may go anywhere.
            if dependency.get("kind").is_some_and(|kind| kind == "dev") {
                continue;
            }
            used.extend(dependency.get("name").and_then(|name| name.as_str()));
        }
    }
    for (floor, name) in FLOORS.iter().enumerate() {
        let Some(used) = uses.get(name) else {
            mistakes.push(format!("{name}: the floor is not in the workspace"));
            continue;
        };
        for dependency in used {
            let upwards = FLOORS.iter().position(|other| other == dependency).is_some_and(|other| other >= floor);
            if upwards {
                mistakes.push(format!("{name} depends on {dependency}, which is not below it"));
            }
            if floor < 3 && IMPURE.contains(dependency) {
                mistakes.push(format!("{name} depends on {dependency}, but does no I/O by its promise"));
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(check: impl Fn(&mut Vec<String>)) -> Vec<String> {
        let mut mistakes = Vec::new();
        check(&mut mistakes);
        mistakes
    }

    #[test]
    fn a_room_without_words_or_with_too_many_is_named() {
        assert_eq!(found(|list| rooms("crates/wire/src/a.rs", "//! Bytes.\n", list)), [] as [String; 0]);
        assert_eq!(found(|list| rooms("crates/wire/src/a.rs", "use std::io;\n", list)).len(), 1);
        assert_eq!(found(|list| rooms("crates/wire/src/a.rs", &format!("//! x\n{}", "\n".repeat(600)), list)).len(), 1);
        assert_eq!(found(|list| rooms("crates/wire/src/a/tests.rs", "use super::*;\n", list)), [] as [String; 0]);
    }

    #[test]
    fn a_path_of_one_machine_is_named_with_its_line() {
        let path = ["/ro", "ot/x"].concat();
        let mistakes = found(|list| places("README.md", &format!("one\nsee {path}\n"), list));
        assert!(
            mistakes.iter().all(|mistake| mistake.starts_with("README.md:2:")) && mistakes.len() == 1,
            "{mistakes:?}"
        );
    }

    #[test]
    fn a_floor_that_imports_upwards_is_named() {
        let package = |name: &str, uses: &str, kind: &str| {
            format!("{{\"name\":\"{name}\",\"dependencies\":[{{\"name\":\"{uses}\",\"kind\":{kind}}}]}}")
        };
        let metadata = |wire: String| {
            let rest = FLOORS[1..].iter().map(|name| package(name, "bytes", "null")).collect::<Vec<_>>().join(",");
            format!("{{\"packages\":[{wire},{rest}]}}")
        };
        let check = |text: String| found(|list| assert_eq!(floors(&text, list), Ok(())));
        assert_eq!(check(metadata(package("tollgate-wire", "bytes", "null"))), [] as [String; 0]);
        assert_eq!(check(metadata(package("tollgate-wire", "tollgate-policy", "\"dev\""))), [] as [String; 0]);
        assert_eq!(
            check(metadata(package("tollgate-wire", "tollgate-policy", "null"))),
            ["tollgate-wire depends on tollgate-policy, which is not below it"]
        );
        assert_eq!(check(metadata(package("tollgate-wire", "tokio", "null"))).len(), 1);
    }

    #[test]
    fn a_link_that_leads_nowhere_is_named() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let text = "[a](Cargo.toml#x) [b](https://example.com) [c](gone.md)\n";
        let mistakes = found(|list| links(root, "README.md", text, list));
        assert_eq!(mistakes, ["README.md:1: the link `gone.md` leads nowhere"]);
    }
}
