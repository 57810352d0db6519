/**
 * Unique jobs: what makes two jobs the same, and for how long there may be only one of them.
 *
 * @module
 */
import { type Duration, durationMs } from "./duration.ts";
import { invalid, show } from "./errors.ts";
import { checkMembers } from "./members.ts";

/**
 * How long a job keeps others of its kind away: until its first claim (`"waiting"`), until it has
 * ended (`"live"`), or for a time after its enqueueing, whatever becomes of it (`"window"`).
 */
export type UniqueScope = "waiting" | "live" | "window";

/**
 * What an enqueue does to the job that is there already: nothing, give it the new payload, or move
 * it to the new due time. One that runs or has ended is left alone.
 */
export type UniqueConflict = "ignore" | "replace" | "reschedule";

/** Which jobs of a task count as the same. Without `fields` and `key`: those of equal payload. */
export interface UniqueOptions {
  /** Those that agree in these fields of the payload. Not together with `key`. */
  readonly fields?: readonly string[];
  /** Those of this text, 1 to 512 characters. Not together with `fields`. */
  readonly key?: string;
  /** How long a job keeps others away. @default "live", or "window" when `window` is given */
  readonly scope?: UniqueScope;
  /** How long after a job's enqueueing, for scope `"window"`. */
  readonly window?: Duration;
  /** What becomes of the job that is there. @default "ignore" */
  readonly onConflict?: UniqueConflict;
}

/** What tasks and jobs say about uniqueness, checked. */
export interface UniqueRule {
  /** By these fields, or else … */
  readonly fields: readonly string[] | null;
  /** … by this text, or else by the whole payload. */
  readonly key: string | null;
  /** How long a job keeps others away. */
  readonly scope: UniqueScope;
  /** Milliseconds, for scope `"window"`. */
  readonly windowMs: number | null;
  /** What becomes of the job that is there. */
  readonly onConflict: UniqueConflict;
}

const OPTIONS: readonly string[] = Object.keys(
  { fields: 1, key: 1, scope: 1, window: 1, onConflict: 1 } satisfies Record<
    keyof UniqueOptions,
    1
  >,
);
const KEY_MAX_LENGTH = 512;
const FIELDS_MAX = 32;
const SCOPES: readonly string[] = ["waiting", "live", "window"] satisfies UniqueScope[];
const CONFLICTS: readonly string[] = ["ignore", "replace", "reschedule"] satisfies UniqueConflict[];

/** The rule that `unique` states; none for `false`. `what` names it in errors. */
export function uniqueRule(
  unique: boolean | UniqueOptions,
  what: string,
): UniqueRule | undefined {
  if (unique === false) return undefined;
  const options = unique === true ? {} : unique;
  if (typeof options !== "object" || options === null || Array.isArray(options)) {
    throw invalid(`Cannot use ${show(unique)} as ${what}: it is true, false or an object`);
  }
  checkMembers(options, OPTIONS, what);
  const { fields, key, window, onConflict = "ignore" } = options;
  const { scope = window === undefined ? "live" : "window" } = options;
  if (fields !== undefined && key !== undefined) {
    throw invalid(`Cannot use fields and key together in ${what}: they exclude each other`);
  }
  if (!SCOPES.includes(scope)) throw unknownWord(scope, `scope of ${what}`, SCOPES);
  if (!CONFLICTS.includes(onConflict)) {
    throw unknownWord(onConflict, `onConflict of ${what}`, CONFLICTS);
  }
  return {
    fields: fields === undefined ? null : checkFields(fields, `fields of ${what}`),
    key: key === undefined ? null : checkKey(key, `key of ${what}`),
    scope,
    windowMs: checkWindow(scope, window, what),
    onConflict,
  };
}

function unknownWord(word: unknown, what: string, words: readonly string[]): Error {
  return invalid(
    `Cannot use ${show(word)} as ${what}: it is ${words.map((known) => `"${known}"`).join(" or ")}`,
  );
}

/** Sorted, and each once, so that the same fields in another order make the same key. */
function checkFields(fields: readonly string[], what: string): readonly string[] {
  const fine = Array.isArray(fields) && fields.length > 0 && fields.length <= FIELDS_MAX &&
    fields.every((field) => typeof field === "string");
  if (fine) return [...new Set(fields)].sort();
  throw invalid(
    `Cannot use ${show(fields)} as ${what}: it is an array of 1 to ${FIELDS_MAX} names`,
  );
}

function checkKey(key: string, what: string): string {
  if (typeof key === "string" && /^[^\0\p{Cs}]+$/u.test(key) && key.length <= KEY_MAX_LENGTH) {
    return key;
  }
  throw invalid(
    `Cannot use ${show(key)} as ${what}: it is text of 1 to ${KEY_MAX_LENGTH} characters`,
  );
}

function checkWindow(
  scope: UniqueScope,
  window: Duration | undefined,
  what: string,
): number | null {
  if (scope !== "window") {
    if (window === undefined) return null;
    throw invalid(`Cannot use a window in ${what}: its scope is "${scope}"; leave one of them out`);
  }
  if (window === undefined) {
    throw invalid(`Cannot use scope "window" in ${what}: there is no window; add window: "1h"`);
  }
  const ms = durationMs(window, `window of ${what}`);
  if (ms > 0) return ms;
  throw invalid(`Cannot use 0 as window of ${what}: no job would keep another away`);
}

/** A removed job keeps nobody away, so its history must outlive its window. */
export function checkOutlives(
  rule: UniqueRule | undefined,
  retentionMs: number | null | undefined,
  what: string,
): void {
  const { windowMs } = rule ?? { windowMs: null };
  if (windowMs === null || retentionMs === undefined || retentionMs === null) return;
  if (retentionMs >= windowMs) return;
  throw invalid(
    `Cannot use a window of ${windowMs} ms in ${what}: retention removes its jobs after ` +
      `${retentionMs} ms, and the key with them; lengthen the retention`,
  );
}

/**
 * The key by which jobs of `task` are the same: the task's name together with the rule's text, or
 * with the SHA-256 of the canonical JSON of payload or fields.
 *
 * @throws {ErrandError} `INVALID_INPUT`, at once, for a payload without one of the fields.
 */
export function uniqueKey(
  task: string,
  { key, fields }: UniqueRule,
  payload: unknown,
): string | Promise<string> {
  if (key !== null) return `${task}\nkey:${key}`;
  if (fields === null) return hashed(`${task}\npayload:`, canonicalJson(payload));
  return hashed(`${task}\nfields:`, canonicalJson(picked(task, fields, payload)));
}

function picked(task: string, fields: readonly string[], payload: unknown): unknown {
  const isObject = typeof payload === "object" && payload !== null && !Array.isArray(payload);
  return fields.map((field) => {
    if (isObject && Object.hasOwn(payload, field)) {
      return [field, (payload as Readonly<Record<string, unknown>>)[field]];
    }
    throw invalid(
      `Cannot enqueue "${task}": its payload has no field ${show(field)}, by which it is to be ` +
        `unique; pass it, or name other fields`,
      [{ message: "unique needs this field", path: [field] }],
    );
  });
}

/** JSON of a JSON value in which keys are in one order, at every depth. */
export function canonicalJson(value: unknown): string {
  return JSON.stringify(value, (_, member: unknown) => {
    if (typeof member !== "object" || member === null || Array.isArray(member)) return member;
    return Object.fromEntries(Object.entries(member).sort(([a], [b]) => a < b ? -1 : 1));
  });
}

async function hashed(prefix: string, text: string): Promise<string> {
  const bytes = new Uint8Array(
    await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text)),
  );
  return prefix + [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}
