/**
 * What needs to look into stored payloads asks here first.
 *
 * @module
 */
import type { Broker, NewJob } from "../broker.ts";
import { invalid } from "../errors.ts";

/** Refuses to `act` by a payload's fields where the database holds only ciphertext of them. */
export function checkSearchable({ encrypts }: Pick<Broker, "encrypts">, act: string): void {
  if (!encrypts) return;
  throw invalid(
    `Cannot ${act}: payloads are encrypted, so the database cannot look into them; put what it ` +
      `is to find into meta or a key of your own, which stay plain`,
  );
}

/**
 * Refuses what would tell of a payload, or could not be read again: the hash of one, and one that
 * is put into the row of another job.
 */
export function checkUnique({ terms: { task, unique } }: NewJob): void {
  if (unique === undefined) return;
  if (unique.key === null) {
    throw invalid(
      `Cannot enqueue "${task}": payloads are encrypted, so a job cannot be unique by ` +
        `its payload or fields of it; give unique a key of your own`,
    );
  }
  if (unique.onConflict === "replace") {
    throw invalid(
      `Cannot enqueue "${task}": an encrypted payload belongs to one job and cannot replace that ` +
        `of another; use onConflict "ignore" or "reschedule"`,
    );
  }
}
