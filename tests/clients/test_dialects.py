"""Anthropic's clients against any model, and every client against targets of Anthropic and Azure with all their oddities."""

import asyncio
import json

import anthropic
import httpx
import openai
import pytest
from conftest import running
from upstream_messages import CALLS, HIDDEN, THOUGHT, message

KEY = "gw-dialects-key-0123456789"
TEXT = "Grüße aus Köln 👋"
ASK = [{"role": "user", "content": "Greet me."}]
TOOL = {"name": "weather", "description": "d", "input_schema": {"type": "object", "properties": {"city": {"type": "string"}}}}
PICTURE = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="


@pytest.fixture(scope="module")
def gateway(scripted, tmp_path_factory):
    address = f"http://127.0.0.1:{scripted.server_address[1]}"
    settings = f"""
[[targets]]
kind = "openai"
name = "openai"
base_url = "{address}/v1"
[[targets]]
kind = "openai"
name = "responding"
base_url = "{address}/v1"
apis = ["responses"]
[[targets]]
kind = "azure_openai"
name = "azure"
endpoint = "{address}"
key = {{ env = "UPSTREAM_KEY" }}
[[targets]]
kind = "azure_openai"
name = "dated"
endpoint = "{address}"
api_version = "2024-10-21"
key = {{ env = "UPSTREAM_KEY" }}
[[targets]]
kind = "anthropic"
name = "claude"
base_url = "{address}"
key = {{ env = "UPSTREAM_KEY" }}
"""
    names = ("openai", "responding", "azure", "dated", "claude")
    models = "".join(f'[models.{name}]\ndeployments = [{{ target = "{name}", model = "m" }}]\n' for name in names)
    models += "".join(f'[models.refuse-{status}]\ndeployments = [{{ target = "openai", model = "refuse-{status}" }}]\n' for status in (400, 404, 429, 500))
    keys = '[keys.clients]\nvalue = { env = "CLIENT_KEY" }\n'
    environment = {"CLIENT_KEY": KEY, "UPSTREAM_KEY": "upstream-key"}
    with running(tmp_path_factory.mktemp("dialects"), settings, models + keys, environment) as server:
        yield server


@pytest.fixture
def claude(gateway):
    return anthropic.Anthropic(base_url=gateway.url, api_key=KEY, max_retries=0, timeout=30)


@pytest.fixture
def client(gateway):
    return openai.OpenAI(base_url=f"{gateway.url}/v1", api_key=KEY, max_retries=0, timeout=30)


def last(scripted):
    path, headers, body = scripted.seen[-1]
    return path, {name.lower(): value for name, value in headers.items()}, body


def test_a_message_of_anthropics_own_comes_through_to_the_last_field(claude, scripted):
    asked = {"model": "claude", "max_tokens": 4096, "messages": ASK, "thinking": {"type": "enabled", "budget_tokens": 1024}, "tools": [TOOL]}
    raw = claude.messages.with_raw_response.create(**asked, extra_headers={"anthropic-beta": "a-beta"})
    assert json.loads(raw.text()) == message({**asked, "model": "m"})
    answer = raw.parse()
    assert [block.type for block in answer.content] == ["thinking", "redacted_thinking", "text", "tool_use", "tool_use"]
    assert answer.content[0].signature == THOUGHT["signature"] and answer.usage.cache_read_input_tokens == 100
    path, headers, body = last(scripted)
    assert (path, headers["x-api-key"], headers["anthropic-beta"]) == ("/v1/messages", "upstream-key", "a-beta")
    assert headers["anthropic-version"] and body["thinking"] == asked["thinking"]
    # The thought goes back as it came.
    results = [{"type": "tool_result", "tool_use_id": call["id"], "content": "21"} for call in CALLS]
    turns = [*ASK, {"role": "assistant", "content": answer.content}, {"role": "user", "content": results}]
    assert claude.messages.create(**{**asked, "messages": turns}).stop_reason == "end_turn"
    assert last(scripted)[2]["messages"][1]["content"][:2] == [THOUGHT, HIDDEN]


