/**
 * Events as log messages, for those who gave a logger.
 *
 * @module
 */
import { pathText } from "./codec.ts";
import { invalid } from "./errors.ts";
import type { Events } from "./events.ts";
import type { Logger } from "./logger.ts";
import { isInvalidInput } from "./schema.ts";

/** A schema's own words may repeat what it was given: then what failed, and where, is enough. */
function withoutInput(error: unknown): unknown {
  if (!isInvalidInput(error) || error.issues.length === 0) return error;
  const places = error.issues.map(({ path }) => `payload${pathText(path)}`).join(", ");
  const [act] = error.message.split(": ");
  return invalid(`${act}: ${places}`);
}

/** Logs what happens. Payloads and results are never logged. */
export function logEvents(events: Events, logger: Logger): void {
  events.on(
    "enqueued",
    ({ job: { id, task, queue } }) => logger.debug("Job enqueued", { id, task, queue }),
  );
  events.on("started", (attempt) => logger.debug("Attempt started", { ...attempt }));
  events.on("completed", ({ result: _, ...attempt }) => logger.info("Job completed", attempt));
  events.on("failed", ({ error, ...attempt }) => {
    const isInput = error.code === "INVALID_INPUT"; // whose schema may say what it was given
    const said = isInput ? "its payload is not what its task takes" : error.message;
    const fields = { ...attempt, error: `${isInput ? error.code : error.name}: ${said}` };
    if (attempt.willRetry) logger.warn("Attempt failed and will be followed by another", fields);
    else logger.error("Job failed", fields);
  });
  events.on("snoozed", (attempt) => logger.info("Job snoozed", { ...attempt }));
  events.on(
    "released",
    ({ error, ...attempt }) =>
      logger[error === undefined ? "info" : "warn"]("Job released", {
        ...attempt,
        ...(error !== undefined && { error: error.message }),
      }),
  );
  events.on("lost", (attempt) => logger.warn("Job no longer held", { ...attempt }));
  events.on("rescued", (job) => logger.warn("Job of a vanished worker rescued", { ...job }));
  events.on("cancelled", ({ job: { id, task } }) => logger.info("Job cancelled", { id, task }));
  events.on("retried", ({ job: { id, task } }) => logger.info("Job retried by hand", { id, task }));
  events.on("removed", ({ job: { id, task } }) => logger.info("Job removed", { id, task }));
  events.on("bulk", ({ verb, count }) => logger.info("Many jobs changed", { verb, count }));
  events.on("pruned", (done) => logger.info("Old jobs removed", { ...done }));
  events.on("paused", (queue) => logger.info("Queue paused", { ...queue }));
  events.on("resumed", (queue) => logger.info("Queue resumed", { ...queue }));
  events.on("stopped", (end) => logger.info("Worker stopped", { ...end }));
  events.on("ran", (summary) => {
    if (summary.ran) logger.info("Run ended", { ...summary });
    else logger.info("Run left to the one under way");
  });
  events.on(
    "error",
    ({ error, during }) =>
      logger.error(`Background work failed and will be tried again: ${during}`, {
        error: withoutInput(error),
      }),
  );
}
