"""The official OpenAI client against the real program: what it sends is understood, and what comes back it parses and raises as its own."""

import asyncio
import json
import math

import openai
import pytest

QUESTION = [{"role": "user", "content": "How many months of parental leave may parents take?"}]
HELLO = [{"role": "user", "content": "Say hello."}]


def test_models_are_listed_and_retrieved(client):
    names = [model.id for model in client.models.list()]
    assert {"groundwork", "scripted", "echo", "all-MiniLM-L6-v2"} <= set(names)
    assert client.models.retrieve("groundwork").object == "model"


def test_a_grounded_answer_names_its_source(client):
    answer = client.chat.completions.create(model="groundwork", messages=QUESTION)
    choice = answer.choices[0]
    assert choice.finish_reason == "stop"
    assert "fourteen months" in choice.message.content
    assert answer.usage.total_tokens == answer.usage.prompt_tokens + answer.usage.completion_tokens > 0
    cited = choice.message.annotations[0]
    assert cited.type == "url_citation"
    assert cited.url_citation.title and cited.url_citation.url
    source = cited.model_extra["citation"]
    assert (source["name"], source["section"], source["supported"]) == ("leave.md", ["Leave", "Parental leave"], True)
    assert "fourteen months" in source["text"]
    assert "fourteen months" in choice.message.model_extra["context"]["citations"][0]["content"]


def test_a_citation_spans_its_mark_in_the_text(client):
    message = client.chat.completions.create(model="groundwork", messages=QUESTION).choices[0].message
    for annotation in message.annotations:
        span = message.content[annotation.url_citation.start_index : annotation.url_citation.end_index]
        assert f"[{annotation.model_extra['citation']['id']}]" in span


def test_the_same_answer_streams(client):
    whole = client.chat.completions.create(model="groundwork", messages=QUESTION).choices[0].message.content
    text, annotations, finish, usage = "", [], None, None
    stream = client.chat.completions.create(model="groundwork", messages=QUESTION, stream=True, stream_options={"include_usage": True})
    for chunk in stream:
        usage = chunk.usage or usage
        for choice in chunk.choices:
            text += choice.delta.content or ""
            annotations += (choice.delta.model_extra or {}).get("annotations") or []
            finish = choice.finish_reason or finish
    assert text == whole
    assert finish == "stop"
    assert usage.completion_tokens > 0
    assert annotations[0]["citation"]["name"] == "leave.md"


def test_a_stream_shows_no_usage_to_those_who_did_not_ask(client):
    chunks = list(client.chat.completions.create(model="told", messages=HELLO, stream=True))
    assert all(chunk.usage is None for chunk in chunks)
    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices) == "It is forty euros [1]."


def test_the_streaming_helper_puts_the_answer_together(client):
    with client.chat.completions.stream(model="told", messages=HELLO) as stream:
        for _ in stream:
            pass
        final = stream.get_final_completion()
    assert final.choices[0].message.content == "It is forty euros [1]."


def test_a_model_behind_an_assistant_is_cited_and_checked(client):
    messages = [{"role": "user", "content": "How much is paid for meals on business travel?"}]
    message = client.chat.completions.create(model="scripted", messages=messages).choices[0].message
    assert "forty euros" in message.content
    assert message.annotations[0].model_extra["citation"]["name"]


def test_usage_of_a_target_is_passed_on(client):
    usage = client.chat.completions.create(model="told", messages=HELLO).usage
    assert (usage.prompt_tokens, usage.completion_tokens) == (12, 5)


def test_a_conversation_with_history_is_taken(client):
    messages = [{"role": "system", "content": "Be brief."}, *HELLO, {"role": "assistant", "content": "Hello."}, *QUESTION]
    assert "fourteen months" in client.chat.completions.create(model="groundwork", messages=messages).choices[0].message.content
    parts = [{"role": "user", "content": [{"type": "text", "text": QUESTION[0]["content"]}]}]
    assert "fourteen months" in client.chat.completions.create(model="groundwork", messages=parts).choices[0].message.content


