"""The files and batches of the scripted server. A batch is validated at the first look at it, and has ended at the third."""

import json

import upstream
import upstream_responses


def get(handler):
    server = handler.server
    match handler.path.partition("?")[0].removeprefix("/v1/").split("/"):
        case ["files", file, "content"] if file in server.files:
            handler.bytes("application/octet-stream", server.files[file])
        case ["batches"]:
            handler.whole({"object": "list", "data": list(server.batches.values()), "has_more": False})
        case ["batches", batch] if batch in server.batches:
            handler.whole(advance(server, server.batches[batch]))
        case _:
            handler.refuse(404)


def delete(handler):
    file = handler.path.rpartition("/")[2]
    if handler.server.files.pop(file, None) is None:
        return handler.refuse(404)
    handler.whole({"id": file, "object": "file", "deleted": True})


def upload(handler, body):
    handler.whole(keep(handler.server, content_of(body)))


def create(handler, body):
    handler.whole(begin(handler.server, body))


def stop(handler, _):
    handler.whole(cancel(handler.server, handler.path.split("/")[3]))


def content_of(form):
    """The content of the part `file` of a form."""
    boundary = form.partition(b"\r\n")[0]
    part = next(part for part in form.split(boundary) if b'name="file"' in part)
    return part.partition(b"\r\n\r\n")[2].removesuffix(b"\r\n")


def keep(server, content):
    file = f"file-upstream-{len(server.files)}-{len(server.seen)}"
    server.files[file] = content
    return {"id": file, "object": "file", "bytes": len(content), "created_at": 1, "filename": "f", "purpose": "batch", "status": "processed"}


def begin(server, body):
    batch = {**body, "id": f"batch_upstream_{len(server.batches)}", "object": "batch", "status": "validating", "created_at": 1}
    server.batches[batch["id"]] = batch
    return batch


def cancel(server, batch):
    server.batches[batch]["status"] = "cancelling"
    return server.batches[batch]


def advance(server, batch):
    """Each look at a batch finds it one step further. A line for the user `refused` is refused, and one for `slow` never ends."""
    lines = [json.loads(line) for line in server.files[batch["input_file_id"]].splitlines()]
    slow = any(line["body"].get("user") == "slow" for line in lines)
    match batch["status"]:
        case "validating":
            wrong = [{"code": "invalid_request", "message": "no", "line": 1}]
            bad = any(line["body"].get("user") == "invalid" for line in lines)
            batch |= {"status": "failed", "errors": {"object": "list", "data": wrong}} if bad else {"status": "in_progress"}
        case "in_progress" if not slow:
            batch |= {"status": "completed", **results(server, lines)}
        case "cancelling":
            batch |= {"status": "cancelled", **results(server, [line for line in lines if line["body"].get("user") != "slow"])}
    return batch


def results(server, lines):
    def told(line):
        body = line["body"]
        if body.get("user") == "refused":
            return 400, {"error": {"message": "refused", "type": "invalid_request_error", "param": "user", "code": "bad_user"}}
        if line["url"].endswith("responses"):
            return 200, upstream_responses.response(body, "completed", upstream_responses.output(body), upstream_responses.USAGE)
        return 200, upstream.embeddings(body) if line["url"].endswith("embeddings") else upstream.completion(body)

    answered = [(line["custom_id"], *told(line)) for line in reversed(lines)]
    lines = {True: b"", False: b""}
    for custom_id, status, body in answered:
        response = {"status_code": status, "request_id": f"req_{custom_id}", "body": body}
        lines[status == 200] += json.dumps({"id": "batch_req_x", "custom_id": custom_id, "response": response, "error": None}).encode() + b"\n"
    files = {"output_file_id": lines[True], "error_file_id": lines[False]}
    counts = {"total": len(answered), "completed": lines[True].count(b"\n"), "failed": lines[False].count(b"\n")}
    return {"request_counts": counts, **{name: keep(server, content)["id"] for name, content in files.items() if content}}
