"""What an upstream says comes out as it was said, and what a client asks goes in as it was asked."""

import asyncio
import json
import os
import pathlib
import subprocess

import openai
import pydantic
import pytest
from conftest import running
from langchain_core.tools import tool
from langchain_openai import AzureChatOpenAI, ChatOpenAI, OpenAIEmbeddings
from upstream import CALLS, USAGE, completion

KEY = "gw-test-key-of-the-clients-0001"
TEXT = "Grüße aus Köln 👋"
WEATHER = {
    "type": "function",
    "function": {
        "name": "weather",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    },
}
ASK = [{"role": "user", "content": "Greet me."}]


@pytest.fixture(scope="module")
def gateway(scripted, tmp_path_factory):
    settings = f"""
[[targets]]
kind = "openai"
name = "scripted"
base_url = "http://127.0.0.1:{scripted.server_address[1]}/v1"
key = {{ env = "UPSTREAM_KEY" }}
apis = ["chat", "responses"]
[[targets]]
kind = "fake"
name = "echo"
[[targets]]
kind = "fake"
name = "slow"
[[targets.script.answers]]
pieces = ["one ", "two ", "three"]
chunk_ms = 150
[[targets]]
kind = "fake"
name = "limited"
[[targets.script.answers]]
fault = {{ kind = "refuse", status = 429, code = "rate_limit_exceeded", message = "slow down", retry_after_ms = 300 }}
[[targets]]
kind = "fake"
name = "failing"
[[targets.script.answers]]
fault = {{ kind = "refuse", status = 500, message = "out of order" }}
[[targets]]
kind = "fake"
name = "spent"
[[targets.script.answers]]
fault = {{ kind = "refuse", status = 429, code = "insufficient_quota", message = "nothing is left" }}
"""
    declared = """
[models."gpt-5-mini"]
deployments = [{ target = "scripted", model = "gpt-5-mini" }]
[models.embedder]
deployments = [{ target = "scripted", model = "text-embedding-3-small" }]
[models.echo]
deployments = [{ target = "echo" }]
[models.slow]
deployments = [{ target = "slow" }]
[models.limited]
deployments = [{ target = "limited" }]
[models.failing]
deployments = [{ target = "failing" }]
[models.spent]
deployments = [{ target = "spent" }]
[keys.clients]
value = { env = "CLIENT_KEY" }
"""
    environment = {"UPSTREAM_KEY": "sk-upstream", "CLIENT_KEY": KEY}
    with running(tmp_path_factory.mktemp("faithful"), settings, declared, environment) as server:
        yield server


@pytest.fixture
def client(gateway):
    return openai.OpenAI(base_url=f"{gateway.url}/v1", api_key=KEY, max_retries=0, timeout=30)


@pytest.fixture
def azure(gateway):
    return openai.AzureOpenAI(azure_endpoint=gateway.url, api_key=KEY, api_version="2024-10-21", max_retries=0, timeout=30)


def last(scripted):
    return scripted.seen[-1]


def test_a_whole_answer_is_the_upstreams_to_the_last_field(client):
    asked = {"model": "gpt-5-mini", "messages": ASK, "n": 2, "logprobs": True, "seed": 9007199254740993, "service_tier": "default"}
    raw = client.chat.completions.with_raw_response.create(**asked)
    assert json.loads(raw.text) == completion(asked)
    assert raw.headers["x-ratelimit-remaining-tokens"] == "1234" and raw.headers["x-request-id"]
    answer = raw.parse()
    assert [choice.message.content for choice in answer.choices] == [TEXT, TEXT]
    assert answer.usage.prompt_tokens_details.cached_tokens == 32 and answer.usage.completion_tokens_details.reasoning_tokens == 5
    assert answer.system_fingerprint == "fp_upstream" and answer.choices[0].logprobs.content[0].logprob == -0.25


def test_what_was_asked_goes_in_as_it_was_asked(client, scripted):
    client.chat.completions.create(
        model="gpt-5-mini",
        messages=ASK,
        seed=9007199254740993,
        metadata={"team": "a"},
        reasoning_effort="low",
        prompt_cache_key="k",
        extra_body={"x_new": {"deep": [1, 2.50]}},
    )
    path, headers, body = last(scripted)
    assert path == "/v1/chat/completions"
    assert body["seed"] == 9007199254740993 and body["x_new"] == {"deep": [1, 2.50]} and body["reasoning_effort"] == "low"
    assert body["metadata"] == {"team": "a"} and body["prompt_cache_key"] == "k"
    lower = {name.lower(): value for name, value in headers.items()}
    assert lower["authorization"] == "Bearer sk-upstream"


def test_a_stream_cut_inside_characters_comes_out_whole(client):
    chunks = list(client.chat.completions.create(model="gpt-5-mini", messages=ASK, stream=True))
    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks).strip() == TEXT
    assert all(chunk.choices and chunk.usage is None for chunk in chunks)


