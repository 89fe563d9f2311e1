"""The official SDKs against a real gateway: `python3 tests/clients/run.py [--all] [NAME...]`.

Starts the scripted upstream and `target/debug/tollgate` (built when it is not there), runs every installed SDK program
against both, and prints one row for each. With --all also frameworks, and other gateways wrapped as providers. The snippets of
docs/clients.md are run and the configurations that the guides show are checked. Exits 1 when a case failed or when the
upstream saw a request that the real provider would refuse. Names choose programs (`openai`, `anthropic`, `js`, ...);
without one, all run.
"""

import concurrent.futures
import contextlib
import hashlib
import json
import os
import pathlib
import re
import secrets
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import time
import urllib.request

from sessions import providers
from upstream import ANTHROPIC_KEY, GEMINI_KEY, OPENAI_KEY
from vendors import BEDROCK_KEY, COHERE_KEY

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
CONFIG = """\
server: {{ listen: "127.0.0.1:{port}"{tls} }}
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
    models: [scripted, gemini-3-pro-preview]
    prices: {prices}
  mistral:
    kind: mistral
    base_url: http://127.0.0.1:{upstream}/mistral/v1
    api_key: {openai_key}
    models: [scripted]
    prices: {prices}
  cohere:
    kind: cohere
    base_url: http://127.0.0.1:{upstream}
    api_key: {cohere_key}
    models: [scripted]
    prices: {prices}
  bedrock:
    kind: bedrock
    base_url: http://127.0.0.1:{upstream}
    api_key: {bedrock_key}
    models: [scripted]
    prices: {prices}
  bedrock-claude:
    kind: bedrock-claude
    base_url: http://127.0.0.1:{upstream}
    api_key: {bedrock_key}
    models: [scripted]
    prices: {prices}
  litellm:
    kind: litellm
    base_url: http://127.0.0.1:{litellm_port}
    api_key: {litellm_key}
    models: [scripted, claude, unpriced]
  portkey:
    kind: portkey
    base_url: http://127.0.0.1:{portkey_port}/v1
    api_key: unused
    headers:
      authorization: "Bearer {openai_key}"
      x-portkey-provider: openai
      x-portkey-custom-host: http://127.0.0.1:{upstream}/wrapped/v1
    dialect: openai-chat
    models: [scripted]
    prices: {prices}
  portkey-claude:
    kind: portkey
    base_url: http://127.0.0.1:{portkey_port}/v1
    api_key: unused
    headers:
      authorization: "Bearer {anthropic_key}"
      x-portkey-provider: anthropic
      x-portkey-custom-host: http://127.0.0.1:{upstream}/wrapped/v1
    models: [scripted]
    prices: {prices}
  tired:
    kind: openai-compatible
    base_url: http://127.0.0.1:{upstream}/tired/v1
    api_key: {openai_key}
    models: [scripted]
    prices: {prices}
{replayed}models:
  fast: {{ targets: [clauding/scripted] }}
  either: {{ targets: [tired/scripted, clauding/scripted] }}
keys:
  - {{ name: clients, hash: "sha256:{key_hash}" }}
  - {{ name: stranger, hash: "sha256:{other_hash}" }}
"""


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


def version_of(place, folder):
    return json.loads((HERE / place / "node_modules" / folder / "package.json").read_text())["version"]


# (venv, package, module, program, label's end). The first part runs in `./test clients`, all in `./test clients-all`.
PYTHON = [
    (venv, *row)
    for venv in ("current", "previous")
    for row in (
        ("openai", "openai", "openai_sdk.py", ""),
        ("openai", "openai", "openai_responses_sdk.py", " responses"),
        ("openai", "openai", "openai_realtime_sdk.py", " realtime"),
        ("anthropic", "anthropic", "anthropic_sdk.py", ""),
        ("google-genai", "google.genai", "genai_sdk.py", ""),
    )
] + [
    ("current", "openai", "openai", "agent_sessions.py", " recorded sessions"),
    ("current", "openai", "openai", "habits.py", " habits"),
    ("vendors", "cohere", "cohere", "cohere_sdk.py", ""),
    ("vendors", "mistralai", "mistralai", "mistral_sdk.py", ""),
    ("vendors", "boto3", "boto3", "boto3_sdk.py", ""),
]
PYTHON_ALL = [
    ("frameworks", "pydantic-ai-slim", "pydantic_ai", "pydantic_ai_agents.py", ""),
    ("frameworks", "langchain-core", "langchain_core", "langchain_models.py", ""),
    ("instructor", "instructor", "instructor", "instructor_models.py", ""),
    ("instructor", "llm", "llm", "llm_cli.py", ""),
]
# (gateway, what it needs): wrapped and called with the SDKs of `current`.
WRAPPED = [("litellm", ".venv/litellm/bin/litellm"), ("portkey", "tests/clients/js-all/node_modules/@portkey-ai/gateway/package.json")]
# (folder, package, program, installed folder)
SCRIPT = [
    ("js", "openai", "openai.mjs", "openai"),
    ("js", "openai", "openai.mjs", "openai-6"),
    ("js", "@anthropic-ai/sdk", "anthropic.mjs", "@anthropic-ai/sdk"),
]
SCRIPT_ALL = [
    ("js-all", "ai", "ai.mjs", "ai"),
    ("js-all", "@google/genai", "genai.mjs", "@google/genai"),
]


