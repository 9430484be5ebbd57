"""Batches by OpenAI's official clients: run line by line here, or by a target that has batches."""

import asyncio
import json
import os
import subprocess

import openai
import pytest
from conftest import BINARY, running
from test_files import wait_for

KEY, NARROW = "gw-batches-key-0123456789", "gw-batches-narrow-0123456789"
ASK = [{"role": "user", "content": "Greet me."}]
TEXT = "Grüße aus Köln 👋"
ENDED = ("completed", "failed", "expired", "cancelled")


@pytest.fixture(scope="module")
def gateway(scripted, tmp_path_factory):
    base = f'base_url = "http://127.0.0.1:{scripted.server_address[1]}/v1"'
    settings = f"""
[[targets]]
kind = "openai"
name = "scripted"
{base}
[[targets]]
kind = "openai"
name = "batching"
batches = true
{base}
[[targets]]
kind = "fake"
name = "refusing"
[[targets.script.answers]]
fault = {{ kind = "refuse", status = 400, code = "bad_prompt", message = "not this" }}
[[targets]]
kind = "fake"
name = "hanging"
[[targets.script.answers]]
fault = {{ kind = "hang", after = 0 }}
"""
    names = ("scripted", "batching", "refusing", "hanging")
    models = "".join(f'[models.{name}]\ndeployments = [{{ target = "{name}", model = "{name}-model" }}]\n' for name in names)
    keys = '[keys.owner]\nvalue = { env = "OWNER_KEY" }\nrole = "admin"\n[keys.narrow]\nvalue = { env = "NARROW_KEY" }\nmodels = ["scripted"]\n'
    with running(tmp_path_factory.mktemp("batches"), settings, models + keys, {"OWNER_KEY": KEY, "NARROW_KEY": NARROW}) as server:
        yield server


@pytest.fixture(params=["openai", "azure", "azure v1"])
def any_client(gateway, request):
    made = {
        "openai": lambda: openai.OpenAI(base_url=f"{gateway.url}/v1", api_key=KEY, max_retries=0, timeout=60),
        "azure": lambda: openai.AzureOpenAI(azure_endpoint=gateway.url, api_key=KEY, api_version="2024-10-21", max_retries=0, timeout=60),
        "azure v1": lambda: openai.OpenAI(base_url=f"{gateway.url}/openai/v1/", api_key=KEY, max_retries=0, timeout=60),
    }
    return made[request.param]()


@pytest.fixture
def client(gateway):
    return openai.OpenAI(base_url=f"{gateway.url}/v1", api_key=KEY, max_retries=0, timeout=60)


def line(custom_id, model, url="/v1/chat/completions", **body):
    body = body if "input" in body else {"messages": ASK, **body}
    return json.dumps({"custom_id": custom_id, "method": "POST", "url": url, "body": {"model": model, **body}})


def begin(client, lines, endpoint="/v1/chat/completions", **more):
    content = lines if isinstance(lines, bytes) else "\n".join(lines).encode()
    file = client.files.create(file=("requests.jsonl", content), purpose="batch")
    return client.batches.create(input_file_id=file.id, endpoint=endpoint, completion_window="24h", **more)


def end_of(client, batch):
    found = []
    wait_for(lambda: found.append(client.batches.retrieve(batch.id)) or found[-1].status in ENDED, seconds=60)
    return found[-1]


def results(client, file):
    content = client.files.content(file).read()
    assert not content.startswith(b"\xef\xbb\xbf") and content.endswith(b"\n")
    return [json.loads(line) for line in content.splitlines()]


