"""What a provider keeps, as OpenAI and Anthropic have it: files, and batches that have ended when they are looked at again."""

import json
import re


def field(raw, boundary, name):
    """The value of a form's field."""
    for part in raw.split(b"--" + boundary)[1:-1]:
        head, _, value = part.partition(b"\r\n\r\n")
        if re.search(rb'name="?' + name + rb'"?(;|\r|$)', head):
            return value[:-2]
    return None


class Keeper:
    """Answers (status, body) for paths of files and batches; a body of bytes is sent as it is."""

    def __init__(self, usage):
        self.usage = usage
        self.kept = {}
        self.number = 0

    def new(self, prefix, shown, content=b"", **more):
        self.number += 1
        one = {"id": f"{prefix}{self.number}", **shown}
        self.kept[one["id"]] = {"shown": one, "content": content, **more}
        return one

    def answer(self, method, path, headers, raw):
        """None for every other path."""
        steps = path.split("?")[0].removeprefix("/v1/").split("/")
        if steps[:2] == ["messages", "batches"]:
            return self.messages(method, steps[2:], raw)
        if steps[0] == "files":
            return self.files(method, steps[1:], headers, raw)
        if steps[0] == "batches":
            return self.batches(method, steps[1:], raw)
        return None

    def files(self, method, steps, headers, raw):
        if method == "POST":
            boundary = headers["content-type"].partition("boundary=")[2].strip('"').encode()
            content = field(raw, boundary, b"file")
            purpose = (field(raw, boundary, b"purpose") or b"").decode()
            if "anthropic-version" in headers:
                shown = {"type": "file", "filename": "f", "mime_type": "text/plain", "size_bytes": len(content), "created_at": "2026-01-01T00:00:00Z"}
            else:
                shown = {"object": "file", "bytes": len(content), "created_at": 1, "filename": "f", "purpose": purpose, "status": "processed"}
            return 200, self.new("file-", shown, content)
        one = self.kept.get(steps[0])
        if one is None:
            return 404, {"error": {"message": "no such file", "type": "invalid_request_error"}}
        if method == "DELETE":
            del self.kept[steps[0]]
            return 200, {"id": steps[0], "object": "file", "type": "file_deleted", "deleted": True}
        return 200, one["content"] if steps[1:] == ["content"] else one["shown"]

    def batches(self, method, steps, raw):
        if method == "POST" and not steps:
            asked = json.loads(raw)
            shown = {"object": "batch", "status": "in_progress", "created_at": 1, "output_file_id": None, "error_file_id": None, "request_counts": None}
            return 200, self.new("batch_", {**shown, **asked}, self.kept[asked["input_file_id"]]["content"])
        one = self.kept[steps[0]]
        shown = one["shown"]
        if steps[1:] == ["cancel"]:
            return 200, {**shown, "status": "cancelling"}
        if shown["status"] == "in_progress":
            lines = [json.loads(line) for line in one["content"].splitlines()]
            assert all(line["body"]["model"] == "scripted" for line in lines), lines
            answers = [
                {
                    "id": f"batch_req_{number}", "custom_id": line["custom_id"], "error": None,
                    "response": {"status_code": 200, "request_id": "r", "body": {"id": f"c{number}", "object": "chat.completion", "model": "scripted", "choices": [], "usage": self.usage}},
                }
                for number, line in enumerate(lines)
            ]
            output = self.new("file-", {"object": "file"}, b"".join(json.dumps(answer).encode() + b"\n" for answer in answers))
            shown.update(status="completed", output_file_id=output["id"])
        return 200, shown

    def messages(self, method, steps, raw):
        if method == "POST" and not steps:
            shown = {
                "type": "message_batch", "processing_status": "in_progress", "results_url": None, "ended_at": None, "archived_at": None,
                "cancel_initiated_at": None, "created_at": "2026-01-01T00:00:00Z", "expires_at": "2026-01-02T00:00:00Z",
                "request_counts": {"processing": 1, "succeeded": 0, "errored": 0, "canceled": 0, "expired": 0},
            }
            return 200, self.new("msgbatch_", shown, raw)
        one = self.kept.get(steps[0])
        if one is None:
            return 404, {"type": "error", "error": {"type": "not_found_error", "message": "no such batch"}}
        if method == "DELETE":
            del self.kept[steps[0]]
            return 200, {"id": steps[0], "type": "message_batch_deleted"}
        if steps[1:] == ["cancel"]:
            return 200, {**one["shown"], "processing_status": "canceling"}
        if steps[1:] == ["results"]:
            requests = json.loads(one["content"])["requests"]
            assert all(request["params"]["model"] == "scripted" for request in requests), requests
            message = {
                "id": "msg_1", "type": "message", "role": "assistant", "model": "scripted", "content": [{"type": "text", "text": "hi"}],
                "stop_reason": "end_turn", "stop_sequence": None, "usage": {"input_tokens": 20, "output_tokens": 7},
            }
            results = [{"custom_id": request["custom_id"], "result": {"type": "succeeded", "message": message}} for request in requests]
            return 200, b"".join(json.dumps(result).encode() + b"\n" for result in results)
        one["shown"].update(processing_status="ended", ended_at="2026-01-01T01:00:00Z", results_url=f"https://api.anthropic.com/v1/messages/batches/{steps[0]}/results")
        return 200, one["shown"]
