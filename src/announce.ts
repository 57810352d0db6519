/**
 * From what came of an attempt to the event that tells it.
 *
 * @module
 */
import type { ClaimedJob, ExchangeRequest } from "./broker.ts";
import { decode } from "./codec.ts";
import type { AttemptRef, Events } from "./events.ts";
import type { JanitorHost } from "./janitor.ts";
import { endsJob, type Refused, type Settlement } from "./outcome.ts";
import type { Wake } from "./wake.ts";

/** A settlement with what its event tells. */
export interface EndedAttempt extends Settlement {
  readonly job: Pick<ClaimedJob, "id" | "task" | "queue" | "attempt">;
  readonly tookMs: number;
}

/** A request, and what is to be told when it was answered. */
export interface Exchange {
  readonly ended: readonly EndedAttempt[];
  readonly request: ExchangeRequest;
}

/** The event's reference to an attempt. */
export function attemptRef(job: EndedAttempt["job"], worker: string): AttemptRef {
  return { id: job.id, task: job.task, queue: job.queue, attempt: job.attempt, worker };
}

/** An attempt as it was stored, which is as a failure where its outcome was refused. */
export function asStored(ended: EndedAttempt, { failed }: Refused): EndedAttempt {
  const error = failed?.get(ended.id);
  if (error === undefined) return ended;
  const { attempt } = ended.job;
  return { ...ended, outcome: { kind: "fail", error: { ...error, attempt } } };
}

/** Emits the event of an outcome that was stored. */
export function announce(events: Events, worker: string, ended: EndedAttempt): void {
  const { outcome, job, tookMs } = ended;
  switch (outcome.kind) {
    case "complete":
      return announceCompleted(events, worker, ended, outcome.result);
    case "fail":
      return events.emit("failed", {
        ...attemptRef(job, worker),
        ...{ error: outcome.error, willRetry: false, durationMs: tookMs },
      });
    case "retry": {
      const { error, delayMs } = outcome;
      return events.emit("failed", {
        ...attemptRef(job, worker),
        ...{ error, willRetry: true, delayMs, durationMs: tookMs },
      });
    }
    case "snooze":
      return events.emit("snoozed", { ...attemptRef(job, worker), delayMs: outcome.delayMs });
    case "release":
      return events.emit("released", {
        ...attemptRef(job, worker),
        ...(outcome.error !== undefined && { error: outcome.error }),
      });
  }
}

/** As there is one for nearly every job, it is written out: spreading took a microsecond. */
function announceCompleted(
  events: Events,
  worker: string,
  { job: { id, task, queue, attempt }, tookMs: durationMs }: EndedAttempt,
  text: string | null,
): void {
  if (!events.heard("completed")) return;
  const result = decode(text) ?? null;
  events.emit("completed", { id, task, queue, attempt, worker, result, durationMs });
}

/** Wakes those whom outcomes that were stored concern. */
export function signalEnded(wake: Wake, ended: readonly EndedAttempt[]): void {
  if (ended.length > 0) wake.signal("end", () => new Set(ended.map(({ id }) => id)));
  if (ended.some(({ outcome }) => !endsJob(outcome))) wake.signal("work");
}

/** Emits what a janitor's pass did, and wakes those whom it concerns. */
export function announceTidied(
  { events, wake }: { readonly events: Events; readonly wake: Wake },
  done: Parameters<JanitorHost["tidied"]>[0],
): void {
  for (const { id, task, queue, attempt, state } of done.rescued) {
    const willRetry = state === "available";
    events.emit("rescued", { id, task, queue, attempt, willRetry });
  }
  if (done.pruned > 0) events.emit("pruned", { count: done.pruned });
  if (done.rescued.length === 0) return;
  wake.signal("work");
  wake.signal("end", () => new Set(done.rescued.map(({ id }) => id)));
}
