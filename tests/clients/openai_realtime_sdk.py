"""The realtime client of the official `openai` package for Python against the gateway, and the plain `websockets` one."""

import asyncio
import base64
import json
import urllib.parse

import openai
import websockets
from common import GATEWAY, KEY, OTHER_KEY, UNICODE, case, get, line, same

client = openai.OpenAI(base_url=f"{GATEWAY}/v1", api_key=KEY, max_retries=0, timeout=20)
later = openai.AsyncOpenAI(base_url=f"{GATEWAY}/v1", api_key=KEY, max_retries=0, timeout=20)
MODEL = "chatty/scripted"
SOCKET = f"{GATEWAY.replace('http', 'ws', 1)}/v1/realtime?model={urllib.parse.quote(MODEL, safe='')}"
ITEM = {"type": "message", "role": "user", "content": [{"type": "input_text", "text": UNICODE}]}


def check_answer(text, done):
    same(text, f"You said: {UNICODE}", "text")
    same((done.response.status, done.response.usage.input_tokens, done.response.usage.output_tokens), ("completed", 20, 7))
    status, told = get(f"/api/v1/generation?id={done.response.id}")
    same(status, 200, "the response's line, at its end")
    entry = told["data"]["tollgate"]
    same((entry["operation"], entry["dialect"], entry["cost"]["usd"]), ("realtime", "openai-realtime", "0.000048000"), "line")
    return entry["caller"]["session"]


def talk():
    with client.realtime.connect(model=MODEL) as connection:
        same(next(iter(connection)).type, "session.created", "the first event")
        connection.session.update(session={"type": "realtime", "instructions": "Be brief."})
        same(connection.recv().type, "session.updated", "the second")
        for _ in range(3):
            connection.conversation.item.create(item=ITEM)
            connection.response.create()
            text = ""
            for event in connection:
                if event.type == "response.output_text.delta":
                    text += event.delta
                elif event.type == "response.done":
                    break
            session = check_answer(text, event)
    entry = line(session)
    same((entry["status"], entry["http"], entry["cost"]["usd"]), ("ok", 101, "0.000000000"), "the connection's line")


def talk_async():
    async def run():
        async with later.realtime.connect(model=MODEL) as connection:
            await connection.input_audio_buffer.append(audio=base64.b64encode(bytes(range(256)) * 4_000).decode())
            await connection.conversation.item.create(item=ITEM)
            await connection.response.create()
            text = ""
            async for event in connection:
                if event.type == "response.output_text.delta":
                    text += event.delta
                elif event.type == "response.done":
                    return text, event

    check_answer(*loop.run_until_complete(run()))


def refused():
    for key, model, status in (("tg-wrong", MODEL, 401), (KEY, "nothing-like-it", 404), (OTHER_KEY, "clauding/x", 404)):
        bad = openai.OpenAI(base_url=f"{GATEWAY}/v1", api_key=key, max_retries=0)
        try:
            with bad.realtime.connect(model=model):
                raise AssertionError(f"{model} was opened")
        except websockets.exceptions.InvalidStatus as error:
            same(error.response.status_code, status, model)
            assert json.loads(error.response.body)["error"]["message"], "OpenAI's shape"


def browser():
    """As a page must: no header of its own, the key as a subprotocol."""

    async def run():
        offered = ["realtime", f"openai-insecure-api-key.{KEY}"]
        async with websockets.connect(SOCKET, subprotocols=offered, max_size=None) as socket:
            same(socket.subprotocol, "realtime", "subprotocol")
            same(json.loads(await socket.recv())["type"], "session.created")
            # In pieces, as bytes, and pings in between.
            await socket.send(["{\"type\":", "\"response", ".create\"}"])
            await (await socket.ping())
            while (event := json.loads(await socket.recv()))["type"] != "response.done":
                pass
            same(event["response"]["status"], "completed", "status")
            await socket.send(json.dumps({"type": "close.me", "code": 4321}))
            try:
                while True:
                    await socket.recv()
            except websockets.exceptions.ConnectionClosedError as error:
                same(error.rcvd.code, 4321, "close code")

    loop.run_until_complete(run())


loop = asyncio.new_event_loop()
for name, check in {"talk": talk, "talk async": talk_async, "refused": refused, "browser": browser}.items():
    case(name, MODEL, check)
loop.run_until_complete(later.close())
