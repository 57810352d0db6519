import process from "node:process";
import { findRuntime, type Runtime } from "../../scripts/runtimes.ts";

/** What was looked for: its path when it was found, else why it is not there. */
export type Found = { readonly path: string } | {
  readonly path?: undefined;
  readonly why: string;
};

/**
 * Decides loudly whether a suite that needs something from outside runs: true when it was found;
 * otherwise says why not, and throws where nothing may be skipped (REQUIRE_ALL=1).
 */
export function need(what: string, found: Found): boolean {
  if (found.path !== undefined) return true;
  if (process.env.REQUIRE_ALL === "1") {
    throw new Error(skipped(what, found.why));
  }
  return warn(what, found.why);
}

/** The same for what the running runtime can never have, which is no reason to fail anywhere. */
export function offered(what: string, found: Found): boolean {
  return found.path !== undefined || warn(what, found.why);
}

function warn(what: string, why: string): false {
  const frame = "!".repeat(78);
  console.warn(`\n${frame}\n${skipped(what, why)}\n${frame}\n`);
  return false;
}

function skipped(what: string, why: string): string {
  return `SKIPPED: tests of ${what} do not run here: ${why}`;
}

/** Whether every runtime named is here, with the loudness of {@link need}. */
export function needRuntimes(...names: readonly Runtime[]): boolean {
  return names.map((name) => {
    const path = findRuntime(name);
    return need(
      name,
      path ? { path } : { why: `no ${name} in node_modules or PATH` },
    );
  }).every(Boolean);
}