def test_the_streaming_helper_hears_thoughts_words_and_calls_between_pings(claude):
    asked = {"model": "claude", "max_tokens": 4096, "messages": ASK, "thinking": {"type": "enabled", "budget_tokens": 1024}, "tools": [TOOL]}
    with claude.messages.stream(**asked) as stream:
        kinds = {event.type for event in stream}
        final = stream.get_final_message()
    assert {"thinking", "signature", "text", "input_json", "message_stop"} <= kinds
    assert (final.content[0].thinking, final.content[0].signature) == (THOUGHT["thinking"], THOUGHT["signature"])
    assert final.content[2].text.strip() == TEXT and [block.input for block in final.content[3:]] == [call["input"] for call in CALLS]
    assert (final.stop_reason, final.usage.output_tokens) == ("tool_use", 42)


def test_what_is_to_be_cached_and_what_is_in_beta_reaches_anthropic_and_hinders_nobody_else(claude, scripted):
    cache = {"cache_control": {"type": "ephemeral", "ttl": "1h"}}
    words = {"type": "text", "text": "A long text.", **cache}
    asked = {"max_tokens": 100, "system": [words], "messages": [{"role": "user", "content": [words]}], "tools": [{**TOOL, **cache}]}
    for model in ("claude", "openai"):
        answer = claude.beta.messages.create(model=model, betas=["a-beta-2025-01-01", "b-beta"], **asked)
        assert [block.input for block in answer.content if block.type == "tool_use"] == [call["input"] for call in CALLS]
        path, headers, body = last(scripted)
        told = headers.get("anthropic-beta"), body.get("system"), body["tools"][0].get("cache_control"), body["messages"][-1]["content"][0:1]
        if model == "claude":
            assert told == ("a-beta-2025-01-01,b-beta", [words], cache["cache_control"], [words])
        else:
            assert "cache_control" not in json.dumps(body)
        assert claude.beta.messages.count_tokens(model=model, messages=ASK, betas=["a-beta"]).input_tokens > 0
        with claude.messages.stream(model=model, **asked) as stream:
            assert [block.name for block in stream.get_final_message().content if block.type == "tool_use"] == ["weather", "weather"]


@pytest.mark.parametrize("model", ["claude", "openai", "responding"])
def test_anthropics_tool_runner_goes_round_with_any_model(claude, scripted, model):
    cities = []

    @anthropic.beta_tool
    def weather(city: str) -> str:
        """The weather in a city.

        Args:
            city: Its name.
        """
        cities.append(city)
        return "21"

    asked = {"model": model, "max_tokens": 100, "tools": [weather], "messages": ASK}
    assert claude.beta.messages.tool_runner(**asked).until_done().stop_reason == "end_turn"
    streams = [[event.type for event in stream] for stream in claude.beta.messages.tool_runner(**asked, stream=True)]
    assert len(streams) == 2 and all(kinds[-1] == "message_stop" for kinds in streams)
    assert cities == ["Lisbon", "Oslo"] * 2
    # Only Anthropic keeps a conversation; whoever else is asked hears all of it.
    sent = last(scripted)[2]
    assert ("thread" in sent) == (model == "claude") and len(sent.get("messages") or sent["input"]) >= (1 if model == "claude" else 3)


def test_batches_of_messages_are_said_not_to_be_served(claude):
    request = {"custom_id": "a", "params": {"model": "claude", "max_tokens": 5, "messages": ASK}}
    for reach in (lambda: claude.messages.batches.create(requests=[request]), lambda: claude.messages.batches.list()):
        with pytest.raises(anthropic.NotFoundError, match="not served here"):
            reach()
    with pytest.raises(anthropic.NotFoundError, match="not served here"):
        claude.messages.batches.retrieve("msgbatch_1")