def wrapped_version(kind):
    if kind == "portkey":
        return version_of("js-all", "@portkey-ai/gateway")
    ask = "from importlib.metadata import version; print(version('litellm'))"
    return subprocess.run([ROOT / ".venv/litellm/bin/python", "-c", ask], capture_output=True, text=True, check=True).stdout.strip()


def programs(everything):
    """(label, command) of every SDK program that can run here, and what cannot run with the reason."""
    found, missing = [], []
    for venv, package, module, program, more in PYTHON + PYTHON_ALL * everything:
        python = ROOT / ".venv" / venv / "bin/python"
        if not python.exists():
            missing.append(f"Python {package} ({venv}): no {python.relative_to(ROOT)}; run ./test")
            continue
        ask = f"from importlib.metadata import version; print(version({package!r}))"
        version = subprocess.run([python, "-c", ask], capture_output=True, text=True, check=True).stdout.strip()
        found.append((f"python {package} {version}{more}", [str(python), str(HERE / program)]))
    for kind, needed in WRAPPED * everything:
        python = ROOT / ".venv/current/bin/python"
        if not python.exists() or not (ROOT / needed).exists():
            missing.append(f"{kind} as a provider: no {needed}; run ./test clients-all")
            continue
        found.append((f"wrapped {kind} {wrapped_version(kind)}", [str(python), str(HERE / "wrapped.py"), kind]))
    runner = node()
    for place, package, program, folder in SCRIPT + SCRIPT_ALL * everything:
        if runner is None or not (HERE / place / "node_modules" / folder).is_dir():
            missing.append(f"JavaScript {folder}: " + ("no Node 22 or later" if runner is None else "not installed; run ./test"))
            continue
        found.append((f"js {package} {version_of(place, folder)}", [runner, str(HERE / place / program), folder]))
    return found, missing


def check_guides(binary, environment):
    """Every YAML block of the guides is a configuration without a mistake. Returns (passed, failed)."""
    passed = failed = 0
    keys = {"OPENAI_API_KEY": "sk-x", "ANTHROPIC_API_KEY": "sk-ant-x"}
    for guide in ("README.md", "docs/quickstart.md", "docs/clients.md"):
        for block in (ROOT / guide).read_text(encoding="utf-8").split("```yaml\n")[1:]:
            if block.startswith("- model_id"):
                # Another program's.
                continue
            with tempfile.NamedTemporaryFile("w", suffix=".yaml", encoding="utf-8") as file:
                file.write(block.split("```")[0])
                file.flush()
                command = [str(binary), "check", "--config", file.name]
                told = subprocess.run(command, env=environment | keys, capture_output=True, text=True, timeout=20, check=False)
            passed, failed = passed + (told.returncode == 0), failed + (told.returncode != 0)
            if told.returncode != 0:
                print(f"    FAILED {guide}: {told.stdout}{told.stderr}")
    print(f"  {'configurations of the guides':<42} {passed:>3} of {passed + failed:>3}")
    return passed, failed


class Keys:
    """The callers' keys and those that the gateway has for its providers."""

    def __init__(self):
        self.own, self.other = (f"tg-{secrets.token_hex(6)}-{secrets.token_hex(24)}" for _ in range(2))
        self.upstream = {
            "openai_key": OPENAI_KEY, "anthropic_key": ANTHROPIC_KEY, "gemini_key": GEMINI_KEY, "cohere_key": COHERE_KEY,
            "bedrock_key": BEDROCK_KEY, "litellm_key": f"sk-{secrets.token_hex(12)}",
        }
        self.ports = {"litellm_port": free_port(), "portkey_port": free_port()}

    def all(self):
        return [self.own, *self.upstream.values()]


