"""Anthropic's messages: a signed thought, words, two tool calls, pings between, and an error in mid-answer for who asks to see one."""

import json

USAGE = {"input_tokens": 25, "cache_creation_input_tokens": 8, "cache_read_input_tokens": 100, "output_tokens": 42, "service_tier": "standard"}
THOUGHT = {"type": "thinking", "thinking": "Two cities.", "signature": "c2lnbmVk"}
HIDDEN = {"type": "redacted_thinking", "data": "c2VjcmV0"}
WORDS = {"type": "text", "text": "Grüße aus Köln 👋", "citations": None}
CALLS = [
    {"type": "tool_use", "id": "toolu_lisbon", "name": "weather", "input": {"city": "Lisbon"}},
    {"type": "tool_use", "id": "toolu_oslo", "name": "weather", "input": {"city": "Oslo"}},
]


def says(body, word):
    return word in json.dumps(body["messages"][-1], ensure_ascii=False)


def message(body):
    calls = CALLS if body.get("tools") and not says(body, "tool_result") else []
    thoughts = [THOUGHT, HIDDEN] if body.get("thinking") else []
    return {
        "id": "msg_upstream",
        "type": "message",
        "role": "assistant",
        "model": f"{body['model']}-2026-01-01",
        "content": [*thoughts, WORDS, *calls],
        "stop_reason": "tool_use" if calls else "end_turn",
        "stop_sequence": None,
        "usage": USAGE,
        "x_new": {"n": 12345678901234567890},
    }


def answer(handler, body):
    if body.get("stream"):
        events = "".join(f"event: {event['type']}\ndata: {json.dumps(event, ensure_ascii=False)}\n\n" for event in stream(body))
        return handler.stream(events)
    handler.whole(message(body))


def stream(body):
    whole = message(body)
    yield {"type": "message_start", "message": {**whole, "content": [], "stop_reason": None, "usage": {**USAGE, "output_tokens": 1}}}
    yield {"type": "ping"}
    for index, block in enumerate(whole["content"]):
        yield from block_events(index, block)
        yield {"type": "ping"}
        if says(body, "break") and block["type"] == "text":
            yield {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}
            return
    yield {"type": "message_delta", "delta": {"stop_reason": whole["stop_reason"], "stop_sequence": None}, "usage": {"output_tokens": 42}}
    yield {"type": "message_stop"}


def block_events(index, block):
    def delta(**fields):
        return {"type": "content_block_delta", "index": index, "delta": fields}

    start = {"thinking": {"thinking": "", "signature": ""}, "text": {"text": ""}, "tool_use": {"input": {}}}.get(block["type"], {})
    yield {"type": "content_block_start", "index": index, "content_block": {**block, **start}}
    if block["type"] == "thinking":
        yield delta(type="thinking_delta", thinking=block["thinking"])
        yield delta(type="signature_delta", signature=block["signature"])
    elif block["type"] == "text":
        for word in block["text"].split(" "):
            yield delta(type="text_delta", text=word + " ")
    elif block["type"] == "tool_use":
        arguments = json.dumps(block["input"])
        for at in range(0, len(arguments), 5):
            yield delta(type="input_json_delta", partial_json=arguments[at : at + 5])
    yield {"type": "content_block_stop", "index": index}
