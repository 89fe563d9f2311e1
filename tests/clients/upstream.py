"""A scripted provider: real OpenAI chat completions, Anthropic messages and Google generateContent over HTTP/1.1.

It answers by what is asked, never by chance, and it is strict: a request that the real provider would refuse is
refused here with the provider's own words, and remembered as a violation. `GET /_log` tells what came in.

What the last user text says decides the answer:

    weather ...     with tools: two parallel calls of get_weather (Paris, Oslo), after a little text
    (tool results)  a sentence made of the results
    be cut          an answer that stops at the token limit
    be slow         a stream of one word every 50 ms for 10 s
    fail STATUS     that status with the provider's own error body
    drop            a stream that ends in the middle
    refuse me       says that the request will be refused for what it holds: that is no violation
    anything else   "You said: ..." and, when there is one, what the system prompt and the images were

With a JSON schema asked for, the answer is an object that fits it; `scripted` is an older Anthropic model that can do
this only by a tool that it is made to call, `claude-sonnet-4-5` can do it natively. Under `/tired/` every answer is 503.
"""

import asyncio
import base64
import json
import struct
import sys

from keeper import Keeper

OPENAI_KEY = "sk-upstream-openai-0123456789"
ANTHROPIC_KEY = "sk-ant-upstream-0123456789"
GEMINI_KEY = "AIza-upstream-gemini-0123456789"
SIGNATURE = "c2lnbmVkIGJ5IHRoZSBzY3JpcHQ+Pz8/"
PERSON = {"name": "Ada Lovelace", "age": 36, "langs": ["English", "français", "日本語 😀"]}
# Of 120 prompt tokens, 100 came from the cache.
PROMPT, CACHED, OUTPUT = 120, 100, 7

OPENAI_FIELDS = set(
    "model messages temperature top_p n stream stream_options stop max_tokens max_completion_tokens presence_penalty "
    "frequency_penalty logit_bias user seed tools tool_choice parallel_tool_calls response_format metadata store "
    "reasoning_effort service_tier safety_identifier prompt_cache_key modalities logprobs top_logprobs verbosity".split()
)
ANTHROPIC_FIELDS = set(
    "model messages max_tokens system stream temperature top_p top_k stop_sequences tools tool_choice metadata "
    "thinking output_config service_tier container context_management mcp_servers cache_control".split()
)


GEMINI_FIELDS = set(
    "contents systemInstruction tools toolConfig generationConfig safetySettings cachedContent labels serviceTier".split()
)


class Refusal(Exception):
    """A request that the real provider refuses."""

    def __init__(self, status, message, kind="invalid_request_error", headers=()):
        super().__init__(message)
        self.status, self.message, self.kind, self.headers = status, message, kind, dict(headers)


def need(condition, message):
    if not condition:
        raise Refusal(400, message)


