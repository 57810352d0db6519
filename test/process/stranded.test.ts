// Nothing is stranded between a single worker that ends and those who add jobs and start another.
import process from "node:process";
import { expect, it } from "vitest";
import { defineTask, Errand } from "../../mod.ts";
import { systemClock } from "../../src/clock.ts";
import { type Duty, takeUp } from "../../src/process/duty.ts";
import { openLocal } from "../../src/store/driver/local.ts";
import { Store } from "../../src/store/store.ts";
import { seeded } from "../support/random.ts";
import { tempDir } from "../support/temp.ts";

const PUSHES = 10_000;
const ROUND = 4;

it(`A9: ${PUSHES} jobs, a worker asked for after each, against workers that end: all are run`, {
  timeout: 300_000,
}, async () => {
  await using dir = await tempDir();
  const path = dir.file("errand.db");
  const seed = Number(process.env.SEED ?? Math.floor(Math.random() * 2 ** 32));
  console.log(`to repeat it: SEED=${seed}`);
  const random = seeded(seed);
  const { turn } = systemClock;
  let runs = 0;
  const count = defineTask({ name: "count", retention: 0, run: () => void runs++ });
  const open = { url: `file:${path}`, tasks: [count], synchronous: "normal" } as const;
  await using pusher = await Errand.open(open);
  await using errand = await Errand.open(open);
  const driver = await openLocal({ path, synchronous: "normal", busyTimeoutMs: 10_000 });
  const { marks } = new Store(driver, systemClock);
  const mark = "worker default";
  let duties: Duty[] = [];
  let workers = 0;

  /** What `startDetached` does, without a process. */
  const ensureWorker = async (): Promise<void> => {
    if (await marks.held(mark)) return;
    const options = { errand, marks, mark, queues: ["default"], worker: {}, drain: true } as const;
    const duty = await takeUp(options);
    if (duty !== undefined) duties.push(duty);
  };
  for (let pushed = 0; pushed < PUSHES;) {
    for (const last = pushed + ROUND; pushed < last; pushed++) {
      await pusher.enqueue(count);
      await ensureWorker();
      // so long that a worker is about to find nothing, does so, or has been gone for a while
      for (let turns = random() * 6; turns > 0; turns--) await turn();
    }
    // nobody asks for a worker any more: those that there are must have done it all
    await Promise.all(duties.map(({ done }) => done));
    workers += duties.length;
    duties = [];
    expect(runs, "as many as were added").toBe(pushed);
  }
  const { available, scheduled, running } = await pusher.stats();
  expect([available, scheduled, running]).toEqual([0, 0, 0]);
  expect(await marks.held(mark)).toBe(false);
  expect(workers, "workers ended in between").toBeGreaterThan(50);
  await driver.close();
});
