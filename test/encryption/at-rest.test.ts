import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, it } from "vitest";
import { defineTask, type EncryptionOptions } from "../../mod.ts";
import { gate } from "../support/gate.ts";
import { ring, within } from "../support/keys.ts";
import { openRaw } from "../support/raw.ts";
import { tempDir } from "../support/temp.ts";

const secrets = [
  "secret of the payload",
  "secret of the update",
  "secret of the progress",
  "secret of the first log line",
  "secret of a later log line",
  "secret of the message",
  "SecretOfTheErrorsName",
  "secretOfTheStack",
  "secret of the result",
  "secret of the last error",
  "secret that is cancelled",
];

/** Which secrets stand in the files of a database that has seen all of them. */
async function found(encryption?: EncryptionOptions): Promise<string[]> {
  await using dir = await tempDir();
  const options = { tasks: [work, doomed], ...(encryption !== undefined && { encryption }) };
  return await within(dir.file("errand.db"), options, async (errand) => {
    const { id } = await errand.enqueue(work, { text: secrets[0]! }, { meta: { tenant: "plain" } });
    const failed = await errand.enqueue(doomed);
    const late = await errand.enqueue(doomed, secrets[10], { delay: "1h" });
    await errand.cancel(late.id);
    await using worker = errand.worker();
    await worker.start();
    await until(async () => (await errand.get(id))?.progress !== undefined); // by a heartbeat
    reported.open();
    expect(await errand.wait(id)).toMatchObject({ state: "completed", result: secrets[8] });
    expect((await errand.wait(failed.id)).error?.message).toBe(secrets[9]);
    expect(await errand.logs(id)).toHaveLength(2);
    using raw = openRaw(dir.file("errand.db"));
    raw.exec(`VACUUM INTO '${dir.file("copy.db")}'`);
    const files = await readdir(dir.path);
    expect(files).toEqual(expect.arrayContaining(["errand.db", "errand.db-wal", "copy.db"]));
    const bytes = await Promise.all(files.map((name) => readFile(join(dir.path, name), "latin1")));
    expect(bytes.filter((text) => text.includes("plain"))).not.toEqual([]); // meta is
    return secrets.filter((secret) => bytes.some((text) => text.includes(secret)));
  });
}

let reported = gate();

const work = defineTask({
  name: "work",
  retry: { maxAttempts: 2, delay: 0 },
  run: async ({ job, update, progress, log }) => {
    if (job.attempt === 2) return secrets[8];
    await update({ more: secrets[1] });
    progress({ at: secrets[2] });
    log(secrets[3]!);
    await reported.opened;
    log(secrets[4]!);
    throw secretError();
  },
});

const doomed = defineTask({
  name: "doomed",
  retry: { maxAttempts: 1 },
  run: () => {
    throw new Error(secrets[9]);
  },
});

function secretError(): Error {
  const error = new Error(secrets[5]);
  error.name = secrets[6]!;
  error.stack = `${error.stack}\n    at ${secrets[7]}`;
  return error;
}

async function until(holds: () => Promise<boolean>): Promise<void> {
  await expect.poll(holds).toBe(true);
}

it("A21: neither the files of a database nor a copy hold a word of what is encrypted", async () => {
  reported = gate();
  expect(await found(ring(1))).toEqual([]);
});

it("A21: without encryption those files hold all of it, so that the search is able to", async () => {
  reported = gate();
  expect(await found()).toEqual(secrets);
});
