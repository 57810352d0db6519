// An API and a client of it in one process: no port, and all that both do.
import { Errand, type ErrandOptions } from "../../mod.ts";
import { connect, type ConnectOptions, type ErrandClient } from "../../src/client/mod.ts";
import { type ApiOptions, createApi } from "../../src/http/mod.ts";
import { FakeClock } from "../../src/testing/mod.ts";

/** Both ends. */
export interface Pair extends AsyncDisposable {
  readonly server: Errand;
  readonly client: ErrandClient;
  readonly clock: FakeClock;
  /** Requests that were sent, oldest first: "POST /v1/jobs". */
  readonly sent: string[];
  /** Another client of the same API. */
  connect(options?: Partial<ConnectOptions>): ErrandClient;
}

/** What each end is told. */
export interface PairOptions {
  readonly server?: Partial<ErrandOptions>;
  readonly client?: Partial<ConnectOptions>;
  readonly api?: ApiOptions;
  /** Stands between the ends. */
  readonly between?: (request: Request, pass: () => Promise<Response>) => Promise<Response>;
}

/** Opens a database in memory, an API over it, and a client of that. */
export async function pair(options: PairOptions = {}): Promise<Pair> {
  const clock = new FakeClock();
  const server = await Errand.open({ url: ":memory:", clock, ...options.server });
  const api = createApi(server, options.api ?? { open: true });
  const sent: string[] = [];
  const { between = (_, pass) => pass() } = options;
  const fetch: ConnectOptions["fetch"] = (url, init) => {
    const request = new Request(url, init);
    sent.push(`${request.method} ${new URL(url).pathname}`);
    return between(request, async () => await api.fetch(request));
  };
  const clients: ErrandClient[] = [];
  const another: Pair["connect"] = (more) => {
    const client = connect({ url: "http://api.test", fetch, clock, ...options.client, ...more });
    clients.push(client);
    return client;
  };
  const client = another();
  return {
    ...{ server, client, clock, sent, connect: another },
    async [Symbol.asyncDispose]() {
      await Promise.all(clients.map((each) => each.close({ grace: 0 })));
      await server.close({ grace: 0 });
    },
  };
}
