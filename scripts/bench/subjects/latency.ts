/** Errand: from the call of `enqueue` to the start of the handler of an idle worker. */
import { spawn } from "node:child_process";
import { join } from "node:path";
import process from "node:process";
import { defineTask, type Errand, type Task } from "../../../mod.ts";
import type { Figures, Params } from "../harness/types.ts";
import { noop, openErrand } from "../lib/errand.ts";
import { type Payload, payload } from "../lib/payload.ts";
import { percentile } from "../lib/stats.ts";
import { expectEqual, runSubject } from "../lib/subject.ts";
import { randomGap, sleep, wallClock } from "../lib/wait.ts";

/** Samples before those that count. */
const WARMUP = 50;

await runSubject({
  sameProcess: (params) => measure(params, send),
  otherProcess: (params) => measure(params, sendFromAnotherProcess),
  // What the other process is asked for.
  sender: async (params) => {
    const errand = await openErrand(fileOf(params));
    await send(params, errand);
    await errand.close();
    return {};
  },
});

async function measure(
  params: Params,
  sendAll: (params: Params, errand: Errand) => Promise<void>,
): Promise<Figures> {
  const delays: number[] = [];
  const errand = await openErrand(fileOf(params), recorder(delays));
  const worker = errand.worker({ concurrency: 10 });
  await worker.start();
  await sendAll(params, errand);
  while (delays.length < WARMUP + params.samples) await sleep(10);
  await worker.stop();
  await errand.close();
  const counted = delays.slice(WARMUP);
  return { p50: percentile(counted, 50), p99: percentile(counted, 99) };
}

function recorder(delays: number[]): Task<Payload> {
  return defineTask<Payload>({
    name: "noop",
    run: ({ input }) => {
      delays.push(wallClock() - input.sent);
      return Promise.resolve({ ok: true });
    },
  });
}

async function send(params: Params, errand: Errand): Promise<void> {
  for (let order = 0; order < WARMUP + params.samples; order++) {
    await randomGap();
    await errand.enqueue(noop, payload(order, wallClock()));
  }
}

async function sendFromAnotherProcess(params: Params): Promise<void> {
  const args = [
    ...process.execArgv,
    process.argv[1]!,
    "sender",
    JSON.stringify(params),
  ];
  const child = spawn(process.execPath, args, {
    stdio: ["ignore", "ignore", "inherit"],
  });
  const code = await new Promise((resolve) => child.on("close", resolve));
  expectEqual("the exit code of the sender", code, 0);
}

function fileOf(params: Params): string {
  return join(params.folder, "latency.db");
}
