// What the SDKs do by themselves around a call: parse, put streams together, resume, poll, abort, retry, run tools step by step.
import assert from "node:assert/strict";
import { test } from "node:test";
import { createOpenAI } from "@ai-sdk/openai";
import { embedMany, generateObject, generateText, isStepCount, streamObject, streamText, tool } from "ai";
import OpenAI, { AzureOpenAI, toFile } from "openai";
import { zodResponseFormat, zodTextFormat } from "openai/helpers/zod";
import { z } from "zod";

const { GATEWAY, GATEWAY_KEY } = process.env;
const TEXT = "Grüße aus Köln 👋";
const PICTURE = "data:image/png;base64,iVBORw0KGgo=";
const settings = { apiKey: GATEWAY_KEY, maxRetries: 0, timeout: 30_000 };
const plain = { ...settings, baseURL: `${GATEWAY}/v1` };
const client = new OpenAI(plain);
const azure = new AzureOpenAI({ ...settings, endpoint: GATEWAY, apiVersion: "2025-04-01-preview", deployment: "gpt-5-mini" });
const model = "gpt-5-mini";
const messages = [{ role: "user", content: "Greet me." }];
const refused = [{ role: "user", content: "Refuse." }];
const schema = z.object({ city: z.string(), degrees: z.number() });
const warm = { city: "Lisbon", degrees: 21 };
const object = (properties) => ({ type: "object", properties, required: Object.keys(properties), additionalProperties: false });
const functions = [
  { name: "weather", parameters: object({ city: { type: "string" } }), strict: false },
  { name: "now", parameters: object({}), strict: false },
];
const arguments_ = ['{"city":"Lisbon"}', '{"city":"Oslo"}', "{}"];
const all = async (list) => {
  const found = [];
  for await (const one of list) found.push(one);
  return found;
};

for (const [name, one] of Object.entries({ OpenAI: client, AzureOpenAI: azure })) {
  test(`${name}: parallel calls of tools that come in turn, one without arguments`, async () => {
    const tools = functions.map((one) => ({ type: "function", function: one }));
    const { choices } = await one.chat.completions.stream({ model, messages, tools }).finalChatCompletion();
    assert.deepEqual(choices[0].message.tool_calls.map((call) => call.function.arguments), arguments_);
    const response = await one.responses.stream({ model, input: messages, tools: functions.map((one) => ({ type: "function", ...one })) }).finalResponse();
    assert.deepEqual(response.output.map((call) => call.arguments), arguments_);
  });

  test(`${name}: a form is parsed, and a refusal is one`, async () => {
    const response_format = zodResponseFormat(schema, "weather");
    const text = { format: zodTextFormat(schema, "weather") };
    const parsed = await one.chat.completions.parse({ model, messages, response_format });
    assert.deepEqual(parsed.choices[0].message.parsed, warm);
    assert.deepEqual((await one.responses.parse({ model, input: messages, text })).output_parsed, warm);
    const no = (await one.chat.completions.parse({ model, messages: refused, response_format })).choices[0].message;
    assert.deepEqual([no.refusal, no.parsed], ["I cannot.", null]);
    const streamed = one.chat.completions.stream({ model, messages: refused, response_format });
    let pieces = "";
    streamed.on("refusal.delta", ({ delta }) => (pieces += delta));
    assert.equal((await streamed.finalChatCompletion()).choices[0].message.refusal, "I cannot.");
    assert.equal(pieces, "I cannot.");
    const said = await one.responses.parse({ model, input: refused, text });
    assert.deepEqual([said.output[0].content[0].refusal, said.output_parsed], ["I cannot.", null]);
  });
}

test("a response in the background is polled, and a stream that broke is read on from where it was", async () => {
  let queued = await client.responses.create({ model: "slow", input: "q", background: true });
  while (["queued", "in_progress"].includes(queued.status)) queued = await client.responses.retrieve(queued.id);
  assert.deepEqual([queued.status, queued.output_text], ["completed", "one two three"]);
  const seen = [];
  let id;
  for await (const event of await client.responses.create({ model: "slow", input: "q", background: true, stream: true })) {
    id ??= event.response.id;
    seen.push(event.sequence_number);
    if (event.type === "response.output_text.delta") break;
  }
  for await (const event of await client.responses.retrieve(id, { stream: true, starting_after: seen.at(-1) })) seen.push(event.sequence_number);
  assert.deepEqual(seen, [...seen.keys()]);
  const resumed = await client.responses.stream({ response_id: id, starting_after: 3 }).finalResponse();
  assert.equal(resumed.output_text, "one two three");
});

test("an aborted stream ends as one, and nothing is left of it", async () => {
  const stream = await client.chat.completions.create({ model: "slow", messages, stream: true });
  let chunks = 0;
  for await (const _ of stream) if (++chunks === 2) stream.controller.abort();
  assert.equal(chunks, 2);
  const signal = AbortSignal.timeout(100);
  await assert.rejects(client.responses.create({ model: "slow", input: "q" }, { signal }), OpenAI.APIUserAbortError);
  await assert.rejects(client.chat.completions.create({ model: "slow", messages }, { timeout: 100 }), OpenAI.APIConnectionTimeoutError);
});

