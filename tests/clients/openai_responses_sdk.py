"""The official `openai` package's `responses` against the gateway, where the upstream speaks another dialect."""

import json

import openai
from common import CITIES, GATEWAY, KEY, OTHER_KEY, PERSON, PNG, TARGETS, UNICODE, USAGE, WEATHER, case, check_line, same
from pydantic import BaseModel

client = openai.OpenAI(base_url=f"{GATEWAY}/v1", api_key=KEY, max_retries=0, timeout=20)
TOOL = {"type": "function", "name": "get_weather", "description": "The weather.", "parameters": WEATHER, "strict": False}
ASK = {"instructions": "Be brief.", "input": UNICODE}
SAID = f"You said: {UNICODE} [system: Be brief.]"


class Person(BaseModel):
    name: str
    age: int
    langs: list[str]


def usage(seen):
    same(seen.input_tokens, USAGE["input"] + USAGE["cache_read"], "input_tokens")
    same(seen.input_tokens_details.cached_tokens, USAGE["cache_read"], "cached_tokens")
    same(seen.output_tokens, USAGE["output"], "output_tokens")
    same(seen.total_tokens, sum(USAGE.values()), "total_tokens")


def basic(target):
    raw = client.responses.with_raw_response.create(model=target, max_output_tokens=200, **ASK)
    answer = raw.parse()
    same((answer.output_text, answer.status, answer.object), (SAID, "completed", "response"))
    same([item.type for item in answer.output], ["message"], "items")
    same((answer.instructions, answer.max_output_tokens), ("Be brief.", 200), "what the answer repeats")
    assert answer.id and answer.created_at > 1_600_000_000, "id and created_at"
    usage(answer.usage)
    check_line(raw.headers, target, "openai-responses", False)


def streamed(target):
    raw = client.responses.with_raw_response.create(model=target, stream=True, **ASK)
    events = list(raw.parse())
    same([event.sequence_number for event in events], list(range(len(events))), "sequence numbers")
    same((events[0].type, events[-1].type), ("response.created", "response.completed"))
    pieces = [event for event in events if event.type == "response.output_text.delta"]
    same("".join(event.delta for event in pieces), SAID, "text")
    assert len(pieces) > 3, f"the answer came in {len(pieces)} pieces"
    final = events[-1].response
    same((final.output_text, final.status), (SAID, "completed"))
    same({event.item_id for event in pieces}, {final.output[0].id}, "ids of the item")
    usage(final.usage)
    check_line(raw.headers, target, "openai-responses", True)


def tools(target):
    items = [{"role": "user", "content": "weather in Paris and Oslo"}]
    first = client.responses.create(model=target, input=items, tools=[TOOL], tool_choice="auto", parallel_tool_calls=True)
    calls = [item for item in first.output if item.type == "function_call"]
    same((first.output_text, [json.loads(call.arguments) for call in calls]), ("Let me look.", CITIES))
    # What came goes back as it is, as the guides have it.
    items += [item.model_dump(exclude_none=True) for item in first.output]
    for call, degrees in zip(calls, (21, 12)):
        items.append({"type": "function_call_output", "call_id": call.call_id, "output": f"{degrees} °C"})
    second = client.responses.create(model=target, input=items, tools=[TOOL])
    same(second.output_text, "21 °C and 12 °C.", "the answer made of the results")


def tools_streamed(target):
    with client.responses.stream(model=target, input="weather in Paris and Oslo", tools=[TOOL]) as stream:
        done = [event for event in stream if event.type == "response.function_call_arguments.done"]
        final = stream.get_final_response()
    same([json.loads(event.arguments) for event in done], CITIES, "arguments of the events")
    calls = [item for item in final.output if item.type == "function_call"]
    same([json.loads(call.arguments) for call in calls], CITIES, "arguments")
    same([call.id for call in calls], [event.item_id for event in done], "ids")
    same(final.output_text, "Let me look.")
    assert calls[0].call_id != calls[1].call_id, "two calls have one id"


def structured(target):
    answer = client.responses.parse(model=target, input="who?", text_format=Person)
    same(answer.output_parsed.model_dump(), PERSON, "parsed")


def structured_streamed(target):
    with client.responses.stream(model=target, input="who?", text_format=Person) as stream:
        for _ in stream:
            pass
        same(stream.get_final_response().output_parsed.model_dump(), PERSON, "parsed")


