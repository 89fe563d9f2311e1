"""Cohere's v2 API and Bedrock's Converse for the scripted provider: what their own SDKs reach through the native lane."""

import base64
import json
import struct
import zlib

COHERE_KEY = "co-upstream-0123456789"
BEDROCK_KEY = "bedrock-api-key-upstream-0123456789"
# Of 120 prompt tokens, 100 came from the cache.
PROMPT, CACHED, OUTPUT = 120, 100, 7


class Refusal(Exception):
    """A request that the real provider refuses."""

    def __init__(self, status, message, kind="invalid_request_error", headers=(), details=None):
        super().__init__(message)
        self.details = details
        self.status, self.message, self.kind, self.headers = status, message, kind, dict(headers)


def need(condition, message):
    if not condition:
        raise Refusal(400, message)


def texts(content, word="text"):
    if isinstance(content, str):
        return content
    return "".join(part[word] for part in content or [] if word in part)


class Cohere:
    """`POST /v2/chat`, `/v2/embed`, `/v2/rerank`."""

    name = "cohere"

    @staticmethod
    def check(headers, body):
        if headers.get("authorization") != f"Bearer {COHERE_KEY}":
            raise Refusal(401, "invalid api token")
        need(body["model"] == "scripted", f"model '{body['model']}' not found")
        waiting = set()
        for message in body["messages"]:
            if message["role"] == "tool":
                need(message["tool_call_id"] in waiting, "a tool message answers a call that was not made")
                waiting.discard(message["tool_call_id"])
            else:
                need(not waiting, "calls were not answered")
            waiting |= {call["id"] for call in message.get("tool_calls") or []}

    @staticmethod
    def heard(body):
        system, user, results = [], "", []
        for message in body["messages"]:
            text = texts(message.get("content"))
            if message["role"] == "system":
                system.append(text)
            elif message["role"] == "user":
                user, results = text, []
            elif message["role"] == "tool":
                content = message["content"]
                results.append(content if isinstance(content, str) else "".join(part["text"] for part in content))
        schema = (body.get("response_format") or {}).get("json_schema")
        return " ".join(system), user, [], results, schema, body.get("tools")

    @staticmethod
    def usage():
        tokens = {"input_tokens": PROMPT, "output_tokens": OUTPUT}
        return {"billed_units": tokens, "tokens": tokens, "cached_tokens": CACHED}

    @staticmethod
    def calls(calls):
        return [
            {"id": call["id"], "type": "function", "function": {"name": call["name"], "arguments": json.dumps(call["input"])}}
            for call in calls
        ]

    @staticmethod
    def whole(text, calls, finish):
        message = {"role": "assistant"}
        if calls:
            message |= {"tool_plan": text, "tool_calls": Cohere.calls(calls)}
        else:
            message["content"] = [{"type": "text", "text": text}]
        return {"id": "c-scripted1", "message": message, "finish_reason": finish["cohere"], "usage": Cohere.usage()}

    @staticmethod
    def stream(_body, pieces, calls, finish):
        def frame(kind, message=None, **more):
            delta = {"delta": {"message": message}} if message is not None else {}
            return f"event: {kind}\ndata: " + json.dumps({"type": kind, **delta, **more}, ensure_ascii=False) + "\n\n"

        empty = {"role": "assistant", "content": [], "tool_plan": "", "tool_calls": [], "citations": []}
        yield frame("message-start", empty, id="c-scripted1")
        if calls:
            for piece in pieces:
                yield frame("tool-plan-delta", {"tool_plan": piece})
        else:
            yield frame("content-start", {"content": {"type": "text", "text": ""}}, index=0)
            for piece in pieces:
                yield frame("content-delta", {"content": {"text": piece}}, index=0)
            if finish is None:
                return
            yield frame("content-end", index=0)
        for index, call in enumerate(Cohere.calls(calls)):
            text = call["function"]["arguments"]
            start = call | {"function": {"name": call["function"]["name"], "arguments": ""}}
            yield frame("tool-call-start", {"tool_calls": start}, index=index)
            for at in range(0, len(text), 5):
                yield frame("tool-call-delta", {"tool_calls": {"function": {"arguments": text[at : at + 5]}}}, index=index)
            yield frame("tool-call-end", index=index)
        end = {"type": "message-end", "delta": {"finish_reason": finish["cohere"], "usage": Cohere.usage()}}
        yield f"event: message-end\ndata: {json.dumps(end)}\n\n"
        yield "data: [DONE]\n\n"

    @staticmethod
    def error(refusal):
        return {"id": "c-scripted1", "message": refusal.message}

    @staticmethod
    def other(path, body):
        """Embeddings and reranking."""
        if path == "/v2/embed":
            vectors = {"float": [[0.5, -0.25, 1.0] for _ in body["texts"]]}
            meta = {"api_version": {"version": "2"}, "billed_units": {"input_tokens": 10 * len(body["texts"])}}
            return {"id": "e-scripted1", "embeddings": vectors, "texts": body["texts"], "meta": meta, "response_type": "embeddings_by_type"}
        order = sorted(range(len(body["documents"])), key=lambda at: -len(body["documents"][at]))
        results = [{"index": at, "relevance_score": 0.9 - 0.1 * rank} for rank, at in enumerate(order)]
        meta = {"api_version": {"version": "2"}, "billed_units": {"search_units": 1}}
        return {"id": "r-scripted1", "results": results[: body.get("top_n") or len(results)], "meta": meta}


