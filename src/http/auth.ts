/**
 * Who may do what: bearer tokens with scopes, known by their hashes alone.
 *
 * @module
 */
import { ErrandError, invalid, show } from "../errors.ts";
import { checkName } from "../task.ts";

/** What a token may be allowed: to add jobs, to run them, to look, or everything. */
export type Scope = "enqueue" | "work" | "read" | "admin";

/** Every scope. */
export const SCOPES: readonly Scope[] = ["enqueue", "work", "read", "admin"];

/** Who sent a request. */
export interface Caller {
  /** The name of the token, for logs. */
  readonly name: string;
  /** What it may do; `admin` includes everything. */
  readonly scopes: readonly Scope[];
  /** The queues that it is limited to; all of them without. */
  readonly queues?: readonly string[];
}

/** A token that is accepted: by its hash or, in tests and trials, as it is. */
export interface ApiToken extends Caller {
  /** What {@linkcode hashToken} makes of it. */
  readonly hash?: string;
  /** The token itself; not together with `hash`. */
  readonly token?: string;
}

/** The tokens that are accepted, or a function that is asked for them at each request. */
export type ApiTokens =
  | readonly ApiToken[]
  | (() => readonly ApiToken[] | Promise<readonly ApiToken[]>);

/** Who a request is from. */
export interface Auth {
  /** Whom the headers of a request prove. @throws {ErrandError} `UNAUTHORIZED`. */
  caller(headers: Headers): Promise<Caller> | Caller;
}

const HASH = /^[0-9a-f]{64}$/;
const TOKEN_MIN_LENGTH = 16;
const BEARER = /^Bearer +([\x21-\x7e]{1,512}) *$/i;
/** Hashes of so many accepted tokens are remembered, as hashing takes longer than comparing. */
const REMEMBERED_MAX = 1_000;
const ANYONE: Caller = { name: "anyone", scopes: ["admin"] };

/**
 * The SHA-256 of a token, as `tokens` take it: then nothing that is stored with the server's
 * configuration lets anyone in.
 *
 * @example
 * ```ts
 * import { hashToken } from "errand/http";
 *
 * console.log(await hashToken("32 random bytes as text: openssl rand -base64 32"));
 * ```
 */
export async function hashToken(token: string): Promise<string> {
  return [...await digest(token)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** Accepts everyone. */
export const noAuth: Auth = { caller: () => ANYONE };

/** Accepts bearers of `tokens`. @throws {ErrandError} `INVALID_INPUT` for an unusable list. */
export function tokenAuth(tokens: ApiTokens): Auth {
  const lists = new WeakMap<readonly ApiToken[], readonly Known[]>();
  const digests = new Map<string, Uint8Array>();
  if (typeof tokens !== "function") checkTokens(tokens);
  const hashed = async (list: readonly ApiToken[]): Promise<readonly Known[]> => {
    const all = await Promise.all(checkTokens(list).map(toKnown));
    lists.set(list, all);
    return all;
  };
  const slowly = async (given: ReturnType<typeof asked>, token: string): Promise<Caller> => {
    const list = await given;
    const hash = digests.get(token) ?? await digest(token);
    const caller = matching(lists.get(list) ?? await hashed(list), hash);
    if (digests.size >= REMEMBERED_MAX) digests.clear();
    digests.set(token, hash); // it was accepted
    return caller;
  };
  const asked = () => typeof tokens === "function" ? tokens() : tokens;
  return {
    caller(headers) {
      const token = BEARER.exec(headers.get("authorization") ?? "")?.[1];
      if (token === undefined) throw unauthorized("it has no bearer token");
      const list = asked();
      const all = list instanceof Promise ? undefined : lists.get(list);
      const hash = digests.get(token);
      if (all === undefined || hash === undefined) return slowly(list, token);
      return matching(all, hash); // most requests: nothing to wait for
    },
  };
}

/** Whether `caller` may do what needs `scope`. */
export function may(caller: Caller, scope: Scope): boolean {
  return caller.scopes.includes(scope) || caller.scopes.includes("admin");
}

interface Known {
  readonly hash: Uint8Array;
  readonly caller: Caller;
}

/** All of them are compared to their ends, so that the time it takes tells nothing. */
function matching(all: readonly Known[], hash: Uint8Array): Caller {
  let found: Caller | undefined;
  for (const known of all) {
    let difference = 0;
    for (let at = 0; at < hash.length; at++) difference |= hash[at]! ^ known.hash[at]!;
    if (difference === 0) found = known.caller;
  }
  if (found === undefined) throw unauthorized("its token is not known here");
  return found;
}

async function toKnown({ hash, token, ...caller }: ApiToken): Promise<Known> {
  return { caller, hash: hash === undefined ? await digest(token!) : fromHex(hash) };
}

async function digest(token: string): Promise<Uint8Array> {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(token)));
}

function fromHex(hash: string): Uint8Array {
  return Uint8Array.from({ length: 32 }, (_, at) => parseInt(hash.slice(2 * at, 2 * at + 2), 16));
}

function checkTokens(tokens: readonly ApiToken[]): readonly ApiToken[] {
  if (!Array.isArray(tokens)) {
    throw invalid(`Cannot use a ${typeof tokens} as tokens: it is a list, or a function`);
  }
  for (const token of tokens) checkToken(token);
  return tokens;
}

/** Never tells of the token itself. */
function checkToken({ name, scopes, queues, hash, token }: ApiToken): void {
  const what = `token ${show(checkName(name, "the name of a token"))}`;
  if ((hash === undefined) === (token === undefined)) {
    throw invalid(`Cannot accept ${what}: give either hash or token`);
  }
  if (hash !== undefined && !HASH.test(hash)) {
    throw invalid(`Cannot accept ${what}: its hash is not 64 hexadecimal digits; use hashToken`);
  }
  if (token !== undefined && !(typeof token === "string" && token.length >= TOKEN_MIN_LENGTH)) {
    throw invalid(
      `Cannot accept ${what}: it has not ${TOKEN_MIN_LENGTH} characters; ` +
        `"openssl rand -base64 32" makes one`,
    );
  }
  if (!Array.isArray(scopes) || scopes.some((scope) => !SCOPES.includes(scope))) {
    throw invalid(`Cannot accept ${what}: its scopes are a list of ${SCOPES.join(", ")}`);
  }
  if (queues === undefined) return;
  if (!Array.isArray(queues) || queues.length === 0) {
    throw invalid(`Cannot accept ${what}: its queues are a list of one name at least`);
  }
  for (const queue of queues) checkName(queue, `a queue of ${what}`);
}

function unauthorized(fact: string): ErrandError {
  return new ErrandError("UNAUTHORIZED", `Cannot accept the request: ${fact}`);
}