def picture(target):
    url = f"data:image/png;base64,{PNG}"
    content = [{"type": "input_text", "text": "look"}, {"type": "input_image", "image_url": url, "detail": "auto"}]
    answer = client.responses.create(model=target, input=[{"role": "user", "content": content}])
    same(answer.output_text, f"You said: look [image: {url[:24]}… {len(url)}]", "text")


def cut(target):
    answer = client.responses.create(model=target, input="be cut", max_output_tokens=16)
    same((answer.status, answer.incomplete_details.reason), ("incomplete", "max_output_tokens"))
    same(answer.output_text, "Once upon a")


def dropped(target):
    try:
        for _ in client.responses.create(model=target, input="drop", stream=True):
            pass
        raise AssertionError("a stream that broke off looked whole")
    except openai.APIError as error:
        same(error.body["tollgate"]["kind"], "upstream_failed", "kind")


def limited(target):
    try:
        client.responses.create(model=target, input="fail 429")
        raise AssertionError("a rate limit was not told")
    except openai.RateLimitError as error:
        same(error.response.headers["x-tollgate-error"], "upstream_rate_limited")


def kept(target):
    """State that another provider would have to keep is refused, with a word on what to do."""
    for more, refusal, kind in (
        ({"previous_response_id": "resp_1"}, openai.NotFoundError, "not_found"),
        ({"conversation": "conv_1"}, openai.NotFoundError, "not_found"),
        ({"background": True}, openai.BadRequestError, "invalid_request"),
    ):
        try:
            client.responses.create(model=target, input="x", **more)
            raise AssertionError(f"{more} was accepted")
        except refusal as error:
            same((error.response.headers["x-tollgate-error"], error.param), (kind, next(iter(more))))


def state(target):
    """A conversation that the gateway keeps: gone on from, read, listed and deleted."""
    for stream in (False, True):
        asked = {"model": target, "input": "weather in Paris and Oslo", "tools": [TOOL]}
        if stream:
            with client.responses.stream(**asked) as events:
                list(events)
                first = events.get_final_response()
        else:
            first = client.responses.create(**asked)
        calls = [item for item in first.output if item.type == "function_call"]
        results = [
            {"type": "function_call_output", "call_id": call.call_id, "output": f"{degrees} °C"}
            for call, degrees in zip(calls, (21, 12))
        ]
        second = client.responses.create(model=target, previous_response_id=first.id, input=results, tools=[TOOL])
        same(second.output_text, "21 °C and 12 °C.", "the answer made of the results")
        same((second.previous_response_id, second.store), (first.id, True))
        found = client.responses.retrieve(second.id)
        same((found.id, found.output_text), (second.id, second.output_text), "as it was")
        items = list(client.responses.input_items.list(second.id, order="asc", limit=2))
        kinds = [item.type for item in items]
        same((kinds[0], kinds[-2:]), ("message", ["function_call_output"] * 2), "the whole conversation")
        same(len({item.id for item in items}), len(items), "ids of items")
        try:
            openai.OpenAI(base_url=f"{GATEWAY}/v1", api_key=OTHER_KEY, max_retries=0).responses.retrieve(second.id)
            raise AssertionError("another's response was shown")
        except openai.NotFoundError as error:
            same(error.code, "response_not_found")
        client.responses.delete(first.id)
        for gone in (
            lambda: client.responses.retrieve(first.id),
            lambda: client.responses.create(model=target, previous_response_id=first.id, input="x"),
            lambda: client.responses.create(model=target, previous_response_id=second.id, input="x"),
        ):
            try:
                gone()
                raise AssertionError("what was deleted is there")
            except openai.NotFoundError:
                pass


def natively():
    structured("clauding/claude-sonnet-4-5")


EACH = {
    "basic": basic, "streamed": streamed, "tools": tools, "tools streamed": tools_streamed, "structured": structured,
    "structured streamed": structured_streamed, "image": picture, "cut at the limit": cut, "upstream drops": dropped,
    "upstream 429": limited, "state elsewhere": kept, "state kept": state,
}
for name, check in EACH.items():
    for one in TARGETS:
        case(name, one, lambda check=check, one=one: check(one))
case("structured natively", "", natively)
