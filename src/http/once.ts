/**
 * Changes by hand on behalf of requests that may come again with their key.
 *
 * @module
 */
import type { ApiBroker } from "../broker.ts";
import { retryDue, type RetryJobOptions } from "../calls.ts";
import { ErrandError, isRefusal } from "../errors.ts";
import { keyTaken } from "../intake.ts";
import { expectJob } from "../job-checks.ts";
import type { Job } from "../job.ts";
import type { OnceKey } from "../once-broker.ts";
import { onceKey } from "./idempotency.ts";
import type { Call } from "./route.ts";

type OnceCall = Pick<Call, "errand" | "parts" | "caller" | "request" | "shared">;

/** Makes an ended job live again; sent again, answers the job as it stands then. */
export async function retryOnce(
  call: OnceCall,
  id: string,
  options: RetryJobOptions | undefined,
): Promise<Job> {
  const key = onceKey(call, () => ["retry", id, options]);
  const { broker, events, nudge, wake } = call.parts;
  if (key === undefined || broker.api === undefined) return await call.errand.retry(id, options);
  const due = retryDue(options ?? {}, `retry job ${id}`);
  const done = await broker.api.retryOnce({ ...await key, ...due, id });
  if (done === undefined) throw keyTaken();
  const job = expectJob("retry", id, done);
  if (!done.first) return job;
  events.emit("retried", { job });
  wake.signal("work");
  if (job.state === "available") nudge?.send();
  return job;
}

/** Work that takes several transactions. */
interface Work<Answer extends object> {
  /** What tells its request from others. */
  readonly request: readonly unknown[];
  readonly run: () => Promise<Answer>;
  /** Whether what was interrupted may be run again. */
  readonly resumes: boolean;
}

interface UnderWay {
  readonly hash: string;
  readonly answer: Promise<object>;
}

const newUnderWay = (): Map<string, UnderWay> => new Map();

/**
 * What `run` answers, now or as the request came first; who asks meanwhile waits for it. A client
 * has a server of its own, which it sends a key of its own.
 */
export async function runOnce<Answer extends object>(
  call: OnceCall,
  work: Work<Answer>,
): Promise<Answer> {
  const key = await onceKey(call, () => work.request);
  const { api } = call.parts.broker;
  if (key === undefined || api === undefined) return await work.run();
  const underWay = call.shared.of(newUnderWay);
  const there = underWay.get(key.key);
  if (there !== undefined) {
    if (there.hash !== key.hash) throw keyTaken();
    return await there.answer as Answer;
  }
  const answer = remembered(call, api, key, work);
  underWay.set(key.key, { hash: key.hash, answer });
  try {
    return await answer;
  } finally {
    underWay.delete(key.key);
  }
}

/**
 * The answer is stored after the work. A request that was begun and has no answer is at work in
 * another process, or was interrupted. To cancel or remove all that is left then does no harm, as
 * none of it comes back; but a job that was retried may have ended since, and must not be retried
 * again, and a limit must not be used up twice.
 */
async function remembered<Answer extends object>(
  { parts: { events } }: OnceCall,
  api: ApiBroker,
  key: OnceKey,
  { run, resumes }: Work<Answer>,
): Promise<Answer> {
  const standing = await api.beginOnce(key);
  if (standing.kind === "other") throw keyTaken();
  if (standing.kind === "ended") return standing.answer as Answer;
  if (standing.kind === "open" && !resumes) {
    throw new ErrandError(
      "DATABASE_UNAVAILABLE",
      "Cannot answer the request: it was begun before, and has not come to its end; ask again, " +
        "or look what it has done and send what is left with another key",
    );
  }
  let done = false; // some of it, maybe by another request
  const unhear = events.on("bulk", () => done = true);
  let answer: Answer;
  try {
    answer = await run();
  } catch (error) {
    const nothing = standing.kind === "begun" && !done && wroteNothing(error);
    if (nothing) await api.endOnce(key.key, undefined).catch(() => {});
    throw error;
  } finally {
    unhear();
  }
  await api.endOnce(key.key, answer);
  return answer;
}

function wroteNothing(error: unknown): boolean {
  return isRefusal(error) || error instanceof ErrandError && error.code === "DATABASE_BUSY";
}
