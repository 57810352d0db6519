/**
 * The tokens that a server accepts, as a file has them: read again when it changes.
 *
 * @module
 */
import { randomBytes } from "node:crypto";
import { readFile, rename, stat, writeFile } from "node:fs/promises";
import { systemClock } from "../clock.ts";
import { type ApiToken, type ApiTokens, type Caller, hashToken, tokenAuth } from "../http/auth.ts";
import type { Logger } from "../logger.ts";
import { Refusal } from "./command.ts";

/** How often a file is looked at, at most. */
const LOOK_MS = 1_000;
const TOKEN_BYTES = 32;

/** A new token, and how a server is to know it. */
export async function newToken(caller: Caller): Promise<{ token: string; entry: ApiToken }> {
  const token = `errand_${randomBytes(TOKEN_BYTES).toString("base64url")}`;
  return { token, entry: { ...caller, hash: await hashToken(token) } };
}

/** The tokens of a text. @throws {Refusal} when there are none that can be used. */
export function parseTokens(text: string, from: string): readonly ApiToken[] {
  try {
    const tokens: unknown = JSON.parse(text);
    if (!Array.isArray(tokens)) throw new Error("it is no list");
    tokenAuth(tokens); // checks each of them
    return tokens;
  } catch (error) {
    throw new Refusal(`Cannot use the tokens of ${from}: ${(error as Error).message}`, 1, error);
  }
}

/**
 * The tokens of a file, as it is at each request, or was at most a second before. A change that
 * cannot be used is logged and left out.
 *
 * @throws {Refusal} when the file cannot be read, or used.
 */
export async function watchedTokens(file: string, logger: Logger): Promise<ApiTokens> {
  let seen = await version(file);
  let tokens = parseTokens(await readTokens(file), file);
  let nextLookMs = systemClock.elapsedMs() + LOOK_MS;
  let told = seen; // of one that cannot be used, once
  const look = async (): Promise<void> => {
    const now = await version(file);
    if (now === seen) return;
    try {
      tokens = parseTokens(await readTokens(file), file);
      seen = now;
      logger.info("Tokens read again", { file, names: tokens.map(({ name }) => name) });
    } catch (error) {
      if (now !== told) logger.error("The tokens stay as they were", { error });
    }
    told = now;
  };
  return async () => {
    if (systemClock.elapsedMs() < nextLookMs) return tokens;
    nextLookMs = systemClock.elapsedMs() + LOOK_MS;
    await look();
    return tokens;
  };
}

/** Adds a token to a file, which is made when there is none. @throws {Refusal} for a taken name. */
export async function addToken(file: string, entry: ApiToken): Promise<void> {
  const there = await version(file) === undefined ? [] : parseTokens(await readTokens(file), file);
  if (there.some(({ name }) => name === entry.name)) {
    throw new Refusal(`Cannot add token "${entry.name}": ${file} has one of that name`);
  }
  const lines = [...there, entry].map((token) => `  ${JSON.stringify(token)}`);
  await writeFile(`${file}.new`, `[\n${lines.join(",\n")}\n]\n`, { mode: 0o600 });
  await rename(`${file}.new`, file); // a server reads all of it, before or after
}

async function readTokens(file: string): Promise<string> {
  try {
    return await readFile(file, "utf8");
  } catch (error) {
    const { code, message } = error as Error & { readonly code?: string };
    const fact = code === "ENOENT"
      ? `there is no such file; errand token NAME --token-file ${file} makes it`
      : message;
    throw new Refusal(`Cannot read tokens from ${file}: ${fact}`, 1, error);
  }
}

/** What differs between two versions of a file; `undefined` when there is none. */
async function version(file: string): Promise<string | undefined> {
  const of = await stat(file).catch(() => undefined);
  return of && `${of.ino} ${of.mtimeMs} ${of.ctimeMs} ${of.size}`;
}