def test_an_error_in_mid_message_is_raised_where_it_happens(claude):
    asked = {"max_tokens": 100, "messages": [{"role": "user", "content": "Please break."}]}
    with pytest.raises(anthropic.APIStatusError, match="Overloaded"):
        with claude.messages.stream(model="claude", **asked) as stream:
            assert "".join(stream.text_stream)


@pytest.mark.parametrize("model", ["claude", "openai", "azure", "dated"])
def test_anthropics_async_client_asks_any_model_with_a_picture(gateway, scripted, model):
    picture = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PICTURE}}
    messages = [{"role": "user", "content": [{"type": "text", "text": "What is it?"}, picture]}]

    async def work():
        async with anthropic.AsyncAnthropic(base_url=gateway.url, api_key=KEY, max_retries=0, timeout=30) as client:
            whole = await client.messages.create(model=model, max_tokens=100, messages=messages, system="Be kind.")
            async with client.messages.stream(model=model, max_tokens=100, messages=messages) as stream:
                text = "".join([piece async for piece in stream.text_stream])
                final = await stream.get_final_message()
            count = await client.messages.count_tokens(model=model, messages=messages)
            return whole, text, final, count

    whole, text, final, count = asyncio.run(work())
    assert whole.content[-1].text == TEXT and text.strip() == TEXT
    assert final.stop_reason == "end_turn" and final.usage.output_tokens > 0
    assert count.input_tokens == 23 if model == "claude" else 0 < count.input_tokens < 100
    asked = [body for _, _, body in scripted.seen if PICTURE in json.dumps(body)]
    assert len(asked) >= 2


@pytest.mark.parametrize("model", ["claude", "openai"])
def test_the_client_of_foundry_finds_its_path(gateway, model):
    foundry = anthropic.AnthropicFoundry(base_url=f"{gateway.url}/anthropic/", api_key=KEY, max_retries=0, timeout=30)
    assert foundry.messages.create(model=model, max_tokens=100, messages=ASK).content[-1].text == TEXT
    with foundry.messages.stream(model=model, max_tokens=100, messages=ASK) as stream:
        assert "".join(stream.text_stream).strip() == TEXT
    assert foundry.messages.count_tokens(model=model, messages=ASK).input_tokens > 0
    with pytest.raises(anthropic.NotFoundError):
        foundry.messages.create(model="nobody", max_tokens=100, messages=ASK)


def test_a_chat_client_hears_anthropics_model(client, scripted):
    tools = [{"type": "function", "function": {"name": "weather", "parameters": TOOL["input_schema"]}}]
    with client.chat.completions.stream(model="claude", messages=ASK, tools=tools, reasoning_effort="low") as stream:
        final = stream.get_final_completion()
    message = final.choices[0].message
    assert message.content.strip() == TEXT and final.choices[0].finish_reason == "tool_calls"
    assert [json.loads(call.function.arguments) for call in message.tool_calls] == [call["input"] for call in CALLS]
    whole = client.chat.completions.create(model="claude", messages=ASK, tools=tools, reasoning_effort="low")
    assert whole.usage.prompt_tokens == 133 and whole.usage.prompt_tokens_details.cached_tokens == 100
    with pytest.raises(openai.BadRequestError) as refused:
        client.chat.completions.create(model="claude", messages=ASK, seed=9007199254740993)
    assert refused.value.param == "seed"
    assert last(scripted)[0] == "/v1/messages"