class OpenAI:
    """Chat completions."""

    @staticmethod
    def check(headers, body):
        if headers.get("authorization") != f"Bearer {OPENAI_KEY}":
            raise Refusal(401, "Incorrect API key provided.", "invalid_request_error")
        unknown = set(body) - OPENAI_FIELDS
        need(not unknown, f"Unrecognized request argument supplied: {', '.join(sorted(unknown))}")
        need(isinstance(body.get("messages"), list) and body["messages"], "'messages' is a required property")
        need(body["model"] == "scripted", f"there is no model {body.get('model')!r}")
        waiting = set()
        for at, message in enumerate(body["messages"]):
            role = message.get("role")
            need(role in ("system", "developer", "user", "assistant", "tool"), f"messages[{at}].role is {role!r}")
            if role == "tool":
                need(message.get("tool_call_id") in waiting, f"messages[{at}] answers a call that was not made")
                waiting.discard(message["tool_call_id"])
            else:
                need(not waiting, f"messages[{at}]: the calls {sorted(waiting)} were not answered")
            for call in message.get("tool_calls") or []:
                json.loads(call["function"]["arguments"])
                need(call["type"] == "function" and call["id"], f"messages[{at}].tool_calls is malformed")
                waiting.add(call["id"])
        for at, tool in enumerate(body.get("tools") or []):
            need(tool.get("type") == "function", f"tools[{at}].type is {tool.get('type')!r}")
            need(tool["function"]["parameters"]["type"] == "object", f"tools[{at}].function.parameters is no object")
        form = body.get("response_format")
        if form and form["type"] == "json_schema":
            need(form["json_schema"]["name"], "response_format.json_schema.name is missing")
        need("max_tokens" not in body or "max_completion_tokens" not in body, "two spellings of the output limit")

    @staticmethod
    def heard(body):
        """(system text, last user text, images, tool results, schema, tools)"""
        system, user, images, results = [], "", [], []
        for message in body["messages"]:
            content = message.get("content")
            parts = content if isinstance(content, list) else [{"type": "text", "text": content or ""}]
            text = "".join(part.get("text", "") for part in parts if part["type"] == "text")
            if message["role"] in ("system", "developer"):
                system.append(text)
            elif message["role"] == "user":
                user, results = text, []
                images = [part["image_url"]["url"] for part in parts if part["type"] == "image_url"]
            elif message["role"] == "tool":
                results.append(text)
        form = body.get("response_format") or {}
        schema = (form.get("json_schema") or {}).get("schema")
        return " ".join(system), user, images, results, schema, body.get("tools")

    @staticmethod
    def usage():
        return {
            "prompt_tokens": PROMPT,
            "completion_tokens": OUTPUT,
            "total_tokens": PROMPT + OUTPUT,
            "prompt_tokens_details": {"cached_tokens": CACHED, "audio_tokens": 0},
            "completion_tokens_details": {"reasoning_tokens": 0, "audio_tokens": 0},
        }

    @staticmethod
    def whole(text, calls, finish):
        message = {"role": "assistant", "content": text or None, "refusal": None, "annotations": []}
        if calls:
            message["tool_calls"] = [
                {"id": call["id"], "type": "function", "function": {"name": call["name"], "arguments": json.dumps(call["input"])}}
                for call in calls
            ]
        choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": finish["openai"]}
        return {
            "id": "chatcmpl-scripted1", "object": "chat.completion", "created": 1790000000, "model": "scripted-2026-01-01",
            "choices": [choice], "usage": OpenAI.usage(), "service_tier": "default", "system_fingerprint": "fp_scripted",
        }

    @staticmethod
    def stream(body, pieces, calls, finish):
        """Frames as text; None stands for a pause."""
        base = {"id": "chatcmpl-scripted1", "object": "chat.completion.chunk", "created": 1790000000, "model": "scripted-2026-01-01"}
        asked = (body.get("stream_options") or {}).get("include_usage")

        def frame(delta, reason=None):
            chunk = {**base, "choices": [{"index": 0, "delta": delta, "logprobs": None, "finish_reason": reason}]}
            if asked:
                chunk["usage"] = None
            return "data: " + json.dumps(chunk, ensure_ascii=False) + "\n\n"

        yield frame({"role": "assistant", "content": "", "refusal": None})
        for piece in pieces:
            yield frame({"content": piece})
        for index, call in enumerate(calls):
            function = {"name": call["name"], "arguments": ""}
            yield frame({"tool_calls": [{"index": index, "id": call["id"], "type": "function", "function": function}]})
            text = json.dumps(call["input"], ensure_ascii=False)
            for start in range(0, len(text), 5):
                yield frame({"tool_calls": [{"index": index, "function": {"arguments": text[start : start + 5]}}]})
        if finish is None:
            return
        yield frame({}, finish["openai"])
        if asked:
            yield "data: " + json.dumps({**base, "choices": [], "usage": OpenAI.usage()}) + "\n\n"
        yield "data: [DONE]\n\n"

    @staticmethod
    def error(refusal):
        return {"error": {"message": refusal.message, "type": refusal.kind, "param": None, "code": None}}


