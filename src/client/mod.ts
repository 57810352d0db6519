/**
 * An Errand over HTTP: the same verbs, the same types and the same workers, in any runtime and in
 * browsers, through an API that somebody serves.
 *
 * @example
 * ```ts
 * import { Errand } from "errand";
 * import { connect } from "errand/client";
 * import { createApi } from "errand/http";
 *
 * await using errand = await Errand.open({ url: ":memory:" });
 * const api = createApi(errand, { open: true });
 * await using client = connect({
 *   url: "https://jobs.example.com", // where the API is served; here it is called at once
 *   fetch: async (url, init) => await api.fetch(new Request(url, init)),
 * });
 * const { id } = await client.enqueue("resize", { width: 200 });
 * console.log((await client.get(id))?.state); // available
 * ```
 *
 * @module
 */
import { type VerbSettings, verbSettings } from "../options.ts";
import { ErrandVerbs } from "../verbs.ts";
import { HttpBroker } from "./http-broker.ts";
import { type ConnectOptions, requestSettings } from "./options.ts";
import { Requests } from "./requests.ts";

export type { ConnectOptions, Fetch } from "./options.ts";

/**
 * A job queue behind an HTTP API. It has what `Errand` has, apart from transactions with SQL of
 * one's own: for these, open the database.
 */
export class ErrandClient extends ErrandVerbs {
  /** Made by {@linkcode connect}. */
  constructor(broker: HttpBroker, settings: VerbSettings) {
    super(broker, settings);
  }
}

/**
 * A client of the API at `url`. It sends nothing until it is asked something.
 *
 * @throws {ErrandError} `INVALID_INPUT` for unusable options, `CONFLICT` for two tasks of one name.
 */
export function connect(options: ConnectOptions): ErrandClient {
  const requests = new Requests(requestSettings(options));
  return new ErrandClient(new HttpBroker(requests), verbSettings(options));
}
