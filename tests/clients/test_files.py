"""Files, uploads and stored completions by OpenAI's official clients: each for its owner, and never with the target."""

import asyncio
import contextlib
import hashlib
import io
import json
import os
import socket
import sqlite3
import time
import urllib.parse

import openai
import pytest
from conftest import running
from upstream import USAGE

KEY, OTHER = "gw-files-key-0123456789", "gw-files-other-0123456789"
ASK = [{"role": "user", "content": "Greet me."}]
TEXT = "Grüße aus Köln 👋"
NOTE = b"# Parking\n\nBicycles stand in the yard.\n"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("files")


@pytest.fixture(scope="module")
def gateway(scripted, folder):
    settings = f"""
[[targets]]
kind = "openai"
name = "scripted"
base_url = "http://127.0.0.1:{scripted.server_address[1]}/v1"
"""
    declared = """
[models."gpt-5-mini"]
deployments = [{ target = "scripted", model = "gpt-5-mini" }]
[models.embedder]
deployments = [{ target = "scripted", model = "text-embedding-3-small" }]
[keys.owner]
value = { env = "OWNER_KEY" }
role = "admin"
[keys.other]
value = { env = "OTHER_KEY" }
"""
    with running(folder, settings, declared, {"OWNER_KEY": KEY, "OTHER_KEY": OTHER}) as server:
        yield server


def openai_client(gateway, key=KEY, path="/v1"):
    return openai.OpenAI(base_url=f"{gateway.url}{path}", api_key=key, max_retries=0, timeout=60)


def azure_client(gateway):
    return openai.AzureOpenAI(azure_endpoint=gateway.url, api_key=KEY, api_version="2024-10-21", max_retries=0, timeout=60)


@pytest.fixture
def client(gateway):
    return openai_client(gateway)


@pytest.fixture
def other(gateway):
    return openai_client(gateway, OTHER)


@pytest.fixture(params=["openai", "azure", "azure v1"])
def any_client(gateway, request):
    made = {"openai": openai_client, "azure": azure_client, "azure v1": lambda gateway: openai_client(gateway, path="/openai/v1/")}
    return made[request.param](gateway)


def post(gateway, path, body, **headers):
    named = {"authorization": f"Bearer {KEY}", **{name.replace("_", "-"): value for name, value in headers.items()}}
    return gateway.request("POST", path, body, named)


def kept(folder):
    """All that lies where contents are kept."""
    return {path.name for path in (folder / "data" / "files").rglob("*") if path.is_file()}


def test_a_file_lives_from_its_upload_to_its_deletion(any_client, tmp_path):
    path = tmp_path / "note.md"
    path.write_bytes(NOTE)
    for given in (path, open(path, "rb"), ("note.md", io.BytesIO(NOTE), "text/markdown"), ("note.md", NOTE)):
        file = any_client.files.create(file=given, purpose="user_data")
        assert (file.object, file.filename, file.bytes, file.purpose, file.status) == ("file", "note.md", len(NOTE), "user_data", "processed")
        assert file.id.startswith("file-") and file.expires_at is None and file.created_at > 1_700_000_000
        assert any_client.files.retrieve(file.id) == file
        assert any_client.files.wait_for_processing(file.id) == file
        content = any_client.files.content(file.id)
        assert content.read() == NOTE and content.response.headers["content-length"] == str(len(NOTE))
        assert content.response.headers["content-disposition"].startswith("attachment")
        gone = any_client.files.delete(file.id)
        assert (gone.id, gone.object, gone.deleted) == (file.id, "file", True)
        for again in (any_client.files.retrieve, any_client.files.content, any_client.files.delete):
            with pytest.raises(openai.NotFoundError, match="No such File"):
                again(file.id)