def test_usage_is_shown_in_a_stream_to_who_asked(client):
    chunks = list(client.chat.completions.create(model="gpt-5-mini", messages=ASK, stream=True, stream_options={"include_usage": True}))
    assert chunks[-1].choices == [] and chunks[-1].usage.model_dump() == openai.types.CompletionUsage(**USAGE).model_dump()
    assert all(chunk.usage is None for chunk in chunks[:-1])


def test_interleaved_tool_calls_are_put_together(client):
    with client.chat.completions.stream(model="gpt-5-mini", messages=ASK, tools=[WEATHER]) as stream:
        final = stream.get_final_completion()
    calls = final.choices[0].message.tool_calls
    assert [(call.id, call.function.arguments) for call in calls] == [(call["id"], call["function"]["arguments"]) for call in CALLS]
    assert final.choices[0].finish_reason == "tool_calls"
    whole = client.chat.completions.create(model="gpt-5-mini", messages=ASK, tools=[WEATHER]).choices[0]
    results = [{"role": "tool", "tool_call_id": call.id, "content": "21"} for call in whole.message.tool_calls]
    after = client.chat.completions.create(model="gpt-5-mini", messages=[*ASK, whole.message, *results], tools=[WEATHER])
    assert after.choices[0].message.content == "It is 21 degrees."


class Weather(pydantic.BaseModel):
    city: str
    degrees: int


def test_a_structured_answer_is_parsed(client, azure):
    for one in (client, azure):
        parsed = one.chat.completions.parse(model="gpt-5-mini", messages=ASK, response_format=Weather)
        assert parsed.choices[0].message.parsed == Weather(city="Lisbon", degrees=21)


def test_the_deployment_in_azures_path_decides(azure, scripted):
    assert azure.chat.completions.create(model="gpt-5-mini", messages=ASK).choices[0].message.content == TEXT
    chunks = list(azure.chat.completions.create(model="gpt-5-mini", messages=ASK, stream=True))
    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks).strip() == TEXT
    assert last(scripted)[2]["model"] == "gpt-5-mini"
    with pytest.raises(openai.NotFoundError) as unknown:
        azure.chat.completions.create(model="no-such-deployment", messages=ASK)
    assert unknown.value.code


def test_many_at_once_by_the_async_client(gateway):
    async def ask():
        async with openai.AsyncOpenAI(base_url=f"{gateway.url}/v1", api_key=KEY, max_retries=0, timeout=30) as client:
            answers = [client.chat.completions.create(model="gpt-5-mini", messages=ASK) for _ in range(40)]
            return [answer.choices[0].message.content for answer in await asyncio.gather(*answers)]

    assert asyncio.run(ask()) == [TEXT] * 40


def test_embeddings_in_both_encodings(client):
    as_floats = client.embeddings.create(model="embedder", input=["a", "b"], encoding_format="float")
    as_text = client.embeddings.create(model="embedder", input=["a", "b"])
    tokens = client.embeddings.create(model="embedder", input=[1, 2, 3])
    assert [one.embedding for one in as_floats.data] == [one.embedding for one in as_text.data] == [[0.0, 0.5, -1.25], [1.0, 0.5, -1.25]]
    assert tokens.usage.total_tokens == 3


def test_a_wrong_key_is_the_typed_error(gateway):
    stranger = openai.OpenAI(base_url=f"{gateway.url}/v1", api_key="gw-wrong", max_retries=0, timeout=30)
    with pytest.raises(openai.AuthenticationError) as refused:
        stranger.models.list()
    assert refused.value.code == "invalid_api_key"


def test_langchain_talks_streams_and_calls_tools(gateway):
    @tool
    def weather(city: str) -> str:
        """The weather in a city."""
        return city

    settings = {"max_retries": 0, "timeout": 30}
    plain = ChatOpenAI(base_url=f"{gateway.url}/v1", api_key=KEY, model="gpt-5-mini", **settings)
    on_azure = AzureChatOpenAI(azure_endpoint=gateway.url, api_key=KEY, api_version="2024-10-21", azure_deployment="gpt-5-mini", **settings)
    for chat in (plain, on_azure):
        assert chat.invoke("Greet me.").content == TEXT
        assert "".join(chunk.content for chunk in chat.stream("Greet me.")).strip() == TEXT
        calls = chat.bind_tools([weather]).invoke("How warm is it?").tool_calls
        assert [call["args"] for call in calls] == [{"city": "Lisbon"}, {"city": "Oslo"}]
        streamed = None
        for chunk in chat.bind_tools([weather]).stream("How warm is it?"):
            streamed = chunk if streamed is None else streamed + chunk
        assert [call["args"] for call in streamed.tool_calls] == [{"city": "Lisbon"}, {"city": "Oslo"}]
        assert chat.with_structured_output(Weather, method="json_schema").invoke("How warm is it?") == Weather(city="Lisbon", degrees=21)
    vectors = OpenAIEmbeddings(base_url=f"{gateway.url}/v1", api_key=KEY, model="embedder", check_embedding_ctx_length=False)
    assert vectors.embed_documents(["a", "b"]) == [[0.0, 0.5, -1.25], [1.0, 0.5, -1.25]]


