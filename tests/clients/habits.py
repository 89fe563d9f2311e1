"""What users do beside the plain call: retries, headers, cancelling, odd histories, tool runners, the SDKs' own chats."""

import asyncio
import json
import time

import anthropic
import httpx2 as httpx
import openai
from common import CITIES, COST, GATEWAY, KEY, PERSON, TARGETS, UNICODE, WEATHER, case, line, same
from google import genai
from google.genai import types

chat = openai.OpenAI(base_url=f"{GATEWAY}/v1", api_key=KEY, max_retries=0, timeout=20)
later = openai.AsyncOpenAI(base_url=f"{GATEWAY}/v1", api_key=KEY, max_retries=0, timeout=20)
claude = anthropic.Anthropic(base_url=GATEWAY, api_key=KEY, max_retries=0, timeout=20)
google = genai.Client(api_key=KEY, http_options={"base_url": GATEWAY, "timeout": 20_000})
TOOL = {"type": "function", "function": {"name": "get_weather", "description": "The weather.", "parameters": WEATHER}}


def user(text):
    return [{"role": "user", "content": text}]


def counted(**more):
    """A client with the package's own retries, and how many requests it made."""
    made = []
    inner = httpx.Client(event_hooks={"request": [made.append]}, timeout=20)
    return openai.OpenAI(base_url=f"{GATEWAY}/v1", api_key=KEY, http_client=inner, **more), made


def no_second_try(target):
    """Every target was tried: the package must not try all of them again."""
    client, made = counted()
    try:
        client.chat.completions.create(model=target, messages=user("fail 500"))
        raise AssertionError("no error")
    except openai.InternalServerError as error:
        same((error.status_code, error.response.headers.get("x-should-retry")), (502, "false"), "error")
    same(len(made), 1, "requests")


def second_try_when_asked(target):
    """An overload says when to come again, and the package does."""
    client, made = counted(max_retries=1)
    began = time.monotonic()
    try:
        client.chat.completions.create(model=target, messages=user("fail 503"))
        raise AssertionError("no error")
    except openai.APIStatusError as error:
        same(error.status_code, 503, "status")
        assert error.response.headers.get("x-should-retry") is None, "beside a retry-after"
        assert 0 < int(error.response.headers["retry-after"]) <= 10, error.response.headers["retry-after"]
    same(len(made), 2, "requests")
    assert time.monotonic() - began < 15, "too long"


def own_deadline(target):
    """The caller's own deadline in the middle of a stream."""
    raw = chat.chat.completions.with_raw_response.create(
        model=target, messages=user("be slow"), stream=True, extra_headers={"x-tollgate-timeout": "500ms"}
    )
    try:
        for _ in raw.parse():
            pass
        raise AssertionError("the stream ended as if it were whole")
    except openai.APIError:
        pass
    same(line(raw.headers["x-tollgate-request-id"])["status"], "incomplete", "status")


def streaming_response(target):
    with chat.chat.completions.with_streaming_response.create(model=target, messages=user("hello"), stream=True) as answer:
        lines = [text for text in answer.iter_lines() if text]
    assert lines[-1] == "data: [DONE]" and all(text.startswith("data: ") for text in lines), lines[-3:]


def cancelled_task(target):
    seen = {}

    async def ask():
        raw = await later.chat.completions.with_raw_response.create(model=target, messages=user("be slow"), stream=True)
        seen["id"] = raw.headers["x-tollgate-request-id"]
        async for _ in raw.parse():
            pass

    async def run():
        task = asyncio.create_task(ask())
        while "id" not in seen:
            await asyncio.sleep(0.02)
        await asyncio.sleep(0.2)
        task.cancel()
        try:
            await task
        except asyncio.CancelledError:
            pass

    loop.run_until_complete(run())
    same(line(seen["id"])["status"], "cancelled", "status")


def cost_in_usage(target):
    asked = {"usage": {"include": True}}
    answer = chat.chat.completions.create(model=target, messages=user("hello"), extra_body=asked)
    same(f"{answer.usage.cost:.9f}", COST, "usage.cost")
    last = None
    for chunk in chat.chat.completions.create(
        model=target, messages=user("hello"), extra_body=asked, stream=True, stream_options={"include_usage": True}
    ):
        last = chunk.usage or last
    same(f"{last.cost:.9f}", COST, "usage.cost of the stream")


