/**
 * What an API asks beside the verbs of all.
 *
 * @module
 */
import type { ApiBroker } from "../broker.ts";
import type { Clock } from "../clock.ts";
import type { Driver } from "./driver/driver.ts";
import { beginOnce, endOnce, retryOnce } from "./once.ts";
import { enqueueOnce, pruneRequests } from "./requests.ts";
import { leaseLeftMs, leaseQueues, standing, waiting } from "./work.ts";

/** Answers it. */
export function apiBroker(driver: Driver, clock: Clock): ApiBroker {
  return {
    enqueueOnce: (request) => enqueueOnce(driver, clock.databaseNow(), request),
    retryOnce: (request) => retryOnce(driver, clock.databaseNow(), request),
    beginOnce: (request) => beginOnce(driver, clock.databaseNow(), request),
    endOnce: (key, answer) => endOnce(driver, key, answer),
    pruneRequests: (limit) => pruneRequests(driver, clock.databaseNow(), limit),
    standing: (ids) => standing(driver, ids),
    leaseLeftMs: (lease) => leaseLeftMs(driver, clock.databaseNow(), lease),
    leaseQueues: (leases) => leaseQueues(driver, leases),
    waiting: (request) => waiting(driver, clock.databaseNow(), request),
  };
}
