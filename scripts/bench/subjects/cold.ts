/** Errand in workerd: from nothing, and from a fresh isolate, to the first job that is stored. */
import { bundle } from "../../../test/support/bundle.ts";
import { startScript } from "../../../test/support/workerd.ts";
import type { Figures, Params } from "../harness/types.ts";
import { noop } from "../lib/errand.ts";
import { openRemote, serverOf } from "../lib/remote.ts";
import { expectEqual, runSubject } from "../lib/subject.ts";

await runSubject({ cold });

async function cold(params: Params): Promise<Figures> {
  await (await openRemote(params, noop)).close(); // for its schema
  const script = await bundle(
    "scripts/bench/subjects/cold-worker.ts",
    "workerd",
  );
  const start = performance.now();
  await using worker = await startScript(script);
  const listening = performance.now();
  const first = await enqueue(worker.url, params);
  return {
    start: listening - start,
    first,
    second: await enqueue(worker.url, params),
  };
}

/** The milliseconds from the request to the answer. */
async function enqueue(url: string, params: Params): Promise<number> {
  const start = performance.now();
  const answer = await fetch(
    `${url}/?database=${encodeURIComponent(serverOf(params))}`,
  );
  const text = await answer.text();
  const ms = performance.now() - start;
  expectEqual(`the status of "${text}"`, answer.status, 200);
  return ms;
}
