#!/usr/bin/env python3
"""How fast documents become searchable, against the embedding model alone; and how fast files are read, by format.

usage: ingest.py BINARY [--documents N] [--sections N] [--files FOLDER]

Makes Markdown documents of ten sections, or as many as are asked for (forty made-up words, some 120 tokens, one chunk each), and times `groundwork ingest` on them: with all-MiniLM-L6-v2,
and with potion-base-8M, whose embedding costs next to nothing. Then the server embeds the same texts, as they are embedded in an ingest, through
POST /v1/embeddings, as many calls at a time as the machine has cores. Then they are brought to a running server, with a first pass by potion-base-8M and without: when
the first and when all can be found, and when the second pass of the last is done. With --files, `groundwork extract` reads each file of the folder again
and again for a second, and pages (slides, sheets, chapters; a file without any is one) are counted by format. Wants a machine with nothing else to do.
"""
import argparse
import collections
import concurrent.futures
import json
import os
import pathlib
import random
import subprocess
import tempfile
import time
import urllib.request

BATCH = 32


def sections(number, count):
    dice = random.Random(number)
    syllables = ["ka", "ro", "mi", "ten", "sol", "ver", "and", "el", "pos", "ti", "gra", "nu"]
    words = lambda many: " ".join("".join(dice.choices(syllables, k=dice.randint(1, 3))) for _ in range(many))
    return [(words(3).capitalize(), f"{words(20)}. {words(20)}.") for _ in range(count)]


def ingest(binary, home, documents, model):
    environment = os.environ | {"GROUNDWORK__DATA_DIR": str(home / model), "GROUNDWORK__EMBEDDING__MODEL": model}
    begun = time.monotonic()
    done = subprocess.run([binary, "ingest", "--json", str(documents)], env=environment, capture_output=True, text=True, check=True)
    seconds = time.monotonic() - begun
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    return sum(line["document"]["chunks"] for line in lines if "document" in line), seconds


def embedded(binary, home, texts):
    environment = os.environ | {"GROUNDWORK__DATA_DIR": str(home / "alone")}
    server = subprocess.Popen([binary, "serve", "--json", "--listen", "127.0.0.1:0"], env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    url = json.loads(server.stdout.readline())["url"]

    def embed(batch):
        body = json.dumps({"model": "all-MiniLM-L6-v2", "input": batch, "encoding_format": "base64"}).encode()
        with urllib.request.urlopen(urllib.request.Request(f"{url}/v1/embeddings", body, {"content-type": "application/json"}), timeout=120) as answer:
            answer.read()

    try:
        embed(texts[:2])
        batches = [texts[at : at + BATCH] for at in range(0, len(texts), BATCH)]
        begun = time.monotonic()
        with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
            list(pool.map(embed, batches))
        return time.monotonic() - begun
    finally:
        server.kill()
        server.wait()


def served(binary, home, documents, first_pass):
    """Seconds until the first document is there, until all are, and until none waits for its second pass."""
    environment = os.environ | {"GROUNDWORK__DATA_DIR": str(home / f"served-{first_pass}")}
    if first_pass:
        environment["GROUNDWORK__EMBEDDING__FIRST_PASS"] = first_pass
    server = subprocess.Popen([binary, "serve", "--json", "--listen", "127.0.0.1:0"], env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    url = json.loads(server.stdout.readline())["url"]

    def listed():
        with urllib.request.urlopen(f"{url}/admin/v1/knowledge-bases/default/documents?limit=1000", timeout=120) as answer:
            return json.load(answer)["data"]

    try:
        (home / "warm.md").write_text("# Warm\n\nA document before the others.\n")
        subprocess.run([binary, "ingest", str(home / "warm.md")], env=environment, capture_output=True, check=True)
        while any("first_pass" in document for document in listed()):
            time.sleep(0.2)
        begun = time.monotonic()
        ingesting = subprocess.Popen([binary, "ingest", "--json", str(documents)], env=environment, stdout=subprocess.PIPE, text=True)
        ingesting.stdout.readline()
        first = time.monotonic() - begun
        ingesting.communicate()
        found = time.monotonic() - begun
        while any("first_pass" in document for document in listed()):
            time.sleep(0.2)
        return first, found, time.monotonic() - begun
    finally:
        server.kill()
        server.wait()


def pages(outcome):
    places = [block.get(place) for block in outcome.get("blocks", []) for place in ("page", "slide", "sheet", "chapter") if block.get(place)]
    return outcome.get("pages") or len(set(places)) or 1


def main():
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("binary")
    options.add_argument("--documents", type=int, default=200)
    options.add_argument("--sections", type=int, default=10)
    options.add_argument("--files")
    given = options.parse_args()
    binary = os.path.abspath(given.binary)
    with tempfile.TemporaryDirectory() as folder:
        home = pathlib.Path(folder)
        (home / "documents").mkdir()
        texts = []
        for number in range(given.documents):
            parts = sections(number, given.sections)
            (home / "documents" / f"{number}.md").write_text("# Record\n\n" + "\n\n".join(f"## {heading}\n\n{body}" for heading, body in parts))
            texts += [f"Record\n\n{heading}\n\n{body}" for heading, body in parts]
        chunks, with_model = ingest(binary, home, home / "documents", "all-MiniLM-L6-v2")
        _, without = ingest(binary, home, home / "documents", "potion-base-8M")
        alone = embedded(binary, home, texts)
        if chunks != len(texts):
            raise SystemExit(f"{chunks} chunks where {len(texts)} were meant")
        print(f"{'ingest with all-MiniLM-L6-v2':<34} {chunks / with_model:>8.0f} chunks/s")
        print(f"{'ingest with potion-base-8M':<34} {chunks / without:>8.0f} chunks/s")
        print(f"{'all-MiniLM-L6-v2 alone':<34} {chunks / alone:>8.0f} chunks/s")
        added = with_model / alone - 1
        for name in (None, "potion-base-8M"):
            first, found, done = served(binary, home, home / "documents", name)
            print(f"{f'first pass: {name}':<34} {first:>8.1f} s the first, {found:.1f} s all found, {done:.1f} s all done")
        print(f"{'added by the ingest':<34} {added:>8.1%}   goal at most 10 % {'met' if added <= 0.1 else 'MISSED'}")
    by_format = collections.defaultdict(lambda: [0, 0.0, 0])
    for path in sorted(pathlib.Path(given.files).iterdir()) if given.files else []:
        if not path.is_file():
            continue
        one = subprocess.run([binary, "extract", "--json", str(path)], capture_output=True, text=True, check=False)
        lines = one.stdout.splitlines()
        outcome = json.loads(lines[0]) if lines else {"outcome": "error"}
        if outcome["outcome"] != "ok":
            continue
        row = by_format[outcome["format"]]
        row[2] += 1
        begun = time.monotonic()
        while time.monotonic() - begun < 1:
            subprocess.run([binary, "extract", "--json", *[str(path)] * 8], capture_output=True, check=False)
            row[0] += pages(outcome) * 8
        row[1] += time.monotonic() - begun
    for name, (count, seconds, files) in sorted(by_format.items()):
        print(f"{name:<10} {files:>3} files {count / seconds:>8.0f} pages/s")


if __name__ == "__main__":
    main()
