"""A scripted server that speaks OpenAI's chat completions, responses, embeddings, files, batches and what is passed through, Azure's
odd chunks and Anthropic's messages, for what a gateway must not lose on the way.

It remembers every request body and its headers. Its streams are cut into pieces at odd places, inside characters too.
"""

import base64
import contextlib
import http.server
import json
import struct
import threading

import upstream_azure
import upstream_batches
import upstream_messages
import upstream_responses

CALLS = [
    {"index": 0, "id": "call_lisbon", "type": "function", "function": {"name": "weather", "arguments": '{"city":"Lisbon"}'}},
    {"index": 1, "id": "call_oslo", "type": "function", "function": {"name": "weather", "arguments": '{"city":"Oslo"}'}},
]
# Of a tool that takes nothing, for whoever has one.
NOW = {"index": 2, "id": "call_now", "type": "function", "function": {"name": "now", "arguments": "{}"}}
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

    def do_GET(self):
        self.server.seen.append((self.path, dict(self.headers), None))
        upstream_batches.get(self)

    def do_DELETE(self):
        self.server.seen.append((self.path, dict(self.headers), None))
        upstream_batches.delete(self)

    def do_POST(self):
        data = self.rfile.read(int(self.headers["content-length"] or 0))
        body = json.loads(data or b"null") if self.headers["content-type"].startswith("application/json") else data
        self.server.seen.append((self.path, dict(self.headers), body))
        path = self.path.split("?")[0]
        if isinstance(body, dict) and body.get("model", "").startswith("refuse-"):
            return self.refuse(int(body["model"].removeprefix("refuse-")))
        for suffix, answer in ANSWERS.items():
            if path.endswith(suffix):
                return answer(self, body)
        self.refuse(404)

    def refuse(self, status):
        error = {"message": f"refused with {status}", "type": "a_type", "param": "a_param", "code": "a_code", "x_more": 1.5}
        self.whole({"error": error}, status, ("retry-after-ms", "1234"), ("x-should-retry", "false"))

    def whole(self, answer, status=200, *more):
        data = json.dumps(answer, ensure_ascii=False).encode()
        self.bytes("application/json", data, status, *more)

    def bytes(self, kind, data, status=200, *more):
        self.head(kind, ("content-length", str(len(data))), *more, status=status)
        self.wfile.write(data)

    def head(self, kind, *more, status=200):
        self.send_response(status)
        named = ("x-request-id", "req_upstream"), ("x-ratelimit-remaining-tokens", "1234"), ("openai-processing-ms", "7")
        for name, value in (("content-type", kind), *named, *more):
            self.send_header(name, value)
        self.end_headers()

    def events(self, chunks):
        """Chunks of a chat stream, each the data of a frame."""
        self.stream("".join(f"data: {json.dumps(chunk, ensure_ascii=False)}\n\n" for chunk in chunks) + "data: [DONE]\n\n")

    def stream(self, text):
        self.head("text/event-stream; charset=utf-8", ("transfer-encoding", "chunked"))
        data = text.encode()
        for at in range(0, len(data), SIZE):
            piece = data[at : at + SIZE]
            self.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece))
        self.wfile.write(b"0\r\n\r\n")


def chat(handler, body):
    if handler.path.startswith("/openai/"):
        chunks_of, whole = upstream_azure.chunks, upstream_azure.completion
    else:
        chunks_of, whole = chunks, completion
    handler.events(chunks_of(body)) if body.get("stream") else handler.whole(whole(body))


def text(body):
    if body.get("response_format", {}).get("type") == "json_schema":
        return '{"city":"Lisbon","degrees":21}'
    if body["messages"][-1]["role"] == "tool":
        return "It is 21 degrees."
    return "Grüße aus Köln 👋"


def wants_tools(body):
    return bool(body.get("tools")) and body["messages"][-1]["role"] != "tool"


def calls(body):
    return [*CALLS, NOW] if any(tool["function"]["name"] == "now" for tool in body["tools"]) else CALLS


def refuses(body):
    return body["messages"][-1]["content"] == "Refuse."


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
            called = [{key: value for key, value in call.items() if key != "index"} for call in calls(body)]
            message = {"role": "assistant", "content": None, "refusal": None, "tool_calls": called}
        elif refuses(body):
            message = {"role": "assistant", "content": None, "refusal": "I cannot."}
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
        for call in calls(body):
            yield chunk({"tool_calls": [{**call, "function": {"name": call["function"]["name"], "arguments": ""}}]})
        for at in range(0, 20, 4):
            for call in calls(body):
                yield chunk({"tool_calls": [{"index": call["index"], "function": {"arguments": call["function"]["arguments"][at : at + 4]}}]})
        yield chunk({}, "tool_calls")
    elif refuses(body):
        for piece in ("I ", "cannot."):
            yield chunk({"refusal": piece})
        yield chunk({}, "stop")
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


def completions(handler, body):
    def chunk(text, finish=None, **more):
        choice = {"text": text, "index": 0, "logprobs": None, "finish_reason": finish}
        return {**head(body, "text_completion"), "choices": [choice], **more}

    usage = {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5}
    if not body.get("stream"):
        return handler.whole(chunk("Grüße aus Köln", "stop", usage=usage))
    asked = (body.get("stream_options") or {}).get("include_usage")
    last = [{**head(body, "text_completion"), "choices": [], "usage": usage}] if asked else []
    handler.events([chunk("Grüße "), chunk("aus Köln", "stop"), *last])


def moderations(handler, body):
    result = {"flagged": False, "categories": {"hate": False}, "category_scores": {"hate": 0.001}, "category_applied_input_types": {"hate": ["text"]}}
    handler.whole({"id": "modr-1", "model": body["model"], "results": [result]})


def images(handler, _):
    usage = {"input_tokens": 5, "output_tokens": 7, "total_tokens": 12, "input_tokens_details": {"text_tokens": 5, "image_tokens": 0}}
    handler.whole({"created": 1767225600, "data": [{"b64_json": base64.b64encode(b"a picture").decode()}], "usage": usage})


def speech(handler, _):
    handler.bytes("audio/mpeg", SOUND)


def transcription(handler, body):
    if b"srt" in body:
        return handler.bytes("text/plain; charset=utf-8", "1\n00:00:00,000 --> 00:00:01,000\nGrüße\n".encode())
    handler.whole({"text": "Grüße aus Köln", "usage": {"type": "duration", "seconds": 4}})


# Begins like a comment of an event stream, which it is not.
SOUND = b": not a heartbeat" + bytes(range(256)) * 64

# By the end of the path.
ANSWERS = {
    "/chat/completions": chat,
    "/embeddings": lambda handler, body: handler.whole(embeddings(body)),
    "/completions": completions,
    "/moderations": moderations,
    "/images/generations": images,
    "/images/edits": images,
    "/images/variations": images,
    "/audio/speech": speech,
    "/audio/transcriptions": transcription,
    "/audio/translations": transcription,
    "/messages/count_tokens": lambda handler, _: handler.whole({"input_tokens": 23}),
    "/messages": upstream_messages.answer,
    "/responses/input_tokens": upstream_responses.count,
    "/responses/compact": upstream_responses.compact,
    "/responses": upstream_responses.answer,
    "/files": upstream_batches.upload,
    "/batches": upstream_batches.create,
    "/cancel": upstream_batches.stop,
}


@contextlib.contextmanager
def upstream():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    server.seen, server.files, server.batches = [], {}, {}
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield server
    finally:
        server.shutdown()
