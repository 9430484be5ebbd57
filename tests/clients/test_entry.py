"""The doors: OpenAI's, Azure's and Anthropic's official clients with a declared key, errors they understand, answers that come again."""

import json
import threading

import anthropic
import openai
import pytest
from conftest import running

KEY = "gw-entry-key-0123456789"
NARROW = "gw-narrow-key-0123456789"
ASK = [{"role": "user", "content": "Say it."}]

SETTINGS = """
[server]
heartbeat = "200ms"
[[targets]]
kind = "fake"
name = "told"
[[targets.script.answers]]
pieces = ["one ", "two"]
usage = { input = 5, output = 2 }
[[targets]]
kind = "fake"
name = "late"
[[targets.script.answers]]
pieces = ["late"]
first_token_ms = 700
[[targets]]
kind = "fake"
name = "late_refusal"
[[targets.script.answers]]
fault = { kind = "refuse", status = 500, message = "overheated" }
first_token_ms = 700
[[targets]]
kind = "fake"
name = "limited"
[[targets.script.answers]]
fault = { kind = "refuse", status = 429, code = "rate_limit_exceeded", message = "slow down", retry_after_ms = 1500 }
"""


@pytest.fixture(scope="module")
def gateway(scripted, tmp_path_factory):
    settings = SETTINGS + f"""
[[targets]]
kind = "openai"
name = "scripted"
base_url = "http://127.0.0.1:{scripted.server_address[1]}/v1"
"""
    names = ("told", "late", "late_refusal", "limited", "scripted")
    models = "".join(f'[models.{name}]\ndeployments = [{{ target = "{name}", model = "m" }}]\n' for name in names)
    keys = '[keys.entry]\nvalue = { env = "ENTRY_KEY" }\nrole = "admin"\n[keys.narrow]\nvalue = { env = "NARROW_KEY" }\nmodels = ["told"]\n'
    environment = {"ENTRY_KEY": KEY, "NARROW_KEY": NARROW}
    with running(tmp_path_factory.mktemp("entry"), settings, models + keys, environment) as server:
        yield server


@pytest.fixture
def client(gateway):
    return openai.OpenAI(base_url=f"{gateway.url}/v1", api_key=KEY, max_retries=0, timeout=30)


@pytest.fixture
def claude(gateway):
    return anthropic.Anthropic(base_url=gateway.url, api_key=KEY, max_retries=0, timeout=30)


def post(gateway, path, body, **headers):
    named = {"authorization": f"Bearer {KEY}", "content-type": "application/json"}
    named.update({name.replace("_", "-"): value for name, value in headers.items()})
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    return gateway.request("POST", path, data, named)


def test_a_key_opens_only_the_models_it_names(gateway):
    narrow = openai.OpenAI(base_url=f"{gateway.url}/v1", api_key=NARROW, max_retries=0)
    assert [model.id for model in narrow.models.list()] == ["told"]
    assert narrow.chat.completions.create(model="told", messages=ASK).choices[0].message.content == "one two"
    with pytest.raises(openai.NotFoundError) as unknown:
        narrow.chat.completions.create(model="late", messages=ASK, stream=True)
    assert unknown.value.code == "model_not_found"
    stranger = openai.OpenAI(base_url=f"{gateway.url}/v1", api_key="nobody", max_retries=0)
    with pytest.raises(openai.AuthenticationError):
        stranger.models.list()


def test_azures_client_of_either_kind(gateway):
    dated = openai.AzureOpenAI(azure_endpoint=gateway.url, api_key=KEY, api_version="2024-10-21", max_retries=0)
    v1 = openai.OpenAI(base_url=f"{gateway.url}/openai/v1/", api_key=KEY, max_retries=0)
    for azure in (dated, v1):
        assert azure.chat.completions.create(model="told", messages=ASK).choices[0].message.content == "one two"
        chunks = list(azure.chat.completions.create(model="told", messages=ASK, stream=True))
        assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks) == "one two"
        assert "told" in [model.id for model in azure.models.list()]
    wrong = openai.AzureOpenAI(azure_endpoint=gateway.url, api_key="x", api_version="2024-10-21", max_retries=0)
    with pytest.raises(openai.AuthenticationError):
        wrong.chat.completions.create(model="told", messages=ASK)


