// One worker of the bank: every transfer is applied by the batch that completes its job.
import process from "node:process";
import { setTimeout } from "node:timers/promises";
import { defineTask, Errand } from "../../mod.ts";

/** One transfer; how its first attempt misbehaves is part of the test. */
interface Transfer {
  readonly from: number;
  readonly to: number;
  readonly cents: number;
  readonly first?: "blocks" | "waits";
}

const { BANK_URL: url = "", BANK_LEASE: lease = "" } = process.env;
const pid = process.pid;

const receipt = defineTask<string>({
  name: "receipt",
  run: ({ input, complete }) =>
    complete({ statements: [{ sql: "INSERT INTO receipt (job) VALUES (?)", args: [input] }] }),
});

const transfer = defineTask<Transfer>({
  name: "transfer",
  retry: { maxAttempts: 20, delay: 20 },
  run: async ({ input: { from, to, cents, first }, job, complete }) => {
    if (job.attempt === 1 && first === "blocks") block(Number(lease) * 2);
    if (job.attempt === 1 && first === "waits") await setTimeout(Number(lease) / 2);
    const next = await errand.statements.enqueue(receipt, job.id);
    return complete({
      result: pid,
      statements: [
        {
          sql: "INSERT INTO ledger (job, pid, cents) VALUES (?, ?, ?)",
          args: [job.id, pid, cents],
        },
        { sql: "UPDATE account SET cents = cents - ? WHERE id = ?", args: [cents, from] },
        { sql: "UPDATE account SET cents = cents + ? WHERE id = ?", args: [cents, to] },
        ...next.statements,
      ],
    });
  },
});

const errand = await Errand.open({ url, tasks: [transfer, receipt], synchronous: "normal" });
errand.on("lost", () => console.log("lost"));
await errand.worker({ concurrency: 6, lease: Number(lease), pollInterval: 100 }).start();
process.once("SIGTERM", () => void errand.close().then(() => process.exit()));
console.log("ready");

/** No timer fires meanwhile, and no heartbeat is sent. */
function block(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
}
