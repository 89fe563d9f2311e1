"""The official `anthropic` package for Python against the gateway, both upstream dialects."""

import asyncio

import anthropic
from common import CITIES, GATEWAY, KEY, PERSON, PNG, TARGETS, UNICODE, USAGE, WEATHER, case, check_line, line, same
from pydantic import BaseModel

client = anthropic.Anthropic(base_url=GATEWAY, api_key=KEY, max_retries=0, timeout=20)
later = anthropic.AsyncAnthropic(base_url=GATEWAY, api_key=KEY, max_retries=0, timeout=20)
TOOL = {"name": "get_weather", "description": "The weather.", "input_schema": WEATHER}
ASK = {"system": "Be brief.", "messages": [{"role": "user", "content": UNICODE}], "max_tokens": 200}
SAID = f"You said: {UNICODE} [system: Be brief.]"


class Person(BaseModel):
    name: str
    age: int
    langs: list[str]


def user(text):
    return {"messages": [{"role": "user", "content": text}], "max_tokens": 200}


def usage(seen):
    same((seen.input_tokens, seen.cache_read_input_tokens, seen.output_tokens), (20, 100, USAGE["output"]), "usage")


def basic(target):
    raw = client.messages.with_raw_response.create(model=target, **ASK)
    answer = raw.parse()
    same([part.text for part in answer.content], [SAID], "content")
    same((answer.type, answer.role, answer.stop_reason), ("message", "assistant", "end_turn"))
    usage(answer.usage)
    check_line(raw.headers, target, "anthropic-messages", False)


def sampling(target):
    """Under version 2026-10-21 a temperature is a 400 at Anthropic, under 2023-06-01 it is not."""
    fields = ASK if not target.startswith("clauding") or anthropic.__version__.startswith("0.") else None
    if fields:
        answer = client.messages.create(model=target, extra_body={"temperature": 0.5, "top_k": 5}, **fields)
        same(answer.content[0].text, SAID, "content")
    else:
        failed = fails(anthropic.BadRequestError, 400, "upstream_rejected", model=target, extra_body={"temperature": 0.5}, **user("refuse me"))
        assert "Extra inputs" in failed.message, failed.message


def streamed(target):
    with client.messages.stream(model=target, **ASK) as stream:
        pieces = list(stream.text_stream)
        final = stream.get_final_message()
        headers = stream.response.headers
    same("".join(pieces), SAID, "text")
    assert len(pieces) > 3, f"the answer came in {len(pieces)} pieces"
    same((final.stop_reason, final.content[0].text), ("end_turn", SAID))
    usage(final.usage)
    check_line(headers, target, "anthropic-messages", True)


def events(target):
    """The raw events come in the order of the grammar."""
    kinds = [event.type for event in client.messages.create(model=target, stream=True, **user("hi")) if event.type != "ping"]
    middle = [kind for at, kind in enumerate(kinds) if kind != "content_block_delta" or kinds[at - 1] != kind]
    order = ["message_start", "content_block_start", "content_block_delta", "content_block_stop", "message_delta", "message_stop"]
    same(middle, order, "events")


def tools(target):
    messages = [{"role": "user", "content": "weather in Paris and Oslo"}]
    first = client.messages.create(model=target, messages=messages, tools=[TOOL], tool_choice={"type": "auto"}, max_tokens=200)
    same((first.stop_reason, first.content[0].text), ("tool_use", "Let me look."))
    calls = [part for part in first.content if part.type == "tool_use"]
    same([call.input for call in calls], CITIES, "input")
    messages.append({"role": "assistant", "content": [part.model_dump(include={"type", "text", "id", "name", "input"}, exclude_none=True) for part in first.content]})
    results = [
        {"type": "tool_result", "tool_use_id": call.id, "content": f"{degrees} °C"} for call, degrees in zip(calls, (21, 12))
    ]
    messages.append({"role": "user", "content": results})
    second = client.messages.create(model=target, messages=messages, tools=[TOOL], max_tokens=200)
    same(second.content[0].text, "21 °C and 12 °C.", "the answer made of the results")


