"""The official `google-genai` package for Python against the gateway, every upstream dialect."""

import asyncio

from common import CITIES, GATEWAY, KEY, PERSON, PNG, TARGETS, UNICODE, USAGE, WEATHER, case, check_line, same
from google import genai
from google.genai import errors, types
from pydantic import BaseModel

client = genai.Client(api_key=KEY, http_options={"base_url": GATEWAY, "timeout": 20_000})
SAID = f"You said: {UNICODE} [system: Be brief.]"
TOOL = types.Tool(
    function_declarations=[
        types.FunctionDeclaration(name="get_weather", description="The weather.", parameters_json_schema=WEATHER)
    ]
)
# The SDK calls functions of the caller's own by itself unless it is told not to.
BY_HAND = types.AutomaticFunctionCallingConfig(disable=True)


class Person(BaseModel):
    name: str
    age: int
    langs: list[str]


def config(**more):
    return types.GenerateContentConfig(automatic_function_calling=BY_HAND, **more)


def usage(seen):
    same(seen.prompt_token_count, USAGE["input"] + USAGE["cache_read"], "prompt_token_count")
    same(seen.cached_content_token_count, USAGE["cache_read"], "cached_content_token_count")
    same(seen.candidates_token_count, USAGE["output"], "candidates_token_count")
    same(seen.total_token_count, sum(USAGE.values()), "total_token_count")


def basic(target):
    asked = config(system_instruction="Be brief.", temperature=0.5, max_output_tokens=200)
    answer = client.models.generate_content(model=target, contents=UNICODE, config=asked)
    same((answer.text, answer.candidates[0].finish_reason), (SAID, types.FinishReason.STOP), "text and finish_reason")
    usage(answer.usage_metadata)
    headers = answer.sdk_http_response.headers
    check_line({name.lower(): value for name, value in headers.items()}, target, "gemini", False)


def streamed(target):
    text, finish, seen, pieces, headers = "", None, None, 0, None
    for chunk in client.models.generate_content_stream(model=target, contents=UNICODE, config=config(system_instruction="Be brief.")):
        text += chunk.text or ""
        pieces += bool(chunk.text)
        finish = chunk.candidates[0].finish_reason or finish
        seen = chunk.usage_metadata or seen
        headers = chunk.sdk_http_response.headers
    same((text, finish), (SAID, types.FinishReason.STOP), "text and finish_reason")
    assert pieces > 3, f"the answer came in {pieces} pieces"
    usage(seen)
    check_line({name.lower(): value for name, value in headers.items()}, target, "gemini", True)


def tools(target, stream=False):
    contents = [types.Content(role="user", parts=[types.Part(text="weather in Paris and Oslo")])]
    if stream:
        parts = []
        for chunk in client.models.generate_content_stream(model=target, contents=contents, config=config(tools=[TOOL])):
            parts += chunk.candidates[0].content.parts or []
        # Increments of text are one part of the history, as the SDK's own chats keep them.
        said = types.Content(role="model", parts=[part for part in parts if part.function_call or part.text])
    else:
        said = client.models.generate_content(model=target, contents=contents, config=config(tools=[TOOL])).candidates[0].content
    calls = [part.function_call for part in said.parts if part.function_call]
    same("".join(part.text or "" for part in said.parts), "Let me look.", "text")
    same([call.args for call in calls], CITIES, "args")
    answers = [
        types.Part(function_response=types.FunctionResponse(id=call.id, name=call.name, response={"result": f"{degrees} °C"}))
        for call, degrees in zip(calls, (21, 12))
    ]
    contents += [said, types.Content(role="user", parts=answers)]
    second = client.models.generate_content(model=target, contents=contents, config=config(tools=[TOOL]))
    same(second.text, "21 °C and 12 °C.", "the answer made of the results")


def structured(target):
    asked = config(response_mime_type="application/json", response_schema=Person)
    answer = client.models.generate_content(model=target, contents="who?", config=asked)
    same(answer.parsed.model_dump(), PERSON, "parsed")


