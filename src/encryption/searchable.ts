/**
 * What needs to look into stored payloads asks here first.
 *
 * @module
 */
import type { Broker } from "../broker.ts";
import { invalid } from "../errors.ts";

/** Refuses to `act` by a payload's fields where the database holds only ciphertext of them. */
export function checkSearchable({ encrypts }: Pick<Broker, "encrypts">, act: string): void {
  if (!encrypts) return;
  throw invalid(
    `Cannot ${act}: payloads are encrypted, so the database cannot look into them; put what it ` +
      `is to find into meta or a key of your own, which stay plain`,
  );
}
