"""What the Python SDK programs share: the gateway's address, the cases, the ledger line of an answer."""

import json
import os
import time
import traceback
import urllib.error
import urllib.request

GATEWAY = os.environ["TOLLGATE_URL"]
KEY = os.environ["TOLLGATE_KEY"]
OTHER_KEY = os.environ["TOLLGATE_OTHER_KEY"]
# One target for each dialect that an upstream speaks.
TARGETS = ("chatty/scripted", "clauding/scripted", "googly/scripted")
# For clients that do not give back what they do not know, such as the signature of a call.
FORGETFUL = ("chatty/scripted", "clauding/scripted", "googly/gemini-3-pro-preview")
UNICODE = "naïve café — 東京 😀 \"quoted\" \\ back"
# A red dot.
PNG = (
    "iVBORw0KGgoAAAANSUhEUgAAAAUAAAAFCAYAAACNbyblAAAAHElEQVQI12P4//8/w38GIAXDIBKE0DHxgljNBAAO9TXL0Y4OHwAAAABJRU5ErkJggg=="
)
PERSON = {"name": "Ada Lovelace", "age": 36, "langs": ["English", "français", "日本語 😀"]}
WEATHER = {
    "type": "object",
    "properties": {"city": {"type": "string"}, "unit": {"type": "string", "enum": ["°C", "°F"]}},
    "required": ["city"],
    "additionalProperties": False,
}
CITIES = [{"city": "Paris", "unit": "°C"}, {"city": "Oslo", "unit": "°C"}]
# 20 fresh, 100 cached, 7 output tokens at 1, 0.1 and 4 USD per million.
USAGE = {"input": 20, "cache_read": 100, "output": 7}
COST = "0.000058000"


def case(name, target, check):
    """Runs one case and prints what came of it."""
    try:
        check()
        print(json.dumps({"case": name, "target": target, "ok": True}), flush=True)
    except Exception as error:  # noqa: BLE001 - every failure is a row of the table
        where = traceback.extract_tb(error.__traceback__)
        own = [frame for frame in where if "clients/" in frame.filename] or where
        detail = f"{type(error).__name__}: {error} (line {own[-1].lineno}: {own[-1].line})"
        print(json.dumps({"case": name, "target": target, "ok": False, "detail": detail}), flush=True)


def get(path, key=KEY):
    """(status, JSON body) of a GET."""
    request = urllib.request.Request(GATEWAY + path, headers={"authorization": f"Bearer {key}"})
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)


def line(request_id):
    """The ledger line of a request; it may take a second to be readable."""
    end = time.monotonic() + 2
    while True:
        status, body = get(f"/v1/requests/{request_id}")
        if status == 200:
            return body
        assert time.monotonic() < end, f"no ledger line for {request_id}: {status} {body}"
        time.sleep(0.05)


def same(actual, expected, what=""):
    assert actual == expected, f"{what} is {actual!r}, not {expected!r}"


def check_line(headers, target, dialect, stream):
    """The headers and the ledger line agree with each other and with what was sent."""
    same(headers["x-tollgate-served-by"], target, "x-tollgate-served-by")
    same(headers["x-tollgate-attempts"], "1", "x-tollgate-attempts")
    same(headers.get("x-tollgate-why"), "only_target", "x-tollgate-why")
    same(headers.get("x-tollgate-cost-usd"), None if stream else COST, "x-tollgate-cost-usd")
    entry = line(headers["x-tollgate-request-id"])
    same(entry["id"], headers["x-tollgate-request-id"], "id")
    same((entry["status"], entry["http"], entry["dialect"], entry["stream"]), ("ok", 200, dialect, stream), "line")
    same(entry["asked"], target, "asked")
    same("/".join((entry["served"]["provider"], entry["served"]["model"])), target, "served")
    same({unit: entry["usage"][unit] for unit in USAGE}, USAGE, "usage")
    same(entry["usage"]["source"], "reported", "usage.source")
    same(entry["cost"]["usd"], COST, "cost.usd")
    same([attempt["outcome"] for attempt in entry["attempts"]], ["ok"], "attempts")
    same(entry["caller"]["key"], "clients", "caller.key")
    same(get(f"/v1/requests/{entry['id']}", OTHER_KEY)[0], 404, "another caller's status")
    return entry
