"""What is passed through, by every one of the official clients that has it: completions, moderations, pictures, sound; and the same under
Azure's names, sync and async."""

import asyncio
import base64
import io
import json
import urllib.request

import openai
import pytest
from conftest import running
from openapi_spec_validator import validate
from upstream import SOUND

KEY = "gw-passed-key-0123456789"
TEXT = "Grüße aus Köln 👋"
ASK = [{"role": "user", "content": "Greet me."}]
VERSION = {"api_version": "2024-10-21"}


@pytest.fixture(scope="module")
def gateway(scripted, tmp_path_factory):
    settings = f"""
[[targets]]
kind = "openai"
name = "scripted"
base_url = "http://127.0.0.1:{scripted.server_address[1]}/v1"
"""
    declared = """
[models.theirs]
deployments = [{ target = "scripted", model = "m" }]
[models.omni-moderation-latest]
deployments = [{ target = "scripted", model = "omni" }]
[keys.clients]
value = { env = "CLIENT_KEY" }
role = "admin"
"""
    with running(tmp_path_factory.mktemp("passed"), settings, declared, {"CLIENT_KEY": KEY}) as server:
        yield server


def sync_clients(gateway):
    common = {"api_key": KEY, "max_retries": 0, "timeout": 30}
    return [
        openai.OpenAI(base_url=f"{gateway.url}/v1", **common),
        openai.OpenAI(base_url=f"{gateway.url}/openai/v1/", **common),
        openai.AzureOpenAI(azure_endpoint=gateway.url, **VERSION, **common),
    ]


def async_clients(gateway):
    common = {"api_key": KEY, "max_retries": 0, "timeout": 30}
    return [
        openai.AsyncOpenAI(base_url=f"{gateway.url}/v1", **common),
        openai.AsyncAzureOpenAI(azure_endpoint=gateway.url, **VERSION, **common),
        openai.AsyncOpenAI(base_url=f"{gateway.url}/openai/v1/", **common),
    ]


def test_completions_whole_and_streamed(gateway, scripted):
    for client in sync_clients(gateway):
        whole = client.completions.create(model="theirs", prompt="Greet", extra_body={"x_new": 1.5})
        assert whole.choices[0].text == "Grüße aus Köln" and whole.usage.total_tokens == 5
        assert scripted.seen[-1][2] == {"model": "m", "prompt": "Greet", "x_new": 1.5}
        chunks = list(client.completions.create(model="theirs", prompt="Greet", stream=True))
        assert "".join(choice.text for chunk in chunks for choice in chunk.choices) == "Grüße aus Köln"
        assert all(chunk.choices for chunk in chunks), "usage is shown to who asked only"
        asked = list(client.completions.create(model="theirs", prompt="Greet", stream=True, stream_options={"include_usage": True}))
        assert asked[-1].usage.total_tokens == 5


def test_moderations_with_and_without_a_model(gateway, scripted):
    for client in sync_clients(gateway):
        assert client.moderations.create(model="theirs", input="a").results[0].flagged is False
        assert scripted.seen[-1][2]["model"] == "m"
    assert sync_clients(gateway)[0].moderations.create(input="a").model == "omni"


def test_pictures_are_made_changed_and_varied(gateway, scripted):
    for client in sync_clients(gateway):
        made = client.images.generate(model="theirs", prompt="a cat")
        assert base64.b64decode(made.data[0].b64_json) == b"a picture" and made.usage.total_tokens == 12
        changed = client.images.edit(model="theirs", prompt="a dog", image=("cat.png", io.BytesIO(b"\x89PNG" + bytes(range(256)))))
        assert base64.b64decode(changed.data[0].b64_json) == b"a picture"
        form = scripted.seen[-1][2]
        assert b'name="model"\r\n\r\nm\r\n' in form and bytes(range(256)) in form and b"a dog" in form
    varied = sync_clients(gateway)[0].images.create_variation(model="theirs", image=("cat.png", io.BytesIO(b"\x89PNG")))
    assert varied.created == 1767225600