def test_anthropics_client_gets_messages_from_any_model(claude, scripted):
    answer = claude.messages.create(model="told", max_tokens=100, messages=ASK)
    assert (answer.type, answer.role, answer.content[0].text, answer.stop_reason) == ("message", "assistant", "one two", "end_turn")
    assert (answer.usage.input_tokens, answer.usage.output_tokens) == (5, 2)
    with claude.messages.stream(model="told", max_tokens=100, messages=ASK) as stream:
        assert "".join(stream.text_stream) == "one two"
        assert stream.get_final_message().usage.output_tokens == 2
    behind = claude.messages.create(model="scripted", max_tokens=100, system="Be kind.", messages=ASK)
    assert "Köln" in behind.content[0].text
    assert scripted.seen[-1][2]["messages"][0] == {"role": "system", "content": "Be kind."}
    tool = {"name": "weather", "description": "d", "input_schema": {"type": "object", "properties": {"city": {"type": "string"}}}}
    with claude.messages.stream(model="scripted", max_tokens=100, messages=ASK, tools=[tool]) as stream:
        final = stream.get_final_message()
    calls = [block for block in final.content if block.type == "tool_use"]
    assert final.stop_reason == "tool_use" and [call.input for call in calls] == [{"city": "Lisbon"}, {"city": "Oslo"}]
    results = [{"type": "tool_result", "tool_use_id": call.id, "content": "21"} for call in calls]
    turns = [*ASK, {"role": "assistant", "content": final.content}, {"role": "user", "content": results}]
    assert claude.messages.create(model="scripted", max_tokens=100, messages=turns, tools=[tool]).content[0].text == "It is 21 degrees."
    assert claude.messages.count_tokens(model="told", messages=ASK).input_tokens > 0


def test_anthropics_client_raises_its_typed_errors(claude, gateway):
    with pytest.raises(anthropic.NotFoundError) as unknown:
        claude.messages.create(model="nobody", max_tokens=10, messages=ASK)
    assert unknown.value.body["error"]["type"] == "not_found_error"
    assert unknown.value.response.headers["request-id"]
    with pytest.raises(anthropic.RateLimitError) as limited:
        claude.messages.create(model="limited", max_tokens=10, messages=ASK)
    assert limited.value.response.headers["retry-after-ms"] == "1500"
    with pytest.raises(anthropic.BadRequestError):
        claude.messages.create(model="told", max_tokens=0, messages=ASK)
    with pytest.raises(anthropic.AuthenticationError):
        anthropic.Anthropic(base_url=gateway.url, api_key="x", max_retries=0).messages.create(model="told", max_tokens=10, messages=ASK)


def test_a_stream_that_begins_late_is_kept_awake_and_a_late_failure_is_an_event(gateway):
    status, headers, body = post(gateway, "/v1/chat/completions", {"model": "late", "messages": ASK, "stream": True})
    assert status == 200 and headers["content-type"].startswith("text/event-stream")
    assert body.startswith(b":") and b"late" in body and body.endswith(b"data: [DONE]\n\n")
    status, _, body = post(gateway, "/v1/chat/completions", {"model": "late_refusal", "messages": ASK, "stream": True})
    assert status == 200 and b'"error"' in body and b"[DONE]" not in body
    status, _, body = post(gateway, "/v1/chat/completions", {"model": "late_refusal", "messages": ASK})
    assert status == 500 and json.loads(body)["error"]["message"]
    status, _, body = post(gateway, "/v1/messages", {"model": "late_refusal", "messages": ASK, "max_tokens": 5, "stream": True})
    assert status == 200 and b"event: error\ndata: " in body


