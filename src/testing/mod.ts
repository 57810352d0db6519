/**
 * Helpers for testing tasks: a database in memory, a clock that a test moves, and one attempt
 * without any database.
 *
 * @example
 * ```ts
 * import { defineTask } from "errand";
 * import { testErrand } from "errand/testing";
 *
 * const double = defineTask({ name: "double", run: () => 42 });
 * await using errand = await testErrand({ tasks: [double] });
 * const job = await errand.enqueue(double);
 * await errand.worker().drain();
 * console.log((await errand.get(job.id))?.result); // 42
 * ```
 *
 * @module
 */
export { FakeClock } from "./fake-clock.ts";
export { type AttemptResult, runTask, type RunTaskOptions } from "./run-task.ts";
export { type TestErrand, testErrand, type TestErrandOptions } from "./test-errand.ts";