def test_sound_is_spoken_and_written_down_byte_for_byte(gateway):
    for client in sync_clients(gateway):
        spoken = client.audio.speech.create(model="theirs", voice="alloy", input="Hello")
        assert spoken.content == SOUND and spoken.response.headers["content-type"] == "audio/mpeg"
        with client.audio.speech.with_streaming_response.create(model="theirs", voice="alloy", input="Hello") as stream:
            assert b"".join(stream.iter_bytes()) == SOUND
        file = ("a.mp3", io.BytesIO(SOUND))
        assert client.audio.transcriptions.create(model="theirs", file=file).text == "Grüße aus Köln"
        assert "-->" in client.audio.transcriptions.create(model="theirs", file=("a.mp3", io.BytesIO(SOUND)), response_format="srt")
        assert client.audio.translations.create(model="theirs", file=("a.mp3", io.BytesIO(SOUND))).text == "Grüße aus Köln"


def test_the_async_clients_of_openai_and_azure_reach_all_of_it(gateway):
    async def work(client):
        async with client:
            chat, made, spoken, written, text, flagged, vectors, models = await asyncio.gather(
                client.chat.completions.create(model="theirs", messages=ASK),
                client.images.generate(model="theirs", prompt="a cat"),
                client.audio.speech.create(model="theirs", voice="alloy", input="Hello"),
                client.audio.transcriptions.create(model="theirs", file=("a.mp3", io.BytesIO(SOUND))),
                client.completions.create(model="theirs", prompt="Greet"),
                client.moderations.create(model="theirs", input="a"),
                client.embeddings.create(model="theirs", input=["a", "b"]),
                client.models.list(),
            )
            assert chat.choices[0].message.content == TEXT and made.data[0].b64_json and spoken.content == SOUND
            assert written.text and text.choices[0].text and flagged.results
            assert [one.embedding for one in vectors.data] == [[0.0, 0.5, -1.25], [1.0, 0.5, -1.25]]
            assert "theirs" in [model.id for model in models.data]
            stream = await client.chat.completions.create(model="theirs", messages=ASK, stream=True)
            assert "".join([chunk.choices[0].delta.content or "" async for chunk in stream]).strip() == TEXT
            parts = [chunk.choices[0].text async for chunk in await client.completions.create(model="theirs", prompt="a", stream=True)]
            assert "".join(parts) == "Grüße aus Köln"
            with pytest.raises(openai.NotFoundError) as unknown:
                await client.embeddings.create(model="nobody", input="a")
            assert unknown.value.code == "model_not_found"

    for client in async_clients(gateway):
        asyncio.run(work(client))


def test_a_picture_that_comes_again_under_its_key_is_not_made_again(gateway, scripted):
    client = sync_clients(gateway)[0]
    key = {"extra_headers": {"Idempotency-Key": "picture-1"}}

    def change(prompt):
        # The client makes up another boundary each time.
        return client.images.with_raw_response.edit(model="theirs", prompt=prompt, image=("cat.png", io.BytesIO(b"\x89PNG")), **key)

    before = len(scripted.seen)
    first, again = change("a dog"), change("a dog")
    assert first.text == again.text and again.headers["idempotent-replayed"] == "true" and len(scripted.seen) == before + 1
    with pytest.raises(openai.ConflictError) as reused:
        change("a cow")
    assert reused.value.code == "idempotency_key_reused"


def test_sound_that_comes_again_under_its_key_is_the_same_to_the_last_byte(gateway):
    client = sync_clients(gateway)[0]
    speak = {"model": "theirs", "voice": "alloy", "input": "Hello", "extra_headers": {"Idempotency-Key": "sound-1"}}
    assert [client.audio.speech.create(**speak).content for _ in range(2)] == [SOUND, SOUND]


def test_what_was_passed_is_in_the_ledger(gateway):
    request = urllib.request.Request(f"{gateway.url}/admin/v1/calls?limit=900", headers={"api-key": KEY})
    calls = json.load(urllib.request.urlopen(request))["data"]
    used = {(call["operation"], call["input_tokens"], call["output_tokens"]) for call in calls}
    assert {("completions", 3, 2), ("images", 5, 7)} <= used and {"audio", "moderations"} <= {call["operation"] for call in calls}


def test_the_surface_is_described_in_valid_openapi(gateway):
    request = urllib.request.Request(f"{gateway.url}/openapi.json", headers={"api-key": KEY})
    document = json.load(urllib.request.urlopen(request))
    validate(document)
    models = document["paths"]["/v1/models"]["get"]
    assert {parameter["name"] for parameter in models["parameters"]} == {"limit", "after", "order"}
    body = document["paths"]["/v1/chat/completions"]["post"]["requestBody"]["content"]["application/json"]["schema"]
    assert "messages" in document["components"]["schemas"][body["$ref"].rsplit("/", 1)[1]]["required"]