def test_lists_of_files_page_in_either_order_and_end(client):
    made = [client.files.create(file=(f"{number}.txt", b"x"), purpose="vision").id for number in range(5)]
    assert [file.id for file in client.files.list(purpose="vision", limit=2)] == made[::-1]
    assert [file.id for file in client.files.list(purpose="vision", limit=2, order="asc")] == made
    page = client.files.list(purpose="vision", limit=2, after=made[3])
    assert ([file.id for file in page.data], page.has_more) == ([made[2], made[1]], True)
    client.files.delete(made[1])
    assert [file.id for file in client.files.list(purpose="vision", after=made[1])] == [made[0]], "a page begins after what is gone"
    assert set(made) - {made[1]} <= {file.id for file in client.files.list()}
    for wrong, param in (
        ({"limit": 0}, "limit"),
        ({"limit": 10_001}, "limit"),
        ({"order": "up"}, "order"),
        ({"purpose": "none"}, "purpose"),
        ({"after": "nobody"}, "after"),
    ):
        with pytest.raises(openai.BadRequestError) as refused:
            client.files.list(**wrong)
        assert refused.value.param == param
    for file in client.files.list(purpose="vision"):
        client.files.delete(file.id)
    page = client.files.list(purpose="vision")
    assert page.data == [] and not page.has_more


def test_a_file_may_say_how_long_it_lives(client, gateway):
    file = client.files.create(file=("a.txt", b"x"), purpose="user_data", expires_after={"anchor": "created_at", "seconds": 3600})
    assert file.expires_at == file.created_at + 3600
    batch = client.files.create(file=("a.jsonl", b"{}"), purpose="batch")
    assert batch.expires_at == batch.created_at + 30 * 24 * 3600
    for wrong in ({"anchor": "created_at", "seconds": 10}, {"anchor": "now", "seconds": 3600}, {"seconds": 3600}):
        with pytest.raises(openai.BadRequestError) as refused:
            client.files.create(file=("a.txt", b"x"), purpose="user_data", expires_after=wrong)
        assert refused.value.param.startswith("expires_after")
    form = b'--b\r\ncontent-disposition: form-data; name="file"; filename="a"\r\n\r\nx\r\n'
    form += b"".join(
        b'--b\r\ncontent-disposition: form-data; name="%s"\r\n\r\n%s\r\n' % pair
        for pair in ((b"purpose", b"batch"), (b"expires_after.anchor", b"created_at"), (b"expires_after.seconds", b"7200"))
    )
    status, _, answer = post(gateway, "/openai/v1/files", form + b"--b--\r\n", content_type="multipart/form-data; boundary=b")
    answer = json.loads(answer)
    assert status == 200 and answer["expires_at"] == answer["created_at"] + 7200, "as Azure's documentation writes it"


def test_what_is_somebody_elses_does_not_exist(client, other):
    file = client.files.create(file=("secret.txt", b"secret"), purpose="assistants")
    upload = client.uploads.create(filename="s", purpose="assistants", bytes=4, mime_type="text/plain")
    stored = client.chat.completions.create(model="gpt-5-mini", messages=ASK, store=True)
    assert file.id not in [one.id for one in other.files.list()]
    assert stored.id not in [one.id for one in other.chat.completions.list()]
    for call in (
        lambda: other.files.retrieve(file.id),
        lambda: other.files.content(file.id),
        lambda: other.files.delete(file.id),
        lambda: other.uploads.parts.create(upload.id, data=b"x"),
        lambda: other.uploads.complete(upload.id, part_ids=["part_x"]),
        lambda: other.uploads.cancel(upload.id),
        lambda: other.batches.create(input_file_id=file.id, endpoint="/v1/chat/completions", completion_window="24h"),
        lambda: other.chat.completions.retrieve(stored.id),
        lambda: other.chat.completions.messages.list(stored.id),
        lambda: other.chat.completions.update(stored.id, metadata={"a": "b"}),
        lambda: other.chat.completions.delete(stored.id),
    ):
        with pytest.raises(openai.NotFoundError) as refused:
            call()
        assert refused.value.type == "invalid_request_error" and refused.value.code and refused.value.param
    assert client.files.content(file.id).read() == b"secret"
    assert client.chat.completions.retrieve(stored.id).id == stored.id


