// What is said in private stays private.
import { defineTask } from "../../../mod.ts";
import { equal, eventually, like } from "../assert.ts";
import { open, type Promises } from "../place.ts";

const encryption = {
  keys: { k1: Uint8Array.from({ length: 32 }, (_, n) => n) },
  current: "k1",
};
const task = defineTask({
  name: "task",
  retry: { maxAttempts: 2, delay: 0 },
  run: ({ input, job, log, progress }) => {
    log("whisper line");
    progress("whisper half");
    if (job.attempt === 1) throw new Error("whisper fault");
    return input;
  },
});
const NOTHING = "DELETE FROM errand_log WHERE false";
const SEEN = `SELECT count(*) AS n FROM errand_job LEFT JOIN errand_log ON job_id = errand_job.id
  WHERE concat_ws(' ', payload, result, errors, progress, lines) LIKE '%whisper%'`;

export const encrypting: Promises = {
  "encrypted jobs run as others do, and are read back": async (place) => {
    await using errand = await open(place, { tasks: [task], encryption });
    const { id } = await errand.enqueue(task, "whisper in");
    await errand.worker().drain();
    const whispers = { payload: "whisper in", result: "whisper in", progress: "whisper half" };
    like(await errand.get(id), { ...whispers, errors: [{ message: "whisper fault" }] });
    equal((await errand.logs(id)).map(({ message }) => message), ["whisper line", "whisper line"]);
  },
};

export const encryptingShared: Promises = {
  "the database holds nothing plain, and who lacks the key sees locked jobs": async (place) => {
    await using errand = await open(place, { tasks: [task], encryption });
    const { id } = await errand.enqueue(task, "whisper in");
    await errand.worker().drain();
    // a replica sends a batch that writes to its primary, which knows
    const seen = async () => (await place.client().batch([NOTHING, SEEN], "write"))[1]!.rows[0]!.n;
    equal(Number(await seen()), 0);
    await using other = await open(place);
    await other.enqueue("task", "whisper in");
    equal(Number(await seen()), 1);
    const job = await eventually(async () => {
      const found = await other.get(id);
      return found?.state === "completed" && found;
    });
    like(job, { id, locked: { code: "NO_KEY" } });
    equal(job.result === "whisper in", false);
  },
};