def test_langchain_does_the_same_async(gateway):
    @tool
    def weather(city: str) -> str:
        """The weather in a city."""
        return city

    settings = {"max_retries": 0, "timeout": 30}

    async def work(chat):
        answers = await asyncio.gather(*(chat.ainvoke("Greet me.") for _ in range(8)))
        assert {answer.content for answer in answers} == {TEXT}
        assert "".join([chunk.content async for chunk in chat.astream("Greet me.")]).strip() == TEXT
        called = await chat.bind_tools([weather]).ainvoke("How warm is it?")
        assert [call["args"] for call in called.tool_calls] == [{"city": "Lisbon"}, {"city": "Oslo"}]
        structured = chat.with_structured_output(Weather, method="json_schema")
        assert await structured.ainvoke("How warm is it?") == Weather(city="Lisbon", degrees=21)
        with pytest.raises(openai.NotFoundError):
            await type(chat)(**{**unknown, "model": "nobody"}).ainvoke("Greet me.")

    unknown = {"base_url": f"{gateway.url}/v1", "api_key": KEY, **settings}
    asyncio.run(work(ChatOpenAI(base_url=f"{gateway.url}/v1", api_key=KEY, model="gpt-5-mini", **settings)))
    unknown = {"azure_endpoint": gateway.url, "api_key": KEY, "api_version": "2024-10-21", "azure_deployment": "nobody", **settings}
    asyncio.run(work(AzureChatOpenAI(**{**unknown, "azure_deployment": "gpt-5-mini"})))


def test_langchain_tells_events_and_takes_every_method_of_structure(gateway):
    @tool
    def weather(city: str) -> str:
        """The weather in a city."""
        return city

    @tool
    def now() -> str:
        """The time."""
        return "noon"

    # Clients of the same settings share connections, which do not outlive their loop.
    settings = {"max_retries": 0, "timeout": 31}
    plain = ChatOpenAI(base_url=f"{gateway.url}/v1", api_key=KEY, model="gpt-5-mini", **settings)
    on_azure = AzureChatOpenAI(azure_endpoint=gateway.url, api_key=KEY, api_version="2024-10-21", azure_deployment="gpt-5-mini", **settings)
    responding = ChatOpenAI(base_url=f"{gateway.url}/v1", api_key=KEY, model="gpt-5-mini", use_responses_api=True, **settings)
    chats = (plain, on_azure, responding)

    async def told():
        bound = [chat.bind_tools([weather, now]) for chat in chats]
        return [[event async for event in chat.astream_events("How warm is it?", version="v2")] for chat in bound]

    for chat, events in zip(chats, asyncio.run(told())):
        assert (events[0]["event"], events[-1]["event"]) == ("on_chat_model_start", "on_chat_model_end")
        calls = events[-1]["data"]["output"].tool_calls
        assert [(call["name"], call["args"]) for call in calls] == [("weather", {"city": "Lisbon"}), ("weather", {"city": "Oslo"}), ("now", {})]
        answer = chat.with_structured_output(Weather, method="json_schema", include_raw=True).invoke("How warm is it?")
        assert answer["parsed"] == Weather(city="Lisbon", degrees=21) and answer["parsing_error"] is None
        assert answer["raw"].usage_metadata["input_token_details"]["cache_read"] == 32
        assert answer["raw"].usage_metadata["output_token_details"]["reasoning"] == 5
        forced = chat.bind_tools([weather, now], tool_choice="now", parallel_tool_calls=False).invoke("What time is it?")
        assert forced.tool_calls
        picture = [{"type": "text", "text": "What is it?"}, {"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBORw0KGgo="}}]
        assert chat.invoke([("human", picture)]).text == TEXT


def test_a_refusal_is_raised_or_told_where_a_form_was_wanted(client, azure):
    refused = [{"role": "user", "content": "Refuse."}]
    for one in (client, azure):
        message = one.chat.completions.parse(model="gpt-5-mini", messages=refused, response_format=Weather).choices[0].message
        assert message.parsed is None and message.refusal == "I cannot."
        with one.chat.completions.stream(model="gpt-5-mini", messages=refused, response_format=Weather) as stream:
            said = [event.delta for event in stream if event.type == "refusal.delta"]
        assert "".join(said) == "I cannot."


def test_the_clients_of_node(gateway):
    here = pathlib.Path(__file__).parent / "node"
    environment = {**os.environ, "GATEWAY": gateway.url, "GATEWAY_KEY": KEY}
    subprocess.run(["node", "--test", "--test-reporter=spec"], cwd=here, env=environment, check=True, timeout=300)
