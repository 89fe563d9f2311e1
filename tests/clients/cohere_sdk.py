"""The official `cohere` package through the native lane: its own API, priced and in the ledger."""

import json

import cohere
from common import CITIES, COST, GATEWAY, KEY, PERSON, UNICODE, WEATHER, case, line, same

client = cohere.ClientV2(base_url=f"{GATEWAY}/native/cohere", api_key=KEY, timeout=20, max_retries=0)
TOOL = {"type": "function", "function": {"name": "get_weather", "description": "The weather.", "parameters": WEATHER}}
ASK = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": UNICODE}]
SAID = f"You said: {UNICODE} [system: Be brief.]"
SCHEMA = {"type": "object", "properties": {"name": {"type": "string"}, "age": {"type": "integer"}, "langs": {"type": "array", "items": {"type": "string"}}}}


def user(text):
    return [{"role": "user", "content": text}]


def lined(headers, stream):
    entry = line(headers["x-tollgate-request-id"])
    same((entry["status"], entry["http"], entry["operation"]), ("ok", 200, "native"), "line")
    same(entry["served"]["provider"], "cohere", "served")
    return entry


def basic():
    raw = client.with_raw_response if hasattr(client, "with_raw_response") else None
    answer = client.chat(model="scripted", messages=ASK, temperature=0.5, max_tokens=200)
    same((answer.message.content[0].text, answer.finish_reason), (SAID, "COMPLETE"), "text and finish_reason")
    same((answer.usage.tokens.input_tokens, answer.usage.tokens.output_tokens), (120, 7), "tokens")
    if raw is not None:
        cost = lined(raw.chat(model="scripted", messages=ASK).headers, False)["cost"]
        same(cost["usd"], COST if cost["source"] == "computed" else None, "cost")


def streamed():
    text, end = "", None
    for event in client.chat_stream(model="scripted", messages=ASK):
        if event.type == "content-delta":
            text += event.delta.message.content.text
        end = event
    same((text, end.type, end.delta.finish_reason), (SAID, "message-end", "COMPLETE"), "text and the last event")
    same(end.delta.usage.tokens.output_tokens, 7, "output_tokens")


def tools():
    messages = user("weather in Paris and Oslo")
    first = client.chat(model="scripted", messages=messages, tools=[TOOL])
    same((first.finish_reason, first.message.tool_plan), ("TOOL_CALL", "Let me look."))
    same([json.loads(call.function.arguments) for call in first.message.tool_calls], CITIES, "arguments")
    messages.append(first.message)
    for call, degrees in zip(first.message.tool_calls, (21, 12)):
        messages.append({"role": "tool", "tool_call_id": call.id, "content": f"{degrees} °C"})
    second = client.chat(model="scripted", messages=messages, tools=[TOOL])
    same(second.message.content[0].text, "21 °C and 12 °C.", "the answer made of the results")


def tools_streamed():
    calls, plan = [], ""
    for event in client.chat_stream(model="scripted", messages=user("weather in Paris and Oslo"), tools=[TOOL]):
        if event.type == "tool-plan-delta":
            plan += event.delta.message.tool_plan
        elif event.type == "tool-call-start":
            calls.append("")
        elif event.type == "tool-call-delta":
            calls[event.index] += event.delta.message.tool_calls.function.arguments
    same((plan, [json.loads(call) for call in calls]), ("Let me look.", CITIES), "plan and calls")


def structured():
    form = {"type": "json_object", "json_schema": SCHEMA}
    answer = client.chat(model="scripted", messages=user("who?"), response_format=form)
    same(json.loads(answer.message.content[0].text), PERSON, "the object")


def embed():
    answer = client.embed(model="scripted", input_type="search_document", embedding_types=["float"], texts=["one", UNICODE])
    same(answer.embeddings.float_, [[0.5, -0.25, 1.0]] * 2, "vectors")
    same(answer.meta.billed_units.input_tokens, 20, "input_tokens")


def rerank(through):
    answer = through.rerank(model="scripted" if through is client else "cohere/scripted", query="q", documents=["a", "a long one"], top_n=1)
    same([(one.index, round(one.relevance_score, 2)) for one in answer.results], [(1, 0.9)], "results")


def fails(kind, status, text, **request):
    try:
        client.chat(**{"model": "scripted", **request})
    except kind as error:
        same(error.status_code, status, "status")
        assert text in json.dumps(error.body), error.body
        return error
    raise AssertionError(f"no {kind.__name__}")


def bad_key():
    wrong = cohere.ClientV2(base_url=f"{GATEWAY}/native/cohere", api_key="tg-000000000000-" + "0" * 48, max_retries=0)
    try:
        wrong.chat(model="scripted", messages=ASK)
        raise AssertionError("a key that is not known was accepted")
    except cohere.UnauthorizedError as error:
        assert error.body, "an error without a body"


CASES = {
    "basic": basic, "streamed": streamed, "tools": tools, "tools streamed": tools_streamed, "structured": structured, "embed": embed,
    "rerank natively": lambda: rerank(client),
    "rerank at /v2/rerank": lambda: rerank(cohere.ClientV2(base_url=GATEWAY, api_key=KEY, max_retries=0)),
    "upstream 400": lambda: fails(cohere.BadRequestError, 400, "scripted failure 400", messages=user("fail 400")),
    "upstream 429": lambda: fails(cohere.TooManyRequestsError, 429, "scripted failure 429", messages=user("fail 429")),
    "upstream 500": lambda: fails(cohere.InternalServerError, 500, "scripted failure 500", messages=user("fail 500")),
    "401": bad_key,
}
for name, check in CASES.items():
    case(name, "cohere", check)