def test_a_file_becomes_a_document_by_its_id_for_its_owner_only(client, other, gateway):
    path = "/admin/v1/knowledge-bases/default/documents"
    attach = lambda body: post(gateway, path, json.dumps(body).encode(), content_type="application/json")
    file = client.files.create(file=("parking.md", NOTE), purpose="user_data")
    status, _, document = attach({"file_id": file.id})
    document = json.loads(document)
    assert status == 201 and (document["name"], document["bytes"], document["status"]) == ("parking.md", len(NOTE), "live")
    status, _, again = attach({"file_id": file.id, "source": "elsewhere.md"})
    assert status == 201 and json.loads(again)["source"] == "elsewhere.md"
    foreign = other.files.create(file=("a.md", NOTE), purpose="user_data")
    batch = client.files.create(file=("a.jsonl", b"{}"), purpose="batch")
    for body, expected, param in (
        ({"file_id": foreign.id}, 404, "file_id"),
        ({"file_id": "file-none"}, 404, "file_id"),
        ({"file_id": batch.id}, 400, "file_id"),
        ({"file_id": 7}, 400, "file_id"),
        ({}, 400, None),
    ):
        status, _, answer = attach(body)
        assert (status, json.loads(answer)["error"]["param"]) == (expected, param), answer
    status, _, answer = post(gateway, f"{path}?name=a.json", b'{"file_id": "is only text here"}', content_type="application/json")
    assert status == 201, answer


def test_an_upload_is_put_together_in_the_order_that_is_asked(any_client):
    upload = any_client.uploads.create(filename="long.txt", purpose="assistants", bytes=11, mime_type="text/plain")
    assert (upload.status, upload.object, upload.expires_at) == ("pending", "upload", upload.created_at + 3600)
    world, hello = (any_client.uploads.parts.create(upload.id, data=data) for data in (b"world", b"hello "))
    assert (hello.object, hello.upload_id) == ("upload.part", upload.id)
    digest = hashlib.md5(b"hello world").hexdigest()
    done = any_client.uploads.complete(upload.id, part_ids=[hello.id, world.id], md5=digest)
    assert done.status == "completed" and (done.file.filename, done.file.bytes) == ("long.txt", 11)
    assert any_client.files.content(done.file.id).read() == b"hello world"
    for late in (
        lambda: any_client.uploads.parts.create(upload.id, data=b"x"),
        lambda: any_client.uploads.complete(upload.id, part_ids=[hello.id, world.id]),
        lambda: any_client.uploads.cancel(upload.id),
    ):
        with pytest.raises(openai.BadRequestError, match="completed"):
            late()


def test_an_upload_that_is_not_what_was_announced_is_refused_and_can_be_mended(client):
    upload = client.uploads.create(filename="a.txt", purpose="user_data", bytes=4, mime_type="text/plain")
    part, wrong = (client.uploads.parts.create(upload.id, data=data) for data in (b"abcd", b"abc"))
    for part_ids, md5, param in (
        ([], None, "part_ids"),
        ([wrong.id], None, "part_ids"),
        ([part.id, part.id], None, "part_ids[1]"),
        (["part_none"], None, "part_ids[0]"),
        ([part.id], "0" * 32, "md5"),
    ):
        with pytest.raises(openai.BadRequestError) as refused:
            client.uploads.complete(upload.id, part_ids=part_ids, **({"md5": md5} if md5 else {}))
        assert refused.value.param == param
    with pytest.raises(openai.BadRequestError) as too_much:
        client.uploads.parts.create(upload.id, data=b"abcdefgh")
    assert too_much.value.param == "data"
    assert client.uploads.complete(upload.id, part_ids=[part.id]).status == "completed"
    for bad, param in (({"bytes": 0}, "bytes"), ({"bytes": 1 << 50}, "bytes"), ({"purpose": "none"}, "purpose"), ({"filename": ".."}, "filename")):
        with pytest.raises(openai.BadRequestError) as refused:
            client.uploads.create(**{"filename": "a", "purpose": "batch", "bytes": 1, "mime_type": "text/plain", **bad})
        assert refused.value.param == param


