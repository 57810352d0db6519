import { describe, expect, it } from "vitest";
import { Errand, type Job } from "../../mod.ts";
import { program, run, served } from "../support/program.ts";
import { tempDir } from "../support/temp.ts";

const MODULE = "test/cli/tasks.ts";

async function state(errand: Errand, { id }: Job): Promise<string | undefined> {
  return (await errand.get(id))?.state;
}

describe("errand work", () => {
  it("with --drain ends when nothing is left", async () => {
    await using dir = await tempDir();
    const url = `file:${dir.file("errand.db")}`;
    await using errand = await Errand.open({ url });
    const soon = await errand.enqueue("double", { n: 1 });
    const later = await errand.enqueue("double", { n: 2 }, { delay: "1s" });
    const far = await errand.enqueue("double", { n: 3 }, { delay: "1h", queue: "far" });
    const ended = await run(["work", "--url", url, "--module", MODULE, "--drain", "--single"]);
    expect(ended).toMatchObject({ code: 0, stderr: "" });
    expect(await state(errand, soon)).toBe("completed");
    expect(await state(errand, later)).toBe("completed");
    expect(await state(errand, far)).toBe("scheduled");
  });

  it("with --drain --due leaves what is due later", async () => {
    await using dir = await tempDir();
    const url = `file:${dir.file("errand.db")}`;
    await using errand = await Errand.open({ url });
    const far = await errand.enqueue("double", { n: 3 }, { delay: "1h" });
    const ended = await run(["work", "--url", url, "--module", MODULE, "--drain", "--due"]);
    expect(ended).toMatchObject({ code: 0 });
    expect(await state(errand, far)).toBe("scheduled");
  });

  it("A9: with --single does nothing beside another one", async () => {
    await using dir = await tempDir();
    const args = ["work", "--url", `file:${dir.file("errand.db")}`, "--module", MODULE, "--single"];
    await using first = await program(args);
    await first.nextLine();
    const second = await run(args);
    expect(second).toMatchObject({ code: 0 });
    expect(second.stdout).toContain("Another single worker of that name works already");
    expect(await first.kill("SIGTERM")).toBe(0);
  });

  it("A9: with --detach returns while the job is done elsewhere", async () => {
    await using dir = await tempDir();
    const url = `file:${dir.file("errand.db")}`;
    await using errand = await Errand.open({ url });
    const job = await errand.enqueue("double", { n: 21, seconds: 1 });
    const flags = ["--detach", "--drain", "--single", "--log-file", dir.file("log")];
    const ended = await run(["work", "--url", url, "--module", MODULE, ...flags]);
    expect(ended).toMatchObject({ code: 0, stderr: "" });
    expect(ended.stdout).toMatch(/^A worker works in process \d+\n$/);
    expect(await errand.wait(job, { timeout: "15s" })).toMatchObject({ result: { doubled: 42 } });
    const { workers } = errand;
    await expect.poll(async () => (await workers.list()).workers.length).toBe(0);
  });

  it("works over a server, by a token that may do no more", async () => {
    await using dir = await tempDir();
    const url = `file:${dir.file("errand.db")}`;
    const file = dir.file("tokens.json");
    const made = await run(["token", "worker", "--scopes", "work", "--token-file", file]);
    await using server = await served(["--url", url, "--token-file", file]);
    await using errand = await Errand.open({ url });
    const args = ["work", "--server", server.url, "--module", MODULE, "--log-level", "debug"];
    const refused = await run([...args, "--token", "errand_wrong-one-of-some-length"]);
    expect(refused).toMatchObject({ code: 1, stdout: "" });
    expect(refused.stderr).toContain("token is not known");

    await using worker = await program(args, { env: { ERRAND_TOKEN: made.stdout.trim() } });
    const job = await errand.enqueue("double", { n: 21, seconds: 2 });
    while (JSON.parse(await worker.nextLine()).message !== "Attempt started");
    expect(await worker.kill("SIGTERM")).toBe(0);
    expect(await errand.get(job.id)).toMatchObject({ state: "completed", result: { doubled: 42 } });
  });

  it.each([
    [[], "Cannot work: --module is missing"],
    [["--module", MODULE, "--due"], "Cannot use --due: it belongs to --drain"],
    [["--module", MODULE, "--server", "http://localhost", "--detach"], "Cannot use --detach"],
    [["--module", MODULE, "--concurrency", "0"], 'Cannot use "0" as --concurrency'],
  ])("%j is refused", async (args, message) => {
    const ended = await run(["work", ...args]);
    expect(ended).toMatchObject({ code: 2, stdout: "" });
    expect(ended.stderr).toContain(`errand: ${message}`);
  });
});

describe("errand", () => {
  it("--help shows every command, and that of a command every flag", async () => {
    const { code, stdout } = await run(["--help"]);
    expect(code).toBe(0);
    for (const name of ["serve", "work", "token"]) {
      expect(stdout).toContain(`  ${name}`);
      const manual = await run([name, "--help"]);
      expect(manual).toMatchObject({ code: 0, stderr: "" });
      expect(manual.stdout).toContain(`errand ${name}`);
      expect(Math.max(...manual.stdout.split("\n").map(({ length }) => length)))
        .toBeLessThanOrEqual(100);
    }
  });

  it("--version says the package's", async () => {
    expect((await run(["--version"])).stdout).toMatch(/^\d+\.\d+\.\d+\n$/);
  });

  it("says what to do when it is told nothing, or what is no command", async () => {
    expect(await run([])).toMatchObject({ code: 2, stdout: expect.stringContaining("Commands") });
    const unknown = await run(["wrok"]);
    expect(unknown).toMatchObject({ code: 2, stdout: "" });
    expect(unknown.stderr).toBe(
      "errand: Cannot run errand wrok: there is no such command; errand --help lists them\n",
    );
  });
});