def test_a_batch_is_run_line_by_line_and_its_results_are_files(any_client):
    metadata = {"run": os.urandom(4).hex()}
    batch = begin(any_client, [line(f"r-{number}", "scripted") for number in range(20)], metadata=metadata)
    assert (batch.object, batch.endpoint, batch.completion_window, batch.metadata) == ("batch", "/v1/chat/completions", "24h", metadata)
    assert batch.status in ("validating", "in_progress") and batch.expires_at == batch.created_at + 24 * 3600
    batch = end_of(any_client, batch)
    assert batch.status == "completed" and batch.errors is None and batch.error_file_id is None
    assert (batch.request_counts.total, batch.request_counts.completed, batch.request_counts.failed) == (20, 20, 0)
    assert batch.created_at <= batch.in_progress_at <= batch.finalizing_at <= batch.completed_at
    assert (batch.model, batch.usage.input_tokens, batch.usage.total_tokens) == ("scripted", 20 * 42, 20 * 59)
    assert (batch.usage.input_tokens_details.cached_tokens, batch.usage.output_tokens_details.reasoning_tokens) == (20 * 32, 20 * 5)
    told = results(any_client, batch.output_file_id)
    assert [one["custom_id"] for one in told] == [f"r-{number}" for number in range(20)] and len({one["id"] for one in told}) == 20
    assert all(one["error"] is None and one["response"]["status_code"] == 200 and one["response"]["request_id"] for one in told)
    assert all(one["response"]["body"]["choices"][0]["message"]["content"] == TEXT for one in told)
    output = any_client.files.retrieve(batch.output_file_id)
    assert output.purpose == "batch_output" and output.filename.endswith(".jsonl") and output.expires_at == output.created_at + 30 * 24 * 3600
    assert batch.id in [one.id for one in any_client.batches.list(limit=1)]


def test_embeddings_are_run_in_a_batch_too(client):
    lines = [line(f"e-{number}", "scripted", url="/v1/embeddings", input=["a", "b"]) for number in range(3)]
    batch = end_of(client, begin(client, lines, endpoint="/v1/embeddings", output_expires_after={"anchor": "created_at", "seconds": 3600}))
    told = results(client, batch.output_file_id)
    assert [one["response"]["body"]["data"][1]["embedding"] for one in told] == [[1.0, 0.5, -1.25]] * 3
    output = client.files.retrieve(batch.output_file_id)
    assert output.expires_at == output.created_at + 3600


def test_each_call_of_a_batch_is_booked_for_its_owner(client, gateway):
    batch = end_of(client, begin(client, [line("a", "scripted"), line("b", "scripted")]))
    _, _, ledger = gateway.request("GET", "/admin/v1/calls?limit=999", None, {"authorization": f"Bearer {KEY}"})
    booked = [call for call in json.loads(ledger)["data"] if batch.id in json.dumps(call)]
    assert len(booked) == 2 and all("user:owner" in json.dumps(call) for call in booked)


def test_what_a_model_refuses_is_in_the_error_file_line_by_line(client):
    batch = end_of(client, begin(client, [line("a", "refusing"), line("b", "refusing")]))
    assert (batch.status, batch.output_file_id) == ("completed", None)
    assert (batch.request_counts.completed, batch.request_counts.failed) == (0, 2)
    told = results(client, batch.error_file_id)
    assert [one["custom_id"] for one in told] == ["a", "b"]
    for one in told:
        assert one["response"]["status_code"] == 400 and "not this" in one["response"]["body"]["error"]["message"]
    bad = [line("good", "scripted"), line("bad", "scripted", temperature=7)]
    batch = end_of(client, begin(client, bad))
    assert [one["custom_id"] for one in results(client, batch.output_file_id)] == ["good"]
    (refused,) = results(client, batch.error_file_id)
    assert (refused["response"]["status_code"], refused["response"]["body"]["error"]["param"]) == (400, "temperature")


@pytest.mark.parametrize(
    ("lines", "faults"),
    [
        (b"\n \r\n", [("empty_file", None)]),
        (b"\xef\xbb\xbf" + line("a", "scripted").encode(), [("invalid_json_line", 1)]),
        (b"{}\nnot json\n[1]\n\xff\xfe\x00", [("invalid_request", 1), ("invalid_json_line", 2), ("invalid_json_line", 3), ("invalid_json_line", 4)]),
        ([line("a", "scripted"), line("a", "scripted")], [("duplicate_custom_id", 2)]),
        ([line("a", "scripted"), line("b", "hanging")], [("model_mismatch", 2)]),
        ([line("a", "nobody"), line("b", "nobody")], [("model_not_found", 1)]),
        ([line("a", "scripted", url="/v1/embeddings")], [("url_mismatch", 1)]),
        ([line("a", "scripted", stream=True)], [("invalid_request", 1)]),
        (["x" * (17 << 20)], [("invalid_request", 1)]),
    ],
)
def test_a_file_that_is_wrong_fails_as_a_whole_and_says_where(client, lines, faults):
    batch = end_of(client, begin(client, lines))
    assert batch.status == "failed" and batch.failed_at and batch.output_file_id is None and batch.errors.object == "list"
    assert [(fault.code, fault.line) for fault in batch.errors.data] == faults
    assert all(fault.message for fault in batch.errors.data)


