// The official `@google/genai` package for JavaScript against the gateway.
import { ApiError, GoogleGenAI } from "@google/genai";
import { CITIES, GATEWAY, IMAGE_SEEN, KEY, PERSON, PERSON_SCHEMA, PNG, UNICODE, WEATHER, WRONG_KEY, assert, checkLine, run } from "../js/common.mjs";

const TARGETS = ["chatty/scripted", "clauding/scripted", "googly/scripted"];
const client = new GoogleGenAI({ apiKey: KEY, httpOptions: { baseUrl: GATEWAY, timeout: 20_000 } });
const said = `You said: ${UNICODE} [system: Be brief.]`;
const declared = [{ functionDeclarations: [{ name: "get_weather", description: "The weather.", parametersJsonSchema: WEATHER }] }];

async function answered(said, contents, model) {
  const calls = said.parts.filter((part) => part.functionCall).map((part) => part.functionCall);
  assert.deepEqual(calls.map((call) => call.args), CITIES);
  const answers = calls.map((call, at) => ({
    functionResponse: { id: call.id, name: call.name, response: { result: `${[21, 12][at]} °C` } },
  }));
  contents.push(said, { role: "user", parts: answers });
  const second = await client.models.generateContent({ model, contents, config: { tools: declared } });
  assert.equal(second.text, "21 °C and 12 °C.");
}

const each = {
  async basic(model) {
    const answer = await client.models.generateContent({ model, contents: UNICODE, config: { systemInstruction: "Be brief.", temperature: 0.5 } });
    assert.equal(answer.text, said);
    assert.deepEqual([answer.usageMetadata.promptTokenCount, answer.usageMetadata.candidatesTokenCount], [120, 7]);
    await checkLine(new Headers(answer.sdkHttpResponse.headers), model, "gemini", false);
  },
  async streamed(model) {
    let text = "", pieces = 0;
    const stream = await client.models.generateContentStream({ model, contents: UNICODE, config: { systemInstruction: "Be brief." } });
    for await (const chunk of stream) {
      text += chunk.text ?? "";
      pieces += chunk.text ? 1 : 0;
    }
    assert.equal(text, said);
    assert.ok(pieces > 3, `${pieces} pieces`);
  },
  async tools(model) {
    const contents = [{ role: "user", parts: [{ text: "weather in Paris and Oslo" }] }];
    const first = await client.models.generateContent({ model, contents, config: { tools: declared } });
    await answered(first.candidates[0].content, contents, model);
  },
  async "chat"(model) {
    const chat = client.chats.create({ model, config: { tools: declared } });
    const first = await chat.sendMessage({ message: "weather in Paris and Oslo" });
    const calls = first.functionCalls;
    assert.deepEqual(calls.map((call) => call.args), CITIES);
    const message = calls.map((call, at) => ({
      functionResponse: { id: call.id, name: call.name, response: { result: `${[21, 12][at]} °C` } },
    }));
    assert.equal((await chat.sendMessage({ message })).text, "21 °C and 12 °C.");
  },
  async structured(model) {
    const config = { responseMimeType: "application/json", responseJsonSchema: PERSON_SCHEMA };
    const answer = await client.models.generateContent({ model, contents: "who?", config });
    assert.deepEqual(JSON.parse(answer.text), PERSON);
  },
  async image(model) {
    const contents = ["look", { inlineData: { mimeType: "image/png", data: PNG } }];
    assert.equal((await client.models.generateContent({ model, contents })).text, IMAGE_SEEN);
  },
  async "upstream 400"(model) {
    const error = await client.models.generateContent({ model, contents: "fail 400" }).then(() => assert.fail("no error"), (error) => error);
    assert.ok(error instanceof ApiError, `${error}`);
    assert.equal(error.status, 400);
    assert.match(error.message, /scripted failure 400/);
  },
};
for (const [name, check] of Object.entries(each)) for (const target of TARGETS) await run(name, target, check);
await run("401", "", async () => {
  const wrong = new GoogleGenAI({ apiKey: WRONG_KEY, httpOptions: { baseUrl: GATEWAY } });
  const error = await wrong.models.generateContent({ model: TARGETS[0], contents: "x" }).then(() => assert.fail("no error"), (error) => error);
  assert.equal(error.status, 401);
});
