"""Responses and conversations, as the official clients use them: against a model that speaks them, and against one that only chats."""

import asyncio
import json
import time

import openai
import pydantic
import pytest
from conftest import running
from langchain_core.tools import tool
from langchain_openai import ChatOpenAI

KEY = "gw-test-key-of-the-responses-01"
TEXT = "Grüße aus Köln 👋"
WEATHER = {
    "type": "function",
    "name": "weather",
    "description": "The weather in a city.",
    "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"], "additionalProperties": False},
    "strict": True,
}
CITIES = ['{"city":"Lisbon"}', '{"city":"Oslo"}']
# One speaks responses itself, the other is asked in chat.
MODELS = ["gpt-5-mini", "chatting"]


@pytest.fixture(scope="module")
def gateway(scripted, tmp_path_factory):
    base = f"http://127.0.0.1:{scripted.server_address[1]}/v1"
    settings = f"""
[[targets]]
kind = "openai"
name = "responding"
base_url = "{base}"
apis = ["responses"]
[[targets]]
kind = "openai"
name = "chatting"
base_url = "{base}"
[[targets]]
kind = "fake"
name = "echo"
[[targets]]
kind = "fake"
name = "slow"
[[targets.script.answers]]
pieces = ["one ", "two ", "three ", "four"]
chunk_ms = 150
[[targets]]
kind = "fake"
name = "breaking"
[[targets.script.answers]]
pieces = ["one ", "two"]
fault = {{ kind = "error", after = 1, message = "the target overheated" }}
"""
    declared = """
[models."gpt-5-mini"]
deployments = [{ target = "responding", model = "gpt-5-mini" }]
[models.failing]
deployments = [{ target = "responding", model = "failing" }]
[models.limited]
deployments = [{ target = "responding", model = "limited" }]
[models.chatting]
deployments = [{ target = "chatting", model = "gpt-4o" }]
[models.echo]
deployments = [{ target = "echo" }]
[models.slow]
deployments = [{ target = "slow" }]
[models.breaking]
deployments = [{ target = "breaking" }]
[keys.clients]
value = { env = "CLIENT_KEY" }
[keys.others]
value = { env = "OTHER_KEY" }
"""
    environment = {"CLIENT_KEY": KEY, "OTHER_KEY": KEY.replace("01", "02")}
    with running(tmp_path_factory.mktemp("responses"), settings, declared, environment) as server:
        yield server


def clients(gateway, key=KEY):
    settings = {"api_key": key, "max_retries": 0, "timeout": 30}
    plain = openai.OpenAI(base_url=f"{gateway.url}/v1", **settings)
    return plain, openai.AzureOpenAI(azure_endpoint=gateway.url, api_version="2025-04-01-preview", **settings)


@pytest.fixture
def client(gateway):
    return clients(gateway)[0]


@pytest.fixture(params=["openai", "azure", "azure v1"])
def any_client(gateway, request):
    plain, azure = clients(gateway)
    v1 = openai.OpenAI(base_url=f"{gateway.url}/openai/v1/", api_key=KEY, max_retries=0, timeout=30)
    return {"openai": plain, "azure": azure, "azure v1": v1}[request.param]


@pytest.mark.parametrize("model", MODELS)
def test_a_response_is_made_found_and_deleted(any_client, model):
    made = any_client.responses.create(model=model, input="Greet me.", metadata={"team": "a"}, instructions="Be kind.")
    assert made.output_text == TEXT and made.status == "completed" and made.metadata == {"team": "a"} and made.instructions == "Be kind."
    assert made.usage.input_tokens == 42 and made.usage.output_tokens_details.reasoning_tokens == 5 and made.usage.total_tokens == 59
    assert made.id.startswith("resp_") and made.error is None and made.store is True
    assert any_client.responses.retrieve(made.id).model_dump() == made.model_dump()
    items = list(any_client.responses.input_items.list(made.id))
    assert len(items) == 1 and items[0].role == "user" and items[0].content[0].text == "Greet me."
    any_client.responses.delete(made.id)
    with pytest.raises(openai.NotFoundError):
        any_client.responses.retrieve(made.id)