def test_what_cannot_be_a_batch_is_refused_by_name(client):
    file = client.files.create(file=("a.jsonl", line("a", "scripted").encode()), purpose="batch")
    other = client.files.create(file=("a.jsonl", line("a", "scripted").encode()), purpose="user_data")
    good = {"input_file_id": file.id, "endpoint": "/v1/chat/completions", "completion_window": "24h"}
    for wrong, param in (
        ({"endpoint": "/v1/images/generations"}, "endpoint"),
        ({"completion_window": "1h"}, "completion_window"),
        ({"input_file_id": other.id}, "input_file_id"),
        ({"metadata": {"k": "v" * 600}}, "metadata.k"),
        ({"output_expires_after": {"anchor": "created_at", "seconds": 1}}, "output_expires_after.seconds"),
    ):
        with pytest.raises(openai.BadRequestError) as refused:
            client.batches.create(**{**good, **wrong})
        assert refused.value.param == param
    with pytest.raises(openai.NotFoundError) as missing:
        client.batches.create(**{**good, "input_file_id": "file-none"})
    assert missing.value.param == "input_file_id"
    for call in (client.batches.retrieve, client.batches.cancel):
        with pytest.raises(openai.NotFoundError):
            call("batch_none")
    for wrong, param in (({"limit": 0}, "limit"), ({"limit": 101}, "limit")):
        with pytest.raises(openai.BadRequestError) as refused:
            client.batches.list(**wrong)
        assert refused.value.param == param


def test_a_batch_is_its_owners_and_may_use_what_that_may_use(client, gateway):
    narrow = openai.OpenAI(base_url=f"{gateway.url}/v1", api_key=NARROW, max_retries=0, timeout=60)
    batch = begin(narrow, [line("a", "hanging")])
    assert [fault.code for fault in end_of(narrow, batch).errors.data] == ["model_not_found"]
    for call in (client.batches.retrieve, client.batches.cancel):
        with pytest.raises(openai.NotFoundError):
            call(batch.id)
    assert batch.id not in [one.id for one in client.batches.list()]
    assert end_of(narrow, begin(narrow, [line("a", "scripted")])).request_counts.completed == 1


def test_a_cancelled_batch_keeps_what_was_done_and_says_what_was_not(client):
    batch = begin(client, [line(f"h-{number}", "hanging") for number in range(40)])
    wait_for(lambda: client.batches.retrieve(batch.id).status == "in_progress")
    cancelled = client.batches.cancel(batch.id)
    assert cancelled.status in ("cancelling", "cancelled") and cancelled.cancelling_at
    batch = end_of(client, batch)
    assert batch.status == "cancelled" and batch.cancelled_at and batch.output_file_id is None
    assert (batch.request_counts.total, batch.request_counts.failed) == (40, 40)
    told = results(client, batch.error_file_id)
    assert {one["custom_id"] for one in told} == {f"h-{number}" for number in range(40)}
    assert all(one["response"] is None and one["error"]["code"] == "batch_cancelled" for one in told)
    with pytest.raises(openai.BadRequestError, match="cancelled"):
        client.batches.cancel(batch.id)


def test_a_file_that_a_batch_reads_may_be_deleted_meanwhile(client):
    batch = begin(client, [line("a", "scripted")] + [line(f"r-{number}", "scripted") for number in range(50)])
    client.files.delete(batch.input_file_id)
    assert end_of(client, batch).request_counts.completed == 51


