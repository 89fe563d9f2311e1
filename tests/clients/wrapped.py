"""Other gateways behind this one, the real programs: LiteLLM's proxy and Portkey's gateway.

Starts one of them (the argument says which) on the port that the gateway's configuration has for it, itself pointed at the
scripted provider, and calls through both with the official SDKs.
"""

import contextlib
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import time
import urllib.request

import anthropic
import openai
from common import CITIES, COST, GATEWAY, KEY, PERSON, UNICODE, USAGE, WEATHER, case, line, same
from pydantic import BaseModel
from upstream import ANTHROPIC_KEY, OPENAI_KEY

KIND = sys.argv[1]
PORT = os.environ[f"TOLLGATE_{KIND.upper()}_PORT"]
UPSTREAM = os.environ["TOLLGATE_UPSTREAM"]
HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
client = openai.OpenAI(base_url=f"{GATEWAY}/v1", api_key=KEY, max_retries=0, timeout=60)
claude = anthropic.Anthropic(base_url=GATEWAY, api_key=KEY, max_retries=0, timeout=60)
TOOL = {"type": "function", "function": {"name": "get_weather", "description": "The weather.", "parameters": WEATHER}}
ASK = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": UNICODE}]
SAID = f"You said: {UNICODE} [system: Be brief.]"
PRICES = "input_cost_per_token: 0.000001, output_cost_per_token: 0.000004, cache_read_input_token_cost: 0.0000001"
LITELLM = f"""\
model_list:
  - model_name: scripted
    litellm_params: {{ model: openai/scripted, api_base: "{UPSTREAM}/wrapped/v1", api_key: {OPENAI_KEY}, {PRICES} }}
  - model_name: claude
    litellm_params: {{ model: anthropic/scripted, api_base: "{UPSTREAM}/wrapped", api_key: {ANTHROPIC_KEY}, {PRICES} }}
  - model_name: unpriced
    litellm_params: {{ model: openai/scripted, api_base: "{UPSTREAM}/wrapped/v1", api_key: {OPENAI_KEY} }}
router_settings: {{ num_retries: 0 }}
general_settings: {{ master_key: {os.environ["TOLLGATE_LITELLM_KEY"]} }}
"""


class Person(BaseModel):
    name: str
    age: int
    langs: list[str]


def user(text):
    return [{"role": "user", "content": text}]


@contextlib.contextmanager
def running():
    """The wrapped gateway, until it is no longer needed."""
    with tempfile.TemporaryDirectory(prefix="tollgate-wrapped-") as folder:
        environment = os.environ | {"LITELLM_LOCAL_MODEL_COST_MAP": "True", "LITELLM_TELEMETRY": "False", "DISABLE_ADMIN_UI": "True"}
        if KIND == "litellm":
            config = pathlib.Path(folder, "config.yaml")
            config.write_text(LITELLM, encoding="utf-8")
            command = [ROOT / ".venv/litellm/bin/litellm", "--config", config, "--host", "127.0.0.1", "--port", PORT]
            ready = "/health/liveliness"
        else:
            program = HERE / "js-all/node_modules/@portkey-ai/gateway/build/start-server.js"
            command = [os.environ["TOLLGATE_NODE"], program, f"--port={PORT}", "--headless"]
            ready = "/"
        log = open(pathlib.Path(folder, "log"), "w+b")
        began = time.monotonic()
        process = subprocess.Popen([str(word) for word in command], stdout=log, stderr=log, env=environment, cwd=folder)
        try:
            while True:
                assert process.poll() is None and time.monotonic() < began + 120, pathlib.Path(folder, "log").read_text()[-3000:]
                try:
                    urllib.request.urlopen(f"http://127.0.0.1:{PORT}{ready}", timeout=5).close()
                    break
                except OSError:
                    time.sleep(0.2)
            print(f"{KIND} was ready after {time.monotonic() - began:.1f} s", file=sys.stderr)
            yield
        finally:
            process.terminate()
            process.wait(timeout=30)


