import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { offered } from "../support/need.ts";
import { findSqld, type Sqld, startSqld } from "../support/sqld.ts";
import { findWorkerd, startWorkerd, type Workerd } from "../support/workerd.ts";
import type { Answer, Wish } from "./edge.ts";
import type { Place, Promises } from "./place.ts";
import { alone, shared } from "./promises/all.ts";
import { conformance, prepare, server, type Target } from "./stores.ts";

const here = offered("promises over sqld", findSqld()) && offered("workerd", findWorkerd());

describe.runIf(here)("Cloudflare's workerd", () => {
  let sqld: Sqld;
  let workerd: Workerd;

  beforeAll(async () => {
    [sqld, workerd] = await Promise.all([
      startSqld(),
      startWorkerd("test/conformance/edge.ts"),
    ]);
    await prepare(sqld);
  });
  afterAll(async () => {
    await workerd[Symbol.asyncDispose]();
    await sqld[Symbol.asyncDispose]();
  });

  async function ask(wish: Wish): Promise<Answer> {
    const answer = await fetch(workerd.url, { method: "POST", body: JSON.stringify(wish) });
    return await answer.json() as Answer;
  }

  /** The same promises, each tried by a request to the worker. */
  const inside = (subjects: Readonly<Record<string, Promises>>): Record<string, Promises> =>
    Object.fromEntries(
      Object.entries(subjects).map(([subject, promises]) => [
        subject,
        Object.fromEntries(
          Object.keys(promises).map((name) => [name, async ({ target }: Place) => {
            const { error } = await ask({ subject, name, target: target as Target });
            if (error !== undefined) throw new Error(`in workerd: ${error}`);
          }]),
        ),
      ]),
    );

  const open = server(() => ({ url: sqld.url }));
  conformance("sqld by http, inside workerd", [inside(alone), inside(shared)], open);

  it.each(["file:errand.db", ":memory:"])(
    "%s is refused, with the advice to use a server",
    async (name) => {
      const { error } = await ask({ subject: "open", name, target: { url: sqld.url } });
      expect(error).toMatch(/^DATABASE_UNAVAILABLE .*Cannot open .*no files.*a libSQL server/);
    },
  );
});
