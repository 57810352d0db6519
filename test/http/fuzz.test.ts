// Requests made from the OpenAPI document, on connections in parallel, against a server in a
// process of its own. SEED=… repeats a run.
import { Ajv2020 } from "ajv/dist/2020.js";
import fc from "fast-check";
import process from "node:process";
import { setTimeout as sleep } from "node:timers/promises";
import { expect, it } from "vitest";
import { current } from "../../scripts/runtimes.ts";
import { type Answer, Connection } from "../support/connection.ts";
import { brokenInvariants } from "../support/invariants.ts";
import { spawnTs, type TsProcess } from "../support/spawn.ts";
import { tempDir } from "../support/temp.ts";
import { type Document, type Known, requests, type Wish } from "./requests.ts";

const REQUESTS = process.env.CI ? 20_000 : 4_000;
const LANES = 16;
const DEADLINE_MS = 20_000;
const TOKEN = "a-token-of-the-fuzz-test";

it(
  "survives whatever is asked of it, and says so as documented",
  { timeout: 180_000 },
  async () => {
    const seed = Number(process.env.SEED ?? Date.now() % 1_000_000);
    console.log(`SEED=${seed}`);
    await using dir = await tempDir();
    const path = dir.file("errand.db");
    const env = { API_URL: `file:${path}`, API_TOKEN: TOKEN };
    await using server = await spawnTs(current, "test/support/children/api.ts", env);
    const url = await server.nextLine();
    const said = told(server);
    const document: Document = await (await fetch(`${url}/openapi.json`)).json();
    const ajv = new Ajv2020({ strict: false, validateFormats: false }).addSchema(document, "api");
    const api = { document, ajv, port: Number(new URL(url).port) };

    const lanes = Array.from({ length: LANES }, (_, lane) => new Lane(api, seed + lane));
    await Promise.all(lanes.map((lane) => lane.run(REQUESTS / LANES))).catch((cause: Error) => {
      const complaints = [...said.lines, server.errors()].join("\n");
      throw new Error(`${cause.cause}\n${cause.message}\nThe server says: ${complaints}`, {
        cause,
      });
    });
    const statuses = new Map<number, number>();
    for (const { counts } of lanes) {
      for (const [status, n] of counts) statuses.set(status, (statuses.get(status) ?? 0) + n);
    }
    console.log([...statuses].sort().map(([status, n]) => `${status}: ${n}`).join(", "));
    const sent = [...statuses.values()].reduce((sum, n) => sum + n, 0);
    expect(sent).toBeGreaterThanOrEqual(REQUESTS);
    for (const status of [200, 201, 400, 401, 403, 404, 405, 413, 415]) {
      expect(statuses.get(status), `some were answered ${status}`).toBeGreaterThan(0);
    }

    const post = async (where: string, body: unknown) => {
      const headers = { "content-type": "application/json", authorization: `Bearer ${TOKEN}` };
      const init = { method: "POST", headers, body: JSON.stringify(body) };
      return await (await fetch(url + where, init)).json();
    };
    const { id } = await post("/v1/jobs", { task: "normal", queue: "afterwards", payload: 21 });
    const { jobs } = await post("/v1/claims", { worker: "last", queues: ["afterwards"] });
    expect(jobs).toMatchObject([{ id, payload: 21 }]);
    const of = { job: id, lease: jobs[0].lease, outcome: "complete", result: 42 };
    await post("/v1/claims", { worker: "last", limit: 0, outcomes: [of] });
    const found = await post("/v1/jobs/get", { ids: [id] });
    expect(found.jobs).toMatchObject([{ state: "completed", result: 42 }]);
    expect(brokenInvariants(path)).toEqual([]);
    expect(await server.kill("SIGTERM")).toBe(0);
    await said.ended;
    expect(said.lines).toEqual([]);
  },
);

/** All that the server complains of, and when it has ended. */
function told(server: TsProcess): { readonly lines: readonly string[]; ended: Promise<void> } {
  const lines: string[] = [];
  const reading = async (): Promise<void> => {
    for (;;) {
      const line = await server.nextLine().catch(() => undefined);
      if (line === undefined) return;
      if (!line.includes('"message":"Job failed"')) lines.push(line); // which jobs may do
    }
  };
  return { lines, ended: reading() };
}

/** What is asked, and what it says of itself. */
interface Api {
  readonly document: Document;
  readonly ajv: Ajv2020;
  readonly port: number;
}

/** One connection after another, each kept as long as the server does. */
class Lane {
  readonly counts = new Map<number, number>();
  readonly #api: Api;
  readonly #seed: number;
  readonly #known: Known = [];
  #connection: Connection | undefined;

  constructor(api: Api, seed: number) {
    this.#api = api;
    this.#seed = seed;
  }

