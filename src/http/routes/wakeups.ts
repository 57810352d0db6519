/**
 * Waiting for work without taking it.
 *
 * @module
 */
import * as v from "valibot";
import { checkQueue } from "../access.ts";
import { json } from "../answer.ts";
import { durationText, texts } from "../fields.ts";
import { type Route, route } from "../route.ts";
import { waiting, waitMs } from "../wait.ts";
import type { WakeupBody } from "../wire.ts";
import { workOf } from "../work.ts";
import * as bodies from "../work-bodies.ts";

const some = v.exactOptional;
const QUEUES_MAX = 100;

/** `GET /v1/wakeups`. */
export const wakeupRoutes: readonly Route[] = [
  route({
    method: "GET",
    path: "/v1/wakeups",
    scope: "work",
    tag: "Work",
    summary: "Wait until there may be work in some queues",
    description:
      "Of those who wait for a queue only as many are told as there are jobs in it, in the order " +
      "of their coming: then claim. Jobs that are there already are told of at once.",
    query: v.strictObject({
      queues: texts(QUEUES_MAX),
      after: some(v.pipe(v.string(), v.maxLength(128, "is no token of an answer"))),
      wait: some(durationText),
    }),
    answers: { 200: { description: "Whether there may be work", schema: bodies.wakeup } },
    async handle(call) {
      const { caller, query } = call;
      const queues = query.queues.map((queue) => checkQueue(caller, queue));
      const work = workOf(call);
      const parking = work.parking();
      work.asked();
      const after = parking.token();
      const mostMs = waitMs(call, query.wait);
      const found = mostMs === 0
        ? await parking.look(queues)
        : await waiting(call, (signal) => parking.park({ queues, signal, waitMs: mostMs }));
      const nextDueMs = parking.nextDueMs();
      return json(
        {
          after,
          work: found,
          ...(nextDueMs !== undefined && { nextDueIn: Math.ceil(nextDueMs) }),
        } satisfies WakeupBody,
      );
    },
  }),
];
