import assert from "node:assert/strict";
import { test } from "node:test";
import { createOpenAI } from "@ai-sdk/openai";
import { embedMany, generateText, Output, streamText, tool } from "ai";
import { z } from "zod";

const { GATEWAY, GATEWAY_KEY } = process.env;
const TEXT = "Grüße aus Köln 👋";
const openai = createOpenAI({ baseURL: `${GATEWAY}/v1`, apiKey: GATEWAY_KEY });
const model = openai.chat("gpt-5-mini");
const ask = { model, prompt: "Greet me.", maxRetries: 0 };
const weather = tool({ description: "The weather in a city.", inputSchema: z.object({ city: z.string() }) });

test("a text in one piece", async () => {
  const { text, usage } = await generateText(ask);
  assert.equal(text, TEXT);
  assert.equal(usage.inputTokens, 42);
  assert.equal(usage.outputTokens, 17);
});

test("a text as a stream", async () => {
  const { textStream, finishReason } = streamText(ask);
  let text = "";
  for await (const piece of textStream) text += piece;
  assert.equal(text.trim(), TEXT);
  assert.equal(await finishReason, "stop");
});

test("tool calls, whole and streamed", async () => {
  const expected = [{ city: "Lisbon" }, { city: "Oslo" }];
  const whole = await generateText({ ...ask, tools: { weather } });
  assert.deepEqual(whole.toolCalls.map(({ input }) => input), expected);
  const streamed = streamText({ ...ask, tools: { weather } });
  await streamed.consumeStream();
  assert.deepEqual((await streamed.toolCalls).map(({ input }) => input), expected);
});

test("an answer in the form of a schema", async () => {
  const output = Output.object({ schema: z.object({ city: z.string(), degrees: z.number() }) });
  const answer = await generateText({ ...ask, output });
  assert.deepEqual(answer.output, { city: "Lisbon", degrees: 21 });
});

test("embeddings", async () => {
  const { embeddings } = await embedMany({ model: openai.embedding("embedder"), values: ["a", "b"], maxRetries: 0 });
  assert.deepEqual(embeddings, [
    [0, 0.5, -1.25],
    [1, 0.5, -1.25],
  ]);
});
