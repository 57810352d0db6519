import { once } from "node:events";
import { createServer } from "node:http";
import { type AddressInfo, connect } from "node:net";
import { setImmediate } from "node:timers/promises";
import { readFile, writeFile } from "node:fs/promises";
import { describe, expect, it } from "vitest";
import { Errand } from "../../mod.ts";
import { runtimes } from "../../scripts/runtimes.ts";
import { needRuntimes } from "../support/need.ts";
import { run, type Served, served } from "../support/program.ts";
import { type TempDir, tempDir } from "../support/temp.ts";

const MODULE = "test/cli/tasks.ts";

/** A job's JSON, as far as these tests look at it. */
interface JobBody {
  readonly id: string;
  readonly state: string;
  readonly attempt: number;
  readonly result?: unknown;
}

function urlIn(dir: TempDir): string {
  return `file:${dir.file("errand.db")}`;
}

async function enqueue(server: Served, body: unknown, token = ""): Promise<JobBody> {
  const answer = await fetch(`${server.url}/v1/jobs`, {
    method: "POST",
    headers: { "content-type": "application/json", authorization: `Bearer ${token}` },
    body: JSON.stringify(body),
  });
  expect(answer.status, await answer.clone().text()).toBe(201);
  return await answer.json();
}

async function look(server: Served, path: string, token = ""): Promise<Response> {
  return await fetch(server.url + path, { headers: { authorization: `Bearer ${token}` } });
}

/** The next line of its log that has the message. */
async function logged(server: Served, message: string): Promise<Record<string, unknown>> {
  for (;;) {
    const line = JSON.parse(await server.nextLine());
    if (line.message === message) return line;
  }
}

/** A request whose body does not come to its end. */
async function slowBody(server: Served): Promise<Disposable> {
  const socket = connect(Number(new URL(server.url).port), "127.0.0.1");
  await once(socket, "connect");
  const head = "POST /v1/jobs HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n";
  await new Promise((resolve) => socket.write(`${head}content-length: 99\r\n\r\n{`, resolve));
  await look(server, "/healthz"); // it was accepted before this one
  return { [Symbol.dispose]: () => void socket.destroy() };
}

/** What `work` comes to if it is there in this turn. */
async function soon(work: Promise<unknown>): Promise<unknown> {
  return await Promise.race([work, setImmediate()]);
}

describe.each(runtimes)("errand serve on %s", (runtime) => {
  const has = needRuntimes(runtime);

  it.runIf(has)("says where it serves what, and enqueues and runs jobs", async () => {
    await using dir = await tempDir();
    await using server = await served(["--url", urlIn(dir), "--module", MODULE], { runtime });
    expect(server.begun).toMatchObject({
      url: expect.stringMatching(/^http:\/\/127\.0\.0\.1:\d+$/),
      database: urlIn(dir),
      tasks: ["double", "stubborn"],
      access: "this machine only, as there are no tokens",
    });
    const { id } = await enqueue(server, { task: "double", payload: { n: 21, secret: "s3cret" } });
    const done: JobBody = await (await look(server, `/v1/jobs/${id}?wait=15s`)).json();
    expect(done).toMatchObject({ state: "completed", result: { doubled: 42 } });
    const line = JSON.stringify(await logged(server, "Job completed"));
    expect(line).toContain(id);
    expect(line).not.toMatch(/s3cret|doubled/);
  });

  it.runIf(has)(
    "ends by SIGTERM: what runs is finished and stored, what waits is answered",
    async () => {
      await using dir = await tempDir();
      await using server = await served(["--url", urlIn(dir), "--module", MODULE], { runtime });
      await using errand = await Errand.open({ url: urlIn(dir) });
      const { id } = await enqueue(server, { task: "double", payload: { n: 1, seconds: 2 } });
      const far = await enqueue(server, { task: "double", payload: { n: 1 }, delay: "1h" });
      const waiting = look(server, `/v1/jobs/${far.id}?wait=60s`);
      await look(server, "/healthz"); // by then the request before it is on its way
      await expect.poll(async () => (await errand.get(id))?.state).toBe("running");
      expect(await server.kill("SIGTERM")).toBe(0);
      expect((await waiting).status).toBe(503);
      expect(await errand.get(id)).toMatchObject({ state: "completed", result: { doubled: 2 } });
      await expect(look(server, "/healthz")).rejects.toThrow();
    },
  );

  it.runIf(has)("gives back what does not end within its grace, at no cost", async () => {
    await using dir = await tempDir();
    const args = ["--url", urlIn(dir), "--module", MODULE, "--grace", "100ms"];
    await using server = await served(args, { runtime });
    const { id } = await enqueue(server, { task: "double", payload: { n: 1, seconds: 60 } });
    await using errand = await Errand.open({ url: urlIn(dir) });
    await expect.poll(async () => (await errand.get(id))?.state).toBe("running");
    using _ = await slowBody(server);
    expect(await server.kill("SIGINT")).toBe(0);
    expect(await errand.get(id)).toMatchObject({ state: "available", attempt: 0 });
  });

  it.runIf(has)("ends at once by a second signal", async () => {
    await using dir = await tempDir();
    const args = ["--url", urlIn(dir), "--module", MODULE, "--grace", "1h"];
    await using server = await served(args, { runtime });
    await enqueue(server, { task: "stubborn" });
    await logged(server, "stubborn began");
    void server.kill("SIGTERM");
    await logged(server, "Ending by SIGTERM");
    expect(await server.kill("SIGTERM")).toBe(1);
  });
});