test("the client tries again what may pass, after the time that it was told, and nothing else", async () => {
  const tries = async (model, error) => {
    let sent = 0;
    const counting = new OpenAI({ ...plain, maxRetries: 1, fetch: (...call) => (sent++, fetch(...call)) });
    const begun = performance.now();
    await assert.rejects(counting.chat.completions.create({ model, messages }), error);
    return [sent, performance.now() - begun];
  };
  const [limited, waited] = await tries("limited", OpenAI.RateLimitError);
  assert.ok(limited === 2 && waited >= 300, `${limited} tries in ${waited} ms`);
  assert.equal((await tries("failing", OpenAI.InternalServerError))[0], 2);
  assert.equal((await tries("spent", OpenAI.RateLimitError))[0], 1);
  assert.equal((await tries("no-such-model", OpenAI.NotFoundError))[0], 1);
});

test("pictures, sound and moderation pass through", async () => {
  const content = [{ type: "text", text: "What is it?" }, { type: "image_url", image_url: { url: PICTURE, detail: "low" } }];
  assert.equal((await client.chat.completions.create({ model, messages: [{ role: "user", content }] })).choices[0].message.content, TEXT);
  const input = [{ role: "user", content: [{ type: "input_text", text: "What is it?" }, { type: "input_image", image_url: PICTURE, detail: "low" }] }];
  assert.equal((await client.responses.create({ model, input })).output_text, TEXT);
  assert.equal(Buffer.from((await client.images.generate({ model, prompt: "a cat" })).data[0].b64_json, "base64").toString(), "a picture");
  const sound = await (await client.audio.speech.create({ model, voice: "alloy", input: "hello" })).arrayBuffer();
  assert.ok(sound.byteLength > 16_000);
  const file = await toFile(Buffer.from("RIFF"), "a.wav");
  assert.equal((await client.audio.transcriptions.create({ model, file })).text, "Grüße aus Köln");
  assert.equal((await client.moderations.create({ model, input: "hello" })).results[0].flagged, false);
});

test("many vectors in one call, and too many or none as the typed error", async () => {
  assert.deepEqual((await client.embeddings.create({ model: "embedder", input: ["a", "b"], encoding_format: "float" })).data[1].embedding, [1, 0.5, -1.25]);
  const wrong = [{ input: Array(2049).fill("a") }, { input: [] }, { input: ["a", ""] }, { input: "a", encoding_format: "int8" }, { input: "a", dimensions: 0 }];
  for (const more of wrong) {
    await assert.rejects(client.embeddings.create({ model: "echo", ...more }), (error) => error.status === 400 && error.param in more);
  }
});

test("a stored completion is in the list of the same client's", async () => {
  const metadata = { run: `helpers-${Date.now()}` };
  const ids = [];
  for (let at = 0; at < 3; at++) ids.push((await client.chat.completions.create({ model, messages, store: true, metadata })).id);
  assert.deepEqual((await all(client.chat.completions.list({ metadata, limit: 2, order: "asc" }))).map(({ id }) => id), ids);
});

for (const [name, of] of Object.entries({ chat: (provider, id) => provider.chat(id), responses: (provider, id) => provider.responses(id) })) {
  const provider = createOpenAI({ baseURL: `${GATEWAY}/v1`, apiKey: GATEWAY_KEY });
  const ask = { model: of(provider, model), prompt: "How warm is it?", maxRetries: 0 };
  const weather = tool({ description: "d", inputSchema: z.object({ city: z.string() }), execute: ({ city }) => `21 in ${city}` });
  const now = tool({ description: "d", inputSchema: z.object({}), execute: () => "noon" });

  test(`the AI SDK by ${name}: tools over several steps, objects whole and streamed`, async () => {
    const stepped = streamText({ ...ask, tools: { weather, now }, stopWhen: isStepCount(3) });
    assert.equal((await stepped.text).trim(), "It is 21 degrees.");
    const steps = await stepped.steps;
    assert.deepEqual(steps[0].toolResults.map(({ output }) => output), ["21 in Lisbon", "21 in Oslo", "noon"]);
    assert.equal(steps.length, 2);
    assert.deepEqual((await generateObject({ ...ask, schema })).object, warm);
    const streamed = streamObject({ ...ask, schema });
    const partial = await all(streamed.partialObjectStream);
    assert.deepEqual(partial.at(-1), warm);
    assert.deepEqual(await streamed.object, warm);
  });

  test(`the AI SDK by ${name}: an abort and a failure are what they are`, async () => {
    const slow = { ...ask, model: of(provider, "slow") };
    const parts = await all(streamText({ ...slow, abortSignal: AbortSignal.timeout(100) }).fullStream);
    assert.ok(parts.some(({ type }) => type === "abort"));
    await assert.rejects(generateText({ ...slow, abortSignal: AbortSignal.timeout(100) }), { name: "TimeoutError" });
    await assert.rejects(generateText({ ...ask, model: of(provider, "failing") }), (error) => error.statusCode === 500 && error.isRetryable);
    const limited = { ...ask, model: of(provider, "limited"), maxRetries: 1 };
    await assert.rejects(generateText(limited), (error) => error.lastError.statusCode === 429 && error.errors.length === 2);
  });
}

test("the AI SDK: more vectors than go into one call", async () => {
  const provider = createOpenAI({ baseURL: `${GATEWAY}/v1`, apiKey: GATEWAY_KEY });
  const values = Array.from({ length: 2050 }, (_, at) => `${at}`);
  const { embeddings } = await embedMany({ model: provider.embedding("echo"), values, maxRetries: 0 });
  assert.equal(embeddings.length, 2050);
});
