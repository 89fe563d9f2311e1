"""The official SDKs against a real gateway: `python3 tests/clients/run.py [NAME...]`.

Starts the scripted upstream and `target/debug/tollgate` (built when it is not there), runs every installed SDK program
against both, and prints one row for each SDK. The configurations that the guides show are checked too. Exits 1 when a case failed or when the upstream saw a request that the
real provider would refuse. Names choose programs (`openai`, `anthropic`, `js`, ...); without one, all run.
"""

import hashlib
import json
import os
import pathlib
import secrets
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request

from upstream import ANTHROPIC_KEY, GEMINI_KEY, OPENAI_KEY

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
CONFIG = """\
server: {{ listen: "127.0.0.1:{port}" }}
data_dir: {data}
responses: {{ state: on }}
providers:
  chatty:
    kind: openai-compatible
    base_url: http://127.0.0.1:{upstream}/v1
    api_key: {openai_key}
    models: [scripted]
    prices: {prices}
  clauding:
    kind: anthropic-compatible
    base_url: http://127.0.0.1:{upstream}
    api_key: {anthropic_key}
    models: [scripted, claude-sonnet-4-5]
    prices: {prices}
  googly:
    kind: gemini
    base_url: http://127.0.0.1:{upstream}
    api_key: {gemini_key}
    models: [scripted]
    prices: {prices}
  tired:
    kind: openai-compatible
    base_url: http://127.0.0.1:{upstream}/tired/v1
    api_key: {openai_key}
    models: [scripted]
    prices: {prices}
models:
  either: {{ targets: [tired/scripted, clauding/scripted] }}
keys:
  - {{ name: clients, hash: "sha256:{key_hash}" }}
  - {{ name: stranger, hash: "sha256:{other_hash}" }}
"""


def virtual_key():
    return f"tg-{secrets.token_hex(6)}-{secrets.token_hex(24)}"


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def node():
    """A Node of version 22 or later: the installed one, or the one that npm brought."""
    own = list((HERE / "js/node_modules").glob("node-linux-*/bin/node"))
    for candidate in [*own, "node"]:
        try:
            version = subprocess.run([candidate, "--version"], capture_output=True, text=True, check=True).stdout
        except (OSError, subprocess.CalledProcessError):
            continue
        if int(version.strip().lstrip("v").split(".")[0]) >= 22:
            return str(candidate)
    return None


def version_of(folder):
    return json.loads((HERE / "js/node_modules" / folder / "package.json").read_text())["version"]


def programs():
    """(label, command) of every SDK program that can run here, and what cannot run with the reason."""
    found, missing = [], []
    for venv in ("current", "previous"):
        python = ROOT / ".venv" / venv / "bin/python"
        for package, module, program in (
            ("openai", "openai", "openai_sdk.py"),
            ("anthropic", "anthropic", "anthropic_sdk.py"),
            ("google-genai", "google.genai", "genai_sdk.py"),
        ):
            if not python.exists():
                missing.append(f"Python {package} ({venv} line): no {python.relative_to(ROOT)}; run ./test")
                continue
            ask = f"import {module}; print({module}.__version__)"
            version = subprocess.run([python, "-c", ask], capture_output=True, text=True, check=True).stdout.strip()
            found.append((f"python {package} {version}", [str(python), str(HERE / program)]))
            if package == "openai":
                label = f"python openai {version} responses"
                found.append((label, [str(python), str(HERE / "openai_responses_sdk.py")]))
    runner = node()
    for package, program, folder in (
        ("openai", "openai.mjs", "openai"),
        ("openai", "openai.mjs", "openai-6"),
        ("@anthropic-ai/sdk", "anthropic.mjs", "@anthropic-ai/sdk"),
    ):
        if runner is None or not (HERE / "js/node_modules" / folder).is_dir():
            missing.append(f"JavaScript {folder}: " + ("no Node 22 or later" if runner is None else "not installed; run ./test"))
            continue
        found.append((f"js {package} {version_of(folder)}", [runner, str(HERE / "js" / program), folder]))
    return found, missing


def check_guides(binary, environment):
    """Every YAML block of the guides is a configuration without a mistake. Returns (passed, failed)."""
    passed = failed = 0
    keys = {"OPENAI_API_KEY": "sk-x", "ANTHROPIC_API_KEY": "sk-ant-x"}
    for guide in ("README.md", "docs/quickstart.md"):
        for block in (ROOT / guide).read_text(encoding="utf-8").split("```yaml\n")[1:]:
            with tempfile.NamedTemporaryFile("w", suffix=".yaml", encoding="utf-8") as file:
                file.write(block.split("```")[0])
                file.flush()
                command = [str(binary), "check", "--config", file.name]
                told = subprocess.run(command, env=environment | keys, capture_output=True, text=True, timeout=20, check=False)
            passed, failed = passed + (told.returncode == 0), failed + (told.returncode != 0)
            if told.returncode != 0:
                print(f"    FAILED {guide}: {told.stdout}{told.stderr}")
    print(f"  {'configurations of the guides':<32} {passed:>3} of {passed + failed:>3}")
    return passed, failed


