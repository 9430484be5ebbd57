"""Starts the real program on a free port, with a few documents, once for all tests.

The embedding model is the default one; it is fetched into the usual cache if it is not there yet. The program is `target/ci/groundwork`,
or what GROUNDWORK_BIN names.
"""

import contextlib
import json
import os
import pathlib
import subprocess
import urllib.parse
import urllib.request

import openai
import pytest
from upstream import upstream

ROOT = pathlib.Path(__file__).resolve().parents[2]
BINARY = pathlib.Path(os.environ.get("GROUNDWORK_BIN", ROOT / "target" / "ci" / "groundwork"))

DOCUMENTS = {
    "leave.md": "# Leave\n\n## Annual leave\n\nEvery employee has thirty days of annual leave.\n\n"
    "## Parental leave\n\nParents may take up to fourteen months of parental leave.\n",
    "travel.txt": "Train tickets are booked by the office.\n\nMeals on business travel are paid up to forty euros a day.\n",
}

SETTINGS = """
[limits]
question = "100KiB"

[[targets]]
kind = "extractive"
name = "quotes"

[[targets]]
kind = "fake"
name = "echo"

[[targets]]
kind = "fake"
name = "told"
[[targets.script.answers]]
pieces = ["It is ", "forty ", "euros ", "[1]."]
usage = { input = 12, output = 5 }

[[targets]]
kind = "fake"
name = "breaking"
[[targets.script.answers]]
pieces = ["one ", "two"]
fault = { kind = "error", after = 1, message = "the target overheated" }

[[targets]]
kind = "fake"
name = "limited"
[[targets.script.answers]]
fault = { kind = "refuse", status = 429, code = "rate_limit_exceeded", message = "slow down", retry_after_ms = 1000 }
"""

DECLARED = """
[models.quoting]
deployments = [{ target = "quotes" }]
[models.echo]
deployments = [{ target = "echo" }]
[models.told]
deployments = [{ target = "told" }]
[models.breaking]
deployments = [{ target = "breaking" }]
[models.limited]
deployments = [{ target = "limited" }]
[assistants.scripted]
model = "told"
"""


class Server:
    def __init__(self, url):
        self.url = url

    def request(self, method, path, body=None, headers=None):
        """Sends bytes as they are; gives status, headers and body of whatever comes back."""
        request = urllib.request.Request(self.url + path, data=body, method=method, headers=headers or {})
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return answer.status, answer.headers, answer.read()
        except urllib.error.HTTPError as error:
            return error.code, error.headers, error.read()

    def upload(self, name, text):
        query = urllib.parse.urlencode({"name": name})
        status, _, body = self.request("POST", f"/admin/v1/knowledge-bases/default/documents?{query}", text.encode())
        assert status in (200, 201), body
        return json.loads(body)


@contextlib.contextmanager
def running(folder, settings, declared, environment=()):
    """The program with these settings and declarations; it must end well."""
    (folder / "groundwork.toml").write_text(f'data_dir = "data"\napply = ["declared.toml"]\n{settings}')
    (folder / "declared.toml").write_text(declared)
    log = open(folder / "log", "wb")
    command = [BINARY, "serve", "--json", "--listen", "127.0.0.1:0"]
    process = subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, stderr=log, env={**os.environ, **dict(environment)})
    try:
        line = process.stdout.readline()
        assert line, (folder / "log").read_text()
        yield Server(json.loads(line)["url"])
    finally:
        process.terminate()
        assert process.wait(timeout=60) == 0, (folder / "log").read_text()


@pytest.fixture(scope="module")
def scripted():
    """A target that answers with what was scripted, and remembers what it was asked."""
    with upstream() as server:
        yield server


@pytest.fixture(scope="session")
def server(tmp_path_factory):
    folder = tmp_path_factory.mktemp("groundwork")
    subprocess.run([BINARY, "models", "pull"], cwd=folder, check=True, timeout=600)
    with running(folder, SETTINGS, DECLARED) as server:
        for name, text in DOCUMENTS.items():
            server.upload(name, text)
        yield server


@pytest.fixture
def client(server):
    return openai.OpenAI(base_url=f"{server.url}/v1", api_key="not needed on loopback", max_retries=0, timeout=60)


@pytest.fixture
def async_client(server):
    return openai.AsyncOpenAI(base_url=f"{server.url}/v1", api_key="not needed on loopback", max_retries=0, timeout=60)