describe("errand serve", () => {
  it("without a module leaves jobs to workers elsewhere", async () => {
    await using dir = await tempDir();
    await using server = await served(["--url", urlIn(dir)]);
    expect(server.begun).toMatchObject({ tasks: [] });
    const { state } = await enqueue(server, { task: "anything" });
    expect(state).toBe("available");
  });

  it("refuses tasks that its module does not export, unless told otherwise", async () => {
    await using dir = await tempDir();
    await using strict = await served(["--url", urlIn(dir), "--module", MODULE]);
    await expect(enqueue(strict, { task: "other" })).rejects.toThrow("400");
    await using open = await served(["--url", urlIn(dir), "--module", MODULE, "--any-task"]);
    expect(await enqueue(open, { task: "other", queue: "elsewhere" })).toMatchObject({});
  });

  it("takes tokens of a file, and new ones without a restart", async () => {
    await using dir = await tempDir();
    const file = dir.file("tokens.json");
    const made = ["--token-file", file, "--scopes"];
    const first = (await run(["token", "first", ...made, "enqueue"])).stdout.trim();
    const server = await served(["--url", urlIn(dir), "--token-file", file, "--host", "0.0.0.0"]);
    await using local = { ...server, url: server.url.replace("0.0.0.0", "127.0.0.1") };
    expect(server.begun.access).toBe("by token");
    await enqueue(local, { task: "double" }, first);
    expect((await look(local, "/v1/jobs", first)).status).toBe(403);
    expect((await look(local, "/v1/jobs")).status).toBe(401);

    const second = (await run(["token", "second", ...made, "read"])).stdout.trim();
    await expect.poll(async () => (await look(local, "/v1/jobs", second)).status).toBe(200);

    await writeFile(file, "[{]");
    const kept = logged(local, "The tokens stay as they were").then(() => true);
    const asked = async () => (await look(local, "/v1/jobs", second)).status;
    await expect.poll(async () => [await asked(), await soon(kept)]).toEqual([200, true]);
  });

  it("takes tokens of the environment", async () => {
    await using dir = await tempDir();
    const { stdout, stderr } = await run(["token", "one", "--scopes", "read"]);
    const entry = stderr.split("\n").find((line) => line.startsWith("{"));
    const env = { ERRAND_TOKENS: `[${entry}]` };
    await using server = await served(["--url", urlIn(dir)], { env });
    expect((await look(server, "/v1/jobs", stdout.trim())).status).toBe(200);
    expect((await look(server, "/v1/jobs")).status).toBe(401);
  });

  it("without tokens answers no page of elsewhere", async () => {
    await using dir = await tempDir();
    await using server = await served(["--url", urlIn(dir)]);
    const as = async (headers: Record<string, string>) =>
      (await fetch(`${server.url}/v1/queues/default/pause`, { method: "POST", headers })).status;
    expect(await as({ origin: "https://evil.example" })).toBe(403);
    expect(await as({ "sec-fetch-site": "cross-site" })).toBe(403);
    expect(await as({ "sec-fetch-site": "same-site" })).toBe(403);
    expect(await as({ origin: server.url, "sec-fetch-site": "same-origin" })).toBe(204);
    expect(await as({ origin: server.url })).toBe(204);
    expect(await as({})).toBe(204);
  });

  it("serves /run to those who know the secret", async () => {
    await using dir = await tempDir();
    const secret = "a secret of the trigger";
    const args = ["--url", urlIn(dir), "--module", MODULE, "--trigger-secret", secret];
    await using server = await served(args);
    expect((await look(server, "/run")).status).toBe(401);
    expect((await look(server, "/run", secret)).status).toBe(200);
  });

  it.each([
    [["--host", "0.0.0.0"], 2, "Cannot serve 0.0.0.0 without tokens"],
    [["--blah"], 2, "Cannot use --blah: errand serve has no such flag"],
    [["--port", "80x"], 2, 'Cannot use "80x" as --port'],
    [["--grace", "soon"], 2, 'Cannot use "soon" as --grace'],
    [["--log-level", "loud"], 2, 'Cannot use "loud" as --log-level'],
    [["--queues", "a=4,=2"], 2, 'Cannot use "=2" as --queues'],
    [["--trigger-secret", "short"], 2, "Cannot guard a trigger"],
    [["--url", "no:thing"], 2, "Cannot open"],
    [["tasks.ts"], 2, 'Cannot use "tasks.ts": serve takes no such word'],
    [["--module", "gone.ts"], 1, "Cannot serve: its module gone.ts does not exist"],
    [["--module", "test/process/no-tasks.ts"], 1, "exports no tasks"],
    [["--url", "file:gone/errand.db"], 1, "Cannot open"],
    [["--token-file", "gone.json"], 1, "errand token NAME --token-file gone.json makes it"],
  ])("%j ends with one sentence and an exit code of its own", async (args, code, message) => {
    await using dir = await tempDir();
    const of = args.includes("--url") ? args : ["--url", urlIn(dir), ...args];
    const ended = await run(["serve", "--port", "0", ...of]);
    expect(ended).toMatchObject({ code, stdout: "" });
    expect(ended.stderr).toContain(`errand: Cannot `);
    expect(ended.stderr).toContain(message);
    expect(ended.stderr.trim().split("\n")).toHaveLength(1);
  });

  it("says that a port is taken", async () => {
    await using dir = await tempDir();
    const other = createServer();
    await new Promise<void>((resolve) => other.listen(0, "127.0.0.1", resolve));
    const { port } = other.address() as AddressInfo;
    const ended = await run(["serve", "--url", urlIn(dir), "--port", String(port)]);
    other.close();
    expect(ended).toMatchObject({ code: 1, stdout: "" });
    expect(ended.stderr).toBe(
      `errand: Cannot listen on 127.0.0.1:${port}: another program has that port; ` +
        "--port takes another one\n",
    );
  });
});

it("a token file holds hashes alone, for its owner alone, and each name once", async () => {
  await using dir = await tempDir();
  const file = dir.file("tokens.json");
  const args = ["token", "shop", "--scopes", "enqueue,read", "--queues", "a,b"];
  const { stdout, code } = await run([...args, "--token-file", file]);
  expect(code).toBe(0);
  const token = stdout.trim();
  expect(token).toMatch(/^errand_[\w-]{43}$/);
  const text = await readFile(file, "utf8");
  expect(text).not.toContain(token);
  expect(JSON.parse(text)).toEqual([{
    name: "shop",
    scopes: ["enqueue", "read"],
    queues: ["a", "b"],
    hash: expect.stringMatching(/^[0-9a-f]{64}$/),
  }]);
  const again = await run([...args, "--token-file", file]);
  expect(again).toMatchObject({ code: 1, stdout: "" });
  expect(again.stderr).toContain(`Cannot add token "shop": ${file} has one of that name`);
});