def test_embeddings_are_vectors_of_length_one_in_the_order_of_the_texts(client):
    texts = ["parental leave", "train tickets", "time off for parents"]
    answer = client.embeddings.create(model="all-MiniLM-L6-v2", input=texts)
    vectors = [item.embedding for item in answer.data]
    assert [item.index for item in answer.data] == [0, 1, 2]
    assert all(len(vector) == 384 for vector in vectors)
    assert all(abs(math.hypot(*vector) - 1) < 1e-3 for vector in vectors)
    near, far = (sum(a * b for a, b in zip(vectors[0], other)) for other in (vectors[2], vectors[1]))
    assert near > far
    plain = client.embeddings.create(model="all-MiniLM-L6-v2", input=texts[0], encoding_format="float").data[0].embedding
    assert max(abs(a - b) for a, b in zip(plain, vectors[0])) < 1e-6
    assert answer.usage.prompt_tokens > 0


@pytest.mark.parametrize("stream", [False, True])
def test_an_unknown_model_is_not_found_also_before_a_stream(client, stream):
    with pytest.raises(openai.NotFoundError) as raised:
        client.chat.completions.create(model="nobody", messages=HELLO, stream=stream)
    assert (raised.value.code, raised.value.param, raised.value.type) == ("model_not_found", "model", "invalid_request_error")
    with pytest.raises(openai.NotFoundError):
        client.models.retrieve("nobody")
    with pytest.raises(openai.NotFoundError):
        client.embeddings.create(model="nobody", input="x")


def test_what_is_wrong_is_raised_as_the_clients_own_errors(client):
    with pytest.raises(openai.BadRequestError) as raised:
        client.chat.completions.create(model="groundwork", messages="hello")
    assert raised.value.param == "messages"
    with pytest.raises(openai.APIStatusError) as raised:
        client.chat.completions.create(model="groundwork", messages=[{"role": "user", "content": "x" * 200_000}])
    assert (raised.value.status_code, raised.value.code) == (413, "request_too_large")
    with pytest.raises(openai.RateLimitError) as raised:
        client.chat.completions.create(model="limited", messages=HELLO)
    assert raised.value.response.headers["retry-after-ms"] == "1000"
    assert raised.value.request_id


def test_an_error_in_mid_stream_is_raised_where_it_happens(client):
    text = ""
    with pytest.raises(openai.APIError, match="overheated"):
        for chunk in client.chat.completions.create(model="breaking", messages=HELLO, stream=True):
            text += chunk.choices[0].delta.content or ""
    assert text == "one "


def test_the_async_client_does_the_same(async_client):
    async def work():
        whole, vector = await asyncio.gather(
            async_client.chat.completions.create(model="groundwork", messages=QUESTION),
            async_client.embeddings.create(model="all-MiniLM-L6-v2", input="leave"),
        )
        assert "fourteen months" in whole.choices[0].message.content
        assert len(vector.data[0].embedding) == 384
        stream = await async_client.chat.completions.create(model="groundwork", messages=QUESTION, stream=True)
        text = "".join([chunk.choices[0].delta.content or "" async for chunk in stream if chunk.choices])
        assert text == whole.choices[0].message.content

    asyncio.run(work())


def test_many_at_once_are_all_answered(async_client):
    async def work():
        asked = (async_client.chat.completions.create(model="groundwork", messages=QUESTION) for _ in range(16))
        return [answer.choices[0].message.content for answer in await asyncio.gather(*asked)]

    assert len(set(asyncio.run(work()))) == 1


def test_a_client_that_hangs_up_leaves_the_server_well(client):
    stream = client.chat.completions.create(model="groundwork", messages=QUESTION, stream=True)
    next(iter(stream))
    stream.close()
    assert client.models.list().data


@pytest.mark.parametrize("body", [b"", b"{", b"null", b"[1,2]", b'{"model":"groundwork"}', b"\xff\xfe\x00", b'{"model":"groundwork","messages":[{}]}'])
def test_garbage_is_a_400_in_openais_shape(server, body):
    status, headers, answer = server.request("POST", "/v1/chat/completions", body, {"content-type": "application/json"})
    error = json.loads(answer)["error"]
    assert status == 400
    assert error["type"] == "invalid_request_error" and error["message"]
    assert headers["x-request-id"]