  async run(numRuns: number): Promise<void> {
    const wishes = requests(this.#api.document, TOKEN, this.#known);
    const check = fc.asyncProperty(wishes, (wish) => this.#check(wish));
    try {
      await fc.assert(check, { numRuns, seed: this.#seed });
    } finally {
      this.#connection?.close();
    }
  }

  async #check(wish: Wish): Promise<void> {
    const late = new AbortController();
    const answer = await Promise.race([
      this.#answer(wish),
      sleep(DEADLINE_MS, "hangs" as const, { signal: late.signal }),
    ]);
    late.abort();
    if (answer === "hangs") throw new Error("There is no answer in time");
    this.#count(answer?.status ?? 0);
    if (answer === undefined) {
      if (leaves(wish)) return;
      throw new Error("The connection ended without an answer");
    }
    const found = wrong(this.#api, wish, answer);
    if (found.length > 0) {
      throw new Error(`${answer.status} ${found.join("; ")}\n${text(answer.body)}`);
    }
    this.#learn(answer);
  }

  /** One that was kept may be closed just then: a new one must serve. */
  async #answer(wish: Wish): Promise<Answer | undefined> {
    const kept = this.#connection?.ended === false ? this.#connection : undefined;
    const answer = kept && await this.#exchange(kept, wish);
    if (answer !== undefined || (kept !== undefined && leaves(wish))) return answer;
    return await this.#exchange(this.#connection = await Connection.open(this.#api.port), wish);
  }

  async #exchange(connection: Connection, wish: Wish): Promise<Answer | undefined> {
    await send(connection, wish);
    if (!leaves(wish)) return await connection.answer(wish.method);
    if (wish.way === "half") await sleep(1);
    return void connection.close();
  }

  #count(status: number): void {
    this.counts.set(status, (this.counts.get(status) ?? 0) + 1);
  }

  #learn(answer: Answer): void {
    for (const [, id] of text(answer.body).matchAll(/"(?:id|cursor)":"([^"]+)"/g)) {
      this.#known.push(id!);
      if (this.#known.length > 200) this.#known.shift();
    }
  }
}

/** Whether it is gone before it has sent all. */
function leaves({ body, way }: Wish): boolean {
  return body !== undefined && (way === "half" || way === "short");
}

async function send(connection: Connection, wish: Wish): Promise<void> {
  const { method, target, headers, body, way } = wish;
  const length = body === undefined || way === "chunked" ? [] : [["content-length", body.length]];
  const chunked = body !== undefined && way === "chunked" ? [["transfer-encoding", "chunked"]] : [];
  const lines = [["host", "127.0.0.1"], ...headers, ...length, ...chunked];
  const head = `${method} ${target} HTTP/1.1\r\n${lines.map((of) => of.join(": ")).join("\r\n")}`;
  connection.write(Buffer.from(`${head}\r\n\r\n`, "latin1"));
  if (body === undefined) return;
  const half = Math.floor(body.length / 2);
  const parts = [body.subarray(0, half), body.subarray(half)];
  if (way === "chunked") {
    for (const part of [...parts.filter(({ length }) => length > 0), new Uint8Array()]) {
      const size = Buffer.from(`${part.length.toString(16)}\r\n`);
      connection.write(Buffer.concat([size, part, Buffer.from("\r\n")]));
    }
    return;
  }
  connection.write(parts[0]!);
  if (way === "half" || way === "short") return;
  if (way === "slow") await sleep(3);
  connection.write(parts[1]!);
}

/** Where an answer is not as the document says. */
function wrong(api: Api, wish: Wish, answer: Answer): string[] {
  if (answer.status >= 500) return ["is an error of the server"];
  const complaints = [...pathsOf(api.document.paths, wish.target), ""]
    .map((path) => wrongAt(path, api, wish, answer));
  return complaints.find((of) => of.length === 0) ?? complaints[0]!;
}

/** The same, should the target mean this path. */
function wrongAt(
  path: string,
  { document: { paths }, ajv }: Api,
  wish: Wish,
  { status, headers, body }: Answer,
): string[] {
  const method = (wish.method === "HEAD" ? "get" : wish.method).toLowerCase();
  const said = paths[path]?.[method]?.responses[status];
  if (said === undefined && wish.method === "OPTIONS" && status === 204) return [];
  if (said === undefined && ![404, 405].includes(status)) return ["is not documented"];
  if (wish.method === "HEAD" || body.length === 0) return [];
  const type = headers.get("content-type")?.split(";")[0] ?? "";
  const at = said === undefined
    ? ["components", "responses", "Problem404"]
    : said.$ref?.slice("#/".length).split("/") ??
      ["paths", path, method, "responses", String(status)];
  const pointer = [...at, "content", type, "schema"].map((part) =>
    encodeURIComponent(part.replaceAll("~", "~0").replaceAll("/", "~1"))
  ).join("/");
  const validate = ajv.getSchema(`api#/${pointer}`);
  if (validate === undefined) return [`has a type that is not documented: ${type}`];
  if (!type.endsWith("json") || validate(JSON.parse(text(body)))) return [];
  return [ajv.errorsText(validate.errors)];
}

/**
 * The paths of the document that a target may mean: one without a parameter goes before others, and
 * servers may take "." and ".." as they are or as they do in a URL.
 */
function pathsOf(paths: Document["paths"], target: string): string[] {
  const parsed = URL.canParse(target, "http://localhost")
    ? new URL(target, "http://localhost").pathname
    : "";
  const sorted = Object.keys(paths).sort((a, b) => a.split("{").length - b.split("{").length);
  return [parsed, target.split("?")[0]!].flatMap((pathname) => {
    const matches = (path: string): boolean =>
      new RegExp(`^${path.replace(".", "\\.").replaceAll(/\{\w+\}/g, "[^/]+")}/?$`).test(pathname);
    return sorted.find(matches) ?? [];
  });
}

function text(body: Uint8Array): string {
  return new TextDecoder().decode(body);
}
