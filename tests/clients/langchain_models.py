"""LangChain's `ChatOpenAI`, `ChatAnthropic` and `ChatGoogleGenerativeAI` against every upstream dialect."""

import asyncio

from common import CITIES, FORGETFUL, GATEWAY, KEY, PERSON, PNG, UNICODE, USAGE, case, same
from langchain_anthropic import ChatAnthropic
from langchain_core.messages import HumanMessage, SystemMessage, ToolMessage
from langchain_core.tools import tool
from langchain_google_genai import ChatGoogleGenerativeAI
from langchain_openai import ChatOpenAI, OpenAIEmbeddings
from pydantic import BaseModel

# One loop: the packages keep their connections.
loop = asyncio.new_event_loop()
ASK = [SystemMessage("Be brief."), HumanMessage(UNICODE)]
SAID = f"You said: {UNICODE} [system: Be brief.]"
MODELS = {
    "openai": lambda name: ChatOpenAI(model=name, base_url=f"{GATEWAY}/v1", api_key=KEY, max_retries=0, stream_usage=True),
    "openai responses": lambda name: ChatOpenAI(model=name, base_url=f"{GATEWAY}/v1", api_key=KEY, max_retries=0, use_responses_api=True),
    "anthropic": lambda name: ChatAnthropic(model=name, base_url=GATEWAY, api_key=KEY, max_retries=0, max_tokens=200),
    "google": lambda name: ChatGoogleGenerativeAI(model=name, base_url=GATEWAY, api_key=KEY, max_retries=1),
}


class Person(BaseModel):
    """A person."""

    name: str
    age: int
    langs: list[str]


@tool
def get_weather(city: str, unit: str = "°C") -> str:
    """The weather."""
    return {"Paris": "21 °C", "Oslo": "12 °C"}[city]


def usage(seen):
    same((seen["input_tokens"], seen["output_tokens"]), (120, USAGE["output"]), "usage_metadata")


def plain(model):
    answer = model.invoke(ASK)
    same(answer.text, SAID, "text")
    usage(answer.usage_metadata)


def streamed(model):
    whole, pieces = None, 0
    for chunk in model.stream(ASK):
        whole = chunk if whole is None else whole + chunk
        pieces += bool(chunk.text)
    same(whole.text, SAID, "text")
    assert pieces > 3, f"{pieces} pieces"
    usage(whole.usage_metadata)


def tools(model, stream=False):
    able = model.bind_tools([get_weather])
    messages = [HumanMessage("weather in Paris and Oslo")]
    if stream:
        first = None
        for chunk in able.stream(messages):
            first = chunk if first is None else first + chunk
    else:
        first = able.invoke(messages)
    same([call["args"] for call in first.tool_calls], CITIES, "args")
    messages.append(first)
    for call in first.tool_calls:
        messages.append(ToolMessage(get_weather.invoke(call["args"]), tool_call_id=call["id"], name=call["name"]))
    same(able.invoke(messages).text, "21 °C and 12 °C.", "the answer made of the results")


def structured(model):
    same(model.with_structured_output(Person, method="json_schema").invoke("who?").model_dump(), PERSON, "the person")


def picture(model):
    url = f"data:image/png;base64,{PNG}"
    part = {"type": "image", "base64": PNG, "mime_type": "image/png"}
    answer = model.invoke([HumanMessage([{"type": "text", "text": "look"}, part])])
    same(answer.text, f"You said: look [image: {url[:24]}… {len(url)}]", "text")


def asynchronous(model):
    async def run():
        text = ""
        async for chunk in model.astream("hi"):
            text += chunk.text
        return (await model.ainvoke("hi")).text, text

    same(loop.run_until_complete(run()), ("You said: hi",) * 2, "texts")


def refused(model):
    try:
        model.invoke("fail 400")
    except Exception as error:  # noqa: BLE001 - each package has a class of its own
        assert "scripted failure 400" in str(error), error
        return
    raise AssertionError("no error")


def embeddings():
    model = OpenAIEmbeddings(model="chatty/scripted", base_url=f"{GATEWAY}/v1", api_key=KEY, check_embedding_ctx_length=False)
    same(model.embed_documents(["one", UNICODE]), [[0.5, -0.25, 1.0]] * 2, "vectors")


CASES = {
    "plain": plain, "streamed": streamed, "tools": tools, "tools streamed": lambda model: tools(model, True), "structured": structured,
    "image": picture, "async": asynchronous, "upstream 400": refused,
}
for dialect, make in MODELS.items():
    for name, check in CASES.items():
        for target in FORGETFUL:
            case(f"{dialect} {name}", target, lambda make=make, check=check, target=target: check(make(target)))
case("embeddings", "chatty/scripted", embeddings)
