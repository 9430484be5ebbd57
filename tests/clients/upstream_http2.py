"""A server that speaks HTTP/2 alone, over TLS, as the public endpoints of providers do; for how a gateway keeps its connections.

It allows 100 calls on a connection, and more at once it refuses. What a call gets is said by its model.
"""

import asyncio
import contextlib
import json
import ssl
import threading

import h2.config
import h2.connection
import h2.errors
import h2.events
import trustme

ANSWER = {
    "id": "chatcmpl-1",
    "object": "chat.completion",
    "created": 1,
    "model": "m",
    "choices": [{"index": 0, "message": {"role": "assistant", "content": "Grüße"}, "finish_reason": "stop"}],
    "usage": {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2},
}


class Connection(asyncio.Protocol):
    def __init__(self, server):
        self.server, self.h2 = server, h2.connection.H2Connection(h2.config.H2Configuration(client_side=False))
        self.requests = {}

    def connection_made(self, transport):
        self.transport, self.calls = transport, 0
        self.server.connections.append(self)
        self.h2.initiate_connection()
        self.flush()

    def flush(self):
        self.transport.write(self.h2.data_to_send())

    def data_received(self, data):
        for event in self.h2.receive_data(data):
            if isinstance(event, h2.events.RequestReceived):
                self.requests[event.stream_id] = (dict(event.headers), b"")
            elif isinstance(event, h2.events.DataReceived):
                headers, body = self.requests[event.stream_id]
                self.requests[event.stream_id] = (headers, body + event.data)
                self.h2.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
            elif isinstance(event, h2.events.StreamEnded):
                headers, body = self.requests.pop(event.stream_id)
                self.serve(event.stream_id, headers, json.loads(body))
        self.flush()

    def serve(self, stream, headers, body):
        self.server.seen.append((headers, body))
        said = body["messages"][-1]["content"]
        if said == "refused once" and self.server.refusals > 0:
            self.server.refusals -= 1
            return self.h2.reset_stream(stream, h2.errors.ErrorCodes.REFUSED_STREAM)
        self.calls += 1
        self.server.most = max(self.server.most, self.calls)
        asyncio.get_running_loop().call_later(0.3 if said == "slowly" else 0, self.answer, stream, said)

    def answer(self, stream, said):
        self.calls -= 1
        body = json.dumps(ANSWER).encode()
        self.h2.send_headers(stream, [(":status", "200"), ("content-type", "application/json"), ("content-length", str(len(body)))])
        self.h2.send_data(stream, body, end_stream=True)
        if said == "the last one":
            self.h2.close_connection()
        self.flush()


class Server:
    def __init__(self):
        self.connections, self.seen, self.refusals, self.most = [], [], 1, 0


@contextlib.contextmanager
def upstream(folder):
    """Gives the server, its address, and the file of the certificate that vouches for it."""
    authority = trustme.CA()
    trusted = folder / "ca.pem"
    authority.cert_pem.write_to_path(str(trusted))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(context)
    context.set_alpn_protocols(["h2"])
    server, loop = Server(), asyncio.new_event_loop()
    listening = loop.run_until_complete(loop.create_server(lambda: Connection(server), "127.0.0.1", 0, ssl=context))
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    try:
        yield server, f"https://localhost:{listening.sockets[0].getsockname()[1]}/v1", trusted
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
