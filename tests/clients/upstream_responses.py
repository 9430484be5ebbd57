"""What the scripted server says when it is asked for a response: whole, and as the events of a stream."""

import itertools
import json

COUNT = itertools.count(1)
TEXT = "Grüße aus Köln 👋"
USAGE = {
    "input_tokens": 42,
    "input_tokens_details": {"cached_tokens": 32, "cache_write_tokens": 0},
    "output_tokens": 17,
    "output_tokens_details": {"reasoning_tokens": 5},
    "total_tokens": 59,
}
CITIES = ("Lisbon", "Oslo")


def last_kind(body):
    items = body["input"]
    return "message" if isinstance(items, str) else items[-1].get("type", "message")


def text(body):
    form = (body.get("text") or {}).get("format") or {}
    if form.get("type") == "json_schema":
        return '{"city":"Lisbon","degrees":21}'
    return "It is 21 degrees." if last_kind(body) == "function_call_output" else TEXT


def output(body):
    """Ids that no two responses share, as with OpenAI's own."""
    name = f"{next(COUNT):08x}"
    items = []
    if body.get("reasoning"):
        sealed = {"encrypted_content": f"sealed-{name}"} if "reasoning.encrypted_content" in (body.get("include") or []) else {}
        summary = [{"type": "summary_text", "text": "It thinks."}]
        items.append({"id": f"rs_{name}", "type": "reasoning", "summary": summary, **sealed})
    if body.get("tools") and last_kind(body) != "function_call_output":
        called = [(body["tools"][0]["name"], f'{{"city":"{city}"}}') for city in CITIES]
        called += [("now", "{}") for tool in body["tools"] if tool["name"] == "now"]
        for at, (tool, arguments) in enumerate(called):
            call = {"call_id": f"call_{name}_{at}", "name": tool, "arguments": arguments}
            items.append({"id": f"fc_{name}_{at}", "type": "function_call", "status": "completed", **call})
        return items
    part = {"type": "output_text", "text": text(body), "annotations": [], "logprobs": []}
    if not isinstance(body["input"], str) and body["input"][-1].get("content") == "Refuse.":
        part = {"type": "refusal", "refusal": "I cannot."}
    items.append({"id": f"msg_{name}", "type": "message", "status": "completed", "role": "assistant", "content": [part]})
    return items


def response(body, status, items, usage=None):
    return {
        "id": "resp_upstream",
        "object": "response",
        "created_at": 1767225600,
        "status": status,
        "background": False,
        "error": None,
        "incomplete_details": None,
        "instructions": body.get("instructions"),
        "max_output_tokens": body.get("max_output_tokens"),
        "model": f"{body['model']}-2026-01-01",
        "output": items,
        "parallel_tool_calls": True,
        "previous_response_id": None,
        "reasoning": body.get("reasoning") or {"effort": None, "summary": None},
        "service_tier": "default",
        "store": body.get("store"),
        "temperature": 1.0,
        "text": body.get("text") or {"format": {"type": "text"}},
        "tool_choice": "auto",
        "tools": body.get("tools") or [],
        "top_p": 1.0,
        "truncation": "disabled",
        "usage": usage,
        "user": None,
        "metadata": {},
        "x_new": {"deep": [1, 2.50]},
    }


def whole(body):
    return response(body, "completed", output(body), USAGE)


def events(body):
    numbers = itertools.count()
    items = output(body)

    def event(kind, **fields):
        return {"type": kind, "sequence_number": next(numbers), **fields}

    yield event("response.created", response=response(body, "in_progress", []))
    yield event("response.in_progress", response=response(body, "in_progress", []))
    for at, item in enumerate(items):
        place = {"item_id": item["id"], "output_index": at}
        if item["type"] == "message":
            part = item["content"][0]
            yield event("response.output_item.added", output_index=at, item={**item, "status": "in_progress", "content": []})
            key = "refusal" if part["type"] == "refusal" else "text"
            yield event("response.content_part.added", content_index=0, part={**part, key: ""}, **place)
            if key == "refusal":
                yield event("response.refusal.delta", content_index=0, delta=part[key], **place)
                yield event("response.refusal.done", content_index=0, refusal=part[key], **place)
            else:
                for piece in part["text"].split(" "):
                    piece = piece if part["text"].endswith(piece) else piece + " "
                    yield event("response.output_text.delta", content_index=0, delta=piece, logprobs=[], obfuscation="x", **place)
                yield event("response.output_text.done", content_index=0, text=part["text"], logprobs=[], **place)
            yield event("response.content_part.done", content_index=0, part=part, **place)
        elif item["type"] == "function_call":
            arguments = item["arguments"]
            yield event("response.output_item.added", output_index=at, item={**item, "status": "in_progress", "arguments": ""})
            for start in range(0, len(arguments), 4):
                yield event("response.function_call_arguments.delta", delta=arguments[start : start + 4], **place)
            yield event("response.function_call_arguments.done", name=item["name"], arguments=arguments, **place)
        else:
            summary = item["summary"][0]
            yield event("response.output_item.added", output_index=at, item={**item, "summary": []})
            yield event("response.reasoning_summary_part.added", summary_index=0, part={**summary, "text": ""}, **place)
            yield event("response.reasoning_summary_text.delta", summary_index=0, delta=summary["text"], **place)
            yield event("response.reasoning_summary_text.done", summary_index=0, text=summary["text"], **place)
            yield event("response.reasoning_summary_part.done", summary_index=0, part=summary, **place)
        yield event("response.output_item.done", output_index=at, item=item)
    yield event("response.completed", response=response(body, "completed", items, USAGE))


def failed(body):
    error = {"code": "server_error", "message": "The target is out of order."}
    return {**response(body, "failed", []), "error": error}


def limited(_):
    """A refusal in the first frame of a stream."""
    yield {"type": "error", "sequence_number": 0, "code": "rate_limit_exceeded", "message": "Slow down.", "param": None}


def answer(handler, body):
    if not body.get("stream"):
        return handler.whole(failed(body) if body["model"] == "failing" else whole(body))
    told = limited if body["model"] == "limited" else events
    named = (f"event: {event['type']}\ndata: {json.dumps(event, ensure_ascii=False)}\n\n" for event in told(body))
    handler.stream("".join(named))


def count(handler, body):
    handler.whole({"object": "response.input_tokens", "input_tokens": 7 * len(body["input"])})


def compact(handler, body):
    compacted = [{"id": "cmp_upstream", "type": "compaction", "encrypted_content": f"{len(body['input'])} items"}]
    made = {"id": "resp_compacted", "object": "response.compaction", "created_at": 1767225600, "output": compacted}
    handler.whole({**made, "usage": USAGE})