def test_a_cancelled_upload_takes_no_more(client):
    upload = client.uploads.create(filename="a", purpose="user_data", bytes=4, mime_type="text/plain")
    client.uploads.parts.create(upload.id, data=b"ab")
    assert client.uploads.cancel(upload.id).status == "cancelled"
    with pytest.raises(openai.BadRequestError, match="cancelled"):
        client.uploads.parts.create(upload.id, data=b"cd")


def test_the_clients_own_helper_sends_a_file_in_parts(client, tmp_path):
    content = os.urandom(300_000)
    path = tmp_path / "large.bin"
    path.write_bytes(content)
    digest = hashlib.md5(content).hexdigest()
    done = client.uploads.upload_file_chunked(file=path, mime_type="application/octet-stream", purpose="user_data", part_size=70_000, md5=digest)
    assert client.files.content(done.file.id).read() == content


def test_the_async_client_does_the_same(gateway):
    async def work():
        async with openai.AsyncOpenAI(base_url=f"{gateway.url}/v1", api_key=KEY, max_retries=0, timeout=60) as client:
            made = await asyncio.gather(*(client.files.create(file=(f"{n}.txt", b"%d" % n), purpose="evals") for n in range(8)))
            assert {file.id async for file in client.files.list(purpose="evals", limit=3)} == {file.id for file in made}
            contents = await asyncio.gather(*(client.files.content(file.id) for file in made))
            assert [content.read() for content in contents] == [b"%d" % n for n in range(8)]
            await asyncio.gather(*(client.files.delete(file.id) for file in made))
            done = await client.uploads.upload_file_chunked(
                file=b"in parts", filename="p", bytes=8, mime_type="text/plain", purpose="evals", part_size=3
            )
            assert (await client.files.content(done.file.id)).read() == b"in parts"
            stored = await client.chat.completions.create(model="gpt-5-mini", messages=ASK, store=True, metadata={"by": "async"})
            assert [one.id async for one in client.chat.completions.list(metadata={"by": "async"})] == [stored.id]
            assert [one.content async for one in client.chat.completions.messages.list(stored.id)] == ["Greet me."]

    asyncio.run(work())


def test_a_stored_completion_is_read_again_under_the_id_that_was_given(any_client, scripted):
    metadata = {"team": "a", "run": os.urandom(4).hex()}
    messages = [
        {"role": "system", "content": "Be kind."},
        {"role": "user", "content": [{"type": "text", "text": "Greet me."}]},
    ]
    made = any_client.chat.completions.create(model="gpt-5-mini", messages=messages, store=True, metadata=metadata)
    sent = scripted.seen[-1][2]
    assert "store" not in sent and "metadata" not in sent and made.choices[0].message.content == TEXT
    found = any_client.chat.completions.retrieve(made.id)
    assert (found.id, found.choices, found.usage, found.model) == (made.id, made.choices, made.usage, made.model)
    assert found.system_fingerprint == "fp_upstream" and found.metadata == metadata
    listed = list(any_client.chat.completions.messages.list(made.id))
    assert [(message.role, message.content) for message in listed] == [("system", "Be kind."), ("user", None)]
    assert listed[1].content_parts[0].text == "Greet me." and len({message.id for message in listed}) == 2
    assert [message.role for message in any_client.chat.completions.messages.list(made.id, order="desc", limit=1)] == ["user", "system"]
    changed = any_client.chat.completions.update(made.id, metadata={**metadata, "team": "b"})
    assert changed.id == made.id and any_client.chat.completions.retrieve(made.id).metadata["team"] == "b"
    assert [one.id for one in any_client.chat.completions.list(metadata={"run": metadata["run"], "team": "b"})] == [made.id]
    assert list(any_client.chat.completions.list(metadata={"run": metadata["run"], "team": "a"})) == []
    gone = any_client.chat.completions.delete(made.id)
    assert (gone.object, gone.id, gone.deleted) == ("chat.completion.deleted", made.id, True)
    with pytest.raises(openai.NotFoundError):
        any_client.chat.completions.retrieve(made.id)


