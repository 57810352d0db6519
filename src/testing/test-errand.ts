/**
 * An Errand for a test: in memory, under a clock that the test moves.
 *
 * @module
 */
import { Errand } from "../errand.ts";
import type { ErrandOptions } from "../options.ts";
import type { WorkerOptions } from "../worker-options.ts";
import { FakeClock } from "./fake-clock.ts";

/** As for `Errand.open`; everything may be left out. */
export interface TestErrandOptions extends Omit<ErrandOptions, "clock"> {
  /** The clock that the test moves. @default a new FakeClock */
  readonly clock?: FakeClock;
}

/** An Errand together with its clock. */
export interface TestErrand extends Errand {
  /** Move it to let time pass. */
  readonly clock: FakeClock;
}

/** Opens an Errand in memory, under a fake clock. */
export async function testErrand(options: TestErrandOptions = {}): Promise<TestErrand> {
  const { clock = new FakeClock(), url, client, ...rest } = options;
  const place = client === undefined ? { url: url ?? ":memory:" } : { client };
  const errand = await Errand.open({ ...rest, ...place, clock });
  const worker = errand.worker.bind(errand);
  // Under a clock that stands still, a grace period would have no end.
  return Object.assign(errand, {
    clock,
    worker: (options: WorkerOptions = {}) => worker({ grace: 0, ...options }),
  });
}