def tools_streamed(target):
    with client.messages.stream(model=target, tools=[TOOL], **user("weather in Paris and Oslo")) as stream:
        for _ in stream:
            pass
        final = stream.get_final_message()
    same([part.type for part in final.content], ["text", "tool_use", "tool_use"], "content")
    same([part.input for part in final.content[1:]], CITIES, "input")
    same((final.stop_reason, final.content[0].text), ("tool_use", "Let me look."))
    assert final.content[1].id != final.content[2].id, "two calls have one id"


def structured(target):
    answer = client.messages.parse(model=target, output_format=Person, **user("who?"))
    same(answer.parsed_output.model_dump(), PERSON, "parsed_output")


def structured_streamed(target):
    with client.messages.stream(model=target, output_format=Person, **user("who?")) as stream:
        for _ in stream:
            pass
        same(stream.get_final_message().parsed_output.model_dump(), PERSON, "parsed_output")


def picture(target):
    source = {"type": "base64", "media_type": "image/png", "data": PNG}
    answer = client.messages.create(model=target, **user([{"type": "image", "source": source}, {"type": "text", "text": "look"}]))
    url = f"data:image/png;base64,{PNG}"
    same(answer.content[0].text, f"You said: look [image: {url[:24]}… {len(url)}]", "content")


def cut(target):
    answer = client.messages.create(model=target, max_tokens=3, messages=[{"role": "user", "content": "be cut"}])
    same((answer.stop_reason, answer.content[0].text), ("max_tokens", "Once upon a"))


def asynchronous(target):
    async def run():
        async def stream():
            async with later.messages.stream(model=target, **user(UNICODE)) as answer:
                return "".join([piece async for piece in answer.text_stream])

        whole, text = await asyncio.gather(later.messages.create(model=target, **user(UNICODE)), stream())
        return whole.content[0].text, text

    same(loop.run_until_complete(run()), (f"You said: {UNICODE}",) * 2, "texts")


def left(target):
    """A caller that leaves in the middle of a stream."""
    with client.messages.stream(model=target, **user("be slow")) as stream:
        headers = stream.response.headers
        for _ in stream.text_stream:
            break
    entry = line(headers["x-tollgate-request-id"])
    same(entry["status"], "cancelled", "status")
    assert entry["usage"]["source"] in ("estimated", "partial") and entry["usage"]["output"] > 0, entry["usage"]


def dropped(target):
    """An upstream that goes away in the middle of a stream: an error, never a short answer that looks whole."""
    with client.messages.stream(model=target, **user("drop")) as stream:
        headers = stream.response.headers
        try:
            kinds = [event.type for event in stream]
            raise AssertionError(f"the stream ended as if it were whole: {kinds[-3:]}")
        except anthropic.APIError as error:
            assert error.message, "an error without a message"
    same(line(headers["x-tollgate-request-id"])["status"], "incomplete", "status")


def fails(kind, status, error_kind, **request):
    try:
        client.messages.create(**request)
    except kind as error:
        same(error.status_code, status, "status")
        same(error.response.headers["x-tollgate-error"], error_kind, "x-tollgate-error")
        assert error.response.headers["x-tollgate-request-id"], "no request id"
        same(error.body["type"], "error", "type")
        assert error.body["error"]["type"] and error.body["error"]["message"], error.body
        return error
    raise AssertionError(f"no {kind.__name__}")


def refused(target):
    error = fails(anthropic.BadRequestError, 400, "upstream_rejected", model=target, **user("fail 400"))
    assert "scripted failure 400" in error.body["error"]["message"], error.body


def limited(target):
    error = fails(anthropic.RateLimitError, 429, "upstream_rate_limited", model=target, **user("fail 429"))
    assert 25 <= int(error.response.headers["retry-after"]) <= 30, error.response.headers["retry-after"]
    same(error.body["error"]["type"], "rate_limit_error", "type")


