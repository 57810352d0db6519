/**
 * The values that requests and answers are made of, as schemas that say of themselves in JSON
 * Schema what they take.
 *
 * @module
 */
import * as v from "valibot";
import { CHANGE_EVENTS, type ChangeEvent } from "../change.ts";
import { type Duration, DURATION_MAX_MS, type Instant } from "../duration.ts";
import { isId } from "../job-checks.ts";
import { JOB_STATES, type JobState } from "../job.ts";

/** A schema of something that has been parsed from JSON or text. */
export type Field<Output> = v.GenericSchema<unknown, Output>;

/** What a schema says of itself in the documentation, instead of what would be made of it. */
export interface Note {
  /** It is listed under this name, and referred to. */
  readonly name?: string;
  /** What it takes, as JSON Schema. */
  readonly jsonSchema?: Readonly<Record<string, unknown>>;
  /** It takes what one of these takes. */
  readonly anyOf?: readonly Field<unknown>[];
}

/** A schema with a note. */
export interface Noted<Output> extends Field<Output> {
  readonly type: "noted";
  readonly wrapped: Field<Output>;
  readonly note: Note;
}

function noted<Output>(wrapped: Field<Output>, note: Note): Field<Output> {
  const { kind, reference, expects, async } = wrapped;
  const own: Noted<Output> = {
    ...{ kind, reference, expects, async, type: "noted", wrapped, note },
    "~standard": wrapped["~standard"],
    "~run": (dataset, config) => wrapped["~run"](dataset, config),
  };
  return own;
}

/** `schema`, described by `jsonSchema` in the documentation. */
export function described<Output>(
  schema: Field<Output>,
  jsonSchema: Readonly<Record<string, unknown>>,
): Field<Output> {
  return noted(schema, { jsonSchema });
}

/** `schema`, called `name` in the documentation. */
export function named<Output>(name: string, schema: Field<Output>): Field<Output> {
  return noted(schema, { name });
}

/** One of them, or an array of 1 to `most`. */
export function oneOrMany<Output>(
  one: Field<Output>,
  most: number,
): Field<Output | readonly Output[]> {
  const many: Field<Output | readonly Output[]> = v.pipe(
    v.array(one),
    v.minLength(1, "is empty"),
    v.maxLength(most, `has more than ${most} items`),
  );
  return noted(v.lazy((input) => Array.isArray(input) ? many : one), { anyOf: [one, many] });
}

const DURATION_TEXT = "^\\d+(\\.\\d+)?(ms|s|m|h|d)$";
const DURATION = new RegExp(DURATION_TEXT);
const NO_DURATION = 'is no duration such as "250ms", "5s", "10m", "2h" or "7d"';

function isDuration(value: unknown): boolean {
  return typeof value === "number"
    ? value >= 0 && value <= DURATION_MAX_MS
    : typeof value === "string" && DURATION.test(value);
}

/** `"30s"`, or milliseconds. */
export const duration: Field<Duration> = described(
  v.custom<Duration>(isDuration, NO_DURATION),
  {
    description: "A duration: milliseconds, or text",
    anyOf: [
      { type: "string", pattern: DURATION_TEXT },
      { type: "number", minimum: 0, maximum: DURATION_MAX_MS },
    ],
    examples: ["30s"],
  },
);

/** A duration in a query: digits alone are milliseconds. */
export const durationText: Field<Duration> = described(
  v.pipe(
    v.string(),
    v.transform((text): Duration => /^\d+$/.test(text) ? Number(text) : text as Duration),
    v.check<Duration, string>(isDuration, NO_DURATION),
  ),
  {
    type: "string",
    pattern: "^\\d+(\\.\\d+(ms|s|m|h|d)|ms|s|m|h|d)?$",
    description: 'A duration: "30s", or milliseconds',
    examples: ["30s"],
  },
);

/** ISO 8601 text with a zone, or milliseconds since the epoch. */
export const instant: Field<Instant> = described(
  v.custom<Instant>(
    (value) => typeof value === "string" || typeof value === "number",
    "is no ISO 8601 text with a zone",
  ),
  {
    description: "An instant: ISO 8601 text with a zone, or milliseconds since the epoch",
    anyOf: [{ type: "string", format: "date-time" }, { type: "number", minimum: 0 }],
    examples: ["2030-01-31T09:00:00Z"],
  },
);

/** An instant in a query. */
export const instantText: Field<Instant> = described(
  v.pipe(
    v.string(),
    v.transform((text): Instant => /^\d+$/.test(text) ? Number(text) : text),
  ),
  { type: "string", description: "ISO 8601 text with a zone, or milliseconds since the epoch" },
);

/** An instant in an answer. */
export const time: Field<string> = described(v.string(), {
  type: "string",
  format: "date-time",
});

const NAME = /^[^\p{Cc}\p{Cs}]{1,128}$/u;

/** A name of a task, queue, schedule or worker. */
export const name: Field<string> = described(
  v.pipe(
    v.string(),
    v.regex(NAME, "is no text of 1 to 128 characters without control characters"),
  ),
  { type: "string", minLength: 1, maxLength: 128, pattern: "^[^\\u0000-\\u001f\\u007f-\\u009f]+$" },
);

/** The id of a job, as a caller knows it. */
export const jobId: Field<string> = described(
  v.pipe(
    v.string(),
    v.check(isId, "is no id of a job"),
  ),
  {
    type: "string",
    minLength: 1,
    maxLength: 128,
    examples: ["0197a3a4-6c1f-7a2b-9a55-0c6d1c8e4f10"],
  },
);

