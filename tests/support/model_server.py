"""A model on loopback that plays a script, in the words of four model APIs; for driving real agent CLIs."""

import json
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

INPUT, CACHED, OUTPUT = 1000, 400, 50
"""Tokens of every answer: 1000 go in, of which 400 were in the cache, and 50 come out."""


@dataclass(frozen=True)
class Use:
    """The model wants a tool used; a plain string among the arguments' place is a custom tool's input."""

    tool: str
    arguments: Mapping[str, Any] | str


@dataclass
class Model:
    """The script, and what was asked: the step played follows from how many tool results the request has."""

    script: Sequence[Use | str]
    url: str = ""
    requests: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    seconds: float = 0.0
    """How long each answer takes."""
    by_prompt: Mapping[str, Sequence[Use | str]] = field(default_factory=dict)
    """Other scripts, for requests that hold certain words."""

    def step(self, results: int, tools: Sequence[str]) -> Use | str:
        """The step for a request that holds so many tool results; one without tools is a side errand."""
        asked = json.dumps(self.requests[-1][1]) if self.requests else ""
        script = next((found for words, found in self.by_prompt.items() if words in asked), self.script)
        if not tools and any(isinstance(step, Use) for step in script):
            return str(script[-1])
        return script[min(results, len(script) - 1)]

    def asked(self, path: str) -> list[dict[str, Any]]:
        """The bodies of the requests to a path."""
        return [body for at, body in self.requests if at == path]


@contextmanager
def serve(script: Sequence[Use | str]) -> Iterator[Model]:
    """A server for as long as the block runs."""
    model = Model(script)
    stop = threading.Event()

    class Handler(_Handler):
        playing = model
        stopped = stop

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    model.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield model
    finally:
        stop.set()
        server.shutdown()
        server.server_close()
        thread.join()