def test_what_is_sent_upstream_is_whole_and_nothing_is_to_be_kept_there(client, scripted):
    first = client.responses.create(model="gpt-5-mini", input="one", extra_body={"x_new": [1, 2.50]})
    client.responses.create(model="gpt-5-mini", input="two", previous_response_id=first.id, store=False)
    sent = scripted.seen[-1][2]
    assert sent["store"] is False and "previous_response_id" not in sent
    assert [item.get("role") for item in sent["input"]] == ["user", "assistant", "user"]
    assert scripted.seen[-2][2]["x_new"] == [1, 2.50] and first.model_extra["x_new"] == {"deep": [1, 2.50]}


@pytest.mark.parametrize("model", MODELS)
def test_a_stream_is_put_together_by_the_client(any_client, model):
    with any_client.responses.stream(model=model, input="Greet me.") as stream:
        events = list(stream)
        final = stream.get_final_response()
    assert final.output_text.strip() == TEXT
    assert [event.sequence_number for event in events] == list(range(len(events)))
    kinds = [event.type for event in events]
    assert kinds[0] == "response.created" and kinds[-1] == "response.completed"
    again = list(any_client.responses.retrieve(final.id, stream=True, starting_after=3))
    assert [event.sequence_number for event in again] == list(range(4, len(events)))
    assert again[-1].response.output_text == final.output_text
    assert any_client.responses.retrieve(final.id).output_text == final.output_text


@pytest.mark.parametrize("model", MODELS)
def test_calls_of_tools_go_round(client, model):
    question = [{"role": "user", "content": "How warm is it?"}]
    with client.responses.stream(model=model, input=question, tools=[WEATHER]) as stream:
        streamed = stream.get_final_response()
    whole = client.responses.create(model=model, input=question, tools=[WEATHER])
    for response in (streamed, whole):
        calls = [item for item in response.output if item.type == "function_call"]
        assert [call.arguments for call in calls] == CITIES
        results = [{"type": "function_call_output", "call_id": call.call_id, "output": "21"} for call in calls]
        by_id = client.responses.create(model=model, input=results, tools=[WEATHER], previous_response_id=response.id)
        by_items = client.responses.create(model=model, input=[*question, *response.output, *results], tools=[WEATHER])
        assert by_id.output_text == by_items.output_text == "It is 21 degrees."


class Weather(pydantic.BaseModel):
    city: str
    degrees: int


@pytest.mark.parametrize("model", MODELS)
def test_a_structured_answer_is_parsed(client, model):
    parsed = client.responses.parse(model=model, input="How warm is it?", text_format=Weather)
    assert parsed.output_parsed == Weather(city="Lisbon", degrees=21)
    with client.responses.stream(model=model, input="How warm is it?", text_format=Weather) as stream:
        assert stream.get_final_response().output_parsed == Weather(city="Lisbon", degrees=21)


def test_what_a_model_thought_comes_back_to_it(client, scripted):
    asked = {"model": "gpt-5-mini", "reasoning": {"effort": "low", "summary": "auto"}}
    first = client.responses.create(input="one", **asked)
    thought = first.output[0]
    assert thought.type == "reasoning" and thought.summary[0].text == "It thinks." and thought.encrypted_content is None
    client.responses.create(input=[{"role": "user", "content": "one"}, *first.output, {"role": "user", "content": "two"}], **asked)
    assert scripted.seen[-1][2]["input"][1]["encrypted_content"].startswith("sealed-")
    shown = client.responses.create(input="two", previous_response_id=first.id, include=["reasoning.encrypted_content"], **asked)
    assert shown.output[0].encrypted_content.startswith("sealed-")
    assert client.responses.retrieve(shown.id, include=["reasoning.encrypted_content"]).output[0].encrypted_content.startswith("sealed-")
    assert client.responses.retrieve(shown.id).output[0].encrypted_content is None