def test_a_streamed_answer_is_stored_too(client, scripted):
    tools = [{"type": "function", "function": {"name": "weather", "parameters": {"type": "object", "properties": {"city": {"type": "string"}}}}}]
    for more, usage in (({}, None), ({"tools": tools}, None), ({"n": 2, "logprobs": True, "stream_options": {"include_usage": True}}, USAGE)):
        with client.chat.completions.stream(model="gpt-5-mini", messages=ASK, store=True, **more) as stream:
            final = stream.get_final_completion()
        found = client.chat.completions.retrieve(final.id)
        assert found.object == "chat.completion" and found.model == final.model and found.metadata == {}
        told = [(c.index, c.finish_reason, c.message.role, c.message.content or None) for c in final.choices]
        assert [(c.index, c.finish_reason, c.message.role, c.message.content) for c in found.choices] == told
        calls = lambda choice: [(call.id, call.function.arguments) for call in choice.message.tool_calls or []]
        assert [calls(choice) for choice in found.choices] == [calls(choice) for choice in final.choices]
        assert usage is None or found.usage.total_tokens == usage["total_tokens"]
        assert not usage or len(found.choices[1].logprobs.content) == len(final.choices[1].logprobs.content) > 1
        assert not {"store", "metadata"} & set(scripted.seen[-1][2])
    chunks = list(client.chat.completions.create(model="gpt-5-mini", messages=ASK, store=True, stream=True))
    assert {chunk.id for chunk in chunks} == {chunks[0].id}


def test_what_is_not_to_be_stored_is_not(client, scripted):
    before = [one.id for one in client.chat.completions.list()]
    client.chat.completions.create(model="gpt-5-mini", messages=ASK, metadata={"kept": "in the request"})
    assert scripted.seen[-1][2]["metadata"] == {"kept": "in the request"}
    client.chat.completions.create(model="gpt-5-mini", messages=ASK, store=False)
    list(client.chat.completions.create(model="gpt-5-mini", messages=ASK, stream=True))
    with pytest.raises(openai.NotFoundError):
        client.chat.completions.create(model="nobody", messages=ASK, store=True)
    assert [one.id for one in client.chat.completions.list()] == before
    with pytest.raises(openai.BadRequestError) as refused:
        client.chat.completions.create(model="gpt-5-mini", messages=ASK, store=True, metadata={"k": "v" * 513})
    assert refused.value.param == "metadata.k"


def test_lists_of_stored_completions_page_by_model_and_order(client):
    made = [client.chat.completions.create(model="gpt-5-mini", messages=ASK, store=True, metadata={"list": "p"}).id for _ in range(5)]
    named = {"metadata": {"list": "p"}, "limit": 2}
    assert [one.id for one in client.chat.completions.list(**named)] == made
    assert [one.id for one in client.chat.completions.list(**named, order="desc")] == made[::-1]
    for model in ("gpt-5-mini", "gpt-5-mini-2026-01-01"):
        assert [one.id for one in client.chat.completions.list(**named, model=model)] == made, "as asked for, or as the answer names it"
    assert client.chat.completions.list(**named, model="other").data == []
    for wrong, param in (({"limit": 101}, "limit"), ({"limit": "x"}, "limit"), ({"order": "up"}, "order")):
        with pytest.raises(openai.BadRequestError) as refused:
            client.chat.completions.list(**wrong)
        assert refused.value.param == param


def part(name, content, more=b""):
    return b'--b\r\nContent-Disposition: form-data; name="%s"%s\r\n\r\n%s\r\n' % (name, more, content)


PURPOSE = part(b"purpose", b"user_data")
FILE = b'; filename="a.txt"'


