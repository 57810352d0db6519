import { describe, expect, it } from "vitest";
import { connect } from "../../src/client/mod.ts";
import { FakeClock } from "../../src/testing/mod.ts";
import { fakeFetch, problem, type Sent, url } from "../support/fake-fetch.ts";
import { type Gate, gate } from "../support/gate.ts";
import { until } from "../support/until.ts";

const at = "2030-01-01T00:00:00.000Z";
const job = (id: string, state = "completed") => ({
  ...{ id, state, task: "t", queue: "q", priority: 0, payload: null, errors: [], attempt: 1 },
  ...{ runAt: at, createdAt: at },
});

function waiting() {
  const gates: Gate<Response>[] = [];
  const { fetch, sent } = fakeFetch(({ path }) => {
    if (path === "/v1/jobs/get") return Response.json({ jobs: [job("a", "running")] });
    const next = gate<Response>();
    gates.push(next);
    return next.opened;
  });
  const clock = new FakeClock();
  const client = connect({ url, fetch, clock });
  return {
    ...{ client, clock, sent },
    answer(n: number, jobs: readonly string[], missing: readonly string[] = []): void {
      gates[n]!.open(Response.json({ jobs: jobs.map((id) => job(id)), missing }));
    },
    refuse: (n: number) => gates[n]!.open(problem(403, "Cannot read", { code: "FORBIDDEN" })),
  };
}

const asked = (one: Sent | undefined) => one?.body as { readonly ids: readonly string[] };
const isAborted = ({ init }: Sent) => init.signal!.aborted;

describe("waiting for jobs at a server", () => {
  it("is one request, which the server answers when the job has ended", async () => {
    const { client, sent, answer } = waiting();
    const waited = client.wait("a");
    await until(() => expect(sent).toHaveLength(1));
    expect([sent[0]?.path, sent[0]?.body]).toEqual(["/v1/jobs/wait", { ids: ["a"], wait: 30_000 }]);
    answer(0, ["a"]);
    expect(await waited).toMatchObject({ id: "a", state: "completed", createdAt: new Date(at) });
    expect(sent).toHaveLength(1);
    await client.close();
  });

  it("goes on when the server has waited for long enough", async () => {
    const { client, sent, answer } = waiting();
    const waited = client.wait(["a", "b"]);
    await until(() => expect(sent).toHaveLength(1));
    answer(0, []);
    await until(() => expect(sent).toHaveLength(2));
    answer(1, ["b"]);
    await until(() => expect(sent).toHaveLength(3));
    expect(asked(sent[2]).ids).toEqual(["a"]);
    answer(2, ["a"]);
    expect((await waited).map(({ id }) => id)).toEqual(["a", "b"]);
    await client.close();
  });

  it("shares requests beyond the third, and tells each what it waits for", async () => {
    const { client, sent, answer } = waiting();
    const waits = ["a", "b", "c"].map((id) => client.wait(id));
    await until(() => expect(sent).toHaveLength(3));
    waits.push(client.wait("d"));
    await until(() => expect(sent).toHaveLength(4));
    expect(sent.map(isAborted)).toEqual([true, false, false, false]);
    expect(asked(sent[3]).ids).toEqual(["a", "d"]);
    answer(3, ["d"]);
    expect(await waits[3]).toMatchObject({ id: "d" });
    await until(() => expect(sent).toHaveLength(5));
    expect(asked(sent[4]).ids).toEqual(["a"]);
    answer(4, ["a"]);
    answer(1, ["b"]);
    answer(2, ["c"]);
    expect((await Promise.all(waits)).map(({ id }) => id)).toEqual(["a", "b", "c", "d"]);
    await client.close();
  });

  it("ends with its timeout, and answers the job as it is", async () => {
    const { client, clock, sent } = waiting();
    const waited = client.wait("a", { timeout: "5s" });
    await until(() => expect(sent).toHaveLength(1));
    await clock.advance("5s");
    expect(await waited).toMatchObject({ id: "a", state: "running" });
    expect(isAborted(sent[0]!)).toBe(true);
    await client.close();
  });

  it("ends with its signal", async () => {
    const { client, sent } = waiting();
    const end = new AbortController();
    const waited = client.wait("a", { signal: end.signal });
    await until(() => expect(sent).toHaveLength(1));
    end.abort(new Error("enough"));
    await expect(waited).rejects.toThrow("enough");
    expect(isAborted(sent[0]!)).toBe(true);
    await client.close();
  });

  it("tells of jobs that there are none of, and of what the server refuses", async () => {
    const { client, sent, answer, refuse } = waiting();
    const missing = client.wait("a");
    const refused = client.wait("b");
    await until(() => expect(sent).toHaveLength(2));
    answer(0, [], ["a"]);
    refuse(1);
    await expect(missing).rejects.toMatchObject({ code: "NOT_FOUND" });
    await expect(refused).rejects.toMatchObject({ code: "FORBIDDEN" });
    await client.close();
  });
});
