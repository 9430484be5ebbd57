// Vercel's providers of Azure and of Anthropic.
import assert from "node:assert/strict";
import { test } from "node:test";
import { createAnthropic } from "@ai-sdk/anthropic";
import { createAzure } from "@ai-sdk/azure";
import { embed, generateText, Output, streamText, tool } from "ai";
import { z } from "zod";

const { GATEWAY, GATEWAY_KEY: apiKey } = process.env;
const TEXT = "Grüße aus Köln 👋";
const weather = tool({ description: "The weather in a city.", inputSchema: z.object({ city: z.string() }) });
const v1 = createAzure({ baseURL: `${GATEWAY}/openai/v1`, apiKey });
const dated = createAzure({ baseURL: `${GATEWAY}/openai`, apiKey, useDeploymentBasedUrls: true, apiVersion: "2024-10-21" });
const anthropic = createAnthropic({ baseURL: `${GATEWAY}/v1`, apiKey });
const foundry = createAnthropic({ baseURL: `${GATEWAY}/anthropic/v1`, apiKey });

const models = {
  "Azure, v1": v1.chat("gpt-5-mini"),
  "Azure, by deployment": dated.chat("gpt-5-mini"),
  Anthropic: anthropic("gpt-5-mini"),
  "Anthropic on Foundry": foundry("gpt-5-mini"),
};

for (const [name, model] of Object.entries(models)) {
  const ask = { model, prompt: "Greet me.", maxRetries: 0 };

  test(`${name}: a text, whole and streamed`, async () => {
    const { text, usage } = await generateText(ask);
    assert.equal(text, TEXT);
    assert.equal(usage.inputTokens, 42);
    const { textStream, finishReason } = streamText(ask);
    let streamed = "";
    for await (const piece of textStream) streamed += piece;
    assert.equal(streamed.trim(), TEXT);
    assert.equal(await finishReason, "stop");
  });

  test(`${name}: tool calls, whole and streamed`, async () => {
    const expected = [{ city: "Lisbon" }, { city: "Oslo" }];
    const whole = await generateText({ ...ask, tools: { weather } });
    assert.deepEqual(whole.toolCalls.map(({ input }) => input), expected);
    const streamed = streamText({ ...ask, tools: { weather } });
    await streamed.consumeStream();
    assert.deepEqual((await streamed.toolCalls).map(({ input }) => input), expected);
  });

  test(`${name}: an unknown model is an error with its status`, async () => {
    const unknown = name.startsWith("Azure") ? v1.chat("no-such-model") : anthropic("no-such-model");
    await assert.rejects(generateText({ ...ask, model: unknown }), (error) => error.statusCode === 404);
  });
}

test("Azure: an answer in the form of a schema", async () => {
  const output = Output.object({ schema: z.object({ city: z.string(), degrees: z.number() }) });
  for (const provider of [v1, dated]) {
    const answer = await generateText({ model: provider.chat("gpt-5-mini"), prompt: "How warm is it?", maxRetries: 0, output });
    assert.deepEqual(answer.output, { city: "Lisbon", degrees: 21 });
  }
});

test("Azure: an embedding", async () => {
  for (const provider of [v1, dated]) {
    const { embedding } = await embed({ model: provider.embedding("embedder"), value: "a", maxRetries: 0 });
    assert.deepEqual(embedding, [0, 0.5, -1.25]);
  }
});
