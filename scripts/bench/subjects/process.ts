/** Errand: how fast jobs are claimed, run and completed, results stored and history kept. */
import { processAll } from "../lib/process.ts";
import { runSubject } from "../lib/subject.ts";
import { warmThenTime } from "../lib/timed.ts";

await runSubject({ process: (params) => warmThenTime(params, processAll) });
