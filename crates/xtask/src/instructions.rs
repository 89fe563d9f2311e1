//! `cargo xtask instructions`: instructions of the two hottest pieces of work, held to a baseline of ± 3 %.
//!
//! Counted by callgrind, which does not depend on what else the machine does. The counts depend on compiler and
//! processor, so the baseline names both and is only compared where they match.

use std::path::PathBuf;
use std::process::Command;

/// Where the baseline is kept.
const BASELINE: &str = "bench/instructions.txt";
/// The pieces of work.
const WORK: [&str; 2] = ["peek-patch", "relay"];
/// How far a count may be off, in percent.
const TOLERANCE: u64 = 3;

/// Counts, and compares with the baseline; `--update` writes it.
///
/// # Errors
/// Valgrind is missing, the program cannot be built, or a count is off.
pub(crate) fn run(arguments: &[String]) -> Result<String, String> {
    let update = arguments.iter().any(|argument| argument == "--update");
    let machine = machine()?;
    build()?;
    let mut counts = Vec::new();
    for work in WORK {
        let (few, many) = (count(work, 20)?, count(work, 120)?);
        counts.push((work, many.saturating_sub(few) / 100));
    }
    let listed: String = counts.iter().map(|(work, count)| format!("{work} {count}\n")).collect();
    if update {
        let text = format!("# Instructions a run, by `cargo xtask instructions --update`.\n# {machine}\n{listed}");
        std::fs::write(BASELINE, text).map_err(|error| format!("{BASELINE}: {error}"))?;
        return Ok(format!("{BASELINE} is written:\n{listed}"));
    }
    let baseline = std::fs::read_to_string(BASELINE).map_err(|error| format!("{BASELINE}: {error}"))?;
    if !baseline.lines().any(|line| line.strip_prefix("# ") == Some(machine.as_str())) {
        return Ok(format!("not compared: the baseline is of another compiler or processor\n{listed}"));
    }
    for (work, count) in &counts {
        let known = baseline.lines().find_map(|line| line.strip_prefix(work)?.trim().parse::<u64>().ok());
        let known =
            known.ok_or_else(|| format!("{BASELINE} has no `{work}`: run `cargo xtask instructions --update`"))?;
        if count.abs_diff(known) * 100 > known * TOLERANCE {
            return Err(format!(
                "`{work}` takes {count} instructions, {known} in {BASELINE}: more than {TOLERANCE} % off. If the \
                 change is meant, run `cargo xtask instructions --update` and say why in the commit."
            ));
        }
    }
    Ok(format!("as in {BASELINE}, within {TOLERANCE} %:\n{listed}"))
}

/// Compiler and processor features, in one line.
fn machine() -> Result<String, String> {
    let version = Command::new("rustc").arg("--version").output().map_err(|error| format!("rustc: {error}"))?;
    let info = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let flags = info.lines().find(|line| line.starts_with("flags")).unwrap_or_default();
    // The C library and memchr choose their code by these.
    let known: Vec<&str> = ["sse4_2", "avx", "avx2", "avx512vl", "erms", "fsrm"]
        .into_iter()
        .filter(|flag| flags.split(' ').any(|own| own == *flag))
        .collect();
    Ok(format!("{} {}", String::from_utf8_lossy(&version.stdout).trim(), known.join(" ")))
}

fn build() -> Result<(), String> {
    let built = Command::new("cargo")
        .args(["build", "--release", "--quiet", "-p", "tollgate-dialect", "--example", "work"])
        .status()
        .map_err(|error| format!("cargo: {error}"))?;
    if built.success() { Ok(()) } else { Err("the example `work` of tollgate-dialect does not build".to_owned()) }
}

fn count(work: &str, times: u32) -> Result<u64, String> {
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| PathBuf::from("target"), PathBuf::from);
    let ran = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .arg(target.join("release/examples/work"))
        .args([work, &times.to_string()])
        .output()
        .map_err(|error| format!("valgrind: {error}. Install it (Debian: apt install valgrind)."))?;
    let said = String::from_utf8_lossy(&ran.stderr);
    let collected = said.lines().find_map(|line| line.split_once("Collected : ")).map(|(_, count)| count.trim());
    collected
        .and_then(|count| count.parse().ok())
        .ok_or_else(|| format!("valgrind counted nothing; it said: {}", said.lines().last().unwrap_or_default()))
}
