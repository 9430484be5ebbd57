"""A chat model on this machine, by OpenAI's official client: the model is tiny and made, the program, its child and the wire are real."""

import json
import os
import pathlib
import signal
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor

import openai
import pytest
import tiny_model
from conftest import BINARY, running

SETTINGS = """
[[targets]]
kind = "local"
name = "tiny"
file = "tiny.gguf"
queue = 1
[[targets]]
kind = "local"
name = "damaged"
file = "damaged.gguf"
[[targets]]
kind = "extractive"
name = "plain"
[[targets]]
kind = "extractive"
name = "marking"
marks = "made"
[models]
folder = "models"
[[catalogue]]
name = "made"
license = { name = "made" }
engine = { kind = "gguf" }
window = 512
files = [{ name = "tiny.gguf" }]
sources = [{ kind = "folder", path = "." }]
"""
DECLARED = """
[models.tiny]
deployments = [{ target = "tiny", limits = { queue = 1, queue_ms = 1 } }]
retries = { share = 0.0 }
[models.damaged]
deployments = [{ target = "damaged" }]
[models.plain]
deployments = [{ target = "plain" }]
[models.marking]
deployments = [{ target = "marking" }]
[assistants.quoting]
model = "plain"
[assistants.pointing]
model = "marking"
"""
# The tiny model sees one token a byte, so this leaves some 450 for an answer.
ASK = [{"role": "user", "content": "Say it."}]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("chat")
    tiny_model.write(folder / "tiny.gguf")
    (folder / "damaged.gguf").write_bytes((folder / "tiny.gguf").read_bytes()[:5000])
    # The embedding model of the usual cache, in a cache of this test's own.
    pulled = subprocess.run([BINARY, "models", "pull", "--json"], cwd=folder, check=True, timeout=600, stdout=subprocess.PIPE)
    embedder = json.loads(pulled.stdout)
    (folder / "models").mkdir()
    (folder / "models" / embedder["name"]).symlink_to(embedder["folder"])
    return folder


@pytest.fixture(scope="module")
def client(folder):
    with running(folder, SETTINGS, DECLARED) as server:
        subprocess.run([BINARY, "models", "pull", "made"], cwd=folder, check=True, timeout=60)
        server.upload("leave.md", "# Leave\n\nEvery employee has thirty days of annual leave in a year.\n")
        yield openai.OpenAI(base_url=f"{server.url}/v1", api_key="not needed on loopback", max_retries=0, timeout=60)


def say(client, **more):
    return client.chat.completions.create(**{"model": "tiny", "messages": ASK, "temperature": 0, "max_tokens": 20, **more})


def children(folder):
    """Process ids of the children that run chat models for the program of this folder."""
    found = []
    for entry in pathlib.Path("/proc").iterdir():
        try:
            is_one = entry.name.isdigit() and b"\0chat-child\0" in (entry / "cmdline").read_bytes()
            if is_one and pathlib.Path(os.readlink(entry / "cwd")) == folder:
                found.append(int(entry.name))
        except OSError:
            pass
    return found


def processor_seconds(pid):
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def test_an_answer_is_the_same_streamed_and_whole_and_its_tokens_are_counted(client):
    whole = say(client)
    assert whole.choices[0].finish_reason == "length"
    assert (whole.usage.completion_tokens, whole.usage.total_tokens) == (20, whole.usage.prompt_tokens + 20)
    # One token a byte, but for the marks, of which the template writes three.
    prompt = "<|im_start|>user\nSay it.<|im_end|>\n<|im_start|>assistant\n"
    assert whole.usage.prompt_tokens == len(prompt.replace("<|im_start|>", ".").replace("<|im_end|>", "."))
    chunks = list(say(client, stream=True, stream_options={"include_usage": True}))
    text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
    assert (text, chunks[-1].usage) == (whole.choices[0].message.content, whole.usage)


def test_the_same_seed_says_the_same_and_another_something_else(client):
    free = {"temperature": 1, "max_completion_tokens": 30, "max_tokens": openai.omit}
    first, again, other = (say(client, seed=seed, **free).choices[0].message.content for seed in (7, 7, 8))
    assert first == again != other


