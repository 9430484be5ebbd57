"""The figures of the example corpus that must hold: what `groundwork eval answers` prints for the assistant that answers with quotes."""

import json
import os
import pathlib
import subprocess

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
BINARY = pathlib.Path(os.environ.get("GROUNDWORK_BIN", ROOT / "target" / "ci" / "groundwork"))

FLOORS = {"document_in_3": 0.85, "place_in_3": 0.80}


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    command = [BINARY, "--json", "--data-dir", tmp_path_factory.mktemp("data"), "eval", "answers", "--dataset", ROOT / "examples"]
    # Without a chat model of the machine's owner: the figures are those of the quotes.
    environment = {name: value for name, value in os.environ.items() if "OPENAI" not in name and not name.startswith("GROUNDWORK__")}
    ended = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=900)
    assert ended.returncode == 0, ended.stderr
    return json.loads(ended.stdout.splitlines()[-1])


@pytest.mark.parametrize("figure", FLOORS)
def test_a_figure_of_the_answerable_questions_is_at_least_its_floor(report, figure):
    answerable = report["answerable"]
    assert answerable[figure] >= FLOORS[figure], report["misses"]


def test_the_questions_are_those_that_were_promised(report):
    answerable, unanswerable = report["answerable"]["questions"], report["unanswerable"]["questions"]
    assert (answerable + unanswerable, unanswerable) == (60, 12)
    hard = [row["questions"] for row in report["by_kind"] if row["kind"] in ("table", "version", "near-duplicate")]
    assert sum(hard) >= 60 / 3
