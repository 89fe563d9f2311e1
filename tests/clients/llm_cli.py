"""Simon Willison's `llm`, as a user would: its command, with the gateway's models in `extra-openai-models.yaml`."""

import json
import os
import pathlib
import subprocess
import sys
import tempfile

from common import FORGETFUL, GATEWAY, KEY, PERSON, PNG, UNICODE, case, same

HOME = tempfile.TemporaryDirectory(prefix="tollgate-llm-")
LLM = str(pathlib.Path(sys.executable).parent / "llm")
MODELS = "".join(
    f"- model_id: {target}\n  model_name: {target}\n  api_base: {GATEWAY}/v1\n  api_key_name: tollgate\n"
    "  supports_tools: true\n  supports_schema: true\n  vision: true\n"
    for target in FORGETFUL
)
pathlib.Path(HOME.name, "extra-openai-models.yaml").write_text(MODELS, encoding="utf-8")
pathlib.Path(HOME.name, "keys.json").write_text(json.dumps({"tollgate": KEY}), encoding="utf-8")
pathlib.Path(HOME.name, "tools.py").write_text(
    'def get_weather(city: str, unit: str) -> str:\n    "The weather."\n    return {"Paris": "21 °C", "Oslo": "12 °C"}[city]\n', encoding="utf-8"
)
pathlib.Path(HOME.name, "dot.png").write_bytes(__import__("base64").b64decode(PNG))
SCHEMA = {"type": "object", "properties": {"name": {"type": "string"}, "age": {"type": "integer"}, "langs": {"type": "array", "items": {"type": "string"}}}, "required": ["name", "age", "langs"]}


def llm(*words, fails=False):
    environment = os.environ | {"LLM_USER_PATH": HOME.name, "PYTHONUTF8": "1"}
    ended = subprocess.run([LLM, *words], env=environment, cwd=HOME.name, capture_output=True, text=True, timeout=60, check=False)
    assert (ended.returncode != 0) == fails, f"exit {ended.returncode}: {ended.stderr[-600:]}"
    return ended.stderr if fails else ended.stdout.strip()


def streamed(target):
    same(llm("-m", target, "-s", "Be brief.", UNICODE), f"You said: {UNICODE} [system: Be brief.]", "text")


def whole(target):
    same(llm("-m", target, "--no-stream", "-s", "Be brief.", UNICODE), f"You said: {UNICODE} [system: Be brief.]", "text")


def tools(target, *more):
    text = llm("-m", target, "--functions", "tools.py", *more, "weather in Paris and Oslo")
    assert text.endswith("21 °C and 12 °C."), text


def structured(target):
    same(json.loads(llm("-m", target, "--schema", json.dumps(SCHEMA), "who?")), PERSON, "the person")


def picture(target):
    assert "[image: data:image/png;base64" in llm("-m", target, "-a", "dot.png", "look"), "no image"


def refused(target):
    assert "scripted failure 400" in llm("-m", target, "fail 400", fails=True), "another error"


EACH = {
    "streamed": streamed, "whole": whole, "tools": tools, "tools whole": lambda target: tools(target, "--no-stream"),
    "structured": structured, "image": picture, "upstream 400": refused,
}
for name, check in EACH.items():
    for one in FORGETFUL:
        case(name, one, lambda check=check, one=one: check(one))
HOME.cleanup()
