import assert from "node:assert/strict";
import { test } from "node:test";
import OpenAI, { AzureOpenAI, toFile } from "openai";

const { GATEWAY, GATEWAY_KEY } = process.env;
const TEXT = "Grüße aus Köln 👋";
const messages = [{ role: "user", content: "Greet me." }];
const settings = { apiKey: GATEWAY_KEY, maxRetries: 0, timeout: 30_000 };
const clients = {
  OpenAI: new OpenAI({ ...settings, baseURL: `${GATEWAY}/v1` }),
  AzureOpenAI: new AzureOpenAI({ ...settings, endpoint: GATEWAY, apiVersion: "2024-10-21" }),
};
const all = async (list) => {
  const found = [];
  for await (const one of list) found.push(one);
  return found;
};

for (const [name, client] of Object.entries(clients)) {
  test(`${name}: a file from its upload to its deletion`, async () => {
    const expires_after = { anchor: "created_at", seconds: 3600 };
    const file = await client.files.create({ file: await toFile(Buffer.from("hello"), "hi.txt"), purpose: "user_data", expires_after });
    assert.deepEqual([file.object, file.filename, file.bytes, file.expires_at], ["file", "hi.txt", 5, file.created_at + 3600]);
    assert.ok((await all(client.files.list({ purpose: "user_data", limit: 1 }))).some(({ id }) => id === file.id));
    assert.equal(await (await client.files.content(file.id)).text(), "hello");
    assert.equal((await client.files.delete(file.id)).deleted, true);
    await assert.rejects(client.files.retrieve(file.id), OpenAI.NotFoundError);
  });

  test(`${name}: a file in parts`, async () => {
    const upload = await client.uploads.create({ filename: "p", purpose: "assistants", bytes: 6, mime_type: "text/plain" });
    const part = async (text) => (await client.uploads.parts.create(upload.id, { data: await toFile(Buffer.from(text), "part") })).id;
    const [end, start] = [await part("def"), await part("abc")];
    const { status, file } = await client.uploads.complete(upload.id, { part_ids: [start, end] });
    assert.equal(status, "completed");
    assert.equal(await (await client.files.content(file.id)).text(), "abcdef");
  });

  test(`${name}: a stored completion`, async () => {
    const metadata = { run: `${name}-${Date.now()}` };
    const { id } = await client.chat.completions.create({ model: "gpt-5-mini", messages, store: true, metadata });
    const streamed = await client.chat.completions.stream({ model: "gpt-5-mini", messages, store: true, metadata }).finalChatCompletion();
    const found = await all(client.chat.completions.list({ metadata, limit: 1 }));
    assert.deepEqual(found.map((one) => one.id), [id, streamed.id]);
    assert.equal((await client.chat.completions.retrieve(streamed.id)).choices[0].message.content.trim(), TEXT);
    assert.deepEqual((await all(client.chat.completions.messages.list(id))).map(({ content }) => content), ["Greet me."]);
    assert.equal((await client.chat.completions.update(id, { metadata: { a: "b" } })).metadata.a, "b");
    assert.equal((await client.chat.completions.delete(id)).deleted, true);
    await assert.rejects(client.chat.completions.retrieve(id), OpenAI.NotFoundError);
  });

  test(`${name}: a batch`, async () => {
    const line = (custom_id) => JSON.stringify({ custom_id, method: "POST", url: "/v1/chat/completions", body: { model: "gpt-5-mini", messages } });
    const file = await client.files.create({ file: await toFile(Buffer.from(`${line("a")}\n${line("b")}\n`), "b.jsonl"), purpose: "batch" });
    let batch = await client.batches.create({ input_file_id: file.id, endpoint: "/v1/chat/completions", completion_window: "24h" });
    while (!["completed", "failed", "expired", "cancelled"].includes(batch.status)) batch = await client.batches.retrieve(batch.id);
    assert.deepEqual([batch.status, batch.request_counts], ["completed", { total: 2, completed: 2, failed: 0 }]);
    const output = (await (await client.files.content(batch.output_file_id)).text()).trimEnd().split("\n").map((text) => JSON.parse(text));
    assert.deepEqual(output.map(({ custom_id }) => custom_id), ["a", "b"]);
    assert.ok(output.every(({ response }) => response.status_code === 200 && response.body.choices[0].message.content === TEXT));
    assert.ok((await all(client.batches.list({ limit: 1 }))).some(({ id }) => id === batch.id));
  });
}
