/**
 * Upkeep, and what workers say and hear of themselves.
 *
 * @module
 */
import * as v from "valibot";
import { json, noContent } from "../answer.ts";
import { name } from "../fields.ts";
import { reaches } from "../access.ts";
import { keepOnce } from "../keeper.ts";
import { type Route, route } from "../route.ts";
import type { UpkeepBody } from "../wire.ts";
import * as bodies from "../work-bodies.ts";
import { checkOwnWorker } from "./own.ts";

/** The longest that a pass is put off. */
const NEXT_MAX_MS = 30_000;
const workerParams = v.strictObject({ id: name });

/** `POST /v1/upkeep`, and the rows of workers. */
export const upkeepRoutes: readonly Route[] = [
  route({
    method: "POST",
    path: "/v1/upkeep",
    scope: "work",
    tag: "Work",
    summary: "One bounded pass of schedules, rescue and retention",
    description:
      "A server whose process stays does that by itself, while somebody asks it for work.",
    answers: { 200: { description: "What was done", schema: bodies.upkeep } },
    async handle({ parts, caller }) {
      const { rescued, enqueued, pruned, nextMs } = await keepOnce(parts);
      return json(
        {
          rescued: rescued.filter(({ queue }) => reaches(caller, queue)),
          enqueued,
          pruned,
          nextIn: Math.ceil(Math.max(0, Math.min(nextMs, NEXT_MAX_MS))),
        } satisfies UpkeepBody,
      );
    },
  }),
  route({
    method: "DELETE",
    path: "/v1/workers/{id}",
    scope: "work",
    tag: "Work",
    summary: "Forget a worker that has ended",
    params: workerParams,
    answers: { 204: { description: "It is not listed any more" } },
    async handle(call) {
      const { parts: { broker }, params } = call;
      await checkOwnWorker(call, "forget", params.id);
      await broker.workers.remove(params.id);
      return noContent();
    },
  }),
  route({
    method: "GET",
    path: "/v1/workers/{id}/command",
    scope: "work",
    tag: "Work",
    summary: "What a worker is asked to do",
    params: workerParams,
    answers: {
      200: { description: "It is asked to end", schema: bodies.command },
      204: { description: "Nothing" },
    },
    async handle(call) {
      const { parts: { broker }, params } = call;
      await checkOwnWorker(call, "look at", params.id);
      const command = await broker.workers.asked(params.id);
      return command === undefined ? noContent() : json(command);
    },
  }),
];
