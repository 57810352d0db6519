/**
 * From a URL or a client to a migrated store.
 *
 * @module
 */
import type { TaskField } from "../broker.ts";
import type { Clock } from "../clock.ts";
import { type ErrandError, invalid, show } from "../errors.ts";
import type { LibsqlClient } from "./driver/client.ts";
import type { Driver } from "./driver/driver.ts";
import type { Synchronous } from "./driver/local.ts";
import { migrate } from "./migrate.ts";
import { Store } from "./store.ts";

/** Which database, and how. */
export interface StoreOptions {
  readonly url?: string;
  readonly client?: LibsqlClient;
  readonly authToken?: string;
  readonly synchronous: Synchronous;
  readonly busyTimeoutMs: number;
  readonly requestTimeoutMs: number;
  readonly clock: Clock;
}

/** Opens or creates the database and brings its schema up to date. */
export async function openStore(
  options: StoreOptions,
  fields: readonly TaskField[] = [],
): Promise<Store> {
  const driver = await openDriver(options);
  const store = new Store(driver, options.clock);
  try {
    await migrate(driver);
    await store.indexFields(fields);
    // later, a transaction of the caller's may keep the client's only connection to itself
    if (options.client !== undefined) await store.identify();
    return store;
  } catch (error) {
    await driver.close();
    throw error;
  }
}

async function openDriver(options: StoreOptions): Promise<Driver> {
  const { url, client, authToken, synchronous, busyTimeoutMs, requestTimeoutMs } = options;
  if (client !== undefined) {
    if (typeof client?.batch !== "function") {
      throw invalid(`Cannot open ${show(client)}: it is no libSQL client`);
    }
    if (client.protocol === "file") {
      const { clientDriver } = await import("./driver/client.ts");
      return clientDriver({ client, busyTimeoutMs, owned: false });
    }
    const { RemoteDriver } = await import("./driver/remote.ts");
    return new RemoteDriver({ client, busyTimeoutMs, requestTimeoutMs, owned: false });
  }
  if (typeof url !== "string") throw notUrl(url);
  if (url === ":memory:" || url.startsWith("file:")) {
    const { openLocal } = await import("./driver/local.ts"); // not for those without files
    return openLocal({ path: filePath(url), synchronous, busyTimeoutMs });
  }
  if (/^(https?|libsql|wss?):/.test(url)) {
    const [{ createClient }, { RemoteDriver }, { countedFetch }] = await Promise.all([
      import("@libsql/client/web"),
      import("./driver/remote.ts"),
      import("./driver/request.ts"),
    ]);
    const { fetch, usage } = countedFetch(requestTimeoutMs);
    const owned = createClient({ url, fetch, ...(authToken !== undefined && { authToken }) });
    const counts = /^wss?:/.test(url) ? {} : { usage }; // a socket tells of no counts
    return new RemoteDriver({
      ...{ client: owned, busyTimeoutMs, requestTimeoutMs, owned: true },
      ...counts,
    });
  }
  throw notUrl(url);
}

function notUrl(url: unknown): ErrandError {
  return invalid(
    `Cannot open ${show(url)}: pass { url } as "file:errand.db", ":memory:" or the address of a ` +
      `libSQL server (libsql:, https:, http:, wss:, ws:), or pass { client }`,
  );
}

/** `file:a.db`, `file:/a.db`, `file:///a.db` and `file:///C:/a.db` as paths. */
function filePath(url: string): string {
  if (url === ":memory:") return url;
  const [path = "", query] = url.slice("file:".length).split("?");
  const plain = path.replace(/^\/\/(localhost)?(?=\/)/, "").replace(/^\/(?=[A-Za-z]:)/, "");
  if (query !== undefined || plain === "" || plain.startsWith("//") || /%00|\0/.test(plain)) {
    throw invalid(
      `Cannot open ${show(url)}: a file URL is "file:" and a path, without a query and without ` +
        `a host; for a database in memory use ":memory:"`,
    );
  }
  try {
    return absolute(decodeURIComponent(plain));
  } catch {
    throw invalid(`Cannot open ${show(url)}: a "%" in a file URL starts two hexadecimal digits`);
  }
}

/** A later change of the working directory must not lead to another file. */
function absolute(path: string): string {
  const cwd = (globalThis as { process?: { cwd?(): string } }).process?.cwd?.();
  return cwd === undefined || /^([A-Za-z]:)?[\\/]/.test(path) ? path : `${cwd}/${path}`;
}
