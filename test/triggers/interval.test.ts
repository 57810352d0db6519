import { expect, it } from "vitest";
import { defineTask, type RunSummary } from "../../mod.ts";
import { testErrand } from "../../src/testing/mod.ts";
import { denoCron } from "../../src/triggers/deno.ts";
import { every } from "../../src/triggers/interval.ts";
import { until } from "../support/until.ts";

const work = defineTask({ name: "work", run: () => "done" });

it("a poller runs now, after each interval, and sooner when something is known to be due", async () => {
  await using errand = await testErrand({ tasks: [work] });
  const startMs = errand.clock.now();
  const ran: number[] = [];
  errand.on("ran", () => ran.push((errand.clock.now() - startMs) / 1_000));
  await using poller = every("10s", errand, { clock: errand.clock });
  await until(() => expect(ran).toEqual([0])); // its code is loaded
  await errand.clock.advance("12s");
  expect(ran).toEqual([0, 10]);
  const job = await errand.enqueue(work, {}, { delay: "3s" });
  poller.wake();
  await until(() => expect(ran).toEqual([0, 10, 12]));
  await errand.clock.advance("4s");
  expect(ran).toEqual([0, 10, 12, 15]);
  expect((await errand.get(job.id))?.state).toBe("completed");
  await poller.stop();
  await errand.clock.advance("1m");
  expect(ran.length).toBe(4);
});

it("a poller of an interval below 100 ms is refused", async () => {
  await using errand = await testErrand();
  expect(() => every(99, errand)).toThrow("Cannot run every 99 ms: the least is 100 ms");
});

it("Deno's cron runs what is due, under the name of the run", async () => {
  await using errand = await testErrand({ tasks: [work] });
  const ran: RunSummary[] = [];
  errand.on("ran", (summary) => ran.push(summary));
  await errand.enqueue(work);
  const asked: unknown[] = [];
  await denoCron(errand, {
    schedule: "*/5 * * * *",
    cron: async (name, schedule, _, run) => {
      asked.push(name, schedule);
      await run();
    },
  });
  expect(asked).toEqual(["errand default", "*/5 * * * *"]);
  expect(ran).toMatchObject([{ ran: true, completed: 1 }]);
});