def tagged(target):
    raw = chat.chat.completions.with_raw_response.create(
        model=target, messages=user("hello"), user="u-1", extra_headers={"x-tollgate-tags": "feature=search", "x-tollgate-session": "s-1"}
    )
    caller = line(raw.headers["x-tollgate-request-id"])["caller"]
    same((caller["user"], caller["session"], caller["tags"]), ("u-1", "s-1", {"feature": "search"}), "caller")


def messy_history(target):
    """What grows in long conversations: lists and strings, null content, names, a developer, answers out of order."""
    call = {"type": "function", "function": {"name": "get_weather", "arguments": '{"city": "Paris"}'}}
    other = {"type": "function", "function": {"name": "get_weather", "arguments": ""}}
    messages = [
        {"role": "developer", "content": [{"type": "text", "text": "Be brief."}]},
        {"role": "user", "content": "first", "name": "ann"},
        {"role": "user", "content": [{"type": "text", "text": "second"}]},
        {"role": "assistant", "content": None, "tool_calls": [call | {"id": "call_abc1"}, other | {"id": "call_abc2"}]},
        {"role": "tool", "tool_call_id": "call_abc2", "content": [{"type": "text", "text": "12 °C"}]},
        {"role": "tool", "tool_call_id": "call_abc1", "content": "21 °C"},
        {"role": "assistant", "content": "So it is."},
        {"role": "user", "content": "hello"},
    ]
    if target.startswith("chatty"):
        # OpenAI itself wants arguments that are JSON.
        messages[3]["tool_calls"][1]["function"] = messages[3]["tool_calls"][1]["function"] | {"arguments": "{}"}
    model = target.replace("googly/scripted", "googly/gemini-3-pro-preview")
    answer = chat.chat.completions.create(model=model, messages=messages, tools=[TOOL])
    assert answer.choices[0].message.content.startswith("You said: hello"), answer.choices[0].message.content


def choices_of_tools(target):
    for choice in ("required", {"type": "function", "function": {"name": "get_weather"}}):
        answer = chat.chat.completions.create(model=target, messages=user("weather"), tools=[TOOL], tool_choice=choice)
        same([json.loads(call.function.arguments) for call in answer.choices[0].message.tool_calls], CITIES, f"calls with {choice}")
    chat.chat.completions.create(model=target, messages=user("hello"), tools=[TOOL], tool_choice="none", parallel_tool_calls=openai.omit)


def every_parameter(target):
    """What cannot come along is told, never refused."""
    raw = chat.chat.completions.with_raw_response.create(
        model=target, messages=user("hello"), temperature=0.3, top_p=0.9, stop=["END"], seed=7, presence_penalty=0.1, frequency_penalty=0.1,
        max_tokens=100, metadata={"a": "b"}, user="u", store=False, service_tier="auto", logprobs=True, top_logprobs=2,
    )
    same(raw.parse().choices[0].message.content, "You said: hello", "content")
    lost = raw.headers.get("x-tollgate-loss")
    assert (lost is None) == target.startswith("chatty"), f"losses: {lost}"


def json_object(target):
    answer = chat.chat.completions.create(model=target, messages=user("hello"), response_format={"type": "json_object"})
    assert answer.choices[0].message.content, "no content"


def one_model(target):
    same(chat.models.retrieve(target).id, target, "id")
    same(claude.models.retrieve(target).id, target, "id in Anthropic's shape")


def a_long_prompt(target):
    text = UNICODE * 40_000
    answer = chat.chat.completions.create(model=target, messages=user(text))
    same(len(answer.choices[0].message.content), len(f"You said: {text}"), "length")