def test_a_target_that_has_batches_runs_them(client, scripted, gateway):
    before = len(scripted.seen)
    lines = [line(f"u-{number}", "batching", seed=9007199254740993) for number in range(5)]
    batch = begin(client, [*lines, line("bad", "batching", user="refused")])
    batch = end_of(client, batch)
    assert (batch.status, batch.model) == ("completed", "batching")
    assert (batch.request_counts.total, batch.request_counts.completed, batch.request_counts.failed) == (6, 5, 1)
    told = results(client, batch.output_file_id)
    assert [one["custom_id"] for one in told] == [f"u-{number}" for number in range(5)]
    assert all(one["response"]["body"]["choices"][0]["message"]["content"] == TEXT for one in told)
    (refused,) = results(client, batch.error_file_id)
    assert refused["custom_id"] == "bad" and refused["response"]["body"]["error"]["code"] == "bad_user"
    seen = scripted.seen[before:]
    assert not [path for path, _, _ in seen if path.startswith("/v1/chat")], "no line is run here"
    (form,) = [body for path, _, body in seen if path == "/v1/files"]
    sent = [json.loads(line) for line in form.splitlines() if line.startswith(b"{")]
    assert all(one["body"]["model"] == "batching-model" and one["url"] == "/v1/chat/completions" for one in sent)
    assert sent[0]["body"]["seed"] == 9007199254740993 and b"9007199254740993" in form
    assert scripted.files == {}, "nothing of it stays there"
    _, _, ledger = gateway.request("GET", "/admin/v1/calls?limit=999", None, {"authorization": f"Bearer {KEY}"})
    booked = [call for call in json.loads(ledger)["data"] if batch.id in json.dumps(call)]
    assert len(booked) == 6


@pytest.mark.parametrize("azure", [False, True])
def test_the_async_clients_do_the_same(gateway, azure):
    if azure:
        made = openai.AsyncAzureOpenAI(azure_endpoint=gateway.url, api_key=KEY, api_version="2024-10-21", max_retries=0, timeout=60)
    else:
        made = openai.AsyncOpenAI(base_url=f"{gateway.url}/v1", api_key=KEY, max_retries=0, timeout=60)

    async def one(client, number):
        content = "\n".join(line(f"{number}-{at}", "scripted") for at in range(5)).encode()
        file = await client.files.create(file=("requests.jsonl", content), purpose="batch")
        batch = await client.batches.create(input_file_id=file.id, endpoint="/v1/chat/completions", completion_window="24h")
        while batch.status not in ENDED:
            await asyncio.sleep(0.02)
            batch = await client.batches.retrieve(batch.id)
        told = [json.loads(text) for text in (await client.files.content(batch.output_file_id)).text.splitlines()]
        assert batch.status == "completed" and [each["custom_id"] for each in told] == [f"{number}-{at}" for at in range(5)]
        return batch.id

    async def work():
        async with made as client:
            ids = await asyncio.gather(*(one(client, number) for number in range(3)))
            listed = [batch.id async for batch in client.batches.list(limit=2)]
            assert set(ids) <= set(listed) and len(listed) == len(set(listed))

    asyncio.run(work())


def test_what_is_to_be_stored_is_run_here_whatever_the_target_has(client, scripted):
    before = len(scripted.seen)
    batch = end_of(client, begin(client, [line("a", "batching", store=True, metadata={"a": "b"}), line("b", "batching")]))
    (kept, other) = [one["response"]["body"]["id"] for one in results(client, batch.output_file_id)]
    assert client.chat.completions.retrieve(kept).metadata == {"a": "b"}
    with pytest.raises(openai.NotFoundError):
        client.chat.completions.retrieve(other)
    seen = scripted.seen[before:]
    assert not [path for path, _, _ in seen if path.startswith("/v1/batches")]
    assert not [body for path, _, body in seen if path.startswith("/v1/chat") and ("store" in body or "metadata" in body)]


def respond(custom_id, model, **body):
    return line(custom_id, model, "/v1/responses", input="Greet me.", **body)


def test_responses_are_asked_line_by_line_and_remembered(client):
    said = client.responses.create(model="scripted", input="Greet me.")
    lines = [
        respond("first", "scripted"),
        respond("next", "scripted", previous_response_id=said.id),
        respond("nowhere", "scripted", previous_response_id="resp_nowhere"),
        respond("unkept", "scripted", store=False),
    ]
    batch = end_of(client, begin(client, lines, "/v1/responses"))
    assert (batch.status, batch.request_counts.completed, batch.request_counts.failed) == ("completed", 3, 1)
    first, following, unkept = [one["response"]["body"] for one in results(client, batch.output_file_id)]
    assert following["previous_response_id"] == said.id
    kept = client.responses.retrieve(first["id"])
    assert kept.output_text and kept.output_text == first["output"][-1]["content"][0]["text"]
    assert len(client.responses.input_items.list(following["id"]).data) > len(client.responses.input_items.list(first["id"]).data)
    with pytest.raises(openai.NotFoundError):
        client.responses.retrieve(unkept["id"])
    (nowhere,) = results(client, batch.error_file_id)
    assert nowhere["response"]["status_code"] == 400 and nowhere["response"]["body"]["error"]["code"] == "previous_response_not_found"
    assert batch.usage.input_tokens > 0


