"""Recorded conversations of several turns with tools and thinking, as a provider that plays them again.

A recording answers the same turn again; the turn is how often the model has spoken in the history of the request. Before it
answers, it checks that what the model said before has come back: every thinking block, signature and call, byte for byte,
in its place. The recordings are those of `fixtures/recordings`, whose README names sources and licences.
"""

import json
import pathlib

FIXTURES = pathlib.Path(__file__).resolve().parent.parent.parent / "fixtures/recordings"
# name: (file, how the case's name ends, kind of provider, dialect)
CASES = {
    "claude-stream": ("anthropic.jsonl", "reasoning-tool-roundtrip-streaming-a6d8d", "anthropic", "anthropic-messages"),
    "claude-whole": ("anthropic.jsonl", "claude-sonnet-4-thinking-e3002", "anthropic", "anthropic-messages"),
    "gemini-3-stream": ("gemini.jsonl", "gemini-3-pro-preview-tool-streaming-086a5", "gemini", "gemini"),
    "gemini-parallel": ("vertex.jsonl", "gemini-2-5-pro-multi-tool-streaming-adffb", "gemini", "gemini"),
    "gemini-four-turns": ("vertex.jsonl", "can-use-tools-without-paramete-a82f3", "gemini", "gemini"),
    "gpt-encrypted": ("openai.jsonl", "thinking-with-tool-calls-from-other-model-58e7e", "openai", "openai-responses"),
    "gpt-summaries": ("azure.jsonl", "azure-gpt-5-mini-thinking-c9307", "openai", "openai-responses"),
}


def events(text):
    for line in text.splitlines():
        if line.startswith("data:") and line[5:].strip() not in ("", "[DONE]"):
            yield json.loads(line[5:])


class Anthropic:
    @staticmethod
    def said(response):
        """What the model said, as (kind, ...) in order."""
        if "body" in response:
            blocks = response["body"]["content"]
        else:
            blocks = []
            for event in events(response["sse"]):
                if event["type"] == "content_block_start":
                    blocks.append(dict(event["content_block"]) | {"json": ""})
                elif event["type"] == "content_block_delta":
                    delta, block = event["delta"], blocks[event["index"]]
                    for name, value in delta.items():
                        if name == "partial_json":
                            block["json"] += value
                        elif name != "type":
                            block[name] = block.get(name, "") + value
            for block in blocks:
                if block["type"] == "tool_use":
                    block["input"] = json.loads(block["json"] or "{}")
        return [Anthropic.part(block) for block in blocks]

    @staticmethod
    def part(block):
        kind = block["type"]
        names = {"thinking": ("thinking", "signature"), "redacted_thinking": ("data",), "text": ("text",), "tool_use": ("id", "name", "input")}
        return (kind, *(json.dumps(block[name], sort_keys=True) for name in names[kind]))

    @staticmethod
    def groups(body):
        return [[Anthropic.part(block) for block in message["content"]] for message in body["messages"] if message["role"] == "assistant"]

    @staticmethod
    def proven(parts):
        # Earlier turns' thinking may be left out by who pays for it; that of a tool loop may not.
        return parts

    @staticmethod
    def ask(bodies):
        first = bodies[0]
        text = "".join(block["text"] for block in first["messages"][0]["content"])
        tools = [(tool["name"], tool["description"], tool["input_schema"]) for tool in first["tools"]]
        steps = []
        for body in bodies[1:]:
            last = body["messages"][-1]["content"]
            results = ["".join(piece["text"] for piece in block["content"]) for block in last if block["type"] == "tool_result"]
            steps.append(("results", results) if results else ("user", "".join(block["text"] for block in last)))
        return "".join(block["text"] for block in first.get("system") or []), text, tools, steps


class Gemini:
    @staticmethod
    def said(response):
        chunks = [response["body"]] if "body" in response else list(events(response["sse"]))
        parts = [part for chunk in chunks for one in chunk.get("candidates", []) for part in one.get("content", {}).get("parts", [])]
        return [part for part in map(Gemini.part, parts) if part]

    @staticmethod
    def part(part):
        # Google's own SDK writes bytes in base64's other alphabet.
        signature = part.get("thoughtSignature")
        signature = signature and signature.replace("-", "+").replace("_", "/")
        if "functionCall" in part:
            call = part["functionCall"]
            return ("call", call["name"], json.dumps(call.get("args") or {}, sort_keys=True), signature)
        return ("signed text", signature) if signature else None

    @staticmethod
    def groups(body):
        return [[part for part in map(Gemini.part, content["parts"]) if part] for content in body["contents"] if content.get("role") == "model"]

    @staticmethod
    def proven(parts):
        # Google requires the signatures of calls; those of texts it only recommends.
        return [part for part in parts if part[0] == "call"]

    @staticmethod
    def ask(bodies):
        first = bodies[0]
        tools = [
            (one["name"], one.get("description") or "A tool.", one.get("parameters") or one.get("parametersJsonSchema") or {"type": "object", "properties": {}})
            for tool in first["tools"] for one in tool.get("functionDeclarations") or tool["function_declarations"]
        ]
        steps = []
        for body in bodies[1:]:
            parts = body["contents"][-1]["parts"]
            results = [json.dumps(part["functionResponse"]["response"]) for part in parts if "functionResponse" in part]
            steps.append(("results", results) if results else ("user", "".join(part["text"] for part in parts)))
        system = "".join(part["text"] for part in (first.get("systemInstruction") or {}).get("parts", []))
        return system, "".join(part["text"] for part in first["contents"][0]["parts"]), tools, steps


