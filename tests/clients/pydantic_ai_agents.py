"""Agents of `pydantic-ai` in three dialects (OpenAI chat and Responses, Anthropic, Google) against every upstream dialect."""

import asyncio

from common import FORGETFUL, GATEWAY, KEY, PERSON, UNICODE, case, same
from pydantic import BaseModel
from pydantic_ai import Agent, NativeOutput
from pydantic_ai.exceptions import ModelHTTPError
from pydantic_ai.models.anthropic import AnthropicModel
from pydantic_ai.models.google import GoogleModel
from pydantic_ai.models.openai import OpenAIChatModel, OpenAIResponsesModel
from pydantic_ai.providers.anthropic import AnthropicProvider
from pydantic_ai.providers.google import GoogleProvider
from pydantic_ai.providers.openai import OpenAIProvider


class Person(BaseModel):
    name: str
    age: int
    langs: list[str]


MODELS = {
    "chat": lambda name: OpenAIChatModel(name, provider=OpenAIProvider(base_url=f"{GATEWAY}/v1", api_key=KEY)),
    "responses": lambda name: OpenAIResponsesModel(name, provider=OpenAIProvider(base_url=f"{GATEWAY}/v1", api_key=KEY)),
    "anthropic": lambda name: AnthropicModel(name, provider=AnthropicProvider(base_url=GATEWAY, api_key=KEY)),
    "google": lambda name: GoogleModel(name, provider=GoogleProvider(base_url=GATEWAY, api_key=KEY)),
}


async def plain(model):
    answer = await Agent(model, instructions="Be brief.").run(UNICODE)
    same(answer.output, f"You said: {UNICODE} [system: Be brief.]", "output")
    usage = answer.usage() if callable(answer.usage) else answer.usage
    same(usage.output_tokens, 7, "output_tokens")
    assert usage.input_tokens in (20, 120), usage


async def streamed(model):
    pieces = []
    async with Agent(model, instructions="Be brief.").run_stream(UNICODE) as answer:
        async for piece in answer.stream_text(delta=True, debounce_by=None):
            pieces.append(piece)
    same("".join(pieces), f"You said: {UNICODE} [system: Be brief.]", "text")
    assert len(pieces) > 3, f"{len(pieces)} pieces"


def weather(model):
    agent, asked = Agent(model), []

    @agent.tool_plain
    def get_weather(city: str, unit: str) -> str:
        """The weather."""
        asked.append((city, unit))
        return {"Paris": "21 °C", "Oslo": "12 °C"}[city]

    return agent, asked


async def tools(model):
    agent, asked = weather(model)
    answer = await agent.run("weather in Paris and Oslo")
    # Google's results are objects.
    assert "21" in answer.output and "12" in answer.output, answer.output
    same(sorted(asked), [("Oslo", "°C"), ("Paris", "°C")], "calls")


async def tools_streamed(model):
    agent, asked = weather(model)
    text = ""
    async with agent.run_stream_events("weather in Paris and Oslo") as events:
        async for event in events:
            text = event.result.output if hasattr(event, "result") and hasattr(event.result, "output") else text
    assert "21" in text and "12" in text, text
    same(len(asked), 2, "calls")


async def structured(model):
    answer = await Agent(model, output_type=NativeOutput(Person) if model.profile.get("supports_json_schema_output") else Person).run("who?")
    same(answer.output.model_dump(), PERSON, "output")


async def history(model):
    agent, _ = weather(model)
    first = await agent.run("weather in Paris and Oslo")
    second = await agent.run("and now?", message_history=first.all_messages())
    same(second.output, "You said: and now?", "output")


async def refused(model):
    try:
        await Agent(model).run("fail 400")
    except ModelHTTPError as error:
        same(error.status_code, 400, "status")
        assert "scripted failure 400" in str(error.body), error.body
        return
    raise AssertionError("no ModelHTTPError")


CASES = {
    "plain": plain, "streamed": streamed, "tools": tools, "tools streamed": tools_streamed, "structured": structured, "history": history,
    "upstream 400": refused,
}
loop = asyncio.new_event_loop()
for dialect, make in MODELS.items():
    for name, check in CASES.items():
        for target in FORGETFUL:
            case(f"{dialect} {name}", target, lambda make=make, check=check, target=target: loop.run_until_complete(check(make(target))))