const UUID7 = "^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$";

/** An id that a caller makes: a UUIDv7. */
export const newUuid: Field<string> = described(
  v.pipe(
    v.string(),
    v.regex(new RegExp(UUID7), "is no UUIDv7 in lower case"),
  ),
  { type: "string", format: "uuid", pattern: UUID7 },
);

/** A whole number from `least` to `most`. */
export function whole(least: number, most: number): Field<number> {
  const message = `is no whole number from ${least} to ${most}`;
  return v.pipe(
    v.number(message),
    v.integer(message),
    v.minValue(least, message),
    v.maxValue(most, message),
  );
}

/** The same, as a query has it. */
export function wholeText(least: number, most: number): Field<number> {
  return described(
    v.pipe(
      v.string(),
      v.transform((text) => /^-?\d{1,15}$/.test(text) ? Number(text) : NaN),
      v.check(
        (value) => value >= least && value <= most,
        `is no whole number from ${least} to ${most}`,
      ),
    ),
    { type: "integer", minimum: least, maximum: most },
  );
}

/** One of these words. */
export function word<const Word extends string>(words: readonly Word[]): Field<Word> {
  return v.picklist(words, `is none of ${words.join(", ")}`);
}

/** Words with commas between them, as a query has them. */
export function words<const Word extends string>(
  known: readonly Word[],
): Field<readonly Word[]> {
  return described(
    v.pipe(
      v.string(),
      v.transform((text) => text.split(",") as Word[]),
      v.check(
        (list) => list.every((one) => known.includes(one)),
        `is no list of ${known.join(", ")}`,
      ),
    ),
    {
      type: "string",
      pattern: `^(${known.join("|")})(,(${known.join("|")}))*$`,
      description: `With commas between them: ${known.join(", ")}`,
    },
  );
}

/** Texts with commas between them, at most `most`. A comma in one of them is written as `%2C`. */
export function texts(most: number): Field<readonly string[]> {
  return described(
    v.pipe(
      v.string(),
      v.transform((text) => text.split(",").map(unescaped)),
      v.check(
        (list) => list.length <= most && list.every((one) => one !== ""),
        `is no list of at most ${most}`,
      ),
    ),
    {
      type: "string",
      minLength: 1,
      description: `With commas between them, at most ${most}; ` +
        'a comma in one of them is "%2C", which "%252C" becomes in a URL, and "%25" is "%"',
    },
  );
}

function unescaped(text: string): string {
  return text.replace(/%2C/gi, ",").replace(/%25/g, "%");
}

/** Any JSON value. */
export const anything: Field<unknown> = v.unknown();

/** A JSON object. */
export const record: Field<Readonly<Record<string, unknown>>> = described(
  v.custom<Record<string, unknown>>(
    (value) => typeof value === "object" && value !== null && !Array.isArray(value),
    "is no object",
  ),
  { type: "object", additionalProperties: true },
);

/** A JSON object of plain values, to look for. */
export const conditions: Field<Readonly<Record<string, string | number | boolean | null>>> =
  described(
    v.custom<Record<string, string | number | boolean | null>>(
      (value) =>
        typeof value === "object" && value !== null && !Array.isArray(value) &&
        Object.values(value).every((one) => typeof one !== "object" || one === null),
      "is no object of texts, numbers, booleans and null",
    ),
    {
      type: "object",
      minProperties: 1,
      maxProperties: 16,
      additionalProperties: { type: ["string", "number", "boolean", "null"] },
    },
  );

/** The same, as JSON in a query. */
export const conditionsText: Field<
  Readonly<Record<string, string | number | boolean | null>>
> = described(
  v.pipe(
    v.string(),
    v.rawTransform(({ dataset, addIssue, NEVER }) => {
      try {
        return JSON.parse(dataset.value) as unknown;
      } catch {
        addIssue({ message: "is no JSON" });
        return NEVER;
      }
    }),
    conditions,
  ),
  {
    type: "string",
    contentMediaType: "application/json",
    description: "A JSON object of texts, numbers, booleans and null",
    examples: ['{"tenant":"acme"}'],
  },
);

/** A cursor: what an answer has told. */
export const cursor: Field<string> = described(
  v.pipe(v.string(), v.maxLength(256, "is no cursor")),
  { type: "string", maxLength: 256, description: "The cursor that an answer has told" },
);

/** A state of a job. */
export const state: Field<JobState> = word(JOB_STATES);
/** States of jobs in a query. */
export const states: Field<readonly JobState[]> = words(JOB_STATES);
/** Events in a query. */
export const events: Field<readonly ChangeEvent[]> = words(CHANGE_EVENTS);
/** A switch in a query. */
export const yesNo: Field<boolean> = described(
  v.pipe(
    v.picklist(["true", "false"], "is neither true nor false"),
    v.transform((text) => text === "true"),
  ),
  { type: "boolean" },
);

/** What a list is asked for a page of. */
export const page: Field<{ readonly limit?: number; readonly cursor?: string }> = v.strictObject({
  limit: v.exactOptional(wholeText(1, 1_000)),
  cursor: v.exactOptional(cursor),
});
/** A job's id in a path. */
export const jobParams: Field<{ readonly id: string }> = v.strictObject({ id: jobId });
/** A name in a path. */
export const nameParams: Field<{ readonly name: string }> = v.strictObject({ name });
