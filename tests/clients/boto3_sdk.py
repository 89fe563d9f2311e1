"""AWS's `boto3` through the native lane: Converse and InvokeModel.

Over TLS a virtual key stands where a Bedrock API key would; over plain HTTP, where boto3 sends no such key, it is the access
key id.
"""

import json
import os

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError
from common import CITIES, COST, GATEWAY, KEY, UNICODE, WEATHER, case, line, same

TOOLS = {"tools": [{"toolSpec": {"name": "get_weather", "description": "The weather.", "inputSchema": {"json": WEATHER}}}]}
SAID = f"You said: {UNICODE} [system: Be brief.]"
ONCE = Config(retries={"total_max_attempts": 1}, read_timeout=20)


def lane(provider, key=KEY):
    return boto3.client(
        "bedrock-runtime", region_name="us-east-1", endpoint_url=f"{GATEWAY}/native/{provider}", config=ONCE, aws_access_key_id=key,
        aws_secret_access_key="unused",
    )


def user(text):
    return [{"role": "user", "content": [{"text": text}]}]


def headers(answer):
    return answer["ResponseMetadata"]["HTTPHeaders"]


def lined(answer, provider, priced=True):
    entry = line(headers(answer)["x-tollgate-request-id"])
    same((entry["status"], entry["http"], entry["operation"]), ("ok", 200, "native"), "line")
    same((entry["served"]["provider"], entry["served"]["model"]), (provider, "scripted"), "served")
    if priced:
        same(entry["cost"]["usd"], COST, "cost")


def basic():
    answer = bedrock.converse(
        modelId="scripted", system=[{"text": "Be brief."}], messages=user(UNICODE), inferenceConfig={"maxTokens": 200, "temperature": 0.5}
    )
    same((answer["output"]["message"]["content"][0]["text"], answer["stopReason"]), (SAID, "end_turn"), "text")
    same((answer["usage"]["inputTokens"], answer["usage"]["cacheReadInputTokens"], answer["usage"]["outputTokens"]), (20, 100, 7), "usage")
    lined(answer, "bedrock", priced=False)


def streamed():
    answer = bedrock.converse_stream(modelId="scripted", system=[{"text": "Be brief."}], messages=user(UNICODE))
    text, stop, usage = "", None, None
    for event in answer["stream"]:
        text += event.get("contentBlockDelta", {}).get("delta", {}).get("text", "")
        stop = event.get("messageStop", {}).get("stopReason", stop)
        usage = event.get("metadata", {}).get("usage", usage)
    same((text, stop, usage["outputTokens"]), (SAID, "end_turn", 7), "text, stop and usage")
    lined(answer, "bedrock", priced=False)


def tools():
    messages = user("weather in Paris and Oslo")
    first = bedrock.converse(modelId="scripted", messages=messages, toolConfig=TOOLS)
    same(first["stopReason"], "tool_use", "stopReason")
    message = first["output"]["message"]
    calls = [part["toolUse"] for part in message["content"] if "toolUse" in part]
    same([call["input"] for call in calls], CITIES, "input")
    results = [
        {"toolResult": {"toolUseId": call["toolUseId"], "content": [{"text": f"{degrees} °C"}]}} for call, degrees in zip(calls, (21, 12))
    ]
    messages += [message, {"role": "user", "content": results}]
    second = bedrock.converse(modelId="scripted", messages=messages, toolConfig=TOOLS)
    same(second["output"]["message"]["content"][0]["text"], "21 °C and 12 °C.", "the answer made of the results")


def tools_streamed():
    calls = {}
    for event in bedrock.converse_stream(modelId="scripted", messages=user("weather"), toolConfig=TOOLS)["stream"]:
        delta = event.get("contentBlockDelta", {})
        if "toolUse" in delta.get("delta", {}):
            calls[delta["contentBlockIndex"]] = calls.get(delta["contentBlockIndex"], "") + delta["delta"]["toolUse"]["input"]
    same([json.loads(text) for text in calls.values()], CITIES, "input")


BODY = json.dumps(
    {"anthropic_version": "bedrock-2023-05-31", "max_tokens": 200, "system": "Be brief.", "messages": [{"role": "user", "content": UNICODE}]}
)


def invoked():
    answer = claude.invoke_model(modelId="scripted", body=BODY)
    said = json.loads(answer["body"].read())
    same((said["content"][0]["text"], said["stop_reason"]), (SAID, "end_turn"), "text")
    same(headers(answer)["x-tollgate-cost-usd"], COST, "x-tollgate-cost-usd")
    lined(answer, "bedrock-claude")


def invoked_streamed():
    answer = claude.invoke_model_with_response_stream(modelId="scripted", body=BODY)
    events = [json.loads(event["chunk"]["bytes"]) for event in answer["body"]]
    same("".join(event["delta"].get("text", "") for event in events if event["type"] == "content_block_delta"), SAID, "text")
    same(events[-1]["type"], "message_stop", "the last event")
    lined(answer, "bedrock-claude")


def fails(status, code, text, by=None, **request):
    try:
        (by or bedrock).converse(**{"modelId": "scripted", **request})
    except ClientError as error:
        told = error.response
        same((told["ResponseMetadata"]["HTTPStatusCode"], told["Error"]["Code"]), (status, code), "error")
        assert text in told["Error"]["Message"], told
        return
    raise AssertionError("no ClientError")


def bad_key():
    try:
        lane("bedrock", "tg-000000000000-" + "0" * 48).converse(modelId="scripted", messages=user("x"))
    except ClientError as error:
        same(error.response["ResponseMetadata"]["HTTPStatusCode"], 401, "status")
        same(headers(error.response)["x-tollgate-error"], "unauthenticated", "x-tollgate-error")
        return
    raise AssertionError("a key that is not known was accepted")


def bearer():
    os.environ["AWS_BEARER_TOKEN_BEDROCK"] = KEY
    url = os.environ["TOLLGATE_TLS_URL"] + "/native/bedrock"
    client = boto3.client("bedrock-runtime", region_name="us-east-1", endpoint_url=url, config=ONCE, verify=os.environ["TOLLGATE_CA"])
    answer = client.converse(modelId="scripted", messages=user("hi"))
    same(answer["output"]["message"]["content"][0]["text"], "You said: hi", "text")
    text = ""
    for event in client.converse_stream(modelId="scripted", messages=user(UNICODE))["stream"]:
        text += event.get("contentBlockDelta", {}).get("delta", {}).get("text", "")
    same(text, f"You said: {UNICODE}", "text")


bedrock, claude = lane("bedrock"), lane("bedrock-claude")
for name, check in ({
    "converse": basic, "converse_stream": streamed, "tools": tools, "tools streamed": tools_streamed, "invoke_model": invoked,
    "invoke_model_with_response_stream": invoked_streamed,
    "upstream 400": lambda: fails(400, "ValidationException", "scripted failure 400", messages=user("fail 400")),
    "upstream 429": lambda: fails(429, "ThrottlingException", "scripted failure 429", messages=user("fail 429")),
    "401": bad_key,
} | ({"API key over TLS": bearer} if "TOLLGATE_TLS_URL" in os.environ else {})).items():
    case(name, "bedrock", check)
