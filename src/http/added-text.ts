/**
 * The JSON of jobs that were added, made from that of their payloads, which is most of it.
 *
 * @module
 */
import type { JobTerms, NewJob } from "../job-terms.ts";
import { dueMsOf } from "../new-job.ts";
import { instantText } from "./answer.ts";

/** What jobs of one kind that were added together have around their payloads. */
interface Around {
  readonly terms: JobTerms;
  readonly createdAtMs: number;
  readonly before: string;
  readonly after: string;
}

let last: Around | undefined;

/** The JSON of a job that was added at an instant: what `JSON.stringify` makes of it. */
export function addedText({ id, terms, payload }: NewJob, createdAtMs: number): string {
  const same = last?.terms === terms && last.createdAtMs === createdAtMs;
  const { before, after } = same ? last! : last = around(terms, createdAtMs);
  return `{"id":"${id}"${before}${payload}${after}`;
}

function around(terms: JobTerms, createdAtMs: number): Around {
  const { task, queue, priority, maxAttempts, meta, parentId } = terms;
  const dueMs = dueMsOf(terms, createdAtMs);
  const state = dueMs <= createdAtMs ? "available" : "scheduled";
  const names = `"task":${JSON.stringify(task)},"queue":${JSON.stringify(queue)}`;
  const times = `"runAt":"${instantText(dueMs)}","createdAt":"${instantText(createdAtMs)}"`;
  const rest = (maxAttempts === null ? "" : `,"maxAttempts":${maxAttempts}`) +
    (meta === null ? "" : `,"meta":${meta}`) +
    (parentId === null ? "" : `,"parentId":${JSON.stringify(parentId)}`);
  return {
    terms,
    createdAtMs,
    before: `,${names},"state":"${state}","priority":${priority},"payload":`,
    after: `,"errors":[],"attempt":0,${times},"enqueued":"inserted"${rest}}`,
  };
}
