// What is seen while the demo works: a bar on a terminal, plain lines elsewhere.
import process from "node:process";
import type { Errand } from "../../mod.ts";

/** A job and how long its handler took. */
export interface Timed {
  readonly id: string;
  readonly task: string;
  readonly durationMs: number;
}

const BAR_WIDTH = 30;
const SLOWEST = 3;
const REDRAW_MS = 80;

/** What was seen. */
export interface Seen {
  readonly slowest: readonly Timed[];
  /** Files that were inspected. */
  readonly inspected: number;
  /** From the beginning until the last of them. */
  readonly busyMs: number;
}

/** Shows progress until `end`. */
export function display(errand: Errand, total: number): { end(): Seen } {
  const terminal = process.stdout.isTTY === true;
  let ended = 0;
  let slowest: Timed[] = [];
  let shownTenths = 0;
  let inspected = 0;
  let busyMs = 0;
  let rescued = 0;
  const beganMs = performance.now();

  errand.on("completed", ({ id, task, durationMs }) => {
    slowest = [...slowest, { id, task, durationMs }]
      .sort((a, b) => b.durationMs - a.durationMs).slice(0, SLOWEST);
    if (task === "inspect") {
      inspected++;
      busyMs = performance.now() - beganMs;
    }
    count();
  });
  errand.on("failed", ({ task, attempt, error, willRetry }) => {
    say(`${task}: attempt ${attempt} failed (${error.message})${willRetry ? ", will retry" : ""}`);
    if (!willRetry) count();
  });
  errand.on("snoozed", ({ task, delayMs }) => say(`${task}: snoozed for ${delayMs} ms`));
  errand.on("rescued", () => {
    if (rescued++ > 0) return;
    queueMicrotask(() => {
      say(`${rescued} jobs rescued from a worker that was killed`);
      rescued = 0;
    });
  });
  const redraw = terminal ? setInterval(() => draw(), REDRAW_MS) : undefined;

  function count(): void {
    ended++;
    const tenths = Math.floor(10 * ended / Math.max(1, total));
    if (!terminal && tenths > shownTenths) {
      shownTenths = tenths;
      console.log(`${ended} of ${total} jobs ended`);
    }
  }

  function say(line: string): void {
    console.log(terminal ? `\r\x1b[K${line}` : line);
    draw();
  }

  function draw(): void {
    if (!terminal) return;
    const share = Math.min(1, ended / Math.max(1, total));
    const bar = "█".repeat(Math.round(share * BAR_WIDTH)).padEnd(BAR_WIDTH, "░");
    process.stdout.write(`\r\x1b[K${bar} ${ended} of ${total} jobs`);
  }

  return {
    end() {
      clearInterval(redraw);
      draw();
      if (terminal) console.log();
      return { slowest, inspected, busyMs };
    },
  };
}