def test_responses_that_nobody_remembers_are_run_by_a_target_that_has_batches(client, scripted):
    before = len(scripted.seen)
    batch = end_of(client, begin(client, [respond(f"r-{number}", "batching", store=False) for number in range(3)], "/v1/responses"))
    assert (batch.status, batch.request_counts.completed) == ("completed", 3)
    assert [one["custom_id"] for one in results(client, batch.output_file_id)] == ["r-0", "r-1", "r-2"]
    assert not [path for path, _, _ in scripted.seen[before:] if path.startswith("/v1/responses")]


def test_a_batch_at_a_target_can_be_cancelled_and_can_fail(client):
    lines = [line("a", "batching"), line("slow", "batching", user="slow")]
    batch = begin(client, lines)
    wait_for(lambda: client.batches.retrieve(batch.id).status == "in_progress")
    assert client.batches.cancel(batch.id).status == "cancelling"
    batch = end_of(client, batch)
    assert batch.status == "cancelled" and [one["custom_id"] for one in results(client, batch.output_file_id)] == ["a"]
    (slow,) = results(client, batch.error_file_id)
    assert (slow["custom_id"], slow["error"]["code"]) == ("slow", "batch_cancelled")
    batch = end_of(client, begin(client, [line("a", "batching", user="invalid")]))
    assert batch.status == "failed" and [(fault.code, fault.line) for fault in batch.errors.data] == [("invalid_request", 1)]


def start(folder, may_use):
    """The program with the owner's key for these models; killed without a word at the end, unless it was stopped."""
    key = f'[keys.owner]\nvalue = {{ env = "OWNER_KEY" }}\nmodels = {json.dumps(may_use)}\n'
    models = "".join(f'[models.{name}]\ndeployments = [{{ target = "slow" }}]\n' for name in ("slow", "other"))
    (folder / "declared.toml").write_text(models + key)
    settings = 'data_dir = "data"\napply = ["declared.toml"]\n[limits]\nbatch_calls = 2\n[[targets]]\nkind = "fake"\nname = "slow"\n'
    script = '[[targets.script.answers]]\npieces = ["done"]\nfirst_token_ms = 40\n'
    (folder / "groundwork.toml").write_text(settings + script)
    command = [BINARY, "serve", "--json", "--listen", "127.0.0.1:0"]
    process = subprocess.Popen(
        command, cwd=folder, stdout=subprocess.PIPE, stderr=open(folder / "log", "ab"), env={**os.environ, "OWNER_KEY": KEY}
    )
    url = json.loads(process.stdout.readline())["url"]
    return process, openai.OpenAI(base_url=f"{url}/v1", api_key=KEY, max_retries=0, timeout=60)


def test_a_batch_outlives_kills_and_each_line_may_do_what_its_owner_may_then(tmp_path):
    process, client = start(tmp_path, ["slow"])
    try:
        batch = begin(client, [line(f"k-{number}", "slow") for number in range(120)])
        for done in (10, 30):
            wait_for(lambda: client.batches.retrieve(batch.id).request_counts.completed >= done)
            process.kill()
            process.wait()
            process, client = start(tmp_path, ["slow"])
        wait_for(lambda: client.batches.retrieve(batch.id).request_counts.completed >= 50)
        process.kill()
        process.wait()
        process, client = start(tmp_path, ["other"])
        batch = end_of(client, batch)
        told, refused = results(client, batch.output_file_id), results(client, batch.error_file_id)
        assert batch.status == "completed" and len(told) >= 50 and len(refused) > 0
        assert sorted(one["custom_id"] for one in told + refused) == sorted(f"k-{number}" for number in range(120))
        assert {(one["response"]["status_code"], one["response"]["body"]["error"]["code"]) for one in refused} == {(404, "model_not_found")}
        process.terminate()
        assert process.wait(timeout=60) == 0
    finally:
        process.kill()