class Anthropic:
    """Messages."""

    @staticmethod
    def check(headers, body):
        if ANTHROPIC_KEY not in (headers.get("x-api-key"), headers.get("authorization", "").removeprefix("Bearer ")):
            raise Refusal(401, "invalid x-api-key", "authentication_error")
        version = headers.get("anthropic-version")
        need(version in ("2023-06-01", "2026-10-21"), f"anthropic-version: {version!r} is not a valid version")
        for field in sorted(set(body) - ANTHROPIC_FIELDS):
            need(False, f"{field}: Extra inputs are not permitted")
        if version == "2026-10-21":
            for field in ("temperature", "top_p", "top_k"):
                need(field not in body, f"{field}: Extra inputs are not permitted")
        need(isinstance(body.get("max_tokens"), int), "max_tokens: Field required")
        need(body.get("model") in ("scripted", "claude-sonnet-4-5"), f"there is no model {body.get('model')!r}")
        need(0 <= body.get("temperature", 0) <= 1, "temperature: range: 0..1")
        messages = body["messages"]
        need(messages and messages[0]["role"] == "user", "messages: first message must use the \"user\" role")
        waiting = set()
        for at, message in enumerate(messages):
            need(message["role"] in ("user", "assistant"), f"messages.{at}.role: {message['role']!r}")
            content = message["content"]
            parts = content if isinstance(content, list) else [{"type": "text", "text": content}]
            need(parts, f"messages.{at}: content must not be empty")
            answered, other = set(), False
            for part in parts:
                need(part["type"] != "text" or part["text"], f"messages.{at}: text content blocks must be non-empty")
                if part["type"] == "tool_result":
                    need(not other, f"messages.{at}: tool_result blocks come first")
                    answered.add(part["tool_use_id"])
                else:
                    other = True
            need(answered == waiting, f"messages.{at}: tool_use ids {sorted(waiting ^ answered)} have no partner")
            waiting = {part["id"] for part in parts if part["type"] == "tool_use"}
            for part in parts:
                need(part["type"] != "tool_use" or isinstance(part["input"], dict), f"messages.{at}: tool_use.input")
        for at, tool in enumerate(body.get("tools") or []):
            need(tool["input_schema"]["type"] == "object", f"tools.{at}.input_schema.type")
            need("name" in tool, f"tools.{at}.name: Field required")

    @staticmethod
    def heard(body):
        system = body.get("system") or ""
        if isinstance(system, list):
            system = " ".join(part["text"] for part in system)
        user, images, results = "", [], []
        for message in body["messages"]:
            content = message["content"]
            parts = content if isinstance(content, list) else [{"type": "text", "text": content}]
            if message["role"] != "user":
                continue
            results = []
            for part in parts:
                if part["type"] == "tool_result":
                    inner = part.get("content") or ""
                    results.append(inner if isinstance(inner, str) else "".join(piece.get("text", "") for piece in inner))
            user = "".join(part["text"] for part in parts if part["type"] == "text")
            images = [part["source"] for part in parts if part["type"] == "image"]
            images = [
                source["url"] if source["type"] == "url" else f"data:{source['media_type']};base64,{source['data']}"
                for source in images
            ]
        schema = ((body.get("output_config") or {}).get("format") or {}).get("schema")
        return system, user, images, results, schema, body.get("tools")

    @staticmethod
    def usage(output):
        return {
            "input_tokens": PROMPT - CACHED, "cache_creation_input_tokens": 0, "cache_read_input_tokens": CACHED,
            "output_tokens": output, "service_tier": "standard",
        }

    @staticmethod
    def whole(text, calls, finish):
        content = [{"type": "text", "text": text}] if text else []
        content += [{"type": "tool_use", "id": call["id"], "name": call["name"], "input": call["input"]} for call in calls]
        return {
            "id": "msg_scripted1", "type": "message", "role": "assistant", "model": "scripted-2026-01-01", "content": content,
            "stop_reason": finish["anthropic"], "stop_sequence": None, "usage": Anthropic.usage(OUTPUT),
        }

    @staticmethod
    def stream(_body, pieces, calls, finish):
        def frame(kind, **fields):
            return f"event: {kind}\ndata: " + json.dumps({"type": kind, **fields}, ensure_ascii=False) + "\n\n"

        message = Anthropic.whole("", [], {"anthropic": None}) | {"usage": Anthropic.usage(1)}
        yield frame("message_start", message=message)
        yield frame("ping")
        index = 0
        started = False
        for piece in pieces:
            if not started:
                yield frame("content_block_start", index=index, content_block={"type": "text", "text": ""})
                started = True
            yield frame("content_block_delta", index=index, delta={"type": "text_delta", "text": piece})
        if finish is None:
            return
        if started:
            yield frame("content_block_stop", index=index)
            index += 1
        for call in calls:
            block = {"type": "tool_use", "id": call["id"], "name": call["name"], "input": {}}
            yield frame("content_block_start", index=index, content_block=block)
            text = json.dumps(call["input"], ensure_ascii=False)
            for piece in [""] + [text[start : start + 5] for start in range(0, len(text), 5)]:
                yield frame("content_block_delta", index=index, delta={"type": "input_json_delta", "partial_json": piece})
            yield frame("content_block_stop", index=index)
            index += 1
        delta = {"stop_reason": finish["anthropic"], "stop_sequence": None}
        yield frame("message_delta", delta=delta, usage={"output_tokens": OUTPUT})
        yield frame("message_stop")

    @staticmethod
    def error(refusal):
        return {"type": "error", "error": {"type": refusal.kind, "message": refusal.message}, "request_id": "req_scripted"}


