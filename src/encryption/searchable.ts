/**
 * What cannot be had of encrypted payloads. Whoever needs to look into stored payloads asks here
 * first.
 *
 * @module
 */
import type { Broker } from "../broker.ts";
import type { NewJob } from "../job-terms.ts";
import { invalid } from "../errors.ts";
import type { Task } from "../task.ts";
import type { UniqueRule } from "../unique.ts";

/** Refuses to `act` by a payload's fields where the database holds only ciphertext of them. */
export function checkSearchable({ encrypts }: Pick<Broker, "encrypts">, act: string): void {
  if (!encrypts) return;
  throw invalid(
    `Cannot ${act}: payloads are encrypted, so the database cannot look into them; put what it ` +
      `is to find into meta, which stays plain`,
  );
}

/** Refuses a task none of whose jobs could be enqueued, or found, under encryption. */
export function checkTask({ name, index = [], unique }: Task): void {
  if (index.length > 0) {
    checkSearchable({ encrypts: true }, `index ${index.join(", ")} of task "${name}"`);
  }
  checkRule(`add task "${name}"`, unique);
}

/**
 * Refuses what would tell of a payload, or could not be read again: the hash of one, and one that
 * is put into the row of another job.
 */
export function checkUnique({ terms: { task, unique } }: NewJob): void {
  checkRule(`enqueue "${task}"`, unique);
}

function checkRule(act: string, unique: UniqueRule | undefined): void {
  if (unique === undefined) return;
  if (unique.key === null) {
    throw invalid(
      `Cannot ${act}: payloads are encrypted, so a job cannot be unique by its payload or fields ` +
        `of it; give unique a key of your own`,
    );
  }
  if (unique.onConflict === "replace") {
    throw invalid(
      `Cannot ${act}: an encrypted payload belongs to one job and cannot replace that of ` +
        `another; use onConflict "ignore" or "reschedule"`,
    );
  }
}
