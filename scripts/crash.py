#!/usr/bin/env python3
"""Kills the server again and again while it reads a changed folder, with readers at work, and looks for a document that is half visible.

usage: crash.py [--binary PATH] [--documents N] [--kills N] [--readers N] [--seed N] [--folder PATH]

Every document has three sections with its own name and its revision in each. Revision 1 is brought in whole. Then every document is
changed, and one in ten is deleted; while `groundwork ingest` brings that in, the server is killed (SIGKILL) at random moments and started
again, and readers ask for documents by word and by meaning the whole time. An answer may show the old or the new revision, whole, or
nothing of a deleted document; an error is allowed, a mixture is not. At the end the ingest runs to its end, and every document must be
there in revision 2, once. Ends with 1 when something is not as it must be. Plain standard library; the model is potion-base-8M, which
`groundwork models pull potion-base-8M` fetches.
"""
import argparse
import collections
import json
import os
import pathlib
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request

SECTIONS = 3
MARK = re.compile(r"item(\d+) revision(\d+) section(\d+)")
WORDS = "granite lantern harbour meadow copper violet timber saddle orchard pebble anchor candle marble thicket ribbon".split()


def write(folder, number, revision):
    dice = random.Random(f"{number} {revision}")
    sections = [f"## Part {at}\n\nitem{number} revision{revision} section{at} is about {' '.join(dice.choices(WORDS, k=40))}.\n" for at in range(SECTIONS)]
    path = folder / f"{number % 100}" / f"{number}.md"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"# Record\n\n" + "\n".join(sections))
    return path


class Server:
    """The server on a folder; `url` is None while it is down."""

    def __init__(self, binary, folder, log):
        self.binary, self.folder, self.log, self.url, self.process = binary, folder, log, None, None

    def environment(self):
        return os.environ | {"GROUNDWORK__DATA_DIR": str(self.folder), "GROUNDWORK__EMBEDDING__MODEL": "potion-base-8M"}

    def start(self):
        self.process = subprocess.Popen(
            [self.binary, "serve", "--json", "--listen", "127.0.0.1:0"], stdout=subprocess.PIPE, stderr=self.log, text=True, env=self.environment()
        )
        line = self.process.stdout.readline()
        if not line:
            raise SystemExit(f"the server did not start: exit {self.process.wait()}")
        self.url = json.loads(line)["url"]

    def kill(self):
        self.url = None
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def ingest(self, documents):
        """Its lines go to a file: nobody reads them while it runs."""
        with open(self.folder.parent / "ingest.jsonl", "w") as lines:
            return subprocess.Popen([self.binary, "ingest", "--json", str(documents)], stdout=lines, stderr=subprocess.DEVNULL, env=self.environment())

    def summary(self):
        lines = (self.folder.parent / "ingest.jsonl").read_text().splitlines()
        return json.loads(lines[-1])["summary"] if lines else {}

    def search(self, query, mode, limit):
        body = json.dumps({"query": query, "mode": mode, "limit": limit}).encode()
        request = urllib.request.Request(f"{self.url}/admin/v1/knowledge-bases/default/search", body, {"content-type": "application/json"})
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.load(answer)["hits"]


def seen(hits, number=None):
    """The sections that hits show, by document and revision."""
    found = collections.defaultdict(lambda: collections.defaultdict(list))
    for hit in hits:
        for item, revision, section in MARK.findall(hit["text"]):
            if number is None or int(item) == number:
                found[int(item)][int(revision)].append(int(section))
    return found


def is_deleted(number):
    return number % 10 == 9


class Readers:
    def __init__(self, server, documents, count, seed):
        self.server, self.documents, self.stop = server, documents, threading.Event()
        self.answers, self.refused, self.faults, self.saw = 0, 0, [], collections.Counter()
        self.lock = threading.Lock()
        self.threads = [threading.Thread(target=self.read, args=(random.Random(f"{seed} {at}"),)) for at in range(count)]
        for thread in self.threads:
            thread.start()

    def read(self, dice):
        while not self.stop.is_set():
            number = dice.randrange(self.documents)
            by_word = dice.random() < 0.5
            try:
                hits = self.server.search(f"item{number}" if by_word else " ".join(dice.choices(WORDS, k=5)), "keyword" if by_word else "vector", 50)
            except (OSError, ValueError, TypeError, urllib.error.HTTPError):
                with self.lock:
                    self.refused += 1
                time.sleep(0.02)
                continue
            found = seen(hits, number if by_word else None)
            faults = [f"document {item}: revisions {sorted(revisions)}" for item, revisions in found.items() if len(revisions) > 1]
            if by_word:
                shown = dict(found.get(number, {}))
                revision = min(shown, default=0)
                whole = sorted(shown.get(revision, [])) == list(range(SECTIONS))
                if not (whole or (not shown and is_deleted(number))):
                    faults.append(f"document {number} by word: {shown}")
                with self.lock:
                    self.saw[f"revision {revision}" if shown else "deleted"] += 1
            with self.lock:
                self.answers += 1
                self.faults += faults

    def end(self):
        self.stop.set()
        for thread in self.threads:
            thread.join()


def main():
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--binary", default=os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "target", "ci", "groundwork"))
    options.add_argument("--documents", type=int, default=10_000)
    options.add_argument("--kills", type=int, default=20)
    options.add_argument("--readers", type=int, default=2)
    options.add_argument("--seed", type=int, default=1)
    options.add_argument("--folder", help="kept; without it a temporary one")
    given = options.parse_args()
    home = pathlib.Path(given.folder or tempfile.mkdtemp(prefix="groundwork-crash-"))
    documents, dice = home / "documents", random.Random(given.seed)
    for number in range(given.documents):
        write(documents, number, 1)
    with open(home / "server.log", "w") as log:
        server = Server(given.binary, home / "data", log)
        server.start()
        begun = time.monotonic()
        first = server.ingest(documents)
        code = first.wait()
        seconds = time.monotonic() - begun
        if code != 0:
            raise SystemExit(f"the first ingest ended with {code}: {server.summary()}")
        print(f"revision 1: {given.documents} documents in {seconds:.0f} s", flush=True)
        for number in range(given.documents):
            path = write(documents, number, 2)
            if is_deleted(number):
                path.unlink()
        readers = Readers(server, given.documents, given.readers, given.seed)
        killed = 0
        while True:
            ingest = server.ingest(documents)
            try:
                # The command notices that the server is gone, and ends; what it had handed over is read after the next start.
                ingest.wait(timeout=dice.uniform(0.2, 2.2 * seconds / given.kills) if killed < given.kills else None)
                break
            except subprocess.TimeoutExpired:
                server.kill()
                killed += 1
                ingest.kill()
                ingest.wait()
                server.start()
        server.ingest(documents).wait()
        summary = server.summary()
        readers.end()
        wrong = []
        for number in range(given.documents):
            shown = {revision: sorted(sections) for revision, sections in seen(server.search(f"item{number}", "keyword", 50), number)[number].items()}
            if shown != ({} if is_deleted(number) else {2: list(range(SECTIONS))}):
                wrong.append(f"document {number} at the end: {shown}")
        server.kill()
    faults = readers.faults + wrong
    print(f"{killed} kills; {readers.answers} answers while it went on ({dict(readers.saw)} by word), {readers.refused} refused; last run: {summary}")
    print("\n".join(faults[:20]) or "no document was half visible, none is missing, none is there twice")
    if not given.folder:
        shutil.rmtree(home)
    return 1 if faults or summary.get("unchanged") != given.documents - given.documents // 10 else 0


if __name__ == "__main__":
    sys.exit(main())
