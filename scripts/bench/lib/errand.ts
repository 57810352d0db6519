import { defineTask, Errand, type Task } from "../../../mod.ts";
import { withSettings } from "./connection.ts";
import { type Payload, payloads } from "./payload.ts";

/** What every job of every measure runs. */
export const noop: Task<Payload> = defineTask<Payload>({
  name: "noop",
  run: () => Promise.resolve({ ok: true }),
});

/** Opens a database file as the peers do: WAL and `synchronous = NORMAL`, read back. */
export function openErrand(
  file: string,
  task: Task<Payload> = noop,
): Promise<Errand> {
  return withSettings(() =>
    Errand.open({ url: `file:${file}`, tasks: [task], synchronous: "normal" })
  );
}

/** Adds so many jobs, `perCall` in a call. */
export async function addJobs(
  errand: Errand,
  jobs: number,
  perCall: number,
): Promise<void> {
  for (const list of payloads(jobs, perCall)) {
    await errand.enqueueMany(noop, list);
  }
}

/** Resolves when so many jobs are completed and stored, with the instant of the last one. */
export function completions(errand: Errand, jobs: number): Promise<number> {
  let done = 0;
  return new Promise((resolve) => {
    const end = errand.on("completed", () => {
      if (++done < jobs) return;
      end();
      resolve(performance.now());
    });
  });
}