def lined(headers, target, stream=False, usd=COST, cost=None):
    """The line of an answer; `cost` is the source that it names."""
    cost = cost or ("provider" if KIND == "litellm" else "computed")
    same(headers["x-tollgate-served-by"], target, "x-tollgate-served-by")
    same(headers.get("x-tollgate-cost-usd"), None if stream else usd, "x-tollgate-cost-usd")
    entry = line(headers["x-tollgate-request-id"])
    same((entry["status"], entry["cost"]["source"], entry["cost"]["usd"]), ("ok", cost, usd), "line")
    same({unit: entry["usage"][unit] for unit in USAGE}, USAGE, "usage")


def basic(target):
    raw = client.chat.completions.with_raw_response.create(model=target, messages=ASK, temperature=0.5, max_tokens=200)
    answer = raw.parse()
    same((answer.choices[0].message.content, answer.choices[0].finish_reason), (SAID, "stop"), "content")
    # Portkey leaves out of a Claude's prompt what the cache read; the body passes as it came, the line is right.
    prompt = 20 if target == "portkey-claude/scripted" else 120
    same((answer.usage.prompt_tokens, answer.usage.prompt_tokens_details.cached_tokens), (prompt, 100), "usage")
    lined(raw.headers, target)


def streamed(target, include):
    options = {"stream_options": {"include_usage": True}} if include else {}
    raw = client.chat.completions.with_raw_response.create(model=target, messages=ASK, stream=True, **options)
    text, finish, seen, pieces = "", None, None, 0
    for chunk in raw.parse():
        seen = chunk.usage or seen
        for choice in chunk.choices:
            pieces += bool(choice.delta.content)
            text += choice.delta.content or ""
            finish = choice.finish_reason or finish
    same((text, finish), (SAID, "stop"), "text and finish_reason")
    assert pieces > 3, f"{pieces} pieces"
    if include:
        same((seen.prompt_tokens, seen.completion_tokens), (120, 7), "usage")
    lined(raw.headers, target, stream=True)


def tools(target):
    messages = user("weather in Paris and Oslo")
    first = client.chat.completions.create(model=target, messages=messages, tools=[TOOL], parallel_tool_calls=True)
    said = first.choices[0].message
    same([json.loads(call.function.arguments) for call in said.tool_calls], CITIES, "arguments")
    messages.append(said.model_dump(exclude_none=True, include={"role", "content", "tool_calls"}))
    messages += [
        {"role": "tool", "tool_call_id": call.id, "content": f"{degrees} °C"} for call, degrees in zip(said.tool_calls, (21, 12))
    ]
    second = client.chat.completions.create(model=target, messages=messages, tools=[TOOL])
    same(second.choices[0].message.content, "21 °C and 12 °C.", "the answer made of the results")


def tools_streamed(target):
    with client.chat.completions.stream(model=target, messages=user("weather in Paris and Oslo"), tools=[TOOL]) as stream:
        final = stream.get_final_completion()
    calls = final.choices[0].message.tool_calls
    same([json.loads(call.function.arguments) for call in calls], CITIES, "arguments")
    same(final.choices[0].finish_reason, "tool_calls", "finish_reason")


def structured(target):
    answer = client.chat.completions.parse(model=target, messages=user("who?"), response_format=Person)
    same(answer.choices[0].message.parsed.model_dump(), PERSON, "parsed")


def messages(target):
    raw = claude.messages.with_raw_response.create(model=target, system="Be brief.", messages=user(UNICODE), max_tokens=200)
    answer = raw.parse()
    same((answer.content[0].text, answer.stop_reason), (SAID, "end_turn"), "text")
    lined(raw.headers, target)


def messages_streamed(target):
    with claude.messages.stream(model=target, system="Be brief.", messages=user(UNICODE), max_tokens=200) as stream:
        text = "".join(stream.text_stream)
        final, headers = stream.get_final_message(), stream.response.headers
    same((text, final.stop_reason), (SAID, "end_turn"), "text")
    same((final.usage.input_tokens, final.usage.output_tokens), (20, 7), "usage")
    return headers