@pytest.mark.parametrize("model", ["azure", "dated"])
def test_azures_odd_chunks_disturb_no_client(gateway, client, model):
    azure = openai.AzureOpenAI(azure_endpoint=gateway.url, api_key=KEY, api_version="2024-10-21", max_retries=0, timeout=30)
    for one in (client, azure):
        whole = one.chat.completions.create(model=model, messages=ASK)
        assert whole.choices[0].message.content == TEXT
        assert whole.model_extra["prompt_filter_results"] and whole.choices[0].model_extra["content_filter_results"]
        chunks = list(one.chat.completions.create(model=model, messages=ASK, stream=True, stream_options={"include_usage": True}))
        assert chunks[0].choices == [] and chunks[0].model_extra["prompt_filter_results"]
        assert "".join(choice.delta.content or "" for chunk in chunks for choice in chunk.choices if choice.delta).strip() == TEXT
        assert any(choice.delta is None for chunk in chunks for choice in chunk.choices)
        assert chunks[-1].usage.total_tokens == 13
        quiet = list(one.chat.completions.create(model=model, messages=ASK, stream=True))
        assert all(not chunk.usage for chunk in quiet)


def test_an_answer_that_azure_takes_back_is_marked_in_each_dialect(client, claude):
    ask = [{"role": "user", "content": "Be late."}]
    chunks = list(client.chat.completions.create(model="azure", messages=ask, stream=True))
    assert [chunk.model_extra["retracted"] for chunk in chunks if "retracted" in chunk.model_extra] == [[0]]
    assert [choice.finish_reason for chunk in chunks for choice in chunk.choices][-1] == "content_filter"
    with claude.messages.stream(model="azure", max_tokens=100, messages=ask) as stream:
        assert stream.get_final_message().stop_reason == "refusal"


@pytest.mark.parametrize("status", [400, 404, 429, 500])
def test_what_a_target_refuses_is_the_typed_error_of_each_client(client, claude, status):
    kinds = {400: "BadRequestError", 404: "InternalServerError", 429: "RateLimitError", 500: "InternalServerError"}
    for stream in (False, True):
        with pytest.raises(getattr(openai, kinds[status])) as refused:
            client.chat.completions.create(model=f"refuse-{status}", messages=ASK, stream=stream)
        assert refused.value.message and refused.value.type and refused.value.request_id
        with pytest.raises(getattr(anthropic, kinds[status])) as refused:
            claude.messages.create(model=f"refuse-{status}", max_tokens=5, messages=ASK, stream=stream)
        body = refused.value.body
        assert body["type"] == "error" and body["error"]["type"] and body["error"]["message"] and refused.value.request_id
    if status == 429:
        assert refused.value.response.headers["retry-after-ms"] == "1234"


def test_a_photo_of_many_megabytes_is_taken_and_a_text_of_as_many_is_not(gateway, client, scripted):
    photo = f"data:image/png;base64,{PICTURE}{'A' * 8_000_000}"
    content = [{"type": "text", "text": "What is it?"}, {"type": "image_url", "image_url": {"url": photo}}]
    assert client.chat.completions.create(model="openai", messages=[{"role": "user", "content": content}]).choices[0].message.content == TEXT
    assert last(scripted)[2]["messages"][0]["content"] == content
    with pytest.raises(openai.APIStatusError) as refused:
        client.chat.completions.create(model="openai", messages=[{"role": "user", "content": "word " * 1_000_000}])
    assert (refused.value.status_code, refused.value.code) == (413, "request_too_large")


def test_http_2_serves_every_dialect(gateway):
    with httpx.Client(base_url=gateway.url, http2=True, http1=False, headers={"authorization": f"Bearer {KEY}"}, timeout=30) as http:
        for path, more in (("/v1/chat/completions", {}), ("/v1/messages", {"max_tokens": 100})):
            answer = http.post(path, json={"model": "openai", "messages": ASK, **more})
            assert (answer.http_version, answer.status_code) == ("HTTP/2", 200) and "Köln" in answer.text
            with http.stream("POST", path, json={"model": "openai", "messages": ASK, "stream": True, **more}) as stream:
                assert "Köln" in "".join(stream.iter_text())
        assert http.post("/v1/nothing", json={}).status_code == 404
        assert http.get("/v1/models").json()["object"] == "list"
