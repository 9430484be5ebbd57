"""A scripted server that speaks OpenAI's chat completions and embeddings, for what a gateway must not lose on the way.

It remembers every request body and its headers. Its streams are cut into pieces at odd places, inside characters too.
"""

import base64
import contextlib
import http.server
import json
import struct
import threading

CALLS = [
    {"index": 0, "id": "call_lisbon", "type": "function", "function": {"name": "weather", "arguments": '{"city":"Lisbon"}'}},
    {"index": 1, "id": "call_oslo", "type": "function", "function": {"name": "weather", "arguments": '{"city":"Oslo"}'}},
]
USAGE = {
    "prompt_tokens": 42,
    "completion_tokens": 17,
    "total_tokens": 59,
    "prompt_tokens_details": {"cached_tokens": 32, "audio_tokens": 0},
    "completion_tokens_details": {"reasoning_tokens": 5, "audio_tokens": 0, "accepted_prediction_tokens": 0, "rejected_prediction_tokens": 0},
}
LOGPROBS = {"content": [{"token": "Grüße", "logprob": -0.25, "bytes": [71], "top_logprobs": []}], "refusal": None}
SIZE = 7


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        self.server.seen.append((self.path, dict(self.headers), body))
        if self.path.startswith("/v1/embeddings"):
            return self.whole(embeddings(body))
        if body.get("stream"):
            return self.stream(body)
        self.whole(completion(body))

    def whole(self, answer):
        data = json.dumps(answer, ensure_ascii=False).encode()
        self.head("application/json", ("content-length", str(len(data))))
        self.wfile.write(data)

    def head(self, kind, *more):
        self.send_response(200)
        named = ("x-request-id", "req_upstream"), ("x-ratelimit-remaining-tokens", "1234"), ("openai-processing-ms", "7")
        for name, value in (("content-type", kind), *named, *more):
            self.send_header(name, value)
        self.end_headers()

    def stream(self, body):
        self.head("text/event-stream; charset=utf-8", ("transfer-encoding", "chunked"))
        events = [f"data: {json.dumps(chunk, ensure_ascii=False)}\n\n" for chunk in chunks(body)] + ["data: [DONE]\n\n"]
        data = "".join(events).encode()
        for at in range(0, len(data), SIZE):
            piece = data[at : at + SIZE]
            self.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece))
        self.wfile.write(b"0\r\n\r\n")


def text(body):
    if body.get("response_format", {}).get("type") == "json_schema":
        return '{"city":"Lisbon","degrees":21}'
    if body["messages"][-1]["role"] == "tool":
        return "It is 21 degrees."
    return "Grüße aus Köln 👋"


def wants_tools(body):
    return bool(body.get("tools")) and body["messages"][-1]["role"] != "tool"


def head(body, kind):
    return {
        "id": "chatcmpl-upstream",
        "object": kind,
        "created": 1767225600,
        "model": f"{body['model']}-2026-01-01",
        "service_tier": "default",
        "system_fingerprint": "fp_upstream",
    }


def completion(body):
    def choice(index):
        message = {"role": "assistant", "content": text(body), "refusal": None, "annotations": []}
        if wants_tools(body):
            calls = [{key: value for key, value in call.items() if key != "index"} for call in CALLS]
            message = {"role": "assistant", "content": None, "refusal": None, "tool_calls": calls}
        finish = "tool_calls" if wants_tools(body) else "stop"
        return {"index": index, "message": message, "logprobs": LOGPROBS if body.get("logprobs") else None, "finish_reason": finish}

    return {**head(body, "chat.completion"), "choices": [choice(index) for index in range(body.get("n") or 1)], "usage": USAGE}


def chunks(body):
    asked = (body.get("stream_options") or {}).get("include_usage")
    more = {"usage": None} if asked else {}

    def chunk(delta, finish=None, index=0, logprobs=None):
        choice = {"index": index, "delta": delta, "logprobs": logprobs, "finish_reason": finish}
        return {**head(body, "chat.completion.chunk"), "choices": [choice], **more}

    for index in range(body.get("n") or 1):
        yield chunk({"role": "assistant", "content": None if wants_tools(body) else "", "refusal": None}, index=index)
    if wants_tools(body):
        # Both calls are begun, then their arguments come in turn, and one delta has none.
        for call in CALLS:
            yield chunk({"tool_calls": [{**call, "function": {"name": call["function"]["name"], "arguments": ""}}]})
        for at in range(0, 20, 4):
            for call in CALLS:
                yield chunk({"tool_calls": [{"index": call["index"], "function": {"arguments": call["function"]["arguments"][at : at + 4]}}]})
        yield chunk({}, "tool_calls")
    else:
        for word in text(body).split(" "):
            for index in range(body.get("n") or 1):
                yield chunk({"content": word + " "}, index=index, logprobs=LOGPROBS if body.get("logprobs") else None)
        for index in range(body.get("n") or 1):
            yield chunk({}, "stop", index)
    if asked:
        yield {**head(body, "chat.completion.chunk"), "choices": [], "usage": USAGE}


def embeddings(body):
    texts = body["input"] if isinstance(body["input"], list) and not isinstance(body["input"][0], int) else [body["input"]]
    vectors = [[float(at), 0.5, -1.25] for at in range(len(texts))]

    def shown(vector):
        if body.get("encoding_format") == "base64":
            return base64.b64encode(struct.pack(f"<{len(vector)}f", *vector)).decode()
        return vector

    data = [{"object": "embedding", "index": at, "embedding": shown(vector)} for at, vector in enumerate(vectors)]
    return {"object": "list", "data": data, "model": body["model"], "usage": {"prompt_tokens": 3 * len(texts), "total_tokens": 3 * len(texts)}}


@contextlib.contextmanager
def upstream():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    server.seen = []
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield server
    finally:
        server.shutdown()
