/**
 * The HTTP API: an Errand for every language.
 *
 * @example
 * ```ts
 * import { Errand } from "errand";
 * import { createApi } from "errand/http";
 *
 * await using errand = await Errand.open({ url: ":memory:" });
 * const api = createApi(errand, { open: true });
 * console.log(await (await api.request("/healthz")).json());
 * ```
 *
 * @module
 */
export { createApi, preloadApi } from "./app.ts";
export { type ApiToken, type ApiTokens, type Caller, hashToken, type Scope } from "./auth.ts";
export type { ApiOptions, CorsOptions, RequestHost } from "./options.ts";
export type { RateLimit } from "./rate-limit.ts";
export type * from "./wire.ts";
