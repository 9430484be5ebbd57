import assert from "node:assert/strict";
import { test } from "node:test";
import OpenAI, { AzureOpenAI } from "openai";
import { zodResponseFormat } from "openai/helpers/zod";
import { z } from "zod";

const { GATEWAY, GATEWAY_KEY } = process.env;
const TEXT = "Grüße aus Köln 👋";
const messages = [{ role: "user", content: "Greet me." }];
const settings = { apiKey: GATEWAY_KEY, maxRetries: 0, timeout: 30_000 };
const clients = {
  OpenAI: new OpenAI({ ...settings, baseURL: `${GATEWAY}/v1` }),
  AzureOpenAI: new AzureOpenAI({ ...settings, endpoint: GATEWAY, apiVersion: "2024-10-21" }),
};
const tools = [
  {
    type: "function",
    function: { name: "weather", parameters: { type: "object", properties: { city: { type: "string" } }, required: ["city"] } },
  },
];

for (const [name, client] of Object.entries(clients)) {
  test(`${name}: an answer in one piece`, async () => {
    const { data, response } = await client.chat.completions.create({ model: "gpt-5-mini", messages }).withResponse();
    assert.equal(data.choices[0].message.content, TEXT);
    assert.equal(data.usage.completion_tokens_details.reasoning_tokens, 5);
    assert.equal(response.headers.get("x-ratelimit-remaining-tokens"), "1234");
    assert.ok(data._request_id);
  });

  test(`${name}: a stream`, async () => {
    const stream = await client.chat.completions.create({ model: "gpt-5-mini", messages, stream: true });
    let text = "";
    for await (const chunk of stream) text += chunk.choices[0]?.delta?.content ?? "";
    assert.equal(text.trim(), TEXT);
  });

  test(`${name}: interleaved tool calls in a stream`, async () => {
    const runner = client.chat.completions.stream({ model: "gpt-5-mini", messages, tools });
    const { choices } = await runner.finalChatCompletion();
    assert.deepEqual(
      choices[0].message.tool_calls.map((call) => JSON.parse(call.function.arguments)),
      [{ city: "Lisbon" }, { city: "Oslo" }],
    );
  });

  test(`${name}: a structured answer is parsed`, async () => {
    const response_format = zodResponseFormat(z.object({ city: z.string(), degrees: z.number() }), "weather");
    const { choices } = await client.chat.completions.parse({ model: "gpt-5-mini", messages, response_format });
    assert.deepEqual(choices[0].message.parsed, { city: "Lisbon", degrees: 21 });
  });

  test(`${name}: an unknown model is the typed error`, async () => {
    await assert.rejects(client.chat.completions.create({ model: "no-such-model", messages }), OpenAI.NotFoundError);
  });
}

test("embeddings come in base64 and are decoded", async () => {
  const { data } = await clients.OpenAI.embeddings.create({ model: "embedder", input: ["a", "b"] });
  assert.deepEqual(
    data.map(({ embedding }) => embedding),
    [
      [0, 0.5, -1.25],
      [1, 0.5, -1.25],
    ],
  );
});

test("models are listed and found", async () => {
  const ids = [];
  for await (const model of clients.OpenAI.models.list()) ids.push(model.id);
  assert.ok(ids.includes("gpt-5-mini"));
  assert.equal((await clients.OpenAI.models.retrieve("gpt-5-mini")).id, "gpt-5-mini");
});

test("a client that hangs up in mid-stream leaves the gateway well", async () => {
  const stream = await clients.OpenAI.chat.completions.create({ model: "gpt-5-mini", messages, stream: true });
  for await (const _ of stream) break;
  assert.ok((await clients.OpenAI.models.list()).data.length > 0);
});