@pytest.mark.parametrize(
    ("body", "status", "param"),
    [
        (b"", 400, "body"),
        (b"no form at all", 400, "body"),
        (b"--b--\r\n", 400, "file"),
        (PURPOSE + b"--b--\r\n", 400, "file"),
        (part(b"file", b"x", FILE) + b"--b--\r\n", 400, "purpose"),
        (part(b"file", b"x", FILE) + part(b"purpose", b"none") + b"--b--\r\n", 400, "purpose"),
        (part(b"file", b"x", FILE) + part(b"purpose", b"\xff\xfe") + b"--b--\r\n", 400, "purpose"),
        (PURPOSE + part(b"file", b"", FILE) + b"--b--\r\n", 400, "file"),
        (PURPOSE + part(b"file", b"x") + b"--b--\r\n", 400, "file"),
        (PURPOSE + part(b"file", b"x", b'; filename="\xff\xfe.txt"') + b"--b--\r\n", 400, "file"),
        (PURPOSE + part(b"file", b"x", b'; filename=".."') + b"--b--\r\n", 400, "filename"),
        (PURPOSE + part(b"file", b"x", FILE) + part(b"file", b"y", FILE) + b"--b--\r\n", 400, "file"),
        (PURPOSE + part(b"file", b"x", FILE) + part(b"junk", b"z" * 70_000) + b"--b--\r\n", 400, "junk"),
        (PURPOSE + part(b"file", b"x", FILE), 400, "body"),
        (PURPOSE + b'--b\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\ncut in the mid', 400, "body"),
        (PURPOSE + b"--b\r\n\r\n\r\n\r\n--b--\r\n", 400, "file"),
    ],
)
def test_a_broken_form_is_refused_and_leaves_nothing(gateway, folder, body, status, param):
    before = kept(folder)
    found, _, answer = post(gateway, "/v1/files", body, content_type="multipart/form-data; boundary=b")
    error = json.loads(answer)["error"]
    assert (found, error["param"]) == (status, param), answer
    assert error["type"] == "invalid_request_error" and error["message"]
    wait_for(lambda: kept(folder) == before)


@pytest.mark.parametrize("kind", ["application/json", "multipart/form-data", "text/plain", "multipart/form-data; boundary="])
def test_what_is_no_form_is_refused(gateway, kind):
    status, _, answer = post(gateway, "/v1/files", b"{}", content_type=kind)
    assert status in (400, 415) and json.loads(answer)["error"]["type"] == "invalid_request_error"


def test_what_is_sent_again_under_its_key_is_made_once(gateway, client):
    form = lambda boundary, content: b"".join(
        (
            b'--%s\r\ncontent-disposition: form-data; name="purpose"\r\n\r\nfine-tune\r\n' % boundary,
            b'--%s\r\ncontent-disposition: form-data; name="file"; filename="a"\r\n\r\n%s\r\n--%s--\r\n' % (boundary, content, boundary),
        )
    )
    send = lambda boundary, content: post(
        gateway, "/v1/files", form(boundary, content), content_type=f"multipart/form-data; boundary={boundary.decode()}", idempotency_key="once"
    )
    status, headers, first = send(b"one", b"x")
    assert status == 200 and "idempotent-replayed" not in headers
    status, headers, again = send(b"two", b"x")
    assert (status, again, headers["idempotent-replayed"]) == (200, first, "true")
    assert [file.id for file in client.files.list(purpose="fine-tune")] == [json.loads(first)["id"]]
    status, _, answer = send(b"one", b"y")
    assert status == 409 and json.loads(answer)["error"]["code"] == "idempotency_key_reused"
    announced = json.dumps({"purpose": "evals", "filename": "a", "bytes": 1, "mime_type": "text/plain"}).encode()
    uploads = {post(gateway, "/v1/uploads", announced, content_type="application/json", idempotency_key="announced")[2] for _ in range(2)}
    assert len(uploads) == 1
    client.files.delete(json.loads(first)["id"])


