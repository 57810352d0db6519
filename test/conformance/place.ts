// What a promise is tried with. No built-ins of a runtime and no test runner here: the same
// promises are tried inside workerd.
import type { Client } from "@libsql/client/web";
import { Errand, type ErrandOptions } from "../../mod.ts";
import {
  FakeClock,
  type TestErrand,
  testErrand,
  type TestErrandOptions,
} from "../../src/testing/mod.ts";

/** An empty database of a test's own. */
export interface Place {
  /** What `Errand.open` needs to find it. */
  readonly target: Pick<ErrandOptions, "url" | "client" | "authToken">;
  /** A client of the same database, for SQL of the user's own; it is the place's to close. */
  client(): Client;
  /** Opens an Errand there, where `Errand.open` is not what does that. */
  open?(options: OpenOptions): Promise<Errand>;
}

/** How an Errand is opened at a place. */
export type OpenOptions = Omit<ErrandOptions, "url" | "client" | "authToken">;

/** Tries a promise, and throws if it is not kept. */
export type Trial = (place: Place) => Promise<void>;

/** Promises by what they say. */
export type Promises = Readonly<Record<string, Trial>>;

/** Opens an Errand there, under a clock that the test moves. */
export async function open(place: Place, options: TestErrandOptions = {}): Promise<TestErrand> {
  if (place.open === undefined) return await testErrand({ ...options, ...place.target });
  const { clock = new FakeClock(), ...rest } = options;
  const errand = await place.open({ ...rest, clock });
  const worker = errand.worker.bind(errand);
  return Object.assign(errand, {
    clock,
    worker: (of: Parameters<typeof worker>[0] = {}) => worker({ grace: 0, ...of }),
  });
}

/** Opens an Errand there, under the clocks of machine and database. */
export function openLive(place: Place, options: OpenOptions = {}): Promise<Errand> {
  return place.open?.(options) ?? Errand.open({ ...options, ...place.target });
}
