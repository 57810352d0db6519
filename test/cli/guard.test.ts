// Whom a server without tokens answers.
import { describe, expect, it } from "vitest";
import { guarded } from "../../src/cli/guard.ts";

const answer = guarded(() => new Response("jobs"));
const status = async (url: string, headers: Record<string, string> = {}, method = "GET") =>
  (await answer(new Request(url, { method, headers }))).status;

const here = "http://127.0.0.1:4800";
const site = (from: string): Record<string, string> => ({ "sec-fetch-site": from });
const link = { ...site("cross-site"), "sec-fetch-mode": "navigate", "sec-fetch-dest": "document" };

describe("a server without tokens answers", () => {
  it.each([
    ["a program", `${here}/v1/jobs`, {}, 200],
    ["a page of its own", `${here}/v1/jobs`, { origin: here, ...site("same-origin") }, 200],
    ["an address that was typed", `${here}/v1/jobs`, site("none"), 200],
    ["a link to its documentation", `${here}/docs`, link, 200],
    ["no link to jobs", `${here}/v1/jobs`, link, 403],
    ["no link to what runs them", `${here}/run`, link, 403],
    ["no page that frames its documentation", `${here}/docs`, site("cross-site"), 403],
    ["no picture in a page of elsewhere", `${here}/v1/events`, site("cross-site"), 403],
    ["no page of another port", `${here}/v1/jobs`, site("same-site"), 403],
    ["no page of elsewhere", `${here}/v1/jobs`, { origin: "https://evil.example" }, 403],
    ["no name that was pointed to it", "http://evil.example:4800/v1/jobs", {}, 403],
  ])("%s", async (_, url, headers: Record<string, string>, expected) => {
    expect(await status(url, headers)).toBe(expected);
  });

  it("no link that writes", async () => {
    expect(await status(`${here}/docs`, link, "POST")).toBe(403);
  });
});
