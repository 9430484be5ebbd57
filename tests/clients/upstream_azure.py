"""What Azure OpenAI says beside the words: filter results before the first word, between and after them, and chunks without a name."""

SAFE = {kind: {"filtered": False, "severity": "safe"} for kind in ("hate", "self_harm", "sexual", "violence")}
PROMPT = [{"prompt_index": 0, "content_filter_results": {**SAFE, "jailbreak": {"filtered": False, "detected": False}}}]
USAGE = {"prompt_tokens": 9, "completion_tokens": 4, "total_tokens": 13, "prompt_tokens_details": {"cached_tokens": 0, "audio_tokens": 0}}
TEXT = "Grüße aus Köln 👋"


def head(kind):
    return {"id": "chatcmpl-azure", "object": kind, "created": 1767225600, "model": "gpt-5.4-mini-2026-03-17", "system_fingerprint": "fp_azure"}


def completion(_):
    message = {"role": "assistant", "content": TEXT, "refusal": None, "annotations": []}
    choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": "stop", "content_filter_results": SAFE}
    return {**head("chat.completion"), "choices": [choice], "prompt_filter_results": PROMPT, "usage": USAGE}


def chunks(body):
    """A message that says "late" has its answer taken back after it was said."""
    nameless = {"id": "", "object": "", "created": 0, "model": ""}

    def chunk(choice):
        return {**head("chat.completion.chunk"), "choices": [choice], "usage": None}

    yield {**nameless, "choices": [], "prompt_filter_results": PROMPT}
    yield chunk({"index": 0, "delta": {"role": "assistant", "content": "", "refusal": None}, "finish_reason": None, "logprobs": None})
    for word in TEXT.split(" "):
        yield chunk({"index": 0, "delta": {"content": word + " "}, "finish_reason": None, "logprobs": None, "content_filter_results": SAFE})
    offsets = {"check_offset": 44, "start_offset": 44, "end_offset": 198}
    if "late" in str(body["messages"][-1]["content"]):
        found = {**SAFE, "violence": {"filtered": True, "severity": "medium"}}
        yield {**nameless, "choices": [{"index": 0, "finish_reason": "content_filter", "content_filter_results": found, "content_filter_offsets": offsets}]}
    else:
        yield {**nameless, "choices": [{"index": 0, "finish_reason": None, "content_filter_results": SAFE, "content_filter_offsets": offsets}]}
        yield chunk({"index": 0, "delta": {}, "finish_reason": "stop", "logprobs": None})
    if (body.get("stream_options") or {}).get("include_usage"):
        yield {**head("chat.completion.chunk"), "choices": [], "usage": USAGE}