def test_a_request_that_comes_again_gets_the_same_answer_without_a_second_call(gateway, scripted):
    for stream in (False, True):
        body = {"model": "scripted", "messages": ASK, "stream": stream}
        before = len(scripted.seen)
        first = post(gateway, "/v1/chat/completions", body, idempotency_key=f"again-{stream}")
        again = post(gateway, "/v1/chat/completions", body, idempotency_key=f"again-{stream}")
        assert (first[0], first[2]) == (again[0], again[2]) and again[1]["idempotent-replayed"] == "true"
        assert again[1]["content-type"] == first[1]["content-type"] and len(scripted.seen) == before + 1
        status, _, error = post(gateway, "/v1/chat/completions", {**body, "seed": 1}, idempotency_key=f"again-{stream}")
        assert status == 409 and json.loads(error)["error"]["code"] == "idempotency_key_reused"
    # Another path is another scope.
    assert post(gateway, "/openai/v1/chat/completions", body, idempotency_key="again-True")[1]["idempotent-replayed"] is None


def test_trace_and_ids_go_through(gateway, scripted):
    trace = "4bf92f3577b34da6a3ce929d0e0e4736"
    _, headers, _ = post(gateway, "/v1/chat/completions", {"model": "scripted", "messages": ASK}, traceparent=f"00-{trace}-00f067aa0ba902b7-01")
    sent = {name.lower(): value for name, value in scripted.seen[-1][1].items()}
    assert sent["traceparent"].startswith(f"00-{trace}-") and sent["traceparent"].endswith("-01")
    assert headers["x-groundwork-call"].startswith("call_") and headers["openai-processing-ms"]
    post(gateway, "/v1/chat/completions", {"model": "scripted", "messages": ASK})
    assert len({name.lower(): value for name, value in scripted.seen[-1][1].items()}["traceparent"]) == 55


def test_every_odd_request_is_a_typed_error(gateway):
    chat, messages = "/v1/chat/completions", "/v1/messages"
    odd = [
        (chat, b"", 400),
        (chat, b"{", 400),
        (chat, b"[]", 400),
        (chat, b"\xff\xfe", 400),
        (chat, {"messages": ASK}, 400),
        (chat, {"model": "told"}, 400),
        (chat, {"model": "told", "messages": []}, 400),
        (chat, {"model": "told", "messages": [{"role": "wizard", "content": "x"}]}, 400),
        (chat, {"model": "told", "messages": ASK, "temperature": 3}, 400),
        (chat, {"model": "told", "messages": ASK, "n": 0}, 400),
        (chat, {"model": "told", "messages": ASK, "stream": "yes"}, 400),
        (chat, {"model": "told", "messages": ASK, "tools": [{"type": "function"}]}, 400),
        (chat, {"model": "nobody", "messages": ASK, "stream": True}, 404),
        (messages, b"{", 400),
        (messages, {"model": "told", "messages": ASK}, 400),
        (messages, {"model": "told", "max_tokens": 5}, 400),
        (messages, {"model": "told", "max_tokens": 5, "messages": "hi"}, 400),
        ("/v1/images/generations", {"model": "groundwork", "prompt": "a"}, 400),
        ("/v1/completions", {"prompt": "a"}, 400),
        ("/v1/moderations", {"input": "a"}, 404),
        ("/v1/fine_tuning/jobs", {}, 404),
        ("/v1/realtime/sessions", {}, 404),
    ]
    for path, body, expected in odd:
        status, headers, answer = post(gateway, path, body)
        assert status == expected, (path, body, answer)
        error = json.loads(answer)["error"]
        assert error["message"] and error["type"] and headers["x-request-id"], (path, body)
    status, _, answer = post(gateway, "/v1/vector_stores", {})
    assert status == 404 and "not served" in json.loads(answer)["error"]["message"]


def test_many_at_once_through_one_key(gateway):
    failed = []

    def ask(index):
        status, _, body = post(gateway, "/v1/chat/completions", {"model": "told", "messages": ASK, "stream": index % 2 == 0})
        if status != 200 or b"one" not in body:
            failed.append(body)

    threads = [threading.Thread(target=ask, args=(index,)) for index in range(40)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failed
