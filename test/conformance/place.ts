// What a promise is tried with. No built-ins of a runtime and no test runner here: the same
// promises are tried inside workerd.
import type { Client } from "@libsql/client/web";
import type { ErrandOptions } from "../../mod.ts";
import { type TestErrand, testErrand, type TestErrandOptions } from "../../src/testing/mod.ts";

/** An empty database of a test's own. */
export interface Place {
  /** What `Errand.open` needs to find it. */
  readonly target: Pick<ErrandOptions, "url" | "client" | "authToken">;
  /** A client of the same database, for SQL of the user's own; it is the place's to close. */
  client(): Client;
}

/** Tries a promise, and throws if it is not kept. */
export type Trial = (place: Place) => Promise<void>;

/** Promises by what they say. */
export type Promises = Readonly<Record<string, Trial>>;

/** Opens an Errand there, under a clock that the test moves. */
export function open(place: Place, options: TestErrandOptions = {}): Promise<TestErrand> {
  return testErrand({ ...options, ...place.target });
}