class Responses:
    @staticmethod
    def said(response):
        return [part for part in map(Responses.part, response["body"]["output"]) if part]

    @staticmethod
    def part(item):
        kind = item.get("type", "message")
        if kind == "reasoning":
            return (kind, item.get("encrypted_content"))
        if kind == "function_call":
            return (kind, item["call_id"], item["name"], json.dumps(json.loads(item["arguments"]), sort_keys=True))
        return ("message",) if item.get("role") == "assistant" else None

    @staticmethod
    def groups(body):
        groups, open_ = [], False
        for item in body["input"]:
            part = Responses.part(item) if item.get("type", "message") in ("reasoning", "function_call", "message") else None
            if part and not open_:
                groups.append([])
            open_ = part is not None
            if part:
                groups[-1].append(part)
        return groups

    @staticmethod
    def proven(parts):
        return [part for part in parts if part[0] != "message" and part[1] is not None]

    @staticmethod
    def ask(bodies):
        first = bodies[0]
        roles = {item["role"]: item["content"] for item in first["input"]}
        plain = lambda content: content if isinstance(content, str) else "".join(part["text"] for part in content)  # noqa: E731
        system = first.get("instructions") or plain(roles.get("developer") or roles.get("system") or "")
        tools = [(tool["name"], tool.get("description") or "A tool.", tool["parameters"]) for tool in first["tools"]]
        steps = [("results", [item["output"] for item in body["input"] if item.get("type") == "function_call_output"]) for body in bodies[1:]]
        return system, plain(roles["user"]), tools, steps


DIALECTS = {"anthropic-messages": Anthropic, "gemini": Gemini, "openai-responses": Responses}


class Session:
    """One recorded conversation."""

    def __init__(self, name):
        file, ending, self.kind, self.dialect = CASES[name]
        lines = (FIXTURES / file).read_text(encoding="utf-8").splitlines()
        found = next(case for case in map(json.loads, lines) if case["case"].endswith(ending))
        turns = [turn for turn in found["interactions"] if turn["dialect"] == self.dialect]
        self.name, self.speaks = name, DIALECTS[self.dialect]
        self.model = turns[0]["request"]["body"].get("model") or turns[0]["request"]["path"].split("/models/")[1].split(":")[0]
        self.answers = [turn["response"] for turn in turns]
        self.said = [self.speaks.said(answer) for answer in self.answers]
        self.system, self.user, self.tools, self.steps = self.speaks.ask([turn["request"]["body"] for turn in turns])
        self.streams = "sse" in self.answers[0]

    def turn(self, body, strict):
        """(answer, what is wrong) for a request. Not strict: proofs may be missing, calls may not."""
        groups = self.speaks.groups(body)
        if len(groups) >= len(self.answers):
            return None, f"{self.name}: the model has spoken {len(groups)} times already"
        for at, (group, said) in enumerate(zip(groups, self.said)):
            sent, back = self.speaks.proven(said), self.speaks.proven(group)
            if not strict:
                sent, back = ([part for part in parts if part[0] not in ("thinking", "reasoning")] for parts in (sent, back))
            if sent != back:
                return None, f"{self.name}: turn {at} came back as {short(back)}, not as {short(sent)}"
        return self.answers[len(groups)], None


def short(parts):
    return [tuple(word if word is None or len(word) < 60 else f"{word[:50]}… {len(word)}" for word in part) for part in parts]


def providers(upstream):
    """The configuration of a provider for each conversation."""
    text = ""
    for at, name in enumerate(CASES):
        session = Session(name)
        forced = "    dialect: openai-responses\n" if session.kind == "openai" else ""
        for way, word in (("replay", ""), ("forgive", "-forgiving")):
            text += f"  {name}{word}:\n    kind: {session.kind}\n    base_url: http://127.0.0.1:{upstream}/{way}/{name}\n{forced}"
            text += f"    api_key: key-of-recording-{at}\n    models: [{session.model}]\n"
    return text
