/**
 * Reading one's own writes on a replica. A server counts the commits of its database, and tells
 * with each answer how many it knew; a replica that hears that number with a request waits until
 * it has as many itself (Hrana's "replication_index").
 *
 * @module
 */

/** Where its answers tell the count; inside a text the quotes are escaped. */
const TOLD = /[{,]"replication_index":"?(\d+)/g;
/** Where a request asks for a batch, and what one that only reads begins with. */
const BATCH = '"batch":{';
const READS = '"BEGIN DEFERRED"';

/** The latest commit that the answers of a server have told of. */
export class ReadIndex {
  #latest = 0;

  /** Learns from the text of an answer. */
  hear(answer: string): void {
    for (const [, digits] of answer.matchAll(TOLD)) {
      this.#latest = Math.max(this.#latest, Number(digits));
    }
  }

  /** The body of a request, which asks for that commit now if it only reads. */
  tell(body: string): string {
    if (this.#latest === 0 || !body.includes(READS)) return body;
    return body.replace(BATCH, `${BATCH}"replication_index":"${this.#latest}",`);
  }
}
