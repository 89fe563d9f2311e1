// What the JavaScript SDK programs share; the same facts as common.py.
import assert from "node:assert/strict";

export const GATEWAY = process.env.TOLLGATE_URL;
export const KEY = process.env.TOLLGATE_KEY;
export const TARGETS = ["chatty/scripted", "clauding/scripted"];
export const UNICODE = 'naïve café — 東京 😀 "quoted" \\ back';
export const PNG =
  "iVBORw0KGgoAAAANSUhEUgAAAAUAAAAFCAYAAACNbyblAAAAHElEQVQI12P4//8/w38GIAXDIBKE0DHxgljNBAAO9TXL0Y4OHwAAAABJRU5ErkJggg==";
export const IMAGE_SEEN = (() => {
  const url = `data:image/png;base64,${PNG}`;
  return `You said: look [image: ${url.slice(0, 24)}… ${url.length}]`;
})();
export const PERSON = { name: "Ada Lovelace", age: 36, langs: ["English", "français", "日本語 😀"] };
export const PERSON_SCHEMA = {
  type: "object",
  properties: { name: { type: "string" }, age: { type: "integer" }, langs: { type: "array", items: { type: "string" } } },
  required: ["name", "age", "langs"],
  additionalProperties: false,
};
export const WEATHER = {
  type: "object",
  properties: { city: { type: "string" }, unit: { type: "string", enum: ["°C", "°F"] } },
  required: ["city"],
  additionalProperties: false,
};
export const CITIES = [{ city: "Paris", unit: "°C" }, { city: "Oslo", unit: "°C" }];
export const USAGE = { input: 20, cache_read: 100, output: 7 };
export const COST = "0.000058000";
export const WRONG_KEY = `tg-000000000000-${"0".repeat(48)}`;
export { assert };

/** Runs one case and prints what came of it. */
export async function run(name, target, check) {
  try {
    await check(target);
    console.log(JSON.stringify({ case: name, target, ok: true }));
  } catch (error) {
    const at = /(\w+\.mjs:\d+)/.exec(error?.stack?.split("\n").slice(1).join("\n") ?? "")?.[1] ?? "";
    console.log(JSON.stringify({ case: name, target, ok: false, detail: `${error?.name}: ${error?.message} (${at})` }));
  }
}

/** The ledger line of a request; it may take a second to be readable. */
export async function line(id) {
  const end = Date.now() + 2000;
  for (;;) {
    const answer = await fetch(`${GATEWAY}/v1/requests/${id}`, { headers: { authorization: `Bearer ${KEY}` } });
    if (answer.status === 200) return answer.json();
    assert.ok(Date.now() < end, `no ledger line for ${id}: ${answer.status}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

/** The headers and the ledger line agree with each other and with what was sent. */
export async function checkLine(headers, target, dialect, stream) {
  assert.equal(headers.get("x-tollgate-served-by"), target);
  assert.equal(headers.get("x-tollgate-attempts"), "1");
  assert.equal(headers.get("x-tollgate-cost-usd"), stream ? null : COST);
  const entry = await line(headers.get("x-tollgate-request-id"));
  assert.deepEqual([entry.status, entry.http, entry.dialect, entry.stream], ["ok", 200, dialect, stream]);
  assert.equal(entry.asked, target);
  assert.equal(`${entry.served.provider}/${entry.served.model}`, target);
  const { input, cache_read, output } = entry.usage;
  assert.deepEqual({ input, cache_read, output }, USAGE);
  assert.equal(entry.cost.usd, COST);
  assert.equal(entry.caller.key, "clients");
}
