// What promises are judged by, in any runtime.
import type { ErrandError } from "../../mod.ts";

const PATIENCE_MS = 10_000;

/** Both are equal, however deep. */
export function equal(actual: unknown, expected: unknown): void {
  const at = difference(actual, expected, "both");
  if (at !== undefined) fail(at, actual, expected);
}

/** What `expected` has, `actual` has as well. */
export function like(actual: unknown, expected: unknown): void {
  const at = difference(actual, expected, "expected");
  if (at !== undefined) fail(at, actual, expected);
}

/** It holds. */
export function holds(condition: boolean, what: string): void {
  if (!condition) throw new Error(`Expected: ${what}`);
}

/** It throws, or rejects with, an error of this code whose message fits. */
export async function refused(
  call: () => unknown,
  code: ErrandError["code"],
  message = /^Cannot /,
): Promise<void> {
  let error: unknown;
  try {
    await call();
  } catch (thrown) {
    error = thrown;
  }
  if (error === undefined) throw new Error(`Expected a refusal with ${code}, and there was none`);
  const { code: told, message: said } = error as ErrandError;
  if (told !== code || !message.test(said)) fail("the refusal", { told, said }, { code, message });
}

/** Sooner or later `look` answers something. */
export async function eventually<Value>(
  look: () => Promise<Value | undefined | false>,
): Promise<Value> {
  const untilMs = Date.now() + PATIENCE_MS;
  for (;;) {
    const found = await look();
    if (found !== undefined && found !== false) return found;
    if (Date.now() > untilMs) throw new Error(`Expected sooner: ${look}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

function fail(at: string, actual: unknown, expected: unknown): never {
  throw new Error(`At ${at}: ${text(actual)} where ${text(expected)} was expected`);
}

function text(value: unknown): string {
  return (JSON.stringify(value, (_, each) => each instanceof RegExp ? String(each) : each) ??
    String(value)).slice(0, 1_000);
}

type Sides = "both" | "expected";

/** The path at which they differ first. */
function difference(
  actual: unknown,
  expected: unknown,
  sides: Sides,
  path = "value",
): string | undefined {
  if (Object.is(actual, expected)) return undefined;
  if (expected instanceof RegExp) return expected.test(String(actual)) ? undefined : path;
  if (expected instanceof Date) {
    return actual instanceof Date && actual.getTime() === expected.getTime() ? undefined : path;
  }
  if (!isObject(actual) || !isObject(expected)) return path;
  if (Array.isArray(expected) && (actual as unknown as unknown[]).length !== expected.length) {
    return `${path}.length`;
  }
  const keys = new Set([
    ...Object.keys(expected),
    ...(sides === "both" ? Object.keys(actual) : []),
  ]);
  for (const key of keys) {
    const at = difference(actual[key], expected[key], sides, `${path}.${key}`);
    if (at !== undefined) return at;
  }
  return undefined;
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null;
}
