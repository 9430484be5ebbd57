#!/usr/bin/env python3
"""Reads a folder of hostile files with the real binary and checks what its manifest allows.

usage: hostile.py FOLDER [--binary PATH] [--rounds N]

FOLDER has the files and manifest.json: {"files": [{"file", "outcomes", "error_kinds", "must_if_ok", "must_not", "max_seconds",
"max_rss_mib"}]}. Each file is read by `groundwork extract --json` alone, whose peak memory (and that of the child that parses) the
kernel counts; then all of them are read by one process, once and N times over, which must not grow. Ends with 1 when something is
not as it must be. Plain standard library.
"""
import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
import unicodedata

# What other tools call our kinds of error.
SAME = {"unsupported": {"unsupported", "type-mismatch"}, "malformed": {"malformed"}, "limit": {"limit"}}
# How much the process that reads all files may grow over the rounds, in MiB.
GROWTH = 24


def run(binary, files, seconds):
    """Standard output, standard error, exit status, seconds, and peak memory in MiB of the process and its children."""
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        begun = time.monotonic()
        process = subprocess.Popen([binary, "extract", "--json", *files], stdin=subprocess.DEVNULL, stdout=out, stderr=err)
        own = 0
        while True:
            pid, status, usage = os.wait4(process.pid, os.WNOHANG)
            if pid:
                break
            own = max(own, own_peak(process.pid))
            if time.monotonic() - begun > seconds:
                os.kill(process.pid, signal.SIGKILL)
            time.sleep(0.01)
        process.returncode = os.waitstatus_to_exitcode(status)
        took = time.monotonic() - begun
        out.seek(0)
        err.seek(0)
        text, log = out.read().decode("utf-8", "replace"), err.read().decode("utf-8", "replace")
        return text, log, process.returncode, took, usage.ru_maxrss / 1024, own


def own_peak(pid):
    """Peak memory of the process alone, in MiB; 0 when it is gone."""
    try:
        with open(f"/proc/{pid}/status") as status:
            return max((int(line.split()[1]) / 1024 for line in status if line.startswith("VmHWM")), default=0)
    except OSError:
        return 0


def squeezed(text):
    return " ".join(unicodedata.normalize("NFC", text).replace("\u00ad", "").split())


def texts_of(outcome):
    texts = [block["text"] for block in outcome.get("blocks", [])] + [outcome.get("title") or ""]
    for inner in outcome.get("attachments", []):
        texts += texts_of(inner)
    return texts


def faults(expected, result):
    text, log, code, took, peak, _ = result
    lines = text.splitlines()
    if code not in (0, 10) or len(lines) != 1:
        return [f"no outcome: exit {code}, {len(lines)} lines; {log[-200:]}"]
    outcome = json.loads(lines[0])
    found = []
    if outcome["outcome"] not in expected["outcomes"]:
        found.append(f"outcome {outcome['outcome']} ({outcome.get('kind')}, {outcome.get('message')}), allowed: {expected['outcomes']}")
    elif outcome["outcome"] == "error":
        kinds = SAME.get(outcome["kind"], {outcome["kind"]})
        if expected.get("error_kinds") and not kinds & set(expected["error_kinds"]):
            found.append(f"kind {outcome['kind']}/{outcome['detail']}, allowed: {expected['error_kinds']}")
        if outcome["kind"] == "crashed":
            found.append(f"the parser crashed: {outcome['message']}")
    else:
        whole = squeezed("\n".join(texts_of(outcome)))
        found += [f"missing: {must}" for must in expected.get("must_if_ok", []) if squeezed(must) not in whole]
    said = squeezed(json.dumps(outcome, ensure_ascii=False) + log)
    found += [f"not to be said: {bad}" for bad in expected.get("must_not", []) if squeezed(bad) in said]
    if took > expected["max_seconds"]:
        found.append(f"took {took:.1f} s, allowed: {expected['max_seconds']}")
    if peak > expected["max_rss_mib"]:
        found.append(f"took {peak:.0f} MiB, allowed: {expected['max_rss_mib']}")
    if "panicked" in log:
        found.append("a panic in the log")
    return found


def main():
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("folder")
    options.add_argument("--binary", default=os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "target", "ci", "groundwork"))
    options.add_argument("--rounds", type=int, default=10)
    given = options.parse_args()
    with open(os.path.join(given.folder, "manifest.json")) as file:
        manifest = json.load(file)["files"]
    failed = 0
    paths = [os.path.join(given.folder, entry["file"]) for entry in manifest]
    for entry, path in zip(manifest, paths):
        result = run(given.binary, [path], entry["max_seconds"] + 30)
        wrong = faults(entry, result)
        failed += bool(wrong)
        print(f"{'FAIL' if wrong else 'ok  '} {entry['file']:<28} {result[3]:5.2f} s {result[4]:6.0f} MiB  {'; '.join(wrong)}", flush=True)
    before = run(given.binary, paths, 600)[5]
    text, log, code, took, _, after = run(given.binary, paths * given.rounds, 3600)
    outcomes = len(text.splitlines())
    grown = after - before
    steady = outcomes == len(paths) * given.rounds and grown <= GROWTH
    failed += not steady
    print(f"{'ok  ' if steady else 'FAIL'} one process, {outcomes} files in {took:.0f} s: peak {before:.0f} MiB after one round, {after:.0f} MiB after {given.rounds}")
    print(f"{len(manifest) + 1 - failed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
