"""The official `openai` package for Python against the gateway, both upstream dialects."""

import asyncio
import json

import openai
from common import CITIES, COST, GATEWAY, KEY, OTHER_KEY, PERSON, PNG, TARGETS, UNICODE, USAGE, WEATHER, case, check_line, line, same
from pydantic import BaseModel

client = openai.OpenAI(base_url=f"{GATEWAY}/v1", api_key=KEY, max_retries=0, timeout=20)
later = openai.AsyncOpenAI(base_url=f"{GATEWAY}/v1", api_key=KEY, max_retries=0, timeout=20)
TOOL = {"type": "function", "function": {"name": "get_weather", "description": "The weather.", "parameters": WEATHER}}
ASK = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": UNICODE}]
SAID = f"You said: {UNICODE} [system: Be brief.]"


class Person(BaseModel):
    name: str
    age: int
    langs: list[str]


def usage(seen):
    same(seen.prompt_tokens, USAGE["input"] + USAGE["cache_read"], "prompt_tokens")
    same(seen.prompt_tokens_details.cached_tokens, USAGE["cache_read"], "cached_tokens")
    same(seen.completion_tokens, USAGE["output"], "completion_tokens")
    same(seen.total_tokens, sum(USAGE.values()), "total_tokens")


def basic(target):
    raw = client.chat.completions.with_raw_response.create(model=target, messages=ASK, temperature=0.5, max_completion_tokens=200)
    answer = raw.parse()
    same(answer.choices[0].message.content, SAID, "content")
    same((answer.object, answer.choices[0].finish_reason, answer.choices[0].index), ("chat.completion", "stop", 0))
    assert answer.id and answer.created > 1_600_000_000, "id and created"
    usage(answer.usage)
    check_line(raw.headers, target, "openai-chat", False)


def streamed(target, include=True):
    options = {"stream_options": {"include_usage": True}} if include else {}
    raw = client.chat.completions.with_raw_response.create(model=target, messages=ASK, stream=True, **options)
    text, finish, seen, pieces = "", None, None, 0
    for chunk in raw.parse():
        same(chunk.object, "chat.completion.chunk")
        if include and not chunk.choices:
            assert chunk.usage is not None, "a frame without choices carries the usage"
        if not include:
            assert chunk.choices, "a frame without choices came though no usage was asked for"
        seen = chunk.usage or seen
        for choice in chunk.choices:
            pieces += bool(choice.delta.content)
            text += choice.delta.content or ""
            finish = choice.finish_reason or finish
    same((text, finish), (SAID, "stop"), "text and finish_reason")
    assert pieces > 3, f"the answer came in {pieces} pieces"
    if include:
        usage(seen)
    check_line(raw.headers, target, "openai-chat", True)


def tools(target):
    messages = [{"role": "user", "content": "weather in Paris and Oslo"}]
    first = client.chat.completions.create(model=target, messages=messages, tools=[TOOL], tool_choice="auto", parallel_tool_calls=True)
    said = first.choices[0].message
    same((first.choices[0].finish_reason, said.content), ("tool_calls", "Let me look."))
    same([json.loads(call.function.arguments) for call in said.tool_calls], CITIES, "arguments")
    messages.append(said.model_dump(exclude_none=True, include={"role", "content", "tool_calls"}))
    for call, degrees in zip(said.tool_calls, (21, 12)):
        messages.append({"role": "tool", "tool_call_id": call.id, "content": f"{degrees} °C"})
    second = client.chat.completions.create(model=target, messages=messages, tools=[TOOL])
    same(second.choices[0].message.content, "21 °C and 12 °C.", "the answer made of the results")


def tools_streamed(target):
    with client.chat.completions.stream(
        model=target, messages=[{"role": "user", "content": "weather in Paris and Oslo"}], tools=[TOOL]
    ) as stream:
        done = [event for event in stream if event.type == "tool_calls.function.arguments.done"]
        final = stream.get_final_completion()
    same([event.index for event in done], [0, 1], "indexes of the calls")
    calls = final.choices[0].message.tool_calls
    same([json.loads(call.function.arguments) for call in calls], CITIES, "arguments")
    same((final.choices[0].finish_reason, final.choices[0].message.content), ("tool_calls", "Let me look."))
    assert calls[0].id != calls[1].id, "two calls have one id"


def structured(target):
    answer = client.chat.completions.parse(model=target, messages=[{"role": "user", "content": "who?"}], response_format=Person)
    same(answer.choices[0].message.parsed.model_dump(), PERSON, "parsed")


def structured_streamed(target):
    with client.chat.completions.stream(
        model=target, messages=[{"role": "user", "content": "who?"}], response_format=Person
    ) as stream:
        for _ in stream:
            pass
        same(stream.get_final_completion().choices[0].message.parsed.model_dump(), PERSON, "parsed")


