import assert from "node:assert/strict";
import { test } from "node:test";
import { createOpenAI } from "@ai-sdk/openai";
import { generateText, Output, streamText, tool } from "ai";
import OpenAI, { AzureOpenAI } from "openai";
import { z } from "zod";

const { GATEWAY, GATEWAY_KEY } = process.env;
const TEXT = "Grüße aus Köln 👋";
const settings = { apiKey: GATEWAY_KEY, maxRetries: 0, timeout: 30_000 };
const clients = {
  OpenAI: new OpenAI({ ...settings, baseURL: `${GATEWAY}/v1` }),
  AzureOpenAI: new AzureOpenAI({ ...settings, endpoint: GATEWAY, apiVersion: "2025-04-01-preview" }),
};
const ask = { model: "gpt-5-mini", input: "Greet me." };
const weather = {
  type: "function",
  name: "weather",
  parameters: { type: "object", properties: { city: { type: "string" } }, required: ["city"], additionalProperties: false },
  strict: true,
};

for (const [name, client] of Object.entries(clients)) {
  test(`${name}: a response is made, gone on from, found and deleted`, async () => {
    const first = await client.responses.create(ask);
    assert.equal(first.output_text, TEXT);
    const second = await client.responses.create({ ...ask, input: "Again.", previous_response_id: first.id });
    assert.equal((await client.responses.retrieve(second.id)).previous_response_id, first.id);
    const roles = [];
    for await (const item of client.responses.inputItems.list(second.id, { order: "asc", limit: 1 })) roles.push(item.role);
    assert.deepEqual(roles, ["user", "assistant", "user"]);
    await client.responses.delete(first.id);
    await assert.rejects(client.responses.retrieve(first.id), OpenAI.NotFoundError);
  });

  test(`${name}: a response as a stream`, async () => {
    const stream = client.responses.stream({ ...ask, tools: [weather] });
    const numbers = [];
    for await (const event of stream) numbers.push(event.sequence_number);
    assert.deepEqual(numbers, [...numbers.keys()]);
    const { output } = await stream.finalResponse();
    assert.deepEqual(
      output.map((call) => JSON.parse(call.arguments)),
      [{ city: "Lisbon" }, { city: "Oslo" }],
    );
  });
}

test("a conversation", async () => {
  const { conversations, responses } = clients.OpenAI;
  const { id } = await conversations.create({ metadata: { a: "b" } });
  await responses.create({ ...ask, conversation: id });
  const items = [];
  for await (const item of conversations.items.list(id)) items.push(item.type);
  assert.deepEqual(items, ["message", "message"]);
  assert.equal((await conversations.delete(id)).deleted, true);
});

const openai = createOpenAI({ baseURL: `${GATEWAY}/v1`, apiKey: GATEWAY_KEY });
const model = openai("gpt-5-mini");
const prompt = { model, prompt: "Greet me.", maxRetries: 0 };
const tools = { weather: tool({ description: "The weather in a city.", inputSchema: z.object({ city: z.string() }), execute: () => "21" }) };

test("the AI SDK's default model: whole, streamed, with an object, with tools over several steps", async () => {
  const { text, usage } = await generateText(prompt);
  assert.equal(text, TEXT);
  assert.equal(usage.inputTokens, 42);
  const streamed = streamText(prompt);
  let pieces = "";
  for await (const piece of streamed.textStream) pieces += piece;
  assert.equal(pieces, TEXT);
  assert.equal(await streamed.finishReason, "stop");
  const output = Output.object({ schema: z.object({ city: z.string(), degrees: z.number() }) });
  assert.deepEqual((await generateText({ ...prompt, output })).output, { city: "Lisbon", degrees: 21 });
  const { stepCountIs } = await import("ai");
  const stepped = await generateText({ ...prompt, tools, stopWhen: stepCountIs(3) });
  assert.equal(stepped.text, "It is 21 degrees.");
  const again = streamText({ ...prompt, tools, stopWhen: stepCountIs(3) });
  await again.consumeStream();
  assert.equal(await again.text, "It is 21 degrees.");
});
