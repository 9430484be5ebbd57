"""Targets that speak HTTP/2: few connections, none too full, and no call lost when one ends."""

import concurrent.futures

import openai
import pytest
from conftest import running
from upstream_http2 import upstream


@pytest.fixture(scope="module")
def scripted(tmp_path_factory):
    with upstream(tmp_path_factory.mktemp("certificate")) as started:
        yield started


@pytest.fixture(scope="module")
def ask(scripted, tmp_path_factory):
    _, url, trusted = scripted
    settings = f'[limits]\nconcurrent_requests = 1000\n[[targets]]\nkind = "openai"\nname = "far"\nbase_url = "{url}"\n'
    declared = '[models.m]\nretries = { share = 0.0 }\ndeployments = [{ target = "far", model = "m" }]\n'
    with running(tmp_path_factory.mktemp("gateway"), settings, declared, {"SSL_CERT_FILE": str(trusted)}) as gateway:
        client = openai.OpenAI(base_url=f"{gateway.url}/v1", api_key="none", max_retries=0, timeout=60)
        yield lambda said: client.chat.completions.create(model="m", messages=[{"role": "user", "content": said}]).choices[0].message.content


def test_many_calls_share_few_connections_and_none_waits_for_a_place(scripted, ask):
    server = scripted[0]
    assert ask("hello") == "Grüße"
    headers = server.seen[-1][0]
    assert headers[b":authority"].startswith(b"localhost:") and b"host" not in headers
    with concurrent.futures.ThreadPoolExecutor(200) as pool:
        assert set(pool.map(ask, ["slowly"] * 200)) == {"Grüße"}
    assert server.most <= 90
    before = len(server.connections)
    for _ in range(20):
        assert ask("hello") == "Grüße"
    assert len(server.connections) == before


def test_a_call_that_was_refused_unread_is_sent_again(scripted, ask):
    server = scripted[0]
    server.seen.clear()
    assert ask("refused once") == "Grüße"
    assert [body["messages"][-1]["content"] for _, body in server.seen] == ["refused once"] * 2


def test_a_connection_that_says_goodbye_costs_nothing(scripted, ask):
    for _ in range(len(scripted[0].connections) + 5):
        assert ask("the last one") == "Grüße"
    assert ask("hello") == "Grüße"
