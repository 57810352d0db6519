/**
 * The options of an API, and what they come to once checked.
 *
 * @module
 */
import { type Duration, durationMs } from "../duration.ts";
import { invalid, show } from "../errors.ts";
import { type RateLimit, Rates } from "./rate-limit.ts";
import { type ApiTokens, type Auth, noAuth, tokenAuth } from "./auth.ts";

/** Whose pages may call the API from a browser. */
export interface CorsOptions {
  /** Their origins, such as `"https://app.example.com"`, or `"*"` for all. */
  readonly origins: readonly string[] | "*";
  /** How long a browser may remember that. @default "10m" */
  readonly maxAge?: Duration;
}

/** What a host may offer beside a request. */
export interface RequestHost {
  /** Keeps the function alive until the promise has settled. */
  waitUntil?(work: Promise<unknown>): void;
}

/** How to serve an Errand. Either `tokens` or `open` is needed. */
export interface ApiOptions {
  /**
   * Whose requests are accepted. A function is asked at each request, so that tokens are changed
   * without a restart: it returns another array then.
   */
  readonly tokens?: ApiTokens;
  /** Accepts everyone who can reach it, for everything. @default false */
  readonly open?: boolean;
  /** Takes jobs of any task, also where the Errand knows tasks and not that one. @default false */
  readonly anyTask?: boolean;
  /** Lets pages of other origins call the API. @default none */
  readonly cors?: CorsOptions;
  /** The most bytes that the body of a request may have. @default 4 MiB */
  readonly bodyLimit?: number;
  /** The longest that a request may wait. @default "60s" */
  readonly waitLimit?: Duration;
  /** How many requests each token may send; more are answered 429. @default any number */
  readonly rateLimit?: RateLimit;
  /** What serves `/run`: an `httpTrigger`. @default nothing does */
  readonly run?: (request: Request, host?: RequestHost) => Promise<Response>;
  /** Aborts when the server is about to end: what waits is then answered at once. */
  readonly stopping?: AbortSignal;
}

/** {@linkcode ApiOptions}, checked. */
export interface ApiSettings {
  readonly auth: Auth;
  readonly open: boolean;
  readonly anyTask: boolean;
  readonly cors?: { readonly origins: readonly string[] | "*"; readonly maxAgeSeconds: number };
  readonly bodyLimitBytes: number;
  readonly waitLimitMs: number;
  readonly rates?: Rates;
  readonly run?: NonNullable<ApiOptions["run"]>;
  readonly stopping?: AbortSignal;
}

const BODY_LIMIT_BYTES = 4 * 1024 * 1024;

/** Checks everything that can be checked at once. */
export function apiSettings(options: ApiOptions): ApiSettings {
  const { open = false, anyTask = false, bodyLimit = BODY_LIMIT_BYTES, cors, run } = options;
  const { stopping, rateLimit } = options;
  if (!(Number.isInteger(bodyLimit) && bodyLimit > 0)) {
    throw invalid(`Cannot use ${show(bodyLimit)} as bodyLimit: it is a number of bytes`);
  }
  return {
    auth: authOf(options),
    open,
    anyTask,
    bodyLimitBytes: bodyLimit,
    waitLimitMs: durationMs(options.waitLimit ?? "60s", "waitLimit"),
    ...(rateLimit !== undefined && { rates: new Rates(rateLimit) }),
    ...(cors !== undefined && { cors: checkedCors(cors) }),
    ...(run !== undefined && { run }),
    ...(stopping !== undefined && { stopping }),
  };
}

function authOf({ tokens, open = false }: ApiOptions): Auth {
  const none = tokens === undefined || (typeof tokens !== "function" && tokens.length === 0);
  if (none && open !== true) {
    throw invalid(
      "Cannot serve without tokens: anyone could do everything; pass tokens, or say open: true",
    );
  }
  if (!none && open !== false) {
    throw invalid("Cannot serve with tokens and open: they exclude each other");
  }
  return none ? noAuth : tokenAuth(tokens);
}

function checkedCors({ origins, maxAge = "10m" }: CorsOptions): NonNullable<ApiSettings["cors"]> {
  const fine = origins === "*" || (Array.isArray(origins) && origins.every(isOrigin));
  if (!fine) {
    throw invalid(
      `Cannot use ${show(origins)} as cors.origins: it is "*" or a list of origins such as ` +
        `"https://app.example.com"`,
    );
  }
  return { origins, maxAgeSeconds: Math.floor(durationMs(maxAge, "cors.maxAge") / 1_000) };
}

function isOrigin(text: unknown): boolean {
  return typeof text === "string" && URL.canParse(text) && new URL(text).origin === text;
}
