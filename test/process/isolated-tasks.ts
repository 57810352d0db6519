// Tasks whose handlers run in threads of their own.
import { writeFileSync } from "node:fs";
import process from "node:process";
import { setTimeout } from "node:timers/promises";
import * as v from "valibot";
import { defineTask } from "../../mod.ts";

const here = { isolate: true, module: import.meta.url, retry: { maxAttempts: 1 } } as const;

let runs = 0;

export const plain = defineTask({
  ...here,
  name: "plain",
  input: v.object({
    n: v.pipe(v.number(), v.transform((n) => BigInt(n))),
    note: v.optional(v.string()),
  }),
  async run({ input, job, log, progress, update }) {
    log(`attempt ${job.attempt} of ${job.task}, due ${job.runAt.getTime() <= Date.now()}`);
    progress({ half: true });
    await update({ note: "seen" });
    return { double: String(input.n * 2n), meta: job.meta, runs: ++runs };
  },
});

export const block = defineTask({
  ...here,
  name: "block",
  input: v.object({ ms: v.number() }),
  run({ input, log }) {
    log("blocking");
    for (const until = Date.now() + input.ms; Date.now() < until;);
    return "free again";
  },
});

export const forever = defineTask({
  ...here,
  name: "forever",
  timeout: "300ms",
  run({ log }) {
    log("for ever");
    for (;;);
  },
});

export const obedient = defineTask({
  ...here,
  name: "obedient",
  timeout: "1s",
  input: v.object({ path: v.string() }),
  run: ({ input, signal, log }) =>
    new Promise((_, reject) => {
      log("waiting");
      signal.addEventListener("abort", () => {
        const { name, reason, message } = signal.reason;
        writeFileSync(input.path, JSON.stringify({ name, reason, message, run: ++runs }));
        reject(signal.reason);
      });
    }),
});

/** Returns at once, and goes on to speak. */
export const leftover = defineTask({
  ...here,
  name: "leftover",
  input: v.object({ path: v.string() }),
  run({ input, log, progress, update }) {
    globalThis.setTimeout(async () => {
      log("left over");
      progress("left over");
      const error = await update({ path: "left over" }).catch((error) => error);
      writeFileSync(input.path, JSON.stringify(error.code));
    }, 100);
  },
});

const crashes = { ...here, retry: { maxAttempts: 2, delay: 0 } };

export const crash = defineTask({
  ...crashes,
  name: "crash",
  input: v.object({ how: v.picklist(["exit", "throw", "reject", "memory"]) }),
  async run({ input, job }) {
    if (job.attempt === 2) return "survived";
    if (input.how === "exit") process.exit(3);
    if (input.how === "throw") globalThis.setTimeout(() => fail("stray"), 1);
    if (input.how === "reject") void Promise.reject(new Error("unheard"));
    const all: unknown[] = [];
    while (input.how === "memory") all.push(new Array(100_000).fill(all.length));
    await setTimeout(10_000);
    return "unreachable";
  },
});

export const greedy = defineTask({
  ...here,
  name: "greedy",
  isolate: { memoryMb: 32 },
  run() {
    const all: unknown[] = [];
    for (;;) all.push(new Array(100_000).fill(all.length));
  },
});

export const ends = defineTask({
  ...here,
  name: "ends",
  input: v.object({ how: v.string() }),
  async run({ input, snooze, complete, progress, update }): Promise<unknown> {
    switch (input.how) {
      case "snooze":
        return snooze("1h");
      case "snooze and more":
        snooze("1h");
        return "more";
      case "complete":
        return complete({
          result: { n: 1 },
          statements: [{ sql: "INSERT INTO own (n) VALUES (?)", args: [2n ** 60n] }],
        });
      case "no JSON":
        return { at: new Map() };
      case "bad progress":
        return progress(5n);
      case "bad update":
        return await update({ how: 5 });
      case "bad snooze":
        return snooze("soon" as "5s");
      case "bad statement":
        return complete({ statements: [{ sql: "DROP TABLE own" }] });
      case "an error":
        throw Object.assign(new RangeError("too far"), { extra: 1 });
      case "a text":
        throw "text";
      default:
        return null;
    }
  },
});

function fail(message: string): never {
  throw new Error(message);
}

export const listed = [defineTask({ ...here, name: "listed", run: () => "found" })];
export const unlisted = [() => defineTask({ ...here, name: "hidden", run: () => "lost" })];