def overloaded(target):
    status = "fail 529" if target.startswith("clauding") else "fail 503"
    error = fails(anthropic.APIStatusError, 529, "upstream_overloaded", model=target, **user(status))
    same(error.body["error"]["type"], "overloaded_error", "type")


def bad_key():
    wrong = anthropic.Anthropic(base_url=GATEWAY, api_key="tg-000000000000-" + "0" * 48, max_retries=0)
    try:
        wrong.messages.create(model=TARGETS[0], **user("x"))
        raise AssertionError("a key that is not known was accepted")
    except anthropic.AuthenticationError as error:
        same(error.response.headers["x-tollgate-error"], "unauthenticated", "x-tollgate-error")
        same(error.body["error"]["type"], "authentication_error", "type")


def no_model():
    error = fails(anthropic.NotFoundError, 404, "unknown_model", model="clauding/scriptd", **user("x"))
    assert "clauding/scripted" in error.body["error"]["tollgate"]["near"], error.body


def bad_body():
    fails(anthropic.BadRequestError, 400, "invalid_request", model=TARGETS[0], max_tokens=5, messages="not a list")


def models():
    listed = {model.id for model in client.models.list()}
    assert set(TARGETS) <= listed and "either" in listed, listed


def count(target):
    ask = {"model": target, "system": ASK["system"], "messages": ASK["messages"], "tools": [TOOL]}
    raw = client.messages.with_raw_response.count_tokens(**ask)
    exact = not target.startswith("chatty/")
    same((raw.headers.get("x-tollgate-estimated"), raw.headers["x-tollgate-cost-usd"]), (None if exact else "true", "0.000000000"))
    tokens = raw.parse().input_tokens
    assert tokens == 31 if exact else 20 < tokens < 120, tokens


def batches():
    """The package reads results where the batch says: at the gateway, never at the provider with the gateway's key."""
    params = {"model": "clauding/scripted", **user("x"), "max_tokens": 9}
    batch = client.messages.batches.create(requests=[{"custom_id": name, "params": params} for name in "ab"])
    same(batch.processing_status, "in_progress", "processing_status")
    batch = client.messages.batches.retrieve(batch.id)
    same(batch.processing_status, "ended", "processing_status")
    results = list(client.messages.batches.results(batch.id))
    same([(one.custom_id, one.result.message.usage.output_tokens) for one in results], [("a", 7), ("b", 7)], "results")
    assert batch.id in [listed.id for listed in client.messages.batches.list(limit=1)], "listed"
    file = client.beta.files.upload(file=("f.txt", b"hello", "text/plain"))
    same(client.beta.files.download(file.id).read(), b"hello", "content")
    assert file.id in [listed.id for listed in client.beta.files.list(limit=1)], "listed"
    same(client.beta.files.delete(file.id).id, file.id, "deleted")
    same(client.messages.batches.delete(batch.id).id, batch.id, "deleted")
    try:
        client.messages.batches.retrieve(batch.id)
        raise AssertionError("a deleted batch was shown")
    except anthropic.NotFoundError:
        pass


loop = asyncio.new_event_loop()
EACH = {
    "basic": basic, "sampling": sampling, "streamed": streamed, "raw events": events, "tools": tools,
    "tools streamed": tools_streamed, "structured": structured, "structured streamed": structured_streamed, "image": picture,
    "cut at the limit": cut, "async": asynchronous, "caller leaves": left, "upstream drops": dropped, "upstream 400": refused,
    "upstream 429": limited, "upstream overloaded": overloaded, "count tokens": count,
}
ONCE = {"401": bad_key, "404 model": no_model, "400 body": bad_body, "models": models, "files and batches": batches}
for name, check in EACH.items():
    for one in TARGETS:
        case(name, one, lambda check=check, one=one: check(one))
for name, check in ONCE.items():
    case(name, "", check)
loop.run_until_complete(later.close())