class Gemini:
    """generateContent and streamGenerateContent, whose model and verb stand in the path."""

    @staticmethod
    def check(headers, body):
        if headers.get("x-goog-api-key") != GEMINI_KEY:
            raise Refusal(400, "API key not valid. Please pass a valid API key.")
        for field in sorted(set(body) - GEMINI_FIELDS):
            need(False, f"Invalid JSON payload received. Unknown name \"{field}\": Cannot find field.")
        need(body.get("contents") and body["contents"][0].get("role", "user") == "user", "contents must begin with the user")
        waiting, last = [], None
        for at, content in enumerate(body["contents"]):
            role = content.get("role", "user")
            need(role in ("user", "model"), f"contents[{at}].role: {role!r}")
            need(content.get("parts"), f"contents[{at}].parts must not be empty")
            answers = [part["functionResponse"] for part in content["parts"] if "functionResponse" in part]
            if last == "calls":
                need(
                    [answer["name"] for answer in answers] == [call["functionCall"]["name"] for call in waiting],
                    f"contents[{at}]: as many function responses, in the order of the calls, must follow them",
                )
            else:
                need(not answers, f"contents[{at}] answers a call that was not made")
            for answer in answers:
                need(isinstance(answer["response"], dict), f"contents[{at}]: a response must be an object")
            waiting = [part for part in content["parts"] if "functionCall" in part]
            for call in waiting:
                need(isinstance(call["functionCall"].get("args", {}), dict), f"contents[{at}]: args must be an object")
            if waiting:
                signature = waiting[0].get("thoughtSignature", "").replace("-", "+").replace("_", "/")
                need(signature == SIGNATURE, f"contents[{at}]: Function call is missing a thought_signature")
            last = "calls" if waiting else role
        for tool in body.get("tools") or []:
            for function in tool["functionDeclarations"]:
                need(function["name"], "a function has no name")

    @staticmethod
    def heard(body):
        system = "".join(part["text"] for part in (body.get("systemInstruction") or {}).get("parts", []))
        user, images, results = "", [], []
        for content in body["contents"]:
            if content.get("role", "user") != "user":
                continue
            user = "".join(part.get("text", "") for part in content["parts"])
            media = [part.get("inlineData") or part.get("inline_data") for part in content["parts"]]
            images = [f"data:{one.get('mimeType') or one.get('mime_type')};base64,{one['data']}" for one in media if one]
            results = [part["functionResponse"]["response"] for part in content["parts"] if "functionResponse" in part]
            results = [result.get("result", result.get("output", json.dumps(result))) for result in results]
        config = body.get("generationConfig") or {}
        schema = config.get("responseJsonSchema") or config.get("responseSchema")
        tools = [{"name": function["name"]} for tool in body.get("tools") or [] for function in tool["functionDeclarations"]]
        return system, user, images, results, schema, tools

    @staticmethod
    def chunk(parts, finish=None, usage=True):
        candidate = {"content": {"parts": parts, "role": "model"}, "index": 0}
        if finish:
            candidate["finishReason"] = finish
        counts = {"promptTokenCount": PROMPT, "cachedContentTokenCount": CACHED, "candidatesTokenCount": OUTPUT, "totalTokenCount": PROMPT + OUTPUT}
        if not usage:
            counts = {"promptTokenCount": PROMPT, "totalTokenCount": PROMPT}
        return {"candidates": [candidate], "usageMetadata": counts, "modelVersion": "scripted-2026-01-01", "responseId": "scripted1"}

    @staticmethod
    def calls(calls):
        # Calls have no ids, and the first of a step is signed.
        parts = [{"functionCall": {"name": call["name"], "args": call["input"]}} for call in calls]
        if parts:
            parts[0]["thoughtSignature"] = SIGNATURE
        return parts

    @staticmethod
    def whole(text, calls, finish):
        return Gemini.chunk(([{"text": text}] if text else []) + Gemini.calls(calls), finish["gemini"])

    @staticmethod
    def stream(_body, pieces, calls, finish):
        def frame(chunk):
            return "data: " + json.dumps(chunk, ensure_ascii=False) + "\r\n\r\n"

        for piece in pieces:
            yield frame(Gemini.chunk([{"text": piece}], usage=False))
        if finish is None:
            return
        for call in Gemini.calls(calls):
            yield frame(Gemini.chunk([call], usage=False))
        yield frame(Gemini.chunk([{"text": ""}], finish["gemini"]))

    @staticmethod
    def error(refusal):
        status = {400: "INVALID_ARGUMENT", 429: "RESOURCE_EXHAUSTED", 503: "UNAVAILABLE"}.get(refusal.status, "INTERNAL")
        error = {"code": refusal.status, "message": refusal.message, "status": status}
        if refusal.status == 429:
            error["details"] = [{"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "30s"}]
        return {"error": error}


STOP = {"openai": "stop", "anthropic": "end_turn", "gemini": "STOP"}
CALLS = {"openai": "tool_calls", "anthropic": "tool_use", "gemini": "STOP"}
LENGTH = {"openai": "length", "anthropic": "max_tokens", "gemini": "MAX_TOKENS"}
KINDS = {
    400: "invalid_request_error", 401: "authentication_error", 403: "permission_error", 404: "not_found_error",
    429: "rate_limit_error", 500: "api_error", 529: "overloaded_error",
}


def answer(system, user, images, results, schema, tools, prefix, forced):
    """(text, calls, finish) of one request; `forced` is the tool that must be called."""
    if user.startswith("fail "):
        status = int(user.split()[1])
        headers = {"retry-after": "30"} if status == 429 else {}
        raise Refusal(status, f"scripted failure {status}", KINDS.get(status, "api_error"), headers)
    for tool in tools or []:
        if forced is not None and tool.get("name") == forced:
            need(set(tool["input_schema"]["properties"]) == set(PERSON), "the schema did not arrive as it was sent")
            return "", [{"id": f"{prefix}forced01", "name": forced, "input": PERSON}], CALLS
    if results:
        return " and ".join(results) + ".", [], STOP
    if tools and user.startswith("weather"):
        calls = [{"id": f"{prefix}{city}01", "name": "get_weather", "input": {"city": city, "unit": "°C"}} for city in ("Paris", "Oslo")]
        return "Let me look.", calls, CALLS
    if schema:
        need(set(schema["properties"]) == set(PERSON), "the schema did not arrive as it was sent")
        return json.dumps(PERSON, ensure_ascii=False), [], STOP
    if user.startswith("be cut"):
        return "Once upon a", [], LENGTH
    text = f"You said: {user}"
    if system:
        text += f" [system: {system}]"
    for image in images:
        text += f" [image: {image[:24]}… {len(image)}]"
    return text, [], STOP


class Upstream:
    def __init__(self):
        self.log = []
        self.violations = []
        self.keeper = Keeper({"prompt_tokens": 20, "completion_tokens": 7, "total_tokens": 27})

    async def serve(self, reader, writer):
        try:
            while await self.one(reader, writer):
                pass
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    async def one(self, reader, writer):
        head = await reader.readuntil(b"\r\n\r\n")
        lines = head.decode("latin-1").split("\r\n")
        method, path, _ = lines[0].split(" ")
        headers = {name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in lines[1:] if line)}
        if headers.get("transfer-encoding") == "chunked":
            raw = b""
            while size := int((await reader.readline()).strip(), 16):
                raw += await reader.readexactly(size)
                await reader.readline()
            await reader.readline()
        else:
            raw = await reader.readexactly(int(headers.get("content-length", "0")))
        if path == "/_log":
            self.reply(writer, 200, {"requests": len(self.log), "violations": self.violations, "last": self.log[-1:]})
            return True
        if path.endswith("/models") and method == "GET":
            self.reply(writer, 200, {"object": "list", "data": [{"id": "scripted", "object": "model", "created": 1790000000, "owned_by": "tests"}]})
            return True
        if path.startswith("/tired/"):
            self.reply(writer, 503, OpenAI.error(Refusal(503, "The server is overloaded.", "server_error")))
            return True
        kept = self.keeper.answer(method, path, headers, raw)
        if kept is not None:
            self.reply(writer, *kept)
            return True
        if path == "/v1/embeddings":
            body = json.loads(raw)
            self.log.append({"path": path, "headers": {}, "body": body})
            floats = [0.5, -0.25, 1.0]
            vector = base64.b64encode(struct.pack("<3f", *floats)).decode() if body.get("encoding_format") == "base64" else floats
            texts = body["input"] if isinstance(body["input"], list) else [body["input"]]
            data = [{"object": "embedding", "index": index, "embedding": vector} for index in range(len(texts))]
            usage = {"prompt_tokens": 10 * len(texts), "total_tokens": 10 * len(texts)}
            self.reply(writer, 200, {"object": "list", "data": data, "model": body["model"], "usage": usage})
            return True
        dialect = {"/v1/chat/completions": OpenAI, "/v1/messages": Anthropic}.get(path.split("?")[0])
        google = path.removeprefix("/v1beta/models/scripted:")
        if google in ("generateContent", "streamGenerateContent?alt=sse", "streamGenerateContent"):
            dialect = Gemini
        if dialect is None:
            self.violations.append(f"{method} {path}")
            self.reply(writer, 404, {"error": {"message": f"no such path: {path}", "type": "invalid_request_error"}})
            return True
        await writer.drain()
        try:
            body = json.loads(raw)
            self.log.append({"path": path, "headers": {name: value for name, value in headers.items() if "key" not in name and name != "authorization"}, "body": body})
            try:
                leaked = [name for name in headers if name.startswith(("x-tollgate", "x-stainless"))]
                need(not leaked, f"headers that are the gateway's own business: {leaked}")
                dialect.check(headers, body)
            except (Refusal, KeyError, TypeError, ValueError) as error:
                if not dialect.heard(body)[1].startswith("refuse me"):
                    self.violations.append(f"{path}: {error!r}: {json.dumps(body)[:2000]}")
                raise error if isinstance(error, Refusal) else Refusal(400, repr(error)) from None
            heard = dialect.heard(body)
            choice = body.get("tool_choice")
            forced = choice.get("name") if isinstance(choice, dict) else None
            text, calls, finish = answer(*heard, "call_" if dialect is OpenAI else "toolu_", forced)
            if not body.get("stream") and not (dialect is Gemini and google.startswith("stream")):
                self.reply(writer, 200, dialect.whole(text, calls, finish))
                return True
            pause = 0.0
            pieces = [text[start : start + 6] for start in range(0, len(text), 6)]
            if heard[1].startswith("be slow"):
                pieces, pause = [f"word{number} " for number in range(200)], 0.05
            if heard[1].startswith("drop"):
                finish = None
            await self.flow(writer, dialect.stream(body, pieces, calls, finish), pause, finish is None)
            return finish is not None
        except Refusal as refusal:
            self.reply(writer, refusal.status, dialect.error(refusal), refusal.headers)
            return True

    def reply(self, writer, status, body, headers=()):
        raw = body if isinstance(body, bytes) else json.dumps(body, ensure_ascii=False).encode()
        extra = "".join(f"{name}: {value}\r\n" for name, value in dict(headers).items())
        writer.write(
            f"HTTP/1.1 {status} Scripted\r\ncontent-type: application/json\r\nrequest-id: req_scripted\r\n"
            f"x-request-id: req_scripted\r\n{extra}content-length: {len(raw)}\r\n\r\n".encode() + raw
        )

    async def flow(self, writer, frames, pause, cut):
        writer.write(
            b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream; charset=utf-8\r\nrequest-id: req_scripted\r\n"
            b"transfer-encoding: chunked\r\n\r\n"
        )
        for frame in frames:
            raw = frame.encode()
            # Frames are cut in the middle of a line, and now and then in the middle of a character.
            middle = len(raw) * 2 // 3
            for piece in (raw[:middle], raw[middle:]):
                writer.write(f"{len(piece):x}\r\n".encode() + piece + b"\r\n")
                await writer.drain()
            await asyncio.sleep(pause)
        if not cut:
            writer.write(b"0\r\n\r\n")
        await writer.drain()


async def main():
    upstream = Upstream()
    server = await asyncio.start_server(upstream.serve, "127.0.0.1", 0, limit=1 << 24)
    print(server.sockets[0].getsockname()[1], flush=True)
    async with server:
        await server.serve_forever()


if __name__ == "__main__":
    try:
        asyncio.run(main())
    except KeyboardInterrupt:
        sys.exit(0)
