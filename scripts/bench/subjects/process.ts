/** Errand: how fast jobs are claimed, run and completed, results stored and history kept. */
import { join } from "node:path";
import type { Figures, Params } from "../harness/types.ts";
import { processAll } from "../lib/process.ts";
import { perSecond, runSubject } from "../lib/subject.ts";

await runSubject({ process: warmThenTime });

async function warmThenTime(params: Params): Promise<Figures> {
  await processAll(join(params.folder, "warm.db"), params.warmup, params);
  const ms = await processAll(
    join(params.folder, "timed.db"),
    params.jobs,
    params,
  );
  return { speed: perSecond(params.jobs, ms) };
}
