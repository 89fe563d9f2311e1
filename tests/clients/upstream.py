"""A scripted provider over HTTP/1.1: OpenAI chat completions, Anthropic messages, Google generateContent; in `vendors.py` more.

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
import realtime
from sessions import CASES, Session
from vendors import BEDROCK_KEY, CACHED, COHERE_KEY, OUTPUT, PROMPT, Bedrock, Cohere, Refusal, invoked, need

OPENAI_KEY = "sk-upstream-openai-0123456789"
ANTHROPIC_KEY = "sk-ant-upstream-0123456789"
GEMINI_KEY = "AIza-upstream-gemini-0123456789"
SIGNATURE = "c2lnbmVkIGJ5IHRoZSBzY3JpcHQ+Pz8/"
PERSON = {"name": "Ada Lovelace", "age": 36, "langs": ["English", "français", "日本語 😀"]}

OPENAI_FIELDS = set(
    "model messages temperature top_p n stream stream_options stop max_tokens max_completion_tokens presence_penalty "
    "frequency_penalty logit_bias user seed tools tool_choice parallel_tool_calls response_format metadata store "
    "reasoning_effort service_tier safety_identifier prompt_cache_key modalities logprobs top_logprobs verbosity".split()
)
ANTHROPIC_FIELDS = set(
    "model messages max_tokens system stream temperature top_p top_k stop_sequences tools tool_choice metadata "
    "thinking output_config service_tier container context_management mcp_servers cache_control thread".split()
)


GEMINI_FIELDS = set(
    "contents systemInstruction tools toolConfig generationConfig safetySettings cachedContent labels serviceTier".split()
)


class OpenAI:
    """Chat completions."""

    @staticmethod
    def check(headers, body):
        if headers.get("authorization") != f"Bearer {OPENAI_KEY}":
            raise Refusal(401, "Incorrect API key provided.", "invalid_request_error")
        unknown = set(body) - OPENAI_FIELDS
        parts = [part for message in body["messages"] if isinstance(message.get("content"), list) for part in message["content"]]
        need(all(isinstance(part.get("image_url", {}), dict) for part in parts), "image_url: expected an object, but got a string")
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
                images = [part["image_url"] for part in parts if part["type"] == "image_url"]
                images = [url["url"] if isinstance(url, dict) else url for url in images]
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


class Mistral(OpenAI):
    """Mistral's chat completions: OpenAI's but for some names, and strict about ids of calls."""

    fields = (OPENAI_FIELDS | {"random_seed", "safe_prompt", "prompt_mode", "guardrails"}) - {
        "seed", "stream_options", "max_completion_tokens", "logit_bias", "logprobs", "top_logprobs", "user", "store",
    }

    @staticmethod
    def check(headers, body):
        unknown = set(body) - Mistral.fields
        need(not unknown, f"Extra inputs are not permitted: {', '.join(sorted(unknown))}")
        need(body.get("tool_choice") != "required", "tool_choice is auto, none, any or a function")
        for message in body["messages"]:
            for one in [message.get("tool_call_id")] + [call["id"] for call in message.get("tool_calls") or []]:
                need(one is None or (len(one) == 9 and one.isalnum()), f"Tool call id was {one} but must be a-z, A-Z, 0-9, with a length of 9.")
        messages = [message | {"content": ""} if isinstance(message.get("content"), list) else message for message in body["messages"]]
        OpenAI.check(headers, {name: value for name, value in body.items() if name in OPENAI_FIELDS} | {"messages": messages})

    @staticmethod
    def stream(body, pieces, calls, finish):
        # Usage comes unasked, in the chunk that says why the answer ended.
        frames = list(OpenAI.stream(body, pieces, calls, finish))
        if finish is not None:
            last = json.loads(frames[-2].removeprefix("data: "))
            frames[-2] = "data: " + json.dumps(last | {"usage": OpenAI.usage()}) + "\n\n"
        return frames


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
        if (body.get("thread") or {}).get("type") == "continue":
            # A provider that has lost the thread, as it may at any time.
            raise Refusal(404, "thread not found", "not_found_error", details={"error_code": "thread_not_found"})
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
        yield frame("message_delta", delta=delta, usage=Anthropic.usage(OUTPUT))
        yield frame("message_stop")

    @staticmethod
    def error(refusal):
        error = {"type": refusal.kind, "message": refusal.message} | ({"details": refusal.details} if refusal.details else {})
        return {"type": "error", "error": error, "request_id": "req_scripted"}


class Invoked(Anthropic):
    """Messages on Bedrock: the model and whether to stream stand in the path, the version in the body."""

    @staticmethod
    def check(headers, body):
        if headers.get("authorization") != f"Bearer {BEDROCK_KEY}":
            raise Refusal(403, "Authentication failed: Please make sure your API Key is valid.", "AccessDeniedException")
        need(body.get("anthropic_version") == "bedrock-2023-05-31", "anthropic_version: Field required")
        need("model" not in body and "stream" not in body, "model: Extra inputs are not permitted")
        rest = {name: value for name, value in body.items() if name != "anthropic_version"}
        Anthropic.check({"x-api-key": ANTHROPIC_KEY, "anthropic-version": "2023-06-01"}, rest | {"model": "scripted"})

    @staticmethod
    def error(refusal):
        return {"message": refusal.message}


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
                # What Google documents for a signature that was lost; for the model with another name only.
                lost = signature == "skip_thought_signature_validator".replace("_", "/") and "model" in headers
                need(signature == SIGNATURE or lost, f"contents[{at}]: Function call is missing a thought_signature")
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
            results = [result.get("result", result.get("output", json.dumps(result, ensure_ascii=False))) for result in results]
        config = body.get("generationConfig") or {}
        schema = config.get("responseJsonSchema") or config.get("responseSchema")
        tools = [function for tool in body.get("tools") or [] for function in tool["functionDeclarations"]]
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


STOP = {"openai": "stop", "anthropic": "end_turn", "gemini": "STOP", "cohere": "COMPLETE", "bedrock": "end_turn"}
CALLS = {"openai": "tool_calls", "anthropic": "tool_use", "gemini": "STOP", "cohere": "TOOL_CALL", "bedrock": "tool_use"}
LENGTH = {"openai": "length", "anthropic": "max_tokens", "gemini": "MAX_TOKENS", "cohere": "MAX_TOKENS", "bedrock": "max_tokens"}
KINDS = {
    400: "invalid_request_error", 401: "authentication_error", 403: "permission_error", 404: "not_found_error",
    429: "rate_limit_error", 500: "api_error", 529: "overloaded_error",
}
AMAZON = {400: "ValidationException", 403: "AccessDeniedException", 429: "ThrottlingException", 503: "ServiceUnavailableException"}


# A tool must be called, whichever.
ANY = "any tool"


def forced_tool(body):
    """The tool that must be called, or `ANY`, in the words of each dialect."""
    choice = body.get("tool_choice")
    google = (body.get("toolConfig") or {}).get("functionCallingConfig") or {}
    if google.get("mode") == "ANY":
        return (google.get("allowedFunctionNames") or [ANY])[0]
    if isinstance(choice, str):
        return ANY if choice in ("required", "any", "REQUIRED") else None
    choice = choice or {}
    return ANY if choice.get("type") == "any" else choice.get("name") or (choice.get("function") or {}).get("name")


def answer(system, user, images, results, schema, tools, dialect, forced):
    """(text, calls, finish) of one request; `forced` is the tool that must be called."""
    prefix = "call_" if dialect is OpenAI else "a" if dialect is Mistral else "toolu_"
    if user.startswith("fail "):
        status = int(user.split()[1])
        headers = {"retry-after": "30"} if status == 429 else {}
        raise Refusal(status, f"scripted failure {status}", KINDS.get(status, "api_error"), headers)
    for tool in tools or []:
        tool = tool.get("function", tool)
        if forced in (tool.get("name"), ANY) and not user.startswith("weather"):
            shape = next(tool[word] for word in ("input_schema", "parameters", "parametersJsonSchema") if word in tool)
            if "properties" not in shape:
                # Any object will do.
                return "", [{"id": f"{prefix}forced01", "name": tool["name"], "input": {"said": user}}], CALLS
            need(set(shape["properties"]) == set(PERSON), "the schema did not arrive as it was sent")
            return "", [{"id": f"{prefix}forced01", "name": tool["name"], "input": PERSON}], CALLS
    if results:
        return " and ".join(results) + ".", [], STOP
    if tools and user.startswith("weather"):
        calls = [{"id": f"{prefix}{city}01".ljust(9, "x") if dialect is Mistral else f"{prefix}{city}01", "name": "get_weather", "input": {"city": city, "unit": "°C"}} for city in ("Paris", "Oslo")]
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
        self.sessions = {name: Session(name) for name in CASES}
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
        if path in ("/v2/embed", "/v2/rerank"):
            right = headers.get("authorization") == f"Bearer {COHERE_KEY}"
            self.reply(writer, 200 if right else 401, Cohere.other(path, json.loads(raw)) if right else {"message": "invalid api token"})
            return True
        if path.startswith("/tired/"):
            self.reply(writer, 503, OpenAI.error(Refusal(503, "The server is overloaded.", "server_error")))
            return True
        kept = self.keeper.answer(method, path, headers, raw)
        if kept is not None:
            self.reply(writer, *kept)
            return True
        if path.startswith("/v1/realtime?") and headers.get("upgrade") == "websocket":
            if path != "/v1/realtime?model=scripted" or headers.get("authorization") != f"Bearer {OPENAI_KEY}":
                self.violations.append(f"{method} {path}")
            await realtime.serve(reader, writer, path, headers)
            await writer.drain()
            return False
        if path == "/v1/messages/count_tokens":
            body = json.loads(raw)
            if set(body) - set("model messages system tools tool_choice thinking".split()):
                self.violations.append(f"{path}: {sorted(body)}")
            self.reply(writer, 200, {"input_tokens": 31})
            return True
        if path == "/v1beta/models/scripted:countTokens":
            request = json.loads(raw).get("generateContentRequest", {"contents": [], "model": "models/scripted"})
            if request["model"] != "models/scripted" or set(request) - GEMINI_FIELDS - {"model"}:
                self.violations.append(f"{path}: {sorted(request)}")
            self.reply(writer, 200, {"totalTokens": 31, "promptTokensDetails": [{"modality": "TEXT", "tokenCount": 31}]})
            return True
        if path == "/v1beta/models/scripted:batchEmbedContents":
            requests = json.loads(raw)["requests"]
            if any(request["model"] != "models/scripted" for request in requests):
                self.violations.append(f"{path}: {requests}")
            self.reply(writer, 200, {"embeddings": [{"values": [0.5, -0.25, 1.0]}] * len(requests)})
            return True
        if path.removeprefix("/wrapped").removeprefix("/mistral") == "/v1/embeddings":
            body = json.loads(raw)
            self.log.append({"path": path, "headers": {}, "body": body})
            floats = [0.5, -0.25, 1.0]
            vector = base64.b64encode(struct.pack("<3f", *floats)).decode() if body.get("encoding_format") == "base64" else floats
            texts = body["input"] if isinstance(body["input"], list) else [body["input"]]
            data = [{"object": "embedding", "index": index, "embedding": vector} for index in range(len(texts))]
            usage = {"prompt_tokens": 10 * len(texts), "total_tokens": 10 * len(texts)}
            self.reply(writer, 200, {"id": "embd-scripted1", "object": "list", "data": data, "model": body["model"], "usage": usage})
            return True
        if path.startswith(("/replay/", "/forgive/")):
            await self.replay(writer, path.split("/")[2], json.loads(raw), path.startswith("/replay/"))
            return True
        dialect, streaming = self.spoken(path.split("?")[0])
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
                # A gateway between this one and the provider has an SDK of its own.
                headers |= {"model": "gemini-3"} if "/gemini-3" in path else {}
                need(not leaked or path.startswith("/wrapped/"), f"headers that are the gateway's own business: {leaked}")
                dialect.check(headers, body)
            except (Refusal, KeyError, TypeError, ValueError) as error:
                if not dialect.heard(body)[1].startswith("refuse me") and getattr(error, "details", None) is None:
                    self.violations.append(f"{path}: {error!r}: {json.dumps(body)[:2000]}")
                raise error if isinstance(error, Refusal) else Refusal(400, repr(error)) from None
            heard = dialect.heard(body)
            forced = forced_tool(body)
            text, calls, finish = answer(*heard, dialect, forced)
            if not body.get("stream") and not streaming:
                self.reply(writer, 200, dialect.whole(text, calls, finish))
                return True
            pause = 0.0
            pieces = [text[start : start + 6] for start in range(0, len(text), 6)]
            if heard[1].startswith("be slow"):
                pieces, pause = [f"word{number} " for number in range(200)], 0.05
            if heard[1].startswith("drop"):
                finish = None
            frames = dialect.stream(body, pieces, calls, finish)
            if "-stream" in path:
                frames = frames if dialect is Bedrock else invoked(frames)
            kind = "application/vnd.amazon.eventstream" if "-stream" in path else "text/event-stream; charset=utf-8"
            await self.flow(writer, frames, pause, finish is None, kind)
            return finish is not None
        except Refusal as refusal:
            headers = refusal.headers
            if dialect in (Bedrock, Invoked):
                headers = headers | {"x-amzn-errortype": AMAZON.get(refusal.status, "InternalServerException")}
            self.reply(writer, refusal.status, dialect.error(refusal), headers)
            return True

    async def replay(self, writer, name, body, strict):
        answer, wrong = self.sessions[name].turn(body, strict)
        if wrong:
            self.violations.append(wrong)
            self.reply(writer, 400, {"error": {"type": "invalid_request_error", "message": wrong, "code": 400, "status": "INVALID_ARGUMENT"}})
        elif "sse" in answer:
            # The server's own text, whose line ends some servers have as CRLF.
            await self.flow(writer, [answer["sse"]], 0, False, "text/event-stream; charset=utf-8")
        else:
            self.reply(writer, 200, answer["body"])

    @staticmethod
    def spoken(path):
        """The dialect of a path, and whether the path alone asks for a stream."""
        verb = path.removeprefix("/v1beta/models/scripted:").removeprefix("/v1beta/models/gemini-3-pro-preview:")
        if verb in ("generateContent", "streamGenerateContent"):
            return Gemini, verb.startswith("stream")
        bedrock = path.removeprefix("/model/scripted/")
        if bedrock in ("converse", "converse-stream"):
            return Bedrock, bedrock.endswith("-stream")
        if bedrock in ("invoke", "invoke-with-response-stream"):
            return Invoked, bedrock.endswith("-stream")
        known = {"/v1/chat/completions": OpenAI, "/mistral/v1/chat/completions": Mistral, "/v1/messages": Anthropic, "/v2/chat": Cohere}
        return known.get(path.removeprefix("/wrapped")), False

    def reply(self, writer, status, body, headers=()):
        raw = body if isinstance(body, bytes) else json.dumps(body, ensure_ascii=False).encode()
        extra = "".join(f"{name}: {value}\r\n" for name, value in dict(headers).items())
        writer.write(
            f"HTTP/1.1 {status} Scripted\r\ncontent-type: application/json\r\nrequest-id: req_scripted\r\n"
            f"x-request-id: req_scripted\r\n{extra}content-length: {len(raw)}\r\n\r\n".encode() + raw
        )

    async def flow(self, writer, frames, pause, cut, kind):
        writer.write(
            f"HTTP/1.1 200 OK\r\ncontent-type: {kind}\r\nrequest-id: req_scripted\r\n"
            "transfer-encoding: chunked\r\n\r\n".encode()
        )
        for frame in frames:
            raw = frame if isinstance(frame, bytes) else frame.encode()
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