def certificate(folder):
    """A PEM file with a fresh key and its own certificate for 127.0.0.1."""
    pem = str(folder / "localhost.pem")
    ask = "openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=127.0.0.1 -addext subjectAltName=IP:127.0.0.1"
    subprocess.run([*ask.split(), "-keyout", pem + ".key", "-out", pem], check=True, capture_output=True)
    return pem


def end(process):
    if process.poll() is None:
        process.kill()
        process.wait()


class Gateway:
    """A running gateway in a folder of its own."""

    def __init__(self, binary, folder, upstream_port, keys, environment, pem=None):
        folder.mkdir()
        port = free_port()
        self.url = f"http{'s' if pem else ''}://127.0.0.1:{port}"
        self.context = ssl.create_default_context(cafile=pem) if pem else None
        self.keys = keys
        config = folder / "tollgate.yaml"
        text = CONFIG.format(
            port=port, tls=f", tls: {{ cert: {pem}, key: {pem}.key }}" if pem else "", data=f"{folder}/data", upstream=upstream_port,
            prices='{ "*": { input: 1, output: 4, cache_read: 0.1, cache_write: 1.25 } }',
            key_hash=hashlib.sha256(keys.own.encode()).hexdigest(), other_hash=hashlib.sha256(keys.other.encode()).hexdigest(),
            **keys.upstream, **keys.ports, replayed=providers(upstream_port),
        )
        config.write_text(text, encoding="utf-8")
        self.log = open(folder / "gateway.log", "w+b")
        self.process = subprocess.Popen(
            [str(binary), "serve", "--config", str(config)], stdout=self.log, stderr=self.log, env=environment
        )

    def told(self):
        self.log.seek(0)
        return self.log.read().decode(errors="replace")

    def ready(self):
        last = time.monotonic() + 20
        while time.monotonic() < last and self.process.poll() is None:
            try:
                with urllib.request.urlopen(f"{self.url}/readyz", timeout=1, context=self.context) as answer:
                    return answer.status == 200
            except OSError:
                time.sleep(0.05)
        print(self.told())
        return False

    def stop(self, show):
        """Ends it and counts what is wrong: a clean end is part of it (SIGTERM, exit 0), and so is a log without keys."""
        self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(timeout=40)
        if code != 0:
            print(f"    FAILED: the gateway ended with {code} after SIGTERM")
        leaks = [secret for secret in self.keys.all() if secret in self.told()]
        if leaks:
            print(f"    FAILED: {len(leaks)} keys stand in the gateway's log")
        if show and "TOLLGATE_SHOW_LOG" in os.environ:
            print(self.told()[-6000:])
        return len(leaks) + (code != 0)


# What stands in the snippets for a model of a provider.
NAMES = {"command-a-03-2025": "scripted", "rerank-v3.5": "scripted", "amazon.nova-lite-v1:0": "scripted"}


def run_snippets(environment, everything):
    """Runs the snippets of docs/clients.md; each prints what the scripted provider said. Returns (passed, failed)."""
    passed = failed = 0
    page = (ROOT / "docs/clients.md").read_text(encoding="utf-8")
    quick = {"sh", "current", "vendors", "js"}
    for place, _, code in re.findall(r"<!-- run: ([a-z-]+) -->\n```(\w+)\n(.*?)```", page, re.DOTALL):
        if place not in quick and not everything:
            continue
        replaced = {"http://127.0.0.1:4000": environment["TOLLGATE_URL"], "tg-YOUR-KEY": environment["TOLLGATE_KEY"]} | NAMES
        for name, value in replaced.items():
            code = code.replace(name, value)
        with contextlib.ExitStack() as stack:
            if place.startswith("js"):
                # A package is looked for in the folders above the program.
                file = stack.enter_context(tempfile.NamedTemporaryFile("w", suffix=".mjs", dir=HERE / place, encoding="utf-8"))
                file.write(code)
                file.flush()
                command = [node() or "node", file.name]
            else:
                command = ["sh", "-c", code] if place == "sh" else [str(ROOT / ".venv" / place / "bin/python"), "-c", code]
            try:
                ended = subprocess.run(command, env=environment, cwd=HERE, capture_output=True, text=True, timeout=60, check=False)
                good = ended.returncode == 0 and ("You said: hello" in ended.stdout or "Ada Lovelace" in ended.stdout)
                told = f"{ended.stdout[-300:]}{ended.stderr[-900:]}"
            except OSError as error:
                good, told = False, str(error)
        passed, failed = passed + good, failed + (not good)
        if not good:
            print(f"    FAILED docs/clients.md, {place}: {told}")
    print(f"  {'snippets of docs/clients.md':<42} {passed:>3} of {passed + failed:>3}")
    return passed, failed


