"""Agents over several turns with tools and thinking, each client on each recorded provider, signatures intact.

The clients give back what they got, as their documentation shows it. That the bytes of signatures and encrypted reasoning come
back at their place is checked by the provider that plays the recording (sessions.py). Where a client's dialect has no place for
another one's proof, the proof is lost, and the answer must say so.
"""

import json

import anthropic
import openai
from common import GATEWAY, KEY, case, line, same
from google import genai
from google.genai import types
from sessions import CASES, Session

# The ids of the requests of the conversation under way.
seen = []
chat = openai.OpenAI(base_url=f"{GATEWAY}/v1", api_key=KEY, max_retries=0, timeout=20)
claude = anthropic.Anthropic(base_url=GATEWAY, api_key=KEY, max_retries=0, timeout=20)
google = genai.Client(api_key=KEY, http_options={"base_url": GATEWAY, "timeout": 20_000})
for client in (chat._client, claude._client, google._api_client._httpx_client):
    client.event_hooks["response"] = [lambda answer: seen.append(answer.headers["x-tollgate-request-id"])]
# Clients whose dialect cannot carry the proof of a recorded provider's dialect.
LOST = {"claude": ("Contents", "Responses"), "gpt": ("Contents", "Messages"), "gemini": ()}
HAND = types.AutomaticFunctionCallingConfig(disable=True)


class Chat:
    """openai's chat completions; extension members of messages are kept."""

    def __init__(self, session):
        self.session, self.model = session, session.target
        self.messages = [{"role": "system", "content": session.system}] if session.system else []
        self.tools = [{"type": "function", "function": {"name": name, "description": about, "parameters": schema}} for name, about, schema in session.tools]

    def user(self, text):
        self.messages.append({"role": "user", "content": text})

    def results(self, calls, texts):
        for (call, _, _), text in zip(calls, texts):
            self.messages.append({"role": "tool", "tool_call_id": call, "content": text})

    def send(self):
        request = {"model": self.model, "messages": self.messages, "tools": self.tools, "reasoning_effort": "low"}
        if self.session.streams:
            with chat.chat.completions.stream(**request) as stream:
                message = stream.get_final_completion().choices[0].message
        else:
            message = chat.chat.completions.create(**request).choices[0].message
        # What the accumulator adds for its own use is no part of the message.
        kept = message.model_dump(exclude_none=True, exclude={"parsed"})
        for call in kept.get("tool_calls") or []:
            call.get("function", {}).pop("parsed_arguments", None)
        self.messages.append(kept)
        calls = [(call.id, call.function.name, json.loads(call.function.arguments)) for call in message.tool_calls or []]
        return calls, message.content


class Messages:
    """anthropic's messages: the whole content goes back."""

    def __init__(self, session):
        self.session, self.model, self.messages = session, session.target, []
        self.tools = [{"name": name, "description": about, "input_schema": schema} for name, about, schema in session.tools]

    def user(self, text):
        self.messages.append({"role": "user", "content": text})

    def results(self, calls, texts):
        blocks = [{"type": "tool_result", "tool_use_id": call, "content": text} for (call, _, _), text in zip(calls, texts)]
        self.messages.append({"role": "user", "content": blocks})

    def send(self):
        thinking = {"type": "enabled", "budget_tokens": 1024}
        request = {"model": self.model, "messages": self.messages, "tools": self.tools, "max_tokens": 4096, "thinking": thinking}
        if self.session.system:
            request["system"] = self.session.system
        if self.session.streams:
            with claude.messages.stream(**request) as stream:
                message = stream.get_final_message()
        else:
            message = claude.messages.create(**request)
        self.messages.append({"role": "assistant", "content": message.content})
        calls = [(part.id, part.name, part.input) for part in message.content if part.type == "tool_use"]
        return calls, "".join(part.text for part in message.content if part.type == "text")


class Contents:
    """google-genai's contents: every part goes back."""

    def __init__(self, session):
        self.session, self.model, self.contents = session, session.target, []
        declared = [types.FunctionDeclaration(name=name, description=about, parameters_json_schema=schema) for name, about, schema in session.tools]
        self.config = types.GenerateContentConfig(
            tools=[types.Tool(function_declarations=declared)], system_instruction=session.system or None, automatic_function_calling=HAND,
            thinking_config=types.ThinkingConfig(include_thoughts=True),
        )

    def user(self, text):
        self.contents.append(types.Content(role="user", parts=[types.Part(text=text)]))

    def results(self, calls, texts):
        parts = [types.Part(function_response=types.FunctionResponse(id=call, name=name, response={"result": text})) for (call, name, _), text in zip(calls, texts)]
        self.contents.append(types.Content(role="user", parts=parts))

    def send(self):
        request = {"model": self.model, "contents": self.contents, "config": self.config}
        if self.session.streams:
            chunks = google.models.generate_content_stream(**request)
        else:
            chunks = [google.models.generate_content(**request)]
        parts = [part for chunk in chunks for one in chunk.candidates or [] for part in (one.content and one.content.parts) or []]
        self.contents.append(types.Content(role="model", parts=parts))
        calls = [(part.function_call.id, part.function_call.name, part.function_call.args or {}) for part in parts if part.function_call]
        return calls, "".join(part.text or "" for part in parts if not part.thought)


class Responses:
    """openai's responses without a store: every item goes back, reasoning encrypted."""

    def __init__(self, session):
        self.session, self.model, self.items = session, session.target, []
        self.tools = [{"type": "function", "name": name, "description": about, "parameters": schema, "strict": False} for name, about, schema in session.tools]

    def user(self, text):
        self.items.append({"role": "user", "content": text})

    def results(self, calls, texts):
        self.items += [{"type": "function_call_output", "call_id": call, "output": text} for (call, _, _), text in zip(calls, texts)]

    def send(self):
        request = {
            "model": self.model, "input": self.items, "tools": self.tools, "store": False, "include": ["reasoning.encrypted_content"],
            "reasoning": {"effort": "low"}, "instructions": self.session.system or openai.omit,
        }
        if self.session.streams:
            with chat.responses.stream(**request) as stream:
                answer = stream.get_final_response()
        else:
            answer = chat.responses.create(**request)
        self.items += [item.model_dump(exclude_none=True, exclude={"parsed_arguments"}) for item in answer.output]
        calls = [(item.call_id, item.name, json.loads(item.arguments)) for item in answer.output if item.type == "function_call"]
        return calls, answer.output_text


def played(client, session):
    lost = client.__name__ in LOST[session.name.split("-")[0]]
    session.target = f"{session.name}{'-forgiving' * lost}/{session.model}"
    seen.clear()
    agent = client(session)
    agent.user(session.user)
    calls, text = agent.send()
    for kind, what in session.steps:
        if kind == "results":
            same(len(calls), len(what), "the number of calls")
            agent.results(calls, what)
        else:
            agent.user(what)
        calls, text = agent.send()
    same(calls, [], "calls at the end")
    assert text and len(text) > 3, f"the last text is {text!r}"
    if lost:
        losses = line(seen[0])["losses"] + line(seen[-1])["losses"]
        assert any("reasoning" in loss for loss in losses), f"nobody said that the proof was lost: {losses}"


for name in CASES:
    for client in (Chat, Messages, Contents, Responses):
        case(client.__doc__.split("'")[0] + " " + client.__name__.lower(), name, lambda client=client, name=name: played(client, Session(name)))