def test_a_name_that_is_a_path_is_only_its_last_part(gateway, client):
    for name, shown in ((b"../../etc/passwd", "passwd"), (rb"C:\\temp\\a.txt", "a.txt"), ("Größe.txt".encode(), "Größe.txt")):
        body = PURPOSE + part(b"file", b"x", b'; filename="%s"' % name) + b"--b--\r\n"
        status, _, answer = post(gateway, "/v1/files", body, content_type="multipart/form-data; boundary=b")
        file = json.loads(answer)
        assert status == 200 and file["filename"] == shown, answer
        disposition = client.files.content(file["id"]).response.headers["content-disposition"]
        assert disposition.endswith(f"filename*=UTF-8''{urllib.parse.quote(shown)}")
    dotnet = b"; filename=\"=?utf-8?B?R3LDtsOfZS50eHQ=?=\"; filename*=utf-8''Gr%C3%B6%C3%9Fe.txt"
    _, _, answer = post(gateway, "/v1/files", PURPOSE + part(b"file", b"x", dotnet) + b"--b--\r\n", content_type="multipart/form-data; boundary=b")
    assert json.loads(answer)["filename"] == "Größe.txt"


def connect(gateway):
    host, port = gateway.url.removeprefix("http://").split(":")
    return socket.create_connection((host, int(port)), timeout=20)


def head(path, length):
    lines = [f"POST {path} HTTP/1.1", "host: 127.0.0.1", f"authorization: Bearer {KEY}", f"content-length: {length}"]
    return "\r\n".join([*lines, "content-type: multipart/form-data; boundary=b", "", ""]).encode()


def test_a_length_that_is_too_large_is_refused_unread(gateway):
    with connect(gateway) as connection:
        connection.sendall(head("/v1/files", 600 << 20) + PURPOSE)
        answer = connection.recv(1 << 16)
    assert answer.startswith(b"HTTP/1.1 413") and b"request_too_large" in answer


def test_a_client_that_hangs_up_in_mid_upload_leaves_nothing_behind(gateway, folder, client):
    before = kept(folder)
    upload = client.uploads.create(filename="a", purpose="user_data", bytes=50 << 20, mime_type="text/plain")
    begun = b'--b\r\nContent-Disposition: form-data; name="%s"; filename="a"\r\n\r\n' + b"x" * (4 << 20)
    for path, name in (("/v1/files", b"file"), (f"/v1/uploads/{upload.id}/parts", b"data")):
        with connect(gateway) as connection:
            connection.sendall(head(path, 50 << 20) + begun % name)
            wait_for(lambda: kept(folder) != before)
        wait_for(lambda: kept(folder) == before)


def wait_for(condition, seconds=30):
    """Looks again and again, for what others do in their own time."""
    for _ in range(seconds * 50):
        if condition():
            return
        time.sleep(0.02)
    raise AssertionError("it did not come to that")


def test_a_store_that_hangs_keeps_nobody_waiting_beyond_the_deadline(client, folder):
    soon = {"x-request-timeout-ms": "1000"}
    with contextlib.closing(sqlite3.connect(folder / "data" / "groundwork.db", isolation_level=None)) as hanging:
        hanging.execute("BEGIN IMMEDIATE")
        began = time.monotonic()
        made = client.chat.completions.create(model="gpt-5-mini", messages=ASK, store=True, extra_headers=soon)
        chunks = list(client.chat.completions.create(model="gpt-5-mini", messages=ASK, store=True, stream=True, extra_headers=soon))
        with pytest.raises(openai.InternalServerError) as late:
            client.responses.create(model="gpt-5-mini", input="Greet me.", extra_headers=soon)
        assert late.value.status_code == 504 and 3 <= time.monotonic() - began < 6
        hanging.execute("ROLLBACK")
    assert made.choices[0].message.content == TEXT
    for id in (made.id, chunks[0].id):
        while id not in [one.id for one in client.chat.completions.list()]:
            assert time.monotonic() - began < 30, "it is stored a little later"
    assert client.chat.completions.retrieve(chunks[0].id).usage is not None
