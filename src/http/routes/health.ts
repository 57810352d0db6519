/**
 * Whether the process lives, and whether it can do its work.
 *
 * @module
 */
import * as v from "valibot";
import { before } from "../../clock.ts";
import { json } from "../answer.ts";
import { problem } from "../problem.ts";
import { type Route, route } from "../route.ts";

/** A database that takes longer is not one to send requests to. */
const READY_MS = 2_000;

const up: v.GenericSchema<unknown> = v.strictObject({ status: v.literal("ok") });

/** `/healthz` and `/readyz`. */
export const healthRoutes: readonly Route[] = [
  route({
    method: "GET",
    path: "/healthz",
    scope: "open",
    tag: "Operation",
    summary: "Whether the process lives",
    answers: { 200: { description: "It does", schema: up, example: { status: "ok" } } },
    handle: () => json({ status: "ok" }),
  }),
  route({
    method: "GET",
    path: "/readyz",
    scope: "open",
    tag: "Operation",
    summary: "Whether the database answers",
    problems: [503],
    answers: { 200: { description: "It does", schema: up, example: { status: "ok" } } },
    async handle({ parts: { broker, clock } }) {
      const look = broker.pruneCursor().then(() => true, () => false);
      if (await before(clock, clock.elapsedMs() + READY_MS, look)) return json({ status: "ok" });
      const detail = "Cannot use the database: it does not answer";
      return problem({ status: 503, detail, code: "DATABASE_UNAVAILABLE" }, { "retry-after": "1" });
    },
  }),
];
