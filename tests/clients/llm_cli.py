"""Simon Willison's `llm` with the gateway's models in its `extra-openai-models.yaml`."""

import base64
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
SCHEMA = {"type": "object", "properties": {"name": {"type": "string"}, "age": {"type": "integer"}, "langs": {"type": "array", "items": {"type": "string"}}}, "required": ["name", "age", "langs"]}


os.environ["LLM_USER_PATH"] = HOME.name
import llm  # noqa: E402 - it reads the variable when it is loaded


def get_weather(city: str, unit: str) -> str:
    """The weather."""
    return {"Paris": "21 °C", "Oslo": "12 °C"}[city]


def prompt(target, text, **more):
    return llm.get_model(target).prompt(text, **more)


def plain(target, stream):
    answer = prompt(target, UNICODE, system="Be brief.", stream=stream)
    same(answer.text(), f"You said: {UNICODE} [system: Be brief.]", "text")
    usage = answer.usage()
    same((usage.input, usage.output), (120, 7), "usage")


def tools(target, stream):
    text = llm.get_model(target).chain("weather in Paris and Oslo", tools=[get_weather], stream=stream).text()
    assert text.endswith("21 °C and 12 °C."), text


def structured(target):
    same(json.loads(prompt(target, "who?", schema=SCHEMA, stream=False).text()), PERSON, "the person")


def picture(target):
    dot = llm.Attachment(type="image/png", content=base64.b64decode(PNG))
    assert "[image: data:image/png;base64" in prompt(target, "look", attachments=[dot]).text(), "no image"


def refused(target):
    try:
        prompt(target, "fail 400").text()
    except Exception as error:  # noqa: BLE001 - the package passes its client's errors
        assert "scripted failure 400" in str(error), error
        return
    raise AssertionError("no error")


def command():
    """As a user does, with the program itself."""
    words = [LLM, "-m", FORGETFUL[1], "-s", "Be brief.", UNICODE]
    environment = os.environ | {"PYTHONUTF8": "1"}
    ended = subprocess.run(words, env=environment, cwd=HOME.name, capture_output=True, text=True, timeout=60, check=False)
    same(ended.stdout.strip(), f"You said: {UNICODE} [system: Be brief.]", ended.stderr[-600:])


EACH = {
    "streamed": lambda target: plain(target, True), "whole": lambda target: plain(target, False),
    "tools streamed": lambda target: tools(target, True), "tools": lambda target: tools(target, False), "structured": structured,
    "image": picture, "upstream 400": refused,
}
for name, check in EACH.items():
    for one in FORGETFUL:
        case(name, one, lambda check=check, one=one: check(one))
case("the command", FORGETFUL[1], command)
HOME.cleanup()
