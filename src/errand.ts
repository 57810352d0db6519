/**
 * Errand: a job queue in one database.
 *
 * @module
 */
import { EncryptedBroker } from "./encryption/encrypted-broker.ts";
import type { KeyRing } from "./encryption/key-ring.ts";
import type { EncryptionOptions } from "./encryption/options.ts";
import { checkedSettings, type ErrandOptions } from "./options.ts";
import { openStore } from "./store/open.ts";
import { ErrandVerbs } from "./verbs.ts";

/**
 * A job queue in one database.
 *
 * @example
 * ```ts
 * import { defineTask, Errand } from "errand";
 *
 * const greet = defineTask({ name: "greet", run: () => "hello" });
 * await using errand = await Errand.open({ url: "file:errand.db", tasks: [greet] });
 * await using worker = errand.worker();
 * await worker.start();
 * const job = await errand.enqueue(greet);
 * const done = await errand.wait(job.id, { timeout: "30s" });
 * ```
 */
export class Errand extends ErrandVerbs {
  /**
   * Opens or creates the database, and brings its schema up to date.
   *
   * @throws {ErrandError} `INVALID_INPUT` for unusable options, `CONFLICT` for two tasks of one
   * name, `DATABASE_UNAVAILABLE` when the database cannot be opened, `SCHEMA_TOO_NEW`.
   */
  static async open(options: ErrandOptions): Promise<Errand> {
    const settings = checkedSettings(options);
    const keys = settings.encryption && await keyRing(settings.encryption);
    const store = await openStore(settings.store, settings.tasks.fields());
    return new Errand(new EncryptedBroker(store, keys), settings);
  }
}

async function keyRing(options: EncryptionOptions): Promise<KeyRing> {
  const [{ checkEncryption }, { KeyRing }] = await Promise.all([
    import("./encryption/options.ts"),
    import("./encryption/key-ring.ts"),
  ]);
  return await KeyRing.of(checkEncryption(options));
}