def ready(port, process):
    end = time.monotonic() + 20
    while time.monotonic() < end:
        if process.poll() is not None:
            return False
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=1) as answer:
                return answer.status == 200
        except OSError:
            time.sleep(0.05)
    return False


def run_all(chosen, environment):
    """Runs the programs one after another. Returns (passed, failed)."""
    passed = failed = 0
    for label, command in chosen:
        began = time.monotonic()
        ended = subprocess.run(command, env=environment, cwd=HERE, capture_output=True, text=True, timeout=300, check=False)
        rows = [json.loads(text) for text in ended.stdout.splitlines() if text.startswith("{")]
        good = [row for row in rows if row["ok"]]
        bad = [row for row in rows if not row["ok"]]
        if ended.returncode != 0 or not rows:
            bad.append({"case": "the program", "target": "", "detail": f"exit {ended.returncode}: {ended.stderr[-1500:]}"})
        passed, failed = passed + len(good), failed + len(bad)
        print(f"  {label:<32} {len(good):>3} of {len(good) + len(bad):>3}  {time.monotonic() - began:5.1f} s", flush=True)
        for row in bad:
            print(f"    FAILED {row['case']} {row['target']}: {row['detail']}", flush=True)
    return passed, failed


def main():
    names = [name for name in sys.argv[1:] if not name.startswith("-")]
    found, missing = programs()
    for reason in missing:
        print(f"  skipped: {reason}")
    chosen = [one for one in found if not names or any(name in one[0] for name in names)]
    binary = pathlib.Path(os.environ.get("TOLLGATE_BIN", ROOT / "target/debug/tollgate"))
    if "TOLLGATE_BIN" not in os.environ:
        subprocess.run(["cargo", "build", "--quiet", "--package", "tollgate"], cwd=ROOT, check=True)
    key, other = virtual_key(), virtual_key()
    upstream = subprocess.Popen([sys.executable, str(HERE / "upstream.py")], stdout=subprocess.PIPE, text=True)
    gateway = None
    with tempfile.TemporaryDirectory(prefix="tollgate-clients-") as folder:
        try:
            upstream_port, port = int(upstream.stdout.readline()), free_port()
            config = pathlib.Path(folder) / "tollgate.yaml"
            config.write_text(
                CONFIG.format(
                    port=port, data=f"{folder}/data", upstream=upstream_port, openai_key=OPENAI_KEY, anthropic_key=ANTHROPIC_KEY,
                    gemini_key=GEMINI_KEY,
                    prices='{ "*": { input: 1, output: 4, cache_read: 0.1, cache_write: 1.25 } }',
                    key_hash=hashlib.sha256(key.encode()).hexdigest(), other_hash=hashlib.sha256(other.encode()).hexdigest(),
                ),
                encoding="utf-8",
            )
            log = open(f"{folder}/gateway.log", "w+b")
            clean = {name: value for name, value in os.environ.items() if not name.endswith(("_API_KEY", "_BASE_URL"))}
            gateway = subprocess.Popen([str(binary), "serve", "--config", str(config)], stdout=log, stderr=log, env=clean)
            if not ready(port, gateway):
                log.seek(0)
                print(log.read().decode(errors="replace"))
                print("The gateway did not become ready.")
                return 1
            environment = clean | {"TOLLGATE_URL": f"http://127.0.0.1:{port}", "TOLLGATE_KEY": key, "TOLLGATE_OTHER_KEY": other}
            passed, failed = run_all(chosen, environment)
            if not names:
                more = check_guides(binary, clean)
                passed, failed = passed + more[0], failed + more[1]
            with urllib.request.urlopen(f"http://127.0.0.1:{upstream_port}/_log", timeout=5) as answer:
                violations = json.load(answer)["violations"]
            for violation in violations:
                print(f"    FAILED at the upstream: {violation}")
            # A clean end is part of it: SIGTERM, exit 0.
            gateway.send_signal(signal.SIGTERM)
            code = gateway.wait(timeout=40)
            if code != 0:
                print(f"    FAILED: the gateway ended with {code} after SIGTERM")
            failed += len(violations) + (code != 0)
            log.seek(0)
            text = log.read().decode(errors="replace")
            for secret in (key, OPENAI_KEY, ANTHROPIC_KEY, GEMINI_KEY):
                if secret in text:
                    print("    FAILED: a key stands in the gateway's log")
                    failed += 1
            if failed and "TOLLGATE_SHOW_LOG" in os.environ:
                print(text[-6000:])
        finally:
            for process in (gateway, upstream):
                if process is not None and process.poll() is None:
                    process.kill()
                    process.wait()
    print(f"{passed} passed, {failed} failed" + (f", {len(missing)} skipped" if missing else ""))
    if missing and "CI" in os.environ:
        return 1
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main())