def event(headers, payload):
    """One frame of an AWS event stream; every header is a string (type 7)."""
    head = b"".join(
        bytes([len(name)]) + name.encode() + b"\x07" + struct.pack(">H", len(value)) + value.encode() for name, value in headers
    )
    prelude = struct.pack(">II", 12 + len(head) + len(payload) + 4, len(head))
    whole = prelude + struct.pack(">I", zlib.crc32(prelude)) + head + payload
    return whole + struct.pack(">I", zlib.crc32(whole))


def invoked(frames):
    """The frames of Anthropic's dialect as `invoke-with-response-stream` sends them."""
    for text in frames:
        data = text.split("data: ", 1)[1].strip()
        chunk = json.dumps({"bytes": base64.b64encode(data.encode()).decode(), "p": "abc"}).encode()
        headers = ((":event-type", "chunk"), (":content-type", "application/json"), (":message-type", "event"))
        yield event(headers, chunk)


class Bedrock:
    """`POST /model/{id}/converse` and `/converse-stream`."""

    name = "bedrock"

    @staticmethod
    def check(headers, body):
        if headers.get("authorization") != f"Bearer {BEDROCK_KEY}":
            raise Refusal(403, "Authentication failed: Please make sure your API Key is valid.", "AccessDeniedException")
        need(body["messages"][0]["role"] == "user", "A conversation must start with a user message.")
        waiting = set()
        for message in body["messages"]:
            content = message["content"]
            answered = {part["toolResult"]["toolUseId"] for part in content if "toolResult" in part}
            need(answered == waiting, "toolUse and toolResult blocks have no partner")
            waiting = {part["toolUse"]["toolUseId"] for part in content if "toolUse" in part}

    @staticmethod
    def heard(body):
        user, results = "", []
        for message in body["messages"]:
            if message["role"] == "user":
                user = texts(message["content"])
                results = [texts(part["toolResult"]["content"]) for part in message["content"] if "toolResult" in part]
        tools = [tool["toolSpec"] for tool in (body.get("toolConfig") or {}).get("tools", [])]
        return texts(body.get("system")), user, [], results, None, tools

    @staticmethod
    def usage():
        return {
            "inputTokens": PROMPT - CACHED, "outputTokens": OUTPUT, "totalTokens": PROMPT + OUTPUT,
            "cacheReadInputTokens": CACHED, "cacheWriteInputTokens": 0,
        }

    @staticmethod
    def whole(text, calls, finish):
        content = [{"text": text}] if text else []
        content += [{"toolUse": {"toolUseId": call["id"], "name": call["name"], "input": call["input"]}} for call in calls]
        message = {"message": {"role": "assistant", "content": content}}
        return {"output": message, "stopReason": finish["bedrock"], "usage": Bedrock.usage(), "metrics": {"latencyMs": 5}}

    @staticmethod
    def stream(_body, pieces, calls, finish):
        def frame(kind, **fields):
            headers = ((":event-type", kind), (":content-type", "application/json"), (":message-type", "event"))
            return event(headers, json.dumps(fields | {"p": "abcdef"}, ensure_ascii=False).encode())

        yield frame("messageStart", role="assistant")
        for piece in pieces:
            yield frame("contentBlockDelta", contentBlockIndex=0, delta={"text": piece})
        if finish is None:
            return
        yield frame("contentBlockStop", contentBlockIndex=0)
        for index, call in enumerate(calls, 1):
            start = {"toolUse": {"toolUseId": call["id"], "name": call["name"]}}
            yield frame("contentBlockStart", contentBlockIndex=index, start=start)
            text = json.dumps(call["input"], ensure_ascii=False)
            for at in range(0, len(text), 5):
                yield frame("contentBlockDelta", contentBlockIndex=index, delta={"toolUse": {"input": text[at : at + 5]}})
            yield frame("contentBlockStop", contentBlockIndex=index)
        yield frame("messageStop", stopReason=finish["bedrock"])
        yield frame("metadata", usage=Bedrock.usage(), metrics={"latencyMs": 5})

    @staticmethod
    def error(refusal):
        return {"message": refusal.message}