def run_all(chosen, environment):
    """Runs the programs, two at a time. Returns (passed, failed)."""
    passed = failed = 0

    def one(program):
        began = time.monotonic()
        ended = subprocess.run(program[1], env=environment, cwd=HERE, capture_output=True, text=True, timeout=300, check=False)
        return program[0], ended, time.monotonic() - began

    workers = concurrent.futures.ThreadPoolExecutor(2)
    for done in concurrent.futures.as_completed([workers.submit(one, program) for program in chosen]):
        label, ended, took = done.result()
        rows = [json.loads(text) for text in ended.stdout.splitlines() if text.startswith("{")]
        good = [row for row in rows if row["ok"]]
        bad = [row for row in rows if not row["ok"]]
        if ended.returncode != 0 or not rows:
            bad.append({"case": "the program", "target": "", "detail": f"exit {ended.returncode}: {ended.stderr[-1500:]}"})
        passed, failed = passed + len(good), failed + len(bad)
        print(f"  {label:<42} {len(good):>3} of {len(good) + len(bad):>3}  {took:5.1f} s", flush=True)
        for row in bad:
            print(f"    FAILED {row['case']} {row['target']}: {row['detail']}", flush=True)
    return passed, failed


def main():
    names = [name for name in sys.argv[1:] if not name.startswith("-")]
    everything = "--all" in sys.argv[1:]
    found, missing = programs(everything)
    for reason in missing:
        print(f"  skipped: {reason}")
    chosen = [one for one in found if not names or any(name in one[0] for name in names)]
    binary = pathlib.Path(os.environ.get("TOLLGATE_BIN", ROOT / "target/debug/tollgate"))
    if "TOLLGATE_BIN" not in os.environ:
        subprocess.run(["cargo", "build", "--quiet", "--package", "tollgate"], cwd=ROOT, check=True)
    keys = Keys()
    upstream = subprocess.Popen([sys.executable, str(HERE / "upstream.py")], stdout=subprocess.PIPE, text=True)
    clean = {name: value for name, value in os.environ.items() if not name.endswith(("_API_KEY", "_BASE_URL"))}
    with tempfile.TemporaryDirectory(prefix="tollgate-clients-") as folder, contextlib.ExitStack() as stack:
        stack.callback(end, upstream)
        upstream_port = int(upstream.stdout.readline())
        gateways = [Gateway(binary, pathlib.Path(folder) / "plain", upstream_port, keys, clean)]
        environment = clean | {"TOLLGATE_URL": gateways[0].url, "TOLLGATE_KEY": keys.own, "TOLLGATE_OTHER_KEY": keys.other}
        environment |= {"TOLLGATE_UPSTREAM": f"http://127.0.0.1:{upstream_port}", "TOLLGATE_LITELLM_KEY": keys.upstream["litellm_key"]}
        environment |= {f"TOLLGATE_{name.upper()}": str(port) for name, port in keys.ports.items()} | {"TOLLGATE_NODE": node() or "node"}
        if any("boto3" in label for label, _ in chosen):
            # AWS's SDK sends a Bedrock API key over TLS only.
            if shutil.which("openssl"):
                pem = certificate(pathlib.Path(folder))
                gateways.append(Gateway(binary, pathlib.Path(folder) / "tls", upstream_port, keys, clean, pem))
                environment |= {"TOLLGATE_TLS_URL": gateways[1].url, "TOLLGATE_CA": pem}
            else:
                missing.append("boto3 over TLS: no openssl")
        for one in gateways:
            stack.callback(end, one.process)
        if not all(one.ready() for one in gateways):
            print("The gateway did not become ready.")
            return 1
        passed, failed = run_all(chosen, environment)
        if not names:
            for more in (check_guides(binary, clean), run_snippets(environment, everything)):
                passed, failed = passed + more[0], failed + more[1]
        with urllib.request.urlopen(f"http://127.0.0.1:{upstream_port}/_log", timeout=5) as answer:
            violations = json.load(answer)["violations"]
        for violation in violations:
            print(f"    FAILED at the upstream: {violation}")
        failed += len(violations)
        for one in gateways:
            failed += one.stop(failed > 0)
    print(f"{passed} passed, {failed} failed" + (f", {len(missing)} skipped" if missing else ""))
    if missing and "CI" in os.environ:
        return 1
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main())