def tool_runner(target):
    """It begins a thread and goes on in it: where none is kept, it is told so and sends the whole conversation again."""

    @anthropic.beta_tool
    def get_weather(city: str, unit: str = "°C") -> str:
        """The weather.

        Args:
            city: Where.
            unit: Of temperature.
        """
        return {"Paris": "21 °C", "Oslo": "12 °C"}[city]

    target = target.replace("googly/scripted", "googly/gemini-3-pro-preview")
    runner = claude.beta.messages.tool_runner(
        model=target, max_tokens=200, tools=[get_weather], messages=user("weather in Paris and Oslo")
    )
    same(runner.until_done().content[0].text, "21 °C and 12 °C.", "the answer made of the results")


def accumulators(target):
    """The events that Anthropic's package makes of a stream, and its snapshots."""
    tool = {"name": "get_weather", "description": "The weather.", "input_schema": WEATHER}
    text, inputs, stops = "", [], 0
    with claude.messages.stream(model=target, max_tokens=200, tools=[tool], messages=user("weather in Paris and Oslo")) as stream:
        for event in stream:
            if event.type == "text":
                text = event.snapshot
            elif event.type == "input_json":
                inputs.append(event.snapshot)
            stops += event.type == "content_block_stop"
        final = stream.get_final_message()
    same((text, stops, final.stop_reason), ("Let me look.", 3, "tool_use"), "events")
    same(inputs[-1], CITIES[1], "the last snapshot")


def bearer_for_claude(target):
    client = anthropic.Anthropic(base_url=GATEWAY, auth_token=KEY, api_key=None, max_retries=0)
    same(client.messages.create(model=target, max_tokens=9, messages=user("hello")).content[0].text, "You said: hello", "text")


def betas(target):
    answer = claude.beta.messages.create(
        model=target, max_tokens=9, messages=user("hello"), betas=["context-1m-2025-08-07"],
        system=[{"type": "text", "text": "Be brief.", "cache_control": {"type": "ephemeral"}}],
    )
    same(answer.content[0].text, "You said: hello [system: Be brief.]", "text")


def prefilled(target):
    messages = [*user("hello"), {"role": "assistant", "content": "I say"}]
    if target.startswith("clauding"):
        claude.messages.create(model=target, max_tokens=9, messages=messages)
    else:
        claude.messages.create(model=target, max_tokens=9, messages=[*messages, *user("hello")])


def google_chat_async(target):
    def get_weather(city: str, unit: str = "°C") -> str:
        """The weather."""
        return {"Paris": "21 °C", "Oslo": "12 °C"}[city]

    async def run():
        talk = google.aio.chats.create(model=target, config=types.GenerateContentConfig(tools=[get_weather]))
        text = ""
        if target.startswith("googly"):
            # The package keeps each chunk of a stream as a turn of its own, which Google itself refuses for parallel calls.
            text = (await talk.send_message("weather in Paris and Oslo")).text
        else:
            async for chunk in await talk.send_message_stream("weather in Paris and Oslo"):
                text += chunk.text or ""
        return text, (await talk.send_message("and now?")).text

    text, second = loop.run_until_complete(run())
    assert text.endswith("21 °C and 12 °C."), text
    same(second, "You said: and now?", "the second text")


def google_schema(target):
    schema = {"type": "OBJECT", "properties": {"name": {"type": "STRING"}, "age": {"type": "INTEGER"}, "langs": {"type": "ARRAY", "items": {"type": "STRING"}}}}
    asked = types.GenerateContentConfig(response_mime_type="application/json", response_schema=schema)
    same(json.loads(google.models.generate_content(model=target, contents="who?", config=asked).text), PERSON, "the object")


loop = asyncio.new_event_loop()
for name, check in {
    "no second try on 502": no_second_try, "a second try on 503": second_try_when_asked, "the caller's deadline": own_deadline,
    "streaming response": streaming_response, "cancelled task": cancelled_task, "cost in usage": cost_in_usage, "tags": tagged,
    "messy history": messy_history, "tool choices": choices_of_tools, "every parameter": every_parameter, "json_object": json_object,
    "one model": one_model, "long prompt": a_long_prompt, "tool runner": tool_runner, "accumulators": accumulators,
    "auth_token": bearer_for_claude, "betas": betas, "prefilled": prefilled, "google chat, async": google_chat_async,
    "google schema": google_schema,
}.items():
    for one in TARGETS:
        case(name, one, lambda check=check, one=one: check(one))
