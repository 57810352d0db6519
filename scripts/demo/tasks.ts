// What the demo's jobs do.
import { createHash } from "node:crypto";
import { open } from "node:fs/promises";
import * as v from "valibot";
import { defineTask, type EnqueueEntry, type Task } from "../../mod.ts";

/** What is found in one file. */
export interface Inspection {
  readonly sha256: string;
  readonly bytes: number;
  readonly lines: number;
  readonly words: number;
}

/** Hashes a file and counts its lines and words, piece by piece: it may be of any size. */
export const inspect = defineTask({
  name: "inspect",
  input: v.object({ path: v.string() }),
  retry: { maxAttempts: 2, delay: "100ms" },
  timeout: "10m",
  async run({ input, signal }): Promise<Inspection> {
    const file = await open(input.path);
    try {
      const hash = createHash("sha256");
      const buffer = new Uint8Array(PIECE_BYTES);
      let [bytes, lines, words, inWord] = [0, 0, 0, false];
      for (;;) {
        signal.throwIfAborted();
        const { bytesRead } = await file.read(buffer);
        if (bytesRead === 0) return { sha256: hash.digest("hex"), bytes, lines, words };
        hash.update(buffer.subarray(0, bytesRead));
        bytes += bytesRead;
        for (let i = 0; i < bytesRead; i++) {
          const byte = buffer[i]!;
          const space = byte === SPACE || (byte >= TAB && byte <= RETURN);
          if (byte === NEWLINE) lines++;
          if (!space && !inWord) words++;
          inWord = !space;
        }
      }
    } finally {
      await file.close();
    }
  },
});

const PIECE_BYTES = 64 * 1024;
const [TAB, NEWLINE, RETURN, SPACE] = [9, 10, 13, 32];

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