def test_a_response_in_the_background_is_waited_for_read_along_and_cancelled(client):
    queued = client.responses.create(model="slow", input="q", background=True)
    assert queued.status == "queued" and queued.background is True
    deadline = time.monotonic() + 20
    while (found := client.responses.retrieve(queued.id)).status in ("queued", "in_progress"):
        assert time.monotonic() < deadline
    assert found.status == "completed" and found.output_text == "one two three four"

    stream = client.responses.create(model="slow", input="q", background=True, stream=True)
    seen = []
    for event in stream:
        seen.append(event)
        if event.type == "response.output_text.delta":
            break
    stream.close()
    assert seen[0].response.status == "queued"
    rest = list(client.responses.retrieve(seen[0].response.id, stream=True, starting_after=seen[-1].sequence_number))
    numbers = [event.sequence_number for event in seen + rest]
    assert numbers == list(range(len(numbers))) and rest[-1].type == "response.completed"
    assert rest[-1].response.output_text == "one two three four"
    with client.responses.stream(response_id=seen[0].response.id, starting_after=2) as resumed:
        assert resumed.get_final_response().output_text == "one two three four"

    doomed = client.responses.create(model="slow", input="q", background=True)
    assert client.responses.cancel(doomed.id).status == "cancelled"
    assert client.responses.retrieve(doomed.id).status == "cancelled"
    with pytest.raises(openai.BadRequestError):
        client.responses.cancel(client.responses.create(model="echo", input="q").id)


def test_a_stream_that_breaks_ends_with_a_failure(client):
    events = list(client.responses.create(model="breaking", input="q", stream=True))
    assert [event.sequence_number for event in events] == list(range(len(events)))
    error, failed = events[-2:]
    assert error.type == "error" and "overheated" in error.message
    assert failed.type == "response.failed" and failed.response.status == "failed" and "overheated" in failed.response.error.message
    assert client.responses.retrieve(failed.response.id).status == "failed"


def test_a_response_that_fails_at_its_target_is_answered_as_one_that_failed(client, gateway):
    made = client.responses.create(model="failing", input="q")
    assert (made.status, made.error.code, made.error.message) == ("failed", "server_error", "The target is out of order.")
    assert made.id != "resp_upstream" and made.model_extra["x_new"] == {"deep": [1, 2.5]}
    assert client.responses.retrieve(made.id) == made
    with pytest.raises(openai.InternalServerError) as failed:
        client.chat.completions.create(model="failing", messages=[{"role": "user", "content": "q"}])
    assert failed.value.body == {"message": "The target is out of order.", "type": "server_error", "param": None, "code": "server_error"}
    body = b'{"model":"failing","input":"q"}'
    named = {"authorization": f"Bearer {KEY}", "content-type": "application/json", "idempotency-key": "again"}
    ids = []
    for _ in range(2):
        status, headers, answer = gateway.request("POST", "/v1/responses", body, named)
        assert status == 200 and headers["x-groundwork-call"] and headers["idempotent-replayed"] is None
        ids.append(json.loads(answer)["id"])
    assert ids[0] != ids[1], "who asks again wants another"


def test_a_refusal_in_the_first_frames_is_the_clients_own_error(client):
    with pytest.raises(openai.RateLimitError) as limited:
        client.responses.create(model="limited", input="q", stream=True)
    assert limited.value.code == "rate_limit_exceeded" and "Slow down." in limited.value.message


def test_a_response_that_fails_in_the_background_says_why(client):
    queued = client.responses.create(model="failing", input="q", background=True)
    deadline = time.monotonic() + 20
    while (made := client.responses.retrieve(queued.id)).status in ("queued", "in_progress"):
        assert time.monotonic() < deadline
    assert made.status == "failed" and made.error.code == "server_error" and made.error.message == "The target is out of order."


def test_conversations_go_on(any_client):
    message = {"type": "message", "role": "user", "content": "Remember 42."}
    made = any_client.conversations.create(metadata={"a": "b"}, items=[message])
    assert made.id.startswith("conv_") and made.metadata == {"a": "b"}
    first = any_client.responses.create(model="echo", input="one", conversation=made.id)
    assert first.conversation.id == made.id and "Remember 42." in first.output_text
    second = any_client.responses.create(model="echo", input="two", conversation={"id": made.id})
    assert "Remember 42." in second.output_text and "one" in second.output_text
    items = list(any_client.conversations.items.list(made.id, limit=2, order="asc"))
    assert len(items) == 5 and items[0].content[0].text == "Remember 42."
    assert [item.id for item in any_client.conversations.items.list(made.id)] == [item.id for item in reversed(items)]
    added = any_client.conversations.items.create(made.id, items=[{"role": "user", "content": "three"}])
    found = any_client.conversations.items.retrieve(added.data[0].id, conversation_id=made.id)
    assert found.content[0].text == "three" and found.id == added.data[0].id
    assert any_client.conversations.items.delete(found.id, conversation_id=made.id).id == made.id
    assert any_client.conversations.update(made.id, metadata={"c": "d"}).metadata == {"c": "d"}
    assert any_client.conversations.retrieve(made.id).metadata == {"c": "d"}
    assert any_client.conversations.delete(made.id).deleted is True
    with pytest.raises(openai.NotFoundError):
        any_client.conversations.retrieve(made.id)