def picture(target):
    import base64

    image = types.Part.from_bytes(data=base64.b64decode(PNG), mime_type="image/png")
    answer = client.models.generate_content(model=target, contents=["look", image])
    url = f"data:image/png;base64,{PNG}"
    same(answer.text, f"You said: look [image: {url[:24]}… {len(url)}]", "text")


def cut(target):
    answer = client.models.generate_content(model=target, contents="be cut", config=config(max_output_tokens=3))
    same((answer.text, answer.candidates[0].finish_reason), ("Once upon a", types.FinishReason.MAX_TOKENS))


def asynchronous(target):
    async def run():
        whole = await client.aio.models.generate_content(model=target, contents=UNICODE)
        text = ""
        async for chunk in await client.aio.models.generate_content_stream(model=target, contents=UNICODE):
            text += chunk.text or ""
        return whole.text, text

    same(loop.run_until_complete(run()), (f"You said: {UNICODE}",) * 2, "texts")


def chat(target):
    """The SDK's own chat keeps the history, a tool of the caller's runs by itself."""

    def get_weather(city: str, unit: str = "°C") -> str:
        """The weather."""
        return {"Paris": "21 °C", "Oslo": "12 °C"}[city]

    talk = client.chats.create(model=target, config=types.GenerateContentConfig(tools=[get_weather]))
    same(talk.send_message("weather in Paris and Oslo").text, "21 °C and 12 °C.", "text")
    same(talk.send_message("and now?").text, "You said: and now?", "text")


def fails(status, word, **request):
    try:
        client.models.generate_content(**{"contents": "x", **request})
    except errors.APIError as error:
        same((error.code, error.status), (status, word), "code and status")
        assert error.message, "no message"
        return error
    raise AssertionError("no error")


def refused(target):
    error = fails(400, "INVALID_ARGUMENT", model=target, contents="fail 400")
    assert "scripted failure 400" in error.message, error.message


def limited(target):
    fails(429, "RESOURCE_EXHAUSTED", model=target, contents="fail 429")


def dropped(target):
    """An upstream that goes away in the middle of a stream never ends as if it were whole."""
    finish = None
    try:
        for chunk in client.models.generate_content_stream(model=target, contents="drop"):
            finish = chunk.candidates[0].finish_reason if chunk.candidates else finish
    except errors.APIError as error:
        assert error.message, "an error without a message"
    assert finish is None, f"the stream ended as if it were whole: {finish}"


def bad_key():
    wrong = genai.Client(api_key="tg-000000000000-" + "0" * 48, http_options={"base_url": GATEWAY})
    try:
        wrong.models.generate_content(model=TARGETS[0], contents="x")
        raise AssertionError("a key that is not known was accepted")
    except errors.ClientError as error:
        same((error.code, error.status), (401, "UNAUTHENTICATED"))


def no_model():
    error = fails(404, "NOT_FOUND", model="chatty/scriptd")
    assert "chatty/scripted" in str(error), str(error)


def models():
    listed = {model.name for model in client.models.list()}
    assert {f"models/{target}" for target in TARGETS} <= listed, listed


def count(target):
    tokens = client.models.count_tokens(model=target, contents=UNICODE).total_tokens
    assert 5 < tokens < 60 if target.startswith("chatty/") else tokens == 31, tokens


def embed():
    for target in ("googly/scripted", "chatty/scripted"):
        answer = client.models.embed_content(model=target, contents=["one", UNICODE])
        same([one.values for one in answer.embeddings], [[0.5, -0.25, 1.0]] * 2, target)


loop = asyncio.new_event_loop()
EACH = {
    "basic": basic, "streamed": streamed, "tools": tools, "tools streamed": lambda target: tools(target, True),
    "structured": structured, "image": picture, "cut at the limit": cut, "async": asynchronous, "chat": chat,
    "upstream 400": refused, "upstream 429": limited, "upstream drops": dropped, "count tokens": count,
}
ONCE = {"embeddings": embed, "401": bad_key, "404 model": no_model, "models": models}
for name, check in EACH.items():
    for one in TARGETS:
        case(name, one, lambda check=check, one=one: check(one))
for name, check in ONCE.items():
    case(name, "", check)