def messages_tools(target):
    tool = {"name": "get_weather", "description": "The weather.", "input_schema": WEATHER}
    asked = user("weather in Paris and Oslo")
    first = claude.messages.create(model=target, messages=asked, tools=[tool], max_tokens=200)
    calls = [part for part in first.content if part.type == "tool_use"]
    same([call.input for call in calls], CITIES, "input")
    asked.append({"role": "assistant", "content": [part.model_dump(exclude_none=True) for part in first.content]})
    results = [{"type": "tool_result", "tool_use_id": call.id, "content": f"{degrees} °C"} for call, degrees in zip(calls, (21, 12))]
    asked.append({"role": "user", "content": results})
    second = claude.messages.create(model=target, messages=asked, tools=[tool], max_tokens=200)
    same(second.content[0].text, "21 °C and 12 °C.", "the answer made of the results")


def embeddings(target):
    raw = client.embeddings.with_raw_response.create(model=target, input=["one"], encoding_format="float")
    same(raw.parse().data[0].embedding, [0.5, -0.25, 1.0], "vector")
    same(raw.headers["x-tollgate-cost-usd"], "0.000010000", "x-tollgate-cost-usd")


def unpriced():
    """A model without a price there: what it costs is not known, and not nothing."""
    raw = client.chat.completions.with_raw_response.create(model="litellm/unpriced", messages=ASK)
    lined(raw.headers, "litellm/unpriced", usd=None, cost="unpriced")


def fails(target, asked, kind, status, word):
    try:
        client.chat.completions.create(model=target, messages=user(asked))
    except kind as error:
        same((error.status_code, error.response.headers["x-tollgate-error"]), (status, word), "error")
        assert "scripted failure" in error.message or status >= 500, error.message
        return
    raise AssertionError(f"no {kind.__name__}")


def dropped(target):
    raw = client.chat.completions.with_raw_response.create(model=target, messages=user("drop"), stream=True)
    try:
        for _ in raw.parse():
            pass
        raise AssertionError("the stream ended as if it were whole")
    except openai.APIError:
        pass
    same(line(raw.headers["x-tollgate-request-id"])["status"], "incomplete", "status")


def left(target):
    raw = client.chat.completions.with_raw_response.create(model=target, messages=user("be slow"), stream=True)
    stream = raw.parse()
    for chunk in stream:
        if chunk.choices and chunk.choices[0].delta.content:
            break
    stream.close()
    same(line(raw.headers["x-tollgate-request-id"])["status"], "cancelled", "status")


CHAT = f"{KIND}/scripted"
CLAUDE = "litellm/claude" if KIND == "litellm" else "portkey-claude/scripted"
CASES = {
    "chat": lambda: basic(CHAT), "stream": lambda: streamed(CHAT, True), "stream without usage": lambda: streamed(CHAT, False),
    "tools": lambda: tools(CHAT), "tools streamed": lambda: tools_streamed(CHAT), "structured": lambda: structured(CHAT),
    "claude by chat": lambda: basic(CLAUDE), "claude by messages": lambda: messages(CLAUDE),
    "claude streamed": lambda: messages_streamed(CLAUDE), "claude tools": lambda: messages_tools(CLAUDE),
    "embeddings": lambda: embeddings(CHAT),
    "upstream 400": lambda: fails(CHAT, "fail 400", openai.BadRequestError, 400, "upstream_rejected"),
    "upstream 429": lambda: fails(CHAT, "fail 429", openai.RateLimitError, 429, "upstream_rate_limited"),
    "upstream 500": lambda: fails(CHAT, "fail 500", openai.InternalServerError, 502, "upstream_failed"),
    "upstream drops": lambda: dropped(CHAT), "caller leaves": lambda: left(CHAT),
} | ({"unpriced": unpriced} if KIND == "litellm" else {"chat by messages": lambda: messages(CHAT)})
with running():
    for name, check in CASES.items():
        case(name, KIND, check)