class _Handler(BaseHTTPRequestHandler):
    playing: Model
    stopped: threading.Event
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: Any) -> None:
        pass

    def do_HEAD(self) -> None:
        self._json({})

    def do_GET(self) -> None:
        if self.headers.get("Upgrade"):
            self.send_error(426, "no WebSockets here")
            return
        self.playing.requests.append((self.path, {}))
        names = [{"id": "scripted", "object": "model", "created": 0, "owned_by": "test"}]
        self._json({"object": "list", "data": names, "models": []})

    def do_POST(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        raw = self.rfile.read(length) if length else b"".join(self._chunks())
        body = json.loads(raw or b"{}") if raw[:1] in (b"{", b"") else {}
        path = urlsplit(self.path).path
        self.playing.requests.append((path, body))
        for end, answer in _APIS:
            if path.endswith(end):
                self.stopped.wait(self.playing.seconds)
                answer(self, body)
                return
        self._json({"input_tokens": INPUT, "totalTokens": INPUT})

    def _chunks(self) -> Iterator[bytes]:
        if self.headers.get("Transfer-Encoding", "").lower() != "chunked":
            return
        while size := int(self.rfile.readline().split(b";")[0] or b"0", 16):
            yield self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()

    def _json(self, content: Any) -> None:
        self._send("application/json", json.dumps(content).encode())

    def _stream(self, events: Sequence[Any], *, named: bool, done: str = "") -> None:
        """Server-sent events; `named` puts each one's type before it."""
        text = ""
        for event in events:
            text += f"event: {event['type']}\n" if named else ""
            text += f"data: {json.dumps(event)}\n\n"
        self._send("text/event-stream", (text + done).encode())

    def _send(self, kind: str, content: bytes) -> None:
        try:
            self.send_response(200)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(content)
        except ConnectionError:  # whoever asked was ended meanwhile
            self.close_connection = True


def _messages(handler: _Handler, body: dict[str, Any]) -> None:
    """Anthropic's Messages API."""
    said = [part for message in body["messages"] for part in _parts(message["content"])]
    results = sum(part.get("type") == "tool_result" for part in said)
    step = handler.playing.step(results, [tool.get("name", "") for tool in body.get("tools") or []])
    block: dict[str, Any]
    if isinstance(step, str):
        block, delta = {"type": "text", "text": ""}, {"type": "text_delta", "text": step}
        whole = {"type": "text", "text": step}
    else:
        block = {"type": "tool_use", "id": f"toolu_{results:04d}", "name": step.tool, "input": {}}
        delta = {"type": "input_json_delta", "partial_json": json.dumps(step.arguments)}
        whole = {**block, "input": step.arguments}
    reason = "end_turn" if isinstance(step, str) else "tool_use"
    usage = {
        "input_tokens": INPUT - CACHED,
        "cache_read_input_tokens": CACHED,
        "cache_creation_input_tokens": 0,
        "output_tokens": OUTPUT,
    }
    head = {"id": f"msg_{results}", "type": "message", "role": "assistant", "model": body["model"]}
    ends = {"stop_sequence": None}
    if not body.get("stream"):
        handler._json({**head, **ends, "content": [whole], "stop_reason": reason, "usage": usage})
        return
    empty = {**head, **ends, "content": [], "stop_reason": None, "usage": {**usage, "output_tokens": 1}}
    events = [
        {"type": "message_start", "message": empty},
        {"type": "content_block_start", "index": 0, "content_block": block},
        {"type": "content_block_delta", "index": 0, "delta": delta},
        {"type": "content_block_stop", "index": 0},
        {"type": "message_delta", "delta": {"stop_reason": reason, **ends}, "usage": usage},
        {"type": "message_stop"},
    ]
    handler._stream(events, named=True)


def _parts(content: Any) -> list[dict[str, Any]]:
    return [part for part in content if isinstance(part, dict)] if isinstance(content, list) else []


def _responses(handler: _Handler, body: dict[str, Any]) -> None:
    """OpenAI's Responses API."""
    given = _parts(body.get("input"))
    results = sum(str(part.get("type")).endswith("_call_output") for part in given)
    later = [tool for part in given for tool in part.get("tools") or []]  # some models get them this way
    names = [tool.get("name", tool["type"]) for tool in (*(body.get("tools") or []), *later)]
    step = handler.playing.step(results, names)
    item: dict[str, Any]
    if isinstance(step, str):
        content = [{"type": "output_text", "text": step, "annotations": []}]
        item = {"type": "message", "id": f"msg_{results}", "role": "assistant", "content": content}
    elif isinstance(step.arguments, str):
        item = {"type": "custom_tool_call", "id": f"ct_{results}", "name": step.tool, "input": step.arguments}
    else:
        text = json.dumps(step.arguments)
        item = {"type": "function_call", "id": f"fc_{results}", "name": step.tool, "arguments": text}
    item = {**item, "status": "completed", **({} if isinstance(step, str) else {"call_id": f"c{results}"})}
    usage = {
        "input_tokens": INPUT,
        "input_tokens_details": {"cached_tokens": CACHED},
        "output_tokens": OUTPUT,
        "output_tokens_details": {"reasoning_tokens": 0},
        "total_tokens": INPUT + OUTPUT,
    }
    head = {"id": f"resp_{results}", "object": "response", "created_at": 0, "model": body.get("model")}
    whole = {**head, "status": "completed", "output": [item], "usage": usage, "error": None}
    if not body.get("stream"):
        handler._json(whole)
        return
    events = [
        {"type": "response.created", "response": {**head, "status": "in_progress", "output": []}},
        {"type": "response.output_item.added", "output_index": 0, "item": {**item, "status": "in_progress"}},
        *_response_deltas(item),
        {"type": "response.output_item.done", "output_index": 0, "item": item},
        {"type": "response.completed", "response": whole},
    ]
    handler._stream([{**one, "sequence_number": n} for n, one in enumerate(events)], named=True)


def _response_deltas(item: Mapping[str, Any]) -> list[dict[str, Any]]:
    where = {"output_index": 0, "item_id": item["id"]}
    if item["type"] == "message":
        at, text = {**where, "content_index": 0}, item["content"][0]["text"]
        empty = {"type": "output_text", "text": "", "annotations": []}
        return [
            {"type": "response.content_part.added", **at, "part": empty},
            {"type": "response.output_text.delta", **at, "delta": text},
            {"type": "response.output_text.done", **at, "text": text},
            {"type": "response.content_part.done", **at, "part": item["content"][0]},
        ]
    if item["type"] == "function_call":
        text = item["arguments"]
        return [
            {"type": "response.function_call_arguments.delta", **where, "delta": text},
            {"type": "response.function_call_arguments.done", **where, "arguments": text},
        ]
    return [
        {"type": "response.custom_tool_call_input.delta", **where, "delta": item["input"]},
        {"type": "response.custom_tool_call_input.done", **where, "input": item["input"]},
    ]


def _completions(handler: _Handler, body: dict[str, Any]) -> None:
    """OpenAI's Chat Completions API."""
    results = sum(message["role"] == "tool" for message in body["messages"])
    step = handler.playing.step(results, [tool["function"]["name"] for tool in body.get("tools") or []])
    message: dict[str, Any]
    if isinstance(step, str):
        message, reason = {"role": "assistant", "content": step}, "stop"
    else:
        call = {"name": step.tool, "arguments": json.dumps(step.arguments)}
        calls = [{"index": 0, "id": f"call_{results}", "type": "function", "function": call}]
        message, reason = {"role": "assistant", "content": None, "tool_calls": calls}, "tool_calls"
    usage = {
        "prompt_tokens": INPUT,
        "completion_tokens": OUTPUT,
        "total_tokens": INPUT + OUTPUT,
        "prompt_tokens_details": {"cached_tokens": CACHED},
    }
    head = {"id": f"chat_{results}", "created": 0, "model": body["model"]}
    if not body.get("stream"):
        choice = {"index": 0, "message": message, "finish_reason": reason}
        handler._json({**head, "object": "chat.completion", "choices": [choice], "usage": usage})
        return
    chunk = {**head, "object": "chat.completion.chunk"}
    events = [
        {**chunk, "choices": [{"index": 0, "delta": message, "finish_reason": None}]},
        {**chunk, "choices": [{"index": 0, "delta": {}, "finish_reason": reason}]},
        {**chunk, "choices": [], "usage": usage},
    ]
    handler._stream(events, named=False, done="data: [DONE]\n\n")


def _gemini(handler: _Handler, body: dict[str, Any]) -> dict[str, Any]:
    """Google's generateContent API."""
    parts = [part for content in body.get("contents") or [] for part in content.get("parts") or []]
    results = sum("functionResponse" in part for part in parts)
    names = [
        one["name"] for tool in body.get("tools") or [] for one in tool.get("functionDeclarations") or []
    ]
    step = handler.playing.step(results, names)
    if isinstance(step, str):
        part: dict[str, Any] = {"text": step}
    else:
        part = {"functionCall": {"id": f"call_{results}", "name": step.tool, "args": step.arguments}}
    return {
        "candidates": [{"content": {"role": "model", "parts": [part]}, "finishReason": "STOP", "index": 0}],
        "usageMetadata": {
            "promptTokenCount": INPUT,
            "cachedContentTokenCount": CACHED,
            "candidatesTokenCount": OUTPUT,
            "totalTokenCount": INPUT + OUTPUT,
        },
        "modelVersion": "scripted",
    }


_APIS = (
    ("/messages", _messages),
    ("/responses", _responses),
    ("/chat/completions", _completions),
    (":generateContent", lambda handler, body: handler._json(_gemini(handler, body))),
    (":streamGenerateContent", lambda handler, body: handler._stream([_gemini(handler, body)], named=False)),
)
