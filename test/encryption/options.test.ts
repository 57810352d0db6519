import { describe, expect, it } from "vitest";
import { type EncryptionOptions, Errand } from "../../mod.ts";
import { keyOf, ring } from "../support/keys.ts";

const good = Buffer.from(keyOf(1)).toString("base64");
const never = (value: unknown): never => value as never;

describe("keys", () => {
  const accepted: Readonly<Record<string, EncryptionOptions>> = {
    "as base64": { keys: { a: good }, current: "a" },
    "as bytes": { keys: { a: keyOf(1) }, current: "a" },
    "as a Buffer": { keys: { a: Buffer.from(keyOf(1)) }, current: "a" },
    "of any id that is a word": { keys: { "2026-01_A.b": good }, current: "2026-01_A.b" },
    "of the id of a built-in property": {
      keys: [{ id: "__proto__", key: good }],
      current: never("__proto__"),
    },
    "as a list": { keys: [{ id: "a", key: good }, { id: "b", key: keyOf(2) }], current: "b" },
  };
  it.each(Object.entries(accepted))("are taken %s", async (_, encryption) => {
    await using errand = await Errand.open({ url: ":memory:", encryption });
    const { id } = await errand.enqueue("task", { n: 1 });
    expect((await errand.get(id))?.payload).toEqual({ n: 1 });
  });

  it("stay as they are when the caller's bytes change later", async () => {
    const key = keyOf(1);
    await using errand = await Errand.open({
      url: ":memory:",
      encryption: { keys: { a: key }, current: "a" },
    });
    key.fill(0);
    const { id } = await errand.enqueue("task", "text");
    expect((await errand.get(id))?.payload).toBe("text");
  });

  const how = "make one with: openssl rand -base64 32";
  const refused: Readonly<Record<string, readonly [unknown, string]>> = {
    "of 16 bytes": [
      { keys: { a: keyOf(1).subarray(16) }, current: "a" },
      `Cannot use key "a": it has 16 bytes and AES-256 needs 32; ${how}`,
    ],
    "of 33 bytes of base64": [
      { keys: { a: Buffer.alloc(33).toString("base64") }, current: "a" },
      `Cannot use key "a": it has 33 bytes and AES-256 needs 32; ${how}`,
    ],
    "that are empty": [
      { keys: { a: "" }, current: "a" },
      `Cannot use key "a": it has 0 bytes and AES-256 needs 32; ${how}`,
    ],
    "in bad base64": [
      { keys: { a: `${good.slice(0, -2)}!=` }, current: "a" },
      `Cannot use key "a": it is neither base64 nor a Uint8Array; ${how}`,
    ],
    "in base64 without its padding": [
      { keys: { a: good.slice(0, -1) }, current: "a" },
      `Cannot use key "a": it is neither base64 nor a Uint8Array; ${how}`,
    ],
    "that are numbers": [
      { keys: { a: 7 }, current: "a" },
      `Cannot use key "a": it is neither base64 nor a Uint8Array; ${how}`,
    ],
    "of one id": [
      { keys: [{ id: "a", key: good }, { id: "a", key: keyOf(2) }], current: "a" },
      `Cannot use encryption.keys: two keys have the id "a"; give each an id of its own`,
    ],
    "without the current one": [
      { ...ring(1, 2), current: "k3" },
      `Cannot use "k3" as encryption.current: it is the id of one of the keys, k1, k2`,
    ],
    "without saying which is current": [
      { keys: { a: good } },
      `Cannot use undefined as encryption.current: it is the id of one of the keys, a`,
    ],
    "of which there are none": [
      { keys: {}, current: "a" },
      `Cannot use encryption.keys: there is no key in it; ${how}`,
    ],
    "of an empty list": [
      { keys: [], current: "a" },
      `Cannot use encryption.keys: there is no key in it; ${how}`,
    ],
    "that are missing": [
      { current: "a" },
      "Cannot use encryption: it is { keys: { id: key }, current: id }",
    ],
    "as a list of bare keys": [
      { keys: [good], current: "a" },
      "Cannot use encryption.keys[0]: an entry of the list is { id, key }",
    ],
    ...Object.fromEntries(
      ["", "a b", "a:b", "ä", 'a"', "x".repeat(65)].map((id) => [`of the id ${id}`, [
        { keys: [{ id: "a", key: good }, { id, key: good }], current: id },
        "Cannot use the id of key 2 in encryption.keys: an id has 1 to 64 letters, digits, dots, " +
        "dashes and underscores",
      ]]),
    ),
  };
  it.each(Object.entries(refused))("%s are refused", async (_, [encryption, message]) => {
    const opening = Errand.open({ url: ":memory:", encryption: never(encryption) });
    await expect(opening).rejects.toMatchObject({ code: "INVALID_INPUT", message });
  });

  it.each<[string, unknown]>([
    ["in the place of an id", { keys: { [good]: "a" }, current: "a" }],
    ["in the place of the current id", { keys: { a: good }, current: good }],
    ["that are too long", { keys: { a: good + good }, current: "a" }],
    ["that are no list entry", { keys: [good], current: good }],
    ["that are not in an object", good],
  ])("%s are not told in the error", async (_, encryption) => {
    const opening = Errand.open({ url: ":memory:", encryption: never(encryption) });
    const error: unknown = await opening.catch((error: unknown) => error);
    expect(error).toMatchObject({ code: "INVALID_INPUT" });
    expect(JSON.stringify([error, String(error)])).not.toContain(good.slice(0, 8));
  });
});
