// The official `@anthropic-ai/sdk` package for JavaScript against the gateway.
import Anthropic from "@anthropic-ai/sdk";
import {
  CITIES, GATEWAY, IMAGE_SEEN, KEY, PERSON, PERSON_SCHEMA, PNG, TARGETS, UNICODE, WEATHER, WRONG_KEY,
  assert, checkLine, line, run,
} from "./common.mjs";

const client = new Anthropic({ baseURL: GATEWAY, apiKey: KEY, maxRetries: 0, timeout: 20_000 });
const tool = { name: "get_weather", description: "The weather.", input_schema: WEATHER };
const user = (content) => ({ messages: [{ role: "user", content }], max_tokens: 200 });
const ask = { system: "Be brief.", ...user(UNICODE) };
const said = `You said: ${UNICODE} [system: Be brief.]`;

function usage(seen) {
  assert.deepEqual([seen.input_tokens, seen.cache_read_input_tokens, seen.output_tokens], [20, 100, 7]);
}

async function fails(kind, status, word, request, by = client) {
  const error = await by.messages.create(request).then(() => assert.fail("no error"), (error) => error);
  assert.ok(error instanceof kind, `${error?.constructor?.name} is not ${kind.name}: ${error?.message}`);
  assert.equal(error.status, status);
  assert.equal(error.headers.get("x-tollgate-error"), word);
  assert.equal(error.error.type, "error");
  return error;
}

const each = {
  async basic(model) {
    const { data, response } = await client.messages.create({ model, ...ask }).withResponse();
    assert.deepEqual(data.content.map((part) => part.text), [said]);
    assert.equal(data.stop_reason, "end_turn");
    usage(data.usage);
    await checkLine(response.headers, model, "anthropic-messages", false);
  },
  async streamed(model) {
    const stream = client.messages.stream({ model, ...ask });
    let text = "";
    stream.on("text", (piece) => (text += piece));
    const final = await stream.finalMessage();
    assert.deepEqual([text, final.content[0].text, final.stop_reason], [said, said, "end_turn"]);
    usage(final.usage);
    const { response } = await stream.withResponse();
    await checkLine(response.headers, model, "anthropic-messages", true);
  },
  async tools(model) {
    const request = { model, ...user("weather in Paris and Oslo"), tools: [tool] };
    const first = await client.messages.create(request);
    const calls = first.content.filter((part) => part.type === "tool_use");
    assert.equal(first.stop_reason, "tool_use");
    assert.deepEqual(calls.map((call) => call.input), CITIES);
    const results = calls.map((call, at) => ({ type: "tool_result", tool_use_id: call.id, content: `${[21, 12][at]} °C` }));
    request.messages.push({ role: "assistant", content: first.content }, { role: "user", content: results });
    const second = await client.messages.create(request);
    assert.equal(second.content[0].text, "21 °C and 12 °C.");
  },
  async "tools streamed"(model) {
    const final = await client.messages.stream({ model, ...user("weather in Paris and Oslo"), tools: [tool] }).finalMessage();
    assert.deepEqual(final.content.map((part) => part.type), ["text", "tool_use", "tool_use"]);
    assert.deepEqual(final.content.slice(1).map((part) => part.input), CITIES);
  },
  async structured(model) {
    const format = { type: "json_schema", schema: PERSON_SCHEMA };
    const answer = await client.messages.create({ model, ...user("who?"), output_config: { format } });
    assert.deepEqual(JSON.parse(answer.content[0].text), PERSON);
  },
  async image(model) {
    const source = { type: "base64", media_type: "image/png", data: PNG };
    const answer = await client.messages.create({ model, ...user([{ type: "image", source }, { type: "text", text: "look" }]) });
    assert.equal(answer.content[0].text, IMAGE_SEEN);
  },
  async "caller leaves"(model) {
    const { data, response } = await client.messages.create({ model, ...user("be slow"), stream: true }).withResponse();
    for await (const event of data) if (event.type === "content_block_delta") break;
    assert.equal((await line(response.headers.get("x-tollgate-request-id"))).status, "cancelled");
  },
  async "upstream drops"(model) {
    const stream = await client.messages.create({ model, ...user("drop"), stream: true });
    await assert.rejects(async () => {
      for await (const _ of stream);
    });
  },
  async "upstream 400"(model) {
    const error = await fails(Anthropic.BadRequestError, 400, "upstream_rejected", { model, ...user("fail 400") });
    assert.match(error.message, /scripted failure 400/);
  },
  async "upstream 429"(model) {
    await fails(Anthropic.RateLimitError, 429, "upstream_rate_limited", { model, ...user("fail 429") });
  },
};
const once = {
  async "401"() {
    const wrong = new Anthropic({ baseURL: GATEWAY, apiKey: WRONG_KEY, maxRetries: 0 });
    await fails(Anthropic.AuthenticationError, 401, "unauthenticated", { model: TARGETS[0], ...user("x") }, wrong);
  },
  async "404 model"() {
    const error = await fails(Anthropic.NotFoundError, 404, "unknown_model", { model: "clauding/scriptd", ...user("x") });
    assert.ok(error.error.error.tollgate.near.includes("clauding/scripted"));
  },
  async "400 body"() {
    await fails(Anthropic.BadRequestError, 400, "invalid_request", { model: TARGETS[0], max_tokens: 5, messages: "not a list" });
  },
  async models() {
    const listed = [];
    for await (const model of client.models.list()) listed.push(model.id);
    for (const model of TARGETS) assert.ok(listed.includes(model), `${listed}`);
  },
};

for (const [name, check] of Object.entries(each)) for (const target of TARGETS) await run(name, target, check);
for (const [name, check] of Object.entries(once)) await run(name, "", check);
