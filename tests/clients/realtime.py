"""The scripted provider's realtime WebSocket: frames by hand, answers by what is asked."""

import base64
import hashlib
import json
import struct

GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


def frame(opcode, payload):
    size = len(payload)
    length = bytes([size]) if size < 126 else b"\x7e" + struct.pack(">H", size) if size < 1 << 16 else b"\x7f" + struct.pack(">Q", size)
    return bytes([0x80 | opcode]) + length + payload


async def heard(reader):
    """(opcode, payload) of the next whole message."""
    opcode, whole = None, b""
    while True:
        first, second = await reader.readexactly(2)
        assert second & 0x80, "a client's frame is masked"
        size = second & 0x7F
        if size == 126:
            size = struct.unpack(">H", await reader.readexactly(2))[0]
        elif size == 127:
            size = struct.unpack(">Q", await reader.readexactly(8))[0]
        mask = await reader.readexactly(4)
        raw = await reader.readexactly(size)
        whole += (int.from_bytes(raw, "big") ^ int.from_bytes((mask * (size // 4 + 1))[:size], "big")).to_bytes(size, "big")
        opcode = opcode or first & 0x0F
        if first & 0x80:
            return opcode, whole


async def serve(reader, writer, path, headers):
    """One session; what it was asked with is checked by whoever calls."""
    accept = base64.b64encode(hashlib.sha1((headers["sec-websocket-key"] + GUID).encode()).digest()).decode()
    writer.write(
        "HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: Upgrade\r\n"
        f"sec-websocket-accept: {accept}\r\n\r\n".encode()
    )
    numbers, said, session = iter(range(1_000)), "", {"id": "sess_1", "type": "realtime", "object": "realtime.session"}

    def say(kind, **fields):
        event = {"event_id": f"event_{next(numbers)}", "type": kind, **fields}
        writer.write(frame(1, json.dumps(event, ensure_ascii=False).encode()))

    say("session.created", session=session)
    while True:
        opcode, raw = await heard(reader)
        if opcode == 8:
            writer.write(frame(8, raw))
            return
        if opcode == 9:
            writer.write(frame(10, raw))
        if opcode != 1:
            continue
        event = json.loads(raw)
        if event["type"] == "session.update":
            say("session.updated", session=session | event["session"])
        elif event["type"] == "conversation.item.create":
            said = event["item"]["content"][0]["text"]
        elif event["type"] == "close.me":
            writer.write(frame(8, struct.pack(">H", event["code"])))
            return
        elif event["type"] == "response.create":
            answer = {"object": "realtime.response", "id": f"resp_{id(writer):x}_{next(numbers)}", "output": []}
            say("response.created", response=answer | {"status": "in_progress"})
            text = f"You said: {said}"
            for start in range(0, len(text), 6):
                where = {"response_id": answer["id"], "item_id": "item_1", "output_index": 0, "content_index": 0}
                say("response.output_text.delta", delta=text[start : start + 6], **where)
            usage = {
                "total_tokens": 27, "input_tokens": 20, "output_tokens": 7,
                "input_token_details": {"text_tokens": 20, "audio_tokens": 0, "cached_tokens": 0},
                "output_token_details": {"text_tokens": 7, "audio_tokens": 0},
            }
            say("response.done", response=answer | {"status": "completed", "usage": usage})
        await writer.drain()
