#!/usr/bin/env node
/**
 * The program `errand`.
 *
 * @module
 */
import { readFileSync } from "node:fs";
import process from "node:process";
import { ErrandError } from "../errors.ts";
import { type Command, misused, parse, Refusal } from "./command.ts";
import { manual, overview } from "./help.ts";
import { serve } from "./serve.ts";
import { styleOf } from "./style.ts";
import { token } from "./token.ts";
import { work } from "./work.ts";

const COMMANDS: readonly Command[] = [serve, work, token];
const HELP = ["--help", "-h", "help"];

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  process.exitCode = told(error);
}
process.exit(); // whatever the tasks' module has left open

async function main([first, ...rest]: readonly string[]): Promise<number> {
  if (first === undefined || HELP.includes(first)) {
    const about = COMMANDS.find(({ name }) => name === rest[0]);
    const { stdout } = process;
    stdout.write(about ? manual(about, stdout) : overview(COMMANDS, version(), stdout));
    return first === undefined ? 2 : 0;
  }
  if (first === "--version" || first === "-v") return printed(`${version()}\n`);
  const command = COMMANDS.find(({ name }) => name === first);
  if (command === undefined) {
    throw misused(`Cannot run errand ${first}: there is no such command; errand --help lists them`);
  }
  const words = rest.slice(0, rest.includes("--") ? rest.indexOf("--") : undefined);
  if (words.some((word) => word === "--help" || word === "-h")) {
    return printed(manual(command, process.stdout));
  }
  const { given, operand } = parse(command, rest);
  return await command.run(given, operand);
}

function printed(text: string): number {
  process.stdout.write(text);
  return 0;
}

/** Says in a sentence why it ends; what is a fault of the program's own shows its stack. */
function told(error: unknown): number {
  const { red } = styleOf(process.stderr);
  const expected = error instanceof Refusal || error instanceof ErrandError;
  const text = expected ? error.message : (error as Error)?.stack ?? String(error);
  process.stderr.write(`${red("errand:")} ${text}\n`);
  if (error instanceof Refusal) return error.exitCode;
  return error instanceof ErrandError && error.code === "INVALID_INPUT" ? 2 : 1;
}

function version(): string {
  const file = new URL("../../package.json", import.meta.url);
  return JSON.parse(readFileSync(file, "utf8")).version;
}
