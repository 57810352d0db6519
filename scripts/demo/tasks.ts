// What the demo's jobs do.
import { readFile } from "node:fs/promises";
import * as v from "valibot";
import { defineTask, type EnqueueEntry, type Task } from "../../mod.ts";

/** What is found in one file. */
export interface Inspection {
  readonly sha256: string;
  readonly bytes: number;
  readonly lines: number;
  readonly words: number;
}

/** Hashes a file and counts its lines and words. */
export const inspect = defineTask({
  name: "inspect",
  input: v.object({ path: v.string() }),
  retry: { maxAttempts: 2, delay: "100ms" },
  timeout: "30s",
  async run({ input, signal }): Promise<Inspection> {
    const bytes = await readFile(input.path, { signal });
    const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
    const text = new TextDecoder().decode(bytes);
    return {
      sha256: Array.from(digest, (byte) => byte.toString(16).padStart(2, "0")).join(""),
      bytes: bytes.length,
      lines: text.split("\n").length - 1,
      words: text.split(/\s+/).filter((word) => word !== "").length,
    };
  },
});

/** Fails twice on purpose, and completes on its third attempt. */
const flaky = defineTask({
  name: "flaky",
  retry: { maxAttempts: 3, delay: "200ms", backoff: "exponential" },
  run({ job }) {
    if (job.attempt < 3) throw new Error(`attempt ${job.attempt} fails on purpose`);
    return `completed by attempt ${job.attempt}`;
  },
});

/** Puts itself off once, which uses up no attempt. */
const sleepy = defineTask({
  name: "sleepy",
  input: v.object({ slept: v.boolean() }),
  async run({ input, snooze, update, job }) {
    if (input.slept) return `awake, and still in attempt ${job.attempt}`;
    await update({ slept: true });
    return snooze("500ms");
  },
});

/** Enqueued with a delay. */
const later = defineTask({ name: "later", run: () => "a second later" });

/** One job of each that shows something else than the files do. */
export const specials: readonly EnqueueEntry[] = [
  { task: flaky },
  { task: sleepy, payload: { slept: false } },
  { task: later, delay: "1s" },
];

/** All tasks of the demo. */
export const tasks: readonly Task[] = [inspect, flaky, sleepy, later];