def picture(target):
    content = [{"type": "text", "text": "look"}, {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PNG}"}}]
    answer = client.chat.completions.create(model=target, messages=[{"role": "user", "content": content}])
    url = f"data:image/png;base64,{PNG}"
    same(answer.choices[0].message.content, f"You said: look [image: {url[:24]}… {len(url)}]", "content")


def cut(target):
    answer = client.chat.completions.create(model=target, messages=[{"role": "user", "content": "be cut"}], max_tokens=3)
    same((answer.choices[0].finish_reason, answer.choices[0].message.content), ("length", "Once upon a"))


def asynchronous(target):
    async def run():
        ask = [{"role": "user", "content": UNICODE}]
        whole, stream = await asyncio.gather(
            later.chat.completions.create(model=target, messages=ask),
            later.chat.completions.create(model=target, messages=ask, stream=True),
        )
        text = ""
        async for chunk in stream:
            text += chunk.choices[0].delta.content or "" if chunk.choices else ""
        return whole.choices[0].message.content, text

    same(loop.run_until_complete(run()), (f"You said: {UNICODE}",) * 2, "texts")


def left(target):
    """A caller that leaves in the middle of a stream."""
    raw = client.chat.completions.with_raw_response.create(model=target, messages=[{"role": "user", "content": "be slow"}], stream=True)
    stream = raw.parse()
    for chunk in stream:
        if chunk.choices and chunk.choices[0].delta.content:
            break
    stream.close()
    entry = line(raw.headers["x-tollgate-request-id"])
    same(entry["status"], "cancelled", "status")
    assert entry["usage"]["source"] in ("estimated", "partial") and entry["usage"]["output"] > 0, entry["usage"]


def dropped(target):
    """An upstream that goes away in the middle of a stream: an error, never a short answer that looks whole."""
    raw = client.chat.completions.with_raw_response.create(model=target, messages=[{"role": "user", "content": "drop"}], stream=True)
    try:
        finish = [choice.finish_reason for chunk in raw.parse() for choice in chunk.choices]
        raise AssertionError(f"the stream ended as if it were whole: {finish}")
    except openai.APIError as error:
        assert error.message, "an error without a message"
    same(line(raw.headers["x-tollgate-request-id"])["status"], "incomplete", "status")


def fails(kind, status, error_kind, **request):
    try:
        client.chat.completions.create(**{"messages": [{"role": "user", "content": "x"}], **request})
    except kind as error:
        same(error.status_code, status, "status")
        same(error.response.headers["x-tollgate-error"], error_kind, "x-tollgate-error")
        assert error.response.headers["x-tollgate-request-id"], "no request id"
        assert error.message and isinstance(error.body["message"], str), "no message"
        return error
    raise AssertionError(f"no {kind.__name__}")


def refused(target):
    """What the upstream refuses comes back as the upstream said it."""
    error = fails(openai.BadRequestError, 400, "upstream_rejected", model=target, messages=[{"role": "user", "content": "fail 400"}])
    assert "scripted failure 400" in error.message, error.message


def limited(target):
    error = fails(openai.RateLimitError, 429, "upstream_rate_limited", model=target, messages=[{"role": "user", "content": "fail 429"}])
    assert 25 <= int(error.response.headers["retry-after"]) <= 30, error.response.headers["retry-after"]


def broken(target):
    error = fails(openai.InternalServerError, 502, "upstream_failed", model=target, messages=[{"role": "user", "content": "fail 500"}])
    same(error.response.headers.get("x-should-retry"), "false", "x-should-retry")


def bad_key():
    wrong = openai.OpenAI(base_url=f"{GATEWAY}/v1", api_key="tg-000000000000-" + "0" * 48, max_retries=0)
    try:
        wrong.chat.completions.create(model=TARGETS[0], messages=[{"role": "user", "content": "x"}])
        raise AssertionError("a key that is not known was accepted")
    except openai.AuthenticationError as error:
        same((error.status_code, error.response.headers["x-tollgate-error"]), (401, "unauthenticated"))


def no_model():
    error = fails(openai.NotFoundError, 404, "unknown_model", model="chatty/scriptd")
    assert "chatty/scripted" in error.body["tollgate"]["near"], error.body


def bad_body():
    fails(openai.BadRequestError, 400, "invalid_request", model=TARGETS[1], messages="not a list")


def models():
    listed = {model.id for model in client.models.list()}
    assert set(TARGETS) <= listed and "either" in listed, listed


def failover():
    """A name with two targets: the first is overloaded, the second answers."""
    raw = client.chat.completions.with_raw_response.create(model="either", messages=[{"role": "user", "content": "hello"}])
    same(raw.parse().choices[0].message.content, "You said: hello", "content")
    same(raw.headers["x-tollgate-served-by"], "clauding/scripted", "x-tollgate-served-by")
    same(raw.headers["x-tollgate-attempts"], "2", "x-tollgate-attempts")
    assert raw.headers["x-tollgate-why"].startswith("fallback:"), raw.headers["x-tollgate-why"]
    entry = line(raw.headers["x-tollgate-request-id"])
    same([attempt["outcome"] for attempt in entry["attempts"]][1:], ["ok"], "attempts")
    same((entry["asked"], entry["cost"]["usd"]), ("either", COST), "line")


loop = asyncio.new_event_loop()
def embeddings():
    """The package asks for base64 unless told otherwise, and unpacks it."""
    for form in ({}, {"encoding_format": "float"}):
        raw = client.embeddings.with_raw_response.create(model="chatty/scripted", input=["one", UNICODE], **form)
        answer = raw.parse()
        same([one.embedding for one in answer.data], [[0.5, -0.25, 1.0]] * 2, "vectors")
        same(answer.usage.prompt_tokens, 20, "prompt_tokens")
        same(raw.headers["x-tollgate-cost-usd"], "0.000020000", "x-tollgate-cost-usd")
        entry = line(raw.headers["x-tollgate-request-id"])
        same((entry["operation"], entry["usage"]["input"], entry["cost"]["usd"]), ("embeddings", 20, "0.000020000"), "line")


def native():
    """The same package through the native lane: only its address differs."""
    lane = openai.OpenAI(base_url=f"{GATEWAY}/native/chatty/v1", api_key=KEY, max_retries=0, timeout=20)
    raw = lane.chat.completions.with_raw_response.create(model="scripted", messages=ASK)
    same(raw.parse().choices[0].message.content, SAID, "content")
    same(raw.headers["x-tollgate-cost-usd"], COST, "x-tollgate-cost-usd")
    same(line(raw.headers["x-tollgate-request-id"])["operation"], "native", "operation")


def google_embeddings():
    """In Google's shape behind OpenAI's; the SDK asks for base64 unless it is told not to."""
    for form in ({}, {"encoding_format": "float"}):
        raw = client.embeddings.with_raw_response.create(model="googly/scripted", input=["one", UNICODE], **form)
        same([one.embedding for one in raw.parse().data], [[0.5, -0.25, 1.0]] * 2, "vectors")
        same(raw.headers["x-tollgate-estimated"], "true", "x-tollgate-estimated")


def batches():
    """Upload, batch, look again, read the answers, delete; another key sees none of it."""
    other = openai.OpenAI(base_url=f"{GATEWAY}/v1", api_key=OTHER_KEY, max_retries=0, timeout=20)
    one = {"custom_id": "a", "method": "POST", "url": "/v1/chat/completions", "body": {"model": "chatty/scripted", "messages": ASK}}
    lines = json.dumps(one) + "\n" + json.dumps({**one, "custom_id": "b"}) + "\n"
    file = client.files.create(file=("batch.jsonl", lines.encode()), purpose="batch")
    assert client.files.content(file.id).text.count('"scripted"') == 2
    batch = client.batches.create(input_file_id=file.id, endpoint="/v1/chat/completions", completion_window="24h")
    same(batch.status, "in_progress", "status")
    batch = client.batches.retrieve(batch.id)
    same(batch.status, "completed", "status")
    answers = [json.loads(answer) for answer in client.files.content(batch.output_file_id).text.splitlines()]
    same([answer["custom_id"] for answer in answers], ["a", "b"], "answers")
    assert batch.id in [listed.id for listed in client.batches.list(limit=3)], "listed"
    assert {file.id, batch.output_file_id} <= {listed.id for listed in client.files.list(limit=1)}, "every page is read"
    same(list(other.files.list()), [], "the other's files")
    for call in (lambda: other.files.content(file.id), lambda: other.batches.retrieve(batch.id), lambda: other.files.delete(file.id)):
        try:
            call()
            raise AssertionError("another's object was shown")
        except openai.NotFoundError as error:
            same(error.body["tollgate"]["kind"], "not_found", "kind")
    same(client.files.delete(file.id).deleted, True, "deleted")


EACH = {
    "basic": basic, "streamed": streamed, "streamed without usage": lambda target: streamed(target, False), "tools": tools,
    "tools streamed": tools_streamed, "structured": structured, "structured streamed": structured_streamed, "image": picture,
    "cut at the limit": cut, "async": asynchronous, "caller leaves": left, "upstream drops": dropped, "upstream 400": refused,
    "upstream 429": limited, "upstream 500": broken,
}
ONCE = {
    "structured natively": lambda: structured("clauding/claude-sonnet-4-5"), "401": bad_key, "404 model": no_model,
    "400 body": bad_body, "models": models, "failover": failover,
    "embeddings": embeddings, "embeddings of Google": google_embeddings, "native lane": native, "files and batches": batches,
}
for name, check in EACH.items():
    for one in TARGETS:
        case(name, one, lambda check=check, one=one: check(one))
for name, check in ONCE.items():
    case(name, "", check)
loop.run_until_complete(later.close())
