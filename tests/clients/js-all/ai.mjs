// Vercel's AI SDK with its OpenAI (chat, Responses), OpenAI-compatible, Anthropic and Google providers.
import { createAnthropic } from "@ai-sdk/anthropic";
import { createGoogle } from "@ai-sdk/google";
import { createOpenAI } from "@ai-sdk/openai";
import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import { APICallError, Output, embedMany, generateText, isStepCount, jsonSchema, streamText, tool } from "ai";
import {
  CITIES, COST, GATEWAY, IMAGE_SEEN, KEY, PERSON, PERSON_SCHEMA, PNG, UNICODE, WEATHER, assert, line, run,
} from "../js/common.mjs";

const TARGETS = ["chatty/scripted", "clauding/scripted", "googly/gemini-3-pro-preview"];
const openai = createOpenAI({ baseURL: `${GATEWAY}/v1`, apiKey: KEY });
const compatible = createOpenAICompatible({
  name: "tollgate", baseURL: `${GATEWAY}/v1`, apiKey: KEY, includeUsage: true, supportsStructuredOutputs: true,
});
const anthropic = createAnthropic({ baseURL: `${GATEWAY}/v1`, apiKey: KEY });
const google = createGoogle({ baseURL: `${GATEWAY}/v1beta`, apiKey: KEY });
const models = {
  "openai responses": (name) => openai(name),
  "openai chat": (name) => openai.chat(name),
  "openai-compatible": (name) => compatible(name),
  anthropic: (name) => anthropic(name),
  google: (name) => google(name),
};
const said = `You said: ${UNICODE} [system: Be brief.]`;
// Without `store: false` the package names earlier items by id alone, which only OpenAI itself keeps.
const base = { maxRetries: 0, maxOutputTokens: 200, providerOptions: { openai: { store: false } } };
const asked = [];
const tools = {
  get_weather: tool({
    description: "The weather.",
    inputSchema: jsonSchema(WEATHER),
    execute: ({ city, unit }) => {
      asked.push({ city, unit });
      return { Paris: "21 °C", Oslo: "12 °C" }[city];
    },
  }),
};

function usage(seen) {
  assert.equal(seen.inputTokens, 120);
  assert.equal(seen.outputTokens, 7);
  assert.equal(seen.inputTokenDetails?.cacheReadTokens ?? seen.cachedInputTokens, 100);
}

const each = {
  async plain(model) {
    const answer = await generateText({ ...base, model, instructions: "Be brief.", prompt: UNICODE });
    assert.equal(answer.text, said);
    assert.equal(answer.finishReason, "stop");
    usage(answer.usage);
    const headers = answer.response.headers;
    assert.equal(headers["x-tollgate-cost-usd"], COST);
    assert.equal((await line(headers["x-tollgate-request-id"])).cost.usd, COST);
  },
  async streamed(model) {
    const answer = streamText({ ...base, model, instructions: "Be brief.", prompt: UNICODE });
    const pieces = [];
    for await (const piece of answer.textStream) pieces.push(piece);
    assert.equal(pieces.join(""), said);
    assert.ok(pieces.length > 3, `${pieces.length} pieces`);
    usage(await answer.usage);
  },
  async tools(model) {
    asked.length = 0;
    const answer = await generateText({ ...base, model, tools, stopWhen: isStepCount(3), prompt: "weather in Paris and Oslo" });
    assert.deepEqual(asked, CITIES);
    assert.match(answer.text, /21 °C.* and .*12 °C/);
  },
  async "tools streamed"(model) {
    asked.length = 0;
    const answer = streamText({ ...base, model, tools, stopWhen: isStepCount(3), prompt: "weather in Paris and Oslo" });
    let text = "";
    for await (const piece of answer.textStream) text += piece;
    assert.deepEqual(asked, CITIES);
    assert.match(text, /21 °C.* and .*12 °C/);
  },
  async structured(model) {
    const output = Output.object({ schema: jsonSchema(PERSON_SCHEMA) });
    const answer = await generateText({ ...base, model, output, prompt: "who?" });
    assert.deepEqual(answer.output, PERSON);
  },
  async image(model) {
    const content = [{ type: "text", text: "look" }, { type: "file", data: Buffer.from(PNG, "base64"), mediaType: "image/png" }];
    const answer = await generateText({ ...base, model, messages: [{ role: "user", content }] });
    assert.equal(answer.text, IMAGE_SEEN);
  },
  async "upstream 400"(model) {
    const error = await generateText({ ...base, model, prompt: "fail 400" }).then(() => assert.fail("no error"), (error) => error);
    assert.ok(APICallError.isInstance(error), `${error}`);
    assert.equal(error.statusCode, 400);
    assert.equal(error.isRetryable, false);
    assert.match(error.message, /scripted failure 400/);
  },
  async "upstream 429"(model) {
    const error = await generateText({ ...base, model, prompt: "fail 429" }).then(() => assert.fail("no error"), (error) => error);
    assert.equal(error.statusCode, 429);
    assert.equal(error.isRetryable, true);
  },
  async "caller leaves"(model) {
    const stop = new AbortController();
    const answer = streamText({ ...base, model, prompt: "be slow", abortSignal: stop.signal, onError() {} });
    for await (const piece of answer.textStream) if (piece) stop.abort();
  },
};
for (const [dialect, make] of Object.entries(models))
  for (const [name, check] of Object.entries(each))
    for (const target of TARGETS) await run(`${dialect} ${name}`, target, () => check(make(target)));
await run("embeddings", "chatty/scripted", async () => {
  const { embeddings, usage } = await embedMany({ model: openai.textEmbeddingModel("chatty/scripted"), values: ["one", UNICODE] });
  assert.deepEqual(embeddings, [[0.5, -0.25, 1], [0.5, -0.25, 1]]);
  assert.equal(usage.tokens, 20);
});
