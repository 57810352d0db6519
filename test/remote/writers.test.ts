// Many processes that write to one server all the time.
import { describe, expect, it } from "vitest";
import { current } from "../../scripts/runtimes.ts";
import { Errand } from "../../mod.ts";
import { offered } from "../support/need.ts";
import { spawnTs } from "../support/spawn.ts";
import { findSqld, startSqld } from "../support/sqld.ts";

const PROCESSES = 8;
const JOBS = 60_000;

describe.runIf(offered("writers over sqld", findSqld()))("eight processes on one server", () => {
  it("add and run 60,000 jobs, each once", async () => {
    await using server = await startSqld();
    await using errand = await Errand.open({ url: server.url });
    const env = {
      WRITER_URL: server.url,
      WRITER_JOBS: String(JOBS / PROCESSES),
      WRITER_QUEUE: "share",
    };
    const children = await Promise.all(
      Array.from(
        { length: PROCESSES },
        () => spawnTs(current, "test/support/children/writer.ts", env),
      ),
    );
    const lines = await Promise.all(children.map((child) => child.nextLine()));
    expect(lines).toEqual(lines.map(() => "lost 0"));
    expect(await Promise.all(children.map(({ ended }) => ended))).toEqual(lines.map(() => 0));
    expect((await errand.stats()).queues.share)
      .toMatchObject({ completed: JOBS, available: 0, running: 0, failed: 0 });
  }, 180_000);
});