def test_a_stop_sequence_ends_the_answer_and_is_not_in_it(client):
    whole = say(client, max_tokens=60).choices[0].message.content
    stop = whole[len(whole) // 2 :][:2]
    stopped = say(client, max_tokens=60, stop=[stop]).choices[0]
    assert (stopped.finish_reason, stopped.message.content) == ("stop", whole.split(stop)[0])


@pytest.mark.parametrize(
    ("param", "fields"),
    [
        ("n", {"n": 2}),
        ("tools", {"tools": [{"type": "function", "function": {"name": "f", "parameters": {}}}]}),
        ("response_format", {"response_format": {"type": "json_object"}}),
        ("logprobs", {"logprobs": True}),
        ("logit_bias", {"logit_bias": {"5": 1}}),
        ("frequency_penalty", {"frequency_penalty": 0.5}),
        ("presence_penalty", {"presence_penalty": 0.5}),
    ],
)
def test_what_it_cannot_do_is_refused_by_name(client, param, fields):
    with pytest.raises(openai.BadRequestError) as refused:
        say(client, **fields)
    assert refused.value.param == param


def test_a_prompt_beyond_the_window_is_told_as_openai_tells_it(client):
    for fields in ({"messages": [{"role": "user", "content": "x" * 600}]}, {"max_tokens": 600}):
        with pytest.raises(openai.BadRequestError) as refused:
            say(client, **fields)
        assert refused.value.code == "context_length_exceeded"


def test_a_client_that_hangs_up_stops_the_child(client, folder):
    say(client)
    [child] = children(folder)
    stream = say(client, stream=True, max_tokens=400)
    next(stream)
    stream.close()
    # The next answer does not wait for the rest of the one that nobody hears, and the child then does nothing.
    assert say(client, max_tokens=1).usage.completion_tokens == 1
    before = processor_seconds(child)
    time.sleep(0.5)
    assert processor_seconds(child) - before < 0.1
    assert children(folder) == [child]


def test_more_calls_than_may_wait_are_told_when_to_come_again(client):
    with ThreadPoolExecutor(8) as threads:
        calls = [threads.submit(say, client, max_tokens=300) for _ in range(8)]
        failed = [call.exception() for call in calls if call.exception()]
    assert 0 < len(failed) < 8
    for error in failed:
        assert error.status_code in (429, 503), error
        assert float(error.response.headers["retry-after"]) > 0


def test_a_child_that_is_killed_ends_its_answer_with_an_error_and_the_next_call_has_another(client, folder):
    stream = say(client, stream=True, max_tokens=400)
    next(stream)
    [child] = children(folder)
    os.kill(child, signal.SIGKILL)
    with pytest.raises(openai.APIError):
        list(stream)
    assert say(client, max_tokens=3).usage.completion_tokens == 3
    assert children(folder) != [child]


def test_a_damaged_file_is_told_and_a_mended_one_is_used(client, folder):
    with pytest.raises(openai.APIStatusError) as broken:
        say(client, model="damaged")
    assert broken.value.status_code == 503
    (folder / "damaged.gguf").write_bytes((folder / "tiny.gguf").read_bytes())
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        try:
            assert say(client, model="damaged").choices[0].message.content == say(client).choices[0].message.content
            return
        except openai.APIStatusError:
            # What has just failed rests a while.
            time.sleep(1)
    pytest.fail("it was not used")


def test_a_model_may_mark_the_words_of_a_quote_that_answer_and_the_quote_stays_what_it_was(client):
    asked = [{"role": "user", "content": "How many days of annual leave has an employee?"}]
    quoted, marked = (
        client.chat.completions.create(model=model, messages=asked).choices[0].message for model in ("quoting", "pointing")
    )
    assert marked.content.count("**") == 2 and "thirty days" in quoted.content
    assert marked.content.replace("**", "") == quoted.content
    assert [one.to_dict()["citation"]["text"] for one in marked.annotations] == [one.to_dict()["citation"]["text"] for one in quoted.annotations]
