// The official `openai` package for JavaScript against the gateway; the argument names the installed package.
import {
  CITIES, GATEWAY, IMAGE_SEEN, KEY, PERSON, PERSON_SCHEMA, PNG, TARGETS, UNICODE, USAGE, WEATHER, WRONG_KEY,
  assert, checkLine, line, run,
} from "./common.mjs";

const { default: OpenAI } = await import(process.argv[2]);
const client = new OpenAI({ baseURL: `${GATEWAY}/v1`, apiKey: KEY, maxRetries: 0, timeout: 20_000 });
const tool = { type: "function", function: { name: "get_weather", description: "The weather.", parameters: WEATHER } };
const ask = [{ role: "system", content: "Be brief." }, { role: "user", content: UNICODE }];
const said = `You said: ${UNICODE} [system: Be brief.]`;
const user = (content) => [{ role: "user", content }];
const form = { type: "json_schema", json_schema: { name: "person", strict: true, schema: PERSON_SCHEMA } };

function usage(seen) {
  assert.equal(seen.prompt_tokens, USAGE.input + USAGE.cache_read);
  assert.equal(seen.prompt_tokens_details.cached_tokens, USAGE.cache_read);
  assert.equal(seen.completion_tokens, USAGE.output);
}

async function fails(kind, status, word, request, by = client) {
  const error = await by.chat.completions.create(request).then(() => assert.fail("no error"), (error) => error);
  assert.ok(error instanceof kind, `${error?.constructor?.name} is not ${kind.name}: ${error?.message}`);
  assert.equal(error.status, status);
  assert.equal(error.headers.get("x-tollgate-error"), word);
  return error;
}

const each = {
  async basic(model) {
    const { data, response } = await client.chat.completions
      .create({ model, messages: ask, temperature: 0.5, max_completion_tokens: 200 })
      .withResponse();
    assert.equal(data.choices[0].message.content, said);
    assert.equal(data.choices[0].finish_reason, "stop");
    usage(data.usage);
    await checkLine(response.headers, model, "openai-chat", false);
  },
  async streamed(model) {
    const { data, response } = await client.chat.completions
      .create({ model, messages: ask, stream: true, stream_options: { include_usage: true } })
      .withResponse();
    let [text, finish, seen] = ["", null, null];
    for await (const chunk of data) {
      seen = chunk.usage ?? seen;
      text += chunk.choices[0]?.delta.content ?? "";
      finish = chunk.choices[0]?.finish_reason ?? finish;
    }
    assert.deepEqual([text, finish], [said, "stop"]);
    usage(seen);
    await checkLine(response.headers, model, "openai-chat", true);
  },
  async tools(model) {
    const messages = user("weather in Paris and Oslo");
    const first = await client.chat.completions.create({ model, messages, tools: [tool] });
    const message = first.choices[0].message;
    assert.equal(first.choices[0].finish_reason, "tool_calls");
    assert.deepEqual(message.tool_calls.map((call) => JSON.parse(call.function.arguments)), CITIES);
    messages.push(message);
    message.tool_calls.forEach((call, at) =>
      messages.push({ role: "tool", tool_call_id: call.id, content: `${[21, 12][at]} °C` }));
    const second = await client.chat.completions.create({ model, messages, tools: [tool] });
    assert.equal(second.choices[0].message.content, "21 °C and 12 °C.");
  },
  async "tools streamed"(model) {
    const stream = client.chat.completions.stream({ model, messages: user("weather in Paris and Oslo"), tools: [tool] });
    const final = await stream.finalChatCompletion();
    assert.deepEqual(final.choices[0].message.tool_calls.map((call) => JSON.parse(call.function.arguments)), CITIES);
    assert.equal(final.choices[0].finish_reason, "tool_calls");
  },
  async structured(model) {
    const answer = await client.chat.completions.parse({ model, messages: user("who?"), response_format: form });
    assert.deepEqual(JSON.parse(answer.choices[0].message.content), PERSON);
  },
  async image(model) {
    const url = { url: `data:image/png;base64,${PNG}` };
    const messages = user([{ type: "text", text: "look" }, { type: "image_url", image_url: url }]);
    const answer = await client.chat.completions.create({ model, messages });
    assert.equal(answer.choices[0].message.content, IMAGE_SEEN);
  },
  async "caller leaves"(model) {
    const { data, response } = await client.chat.completions
      .create({ model, messages: user("be slow"), stream: true })
      .withResponse();
    for await (const chunk of data) if (chunk.choices[0]?.delta.content) break;
    assert.equal((await line(response.headers.get("x-tollgate-request-id"))).status, "cancelled");
  },
  async "upstream drops"(model) {
    const stream = await client.chat.completions.create({ model, messages: user("drop"), stream: true });
    await assert.rejects(async () => {
      for await (const _ of stream);
    });
  },
  async "upstream 400"(model) {
    const error = await fails(OpenAI.BadRequestError, 400, "upstream_rejected", { model, messages: user("fail 400") });
    assert.match(error.message, /scripted failure 400/);
  },
  async "upstream 429"(model) {
    await fails(OpenAI.RateLimitError, 429, "upstream_rate_limited", { model, messages: user("fail 429") });
  },
};
const once = {
  async "401"() {
    const wrong = new OpenAI({ baseURL: `${GATEWAY}/v1`, apiKey: WRONG_KEY, maxRetries: 0 });
    await fails(OpenAI.AuthenticationError, 401, "unauthenticated", { model: TARGETS[0], messages: user("x") }, wrong);
  },
  async "404 model"() {
    const error = await fails(OpenAI.NotFoundError, 404, "unknown_model", { model: "chatty/scriptd", messages: user("x") });
    assert.ok(error.error.tollgate.near.includes("chatty/scripted"));
  },
  async "400 body"() {
    await fails(OpenAI.BadRequestError, 400, "invalid_request", { model: TARGETS[1], messages: "not a list" });
  },
  async models() {
    const listed = (await client.models.list()).data.map((model) => model.id);
    for (const model of TARGETS) assert.ok(listed.includes(model), `${listed}`);
  },
};

for (const [name, check] of Object.entries(each)) for (const target of TARGETS) await run(name, target, check);
for (const [name, check] of Object.entries(once)) await run(name, "", check);