def test_tokens_are_counted_and_a_long_dialogue_is_compacted(client):
    first = client.responses.create(model="gpt-5-mini", input="one")
    counted = client.responses.input_tokens.count(model="gpt-5-mini", input="two", previous_response_id=first.id)
    assert counted.object == "response.input_tokens" and counted.input_tokens == 21
    assert client.responses.input_tokens.count(model="chatting", input="two").input_tokens > 0
    compacted = client.responses.compact(model="gpt-5-mini", input="two", previous_response_id=first.id)
    assert compacted.output[0].type == "compaction" and compacted.output[0].encrypted_content == "3 items"
    with pytest.raises(openai.BadRequestError):
        client.responses.compact(model="chatting", input="two")


def test_errors_are_the_clients_own_types(client, gateway):
    with pytest.raises(openai.BadRequestError) as unknown:
        client.responses.create(model="echo", input="q", previous_response_id="resp_nowhere")
    assert unknown.value.param == "previous_response_id" and unknown.value.code == "previous_response_not_found"
    with pytest.raises(openai.NotFoundError):
        client.responses.create(model="no-such-model", input="q", stream=True)
    for wrong in [{"input": [{"role": "pope", "content": "q"}]}, {"temperature": 7}, {"background": True, "store": False}]:
        with pytest.raises(openai.BadRequestError) as refused:
            client.responses.create(**{"model": "echo", "input": "q", **wrong})
        assert refused.value.param
    made = client.responses.create(model="echo", input="q")
    stranger = clients(gateway, KEY.replace("01", "02"))[0]
    for reach in (stranger.responses.retrieve, stranger.responses.delete, stranger.responses.cancel):
        with pytest.raises(openai.NotFoundError):
            reach(made.id)
    assert client.responses.retrieve(made.id).id == made.id


def test_the_async_client_does_the_same(gateway):
    async def ask():
        async with openai.AsyncOpenAI(base_url=f"{gateway.url}/v1", api_key=KEY, max_retries=0, timeout=30) as client:
            made = await asyncio.gather(*(client.responses.create(model="gpt-5-mini", input="Greet me.") for _ in range(20)))
            async with client.responses.stream(model="gpt-5-mini", input="Greet me.") as stream:
                final = await stream.get_final_response()
            return {one.output_text for one in made}, len({one.id for one in made}), final.output_text

    assert asyncio.run(ask()) == ({TEXT}, 20, TEXT)


@pytest.mark.parametrize("model", MODELS)
def test_langchain_talks_in_responses(gateway, model):
    @tool
    def weather(city: str) -> str:
        """The weather in a city."""
        return city

    chat = ChatOpenAI(base_url=f"{gateway.url}/v1", api_key=KEY, model=model, max_retries=0, timeout=30, use_responses_api=True)
    assert chat.invoke("Greet me.").text == TEXT
    assert "".join(chunk.text for chunk in chat.stream("Greet me.")).strip() == TEXT
    bound = chat.bind_tools([weather])
    streamed = None
    for chunk in bound.stream("How warm is it?"):
        streamed = chunk if streamed is None else streamed + chunk
    for message in (bound.invoke("How warm is it?"), streamed):
        assert [call["args"] for call in message.tool_calls] == [{"city": "Lisbon"}, {"city": "Oslo"}]
    assert chat.with_structured_output(Weather).invoke("How warm is it?") == Weather(city="Lisbon", degrees=21)
    going_on = ChatOpenAI(
        base_url=f"{gateway.url}/v1", api_key=KEY, model="echo", max_retries=0, timeout=30, use_responses_api=True, use_previous_response_id=True
    )
    first = going_on.invoke("one")
    assert "one" in going_on.invoke([("human", "one"), first, ("human", "two")]).text
