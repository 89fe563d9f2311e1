"""The official `mistralai` package for Python against the gateway, every upstream dialect."""

import asyncio
import json

from common import CITIES, FORGETFUL, GATEWAY, KEY, PERSON, PNG, UNICODE, USAGE, WEATHER, case, check_line, same
from mistralai.client import Mistral
from mistralai.client.errors import SDKError
from pydantic import BaseModel

client = Mistral(api_key=KEY, server_url=GATEWAY, timeout_ms=20_000)
TARGETS = (*FORGETFUL, "mistral/scripted")
TOOL = {"type": "function", "function": {"name": "get_weather", "description": "The weather.", "parameters": WEATHER}}
# What only Mistral has a word for.
OWN = {"mistral/scripted": {"random_seed": 7, "safe_prompt": True}}
ASK = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": UNICODE}]
SAID = f"You said: {UNICODE} [system: Be brief.]"


class Person(BaseModel):
    name: str
    age: int
    langs: list[str]


def user(content):
    return [{"role": "user", "content": content}]


def usage(seen):
    same((seen.prompt_tokens, seen.completion_tokens, seen.total_tokens), (120, USAGE["output"], 127), "usage")


def basic(target):
    answer = client.chat.complete(model=target, messages=ASK, temperature=0.5, max_tokens=200, **OWN.get(target, {}))
    same((answer.choices[0].message.content, answer.choices[0].finish_reason), (SAID, "stop"), "content")
    usage(answer.usage)


def streamed(target):
    text, finish, seen = "", None, None
    with client.chat.stream(model=target, messages=ASK) as events:
        for event in events:
            for choice in event.data.choices:
                text += choice.delta.content or ""
                finish = choice.finish_reason or finish
            seen = event.data.usage or seen
    same((text, finish), (SAID, "stop"), "text and finish_reason")


def tools(target):
    messages = user("weather in Paris and Oslo")
    first = client.chat.complete(model=target, messages=messages, tools=[TOOL], tool_choice="auto")
    said = first.choices[0].message
    same((first.choices[0].finish_reason, said.content), ("tool_calls", "Let me look."))
    same([json.loads(call.function.arguments) for call in said.tool_calls], CITIES, "arguments")
    messages.append(said)
    for call, degrees in zip(said.tool_calls, (21, 12)):
        messages.append({"role": "tool", "name": call.function.name, "tool_call_id": call.id, "content": f"{degrees} °C"})
    second = client.chat.complete(model=target, messages=messages, tools=[TOOL])
    same(second.choices[0].message.content, "21 °C and 12 °C.", "the answer made of the results")


def forced(target):
    answer = client.chat.complete(model=target, messages=user("weather"), tools=[TOOL], tool_choice="required" if target.startswith("chatty") else "any")
    same(len(answer.choices[0].message.tool_calls), 2, "calls")


def structured(target):
    answer = client.chat.parse(Person, model=target, messages=user("who?"))
    same(answer.choices[0].message.parsed.model_dump(), PERSON, "parsed")


def picture(target):
    url = f"data:image/png;base64,{PNG}"
    answer = client.chat.complete(model=target, messages=user([{"type": "text", "text": "look"}, {"type": "image_url", "image_url": {"url": url} if target.startswith("chatty") else url}]))
    same(answer.choices[0].message.content, f"You said: look [image: {url[:24]}… {len(url)}]", "content")


def asynchronous(target):
    async def run():
        answer, text = await client.chat.complete_async(model=target, messages=user("hi")), ""
        async for event in await client.chat.stream_async(model=target, messages=user("hi")):
            text += event.data.choices[0].delta.content or "" if event.data.choices else ""
        return answer.choices[0].message.content, text

    same(loop.run_until_complete(run()), ("You said: hi",) * 2, "texts")


def embeddings():
    answer = client.embeddings.create(model="mistral/scripted", inputs=["one", UNICODE])
    same([one.embedding for one in answer.data], [[0.5, -0.25, 1.0]] * 2, "vectors")


def fails(status, kind, text, by=client, **request):
    try:
        by.chat.complete(**request)
    except SDKError as error:
        same((error.status_code, error.headers["x-tollgate-error"]), (status, kind), "error")
        assert text in error.body, error.body
        return
    raise AssertionError("no SDKError")


def lined(target):
    """Headers are reached with a hook of the HTTP client."""
    import httpx

    seen = []
    inner = httpx.Client(event_hooks={"response": [seen.append]}, timeout=20)
    Mistral(api_key=KEY, server_url=GATEWAY, client=inner).chat.complete(model=target, messages=ASK)
    check_line(seen[-1].headers, target, "openai-chat", False)


loop = asyncio.new_event_loop()
EACH = {
    "basic": basic, "streamed": streamed, "tools": tools, "forced tool": forced, "structured": structured, "image": picture,
    "async": asynchronous, "headers and line": lined,
    "upstream 400": lambda target: fails(400, "upstream_rejected", "scripted failure 400", model=target, messages=user("fail 400")),
    "upstream 429": lambda target: fails(429, "upstream_rate_limited", "", model=target, messages=user("fail 429")),
}
ONCE = {
    "embeddings": embeddings,
    "404 model": lambda: fails(404, "unknown_model", "chatty/scripted", model="chatty/scriptd", messages=user("x")),
    "401": lambda: fails(401, "unauthenticated", "", Mistral(api_key="tg-000000000000-" + "0" * 48, server_url=GATEWAY), model=TARGETS[0], messages=ASK),
}
for name, check in EACH.items():
    for one in TARGETS:
        case(name, one, lambda check=check, one=one: check(one))
for name, check in ONCE.items():
    case(name, "", check)
