/**
 * What a command is, and how its words become values.
 *
 * @module
 */
import process from "node:process";
import { parseArgs } from "node:util";

/** One flag of a command. */
export interface Flag {
  /** What stands for its value in the help; without it the flag is a switch. */
  readonly value?: string;
  readonly help: string;
  /** Under which heading of the help it stands. */
  readonly group: string;
  /** Taken where neither the command line nor the environment says something. */
  readonly fallback?: string;
  /** The environment variable that is asked where the command line says nothing. */
  readonly env?: string;
}

/** The flags of a command, by their names. */
export type Flags = Readonly<Record<string, Flag>>;

/** What was given: a switch is on or absent; what has a fallback is there. */
export type Given<Of extends Flags> =
  & { readonly [Name in keyof Of]?: Of[Name] extends { value: string } ? string : true }
  & { readonly [Name in keyof Of as Of[Name] extends { fallback: string } ? Name : never]: string };

/** A command of `errand`. */
export interface Command {
  readonly name: string;
  /** What it does, in a line. */
  readonly summary: string;
  /** What else one must know; paragraphs. */
  readonly about: readonly string[];
  /** The name of what follows the command; without it nothing may. */
  readonly operand?: string;
  readonly flags: Flags;
  /** Command lines, and what they are for. */
  readonly examples: readonly (readonly [line: string, purpose: string])[];
  /** Does it; resolves with the exit code. */
  run(given: Given<Flags>, operand: string): Promise<number>;
}

/** A command whose values are typed by its flags. */
export function command<const Of extends Flags>(
  spec: Omit<Command, "flags" | "run"> & {
    readonly flags: Of;
    run(given: Given<Of>, operand: string): Promise<number>;
  },
): Command {
  return spec as unknown as Command;
}

/** Why the command ends without having done its work, and with which exit code. */
export class Refusal extends Error {
  /** Always `"Refusal"`. */
  override readonly name = "Refusal";
  /** 2 when the command line cannot be used, else 1. */
  readonly exitCode: 1 | 2;

  /** The message is for the person at the terminal. */
  constructor(message: string, exitCode: 1 | 2 = 1, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.exitCode = exitCode;
  }
}

/** The refusal of a command line. */
export function misused(message: string): Refusal {
  return new Refusal(message, 2);
}

/** What the words after the command say. @throws {Refusal} for what cannot be used. */
export function parse(
  { name, flags, operand }: Command,
  words: readonly string[],
): { readonly given: Given<Flags>; readonly operand: string } {
  const options = Object.fromEntries(
    Object.entries(flags).map(([flag, { value }]) => [
      flag,
      { type: value === undefined ? "boolean" as const : "string" as const },
    ]),
  );
  const { values, positionals } = parsed(name, words, options);
  const [first, ...rest] = positionals;
  const extra = operand === undefined ? first : rest[0];
  if (extra !== undefined) throw misused(`Cannot use ${quoted(extra)}: ${name} takes no such word`);
  if (operand !== undefined && first === undefined) {
    throw misused(`Cannot run errand ${name}: its ${operand} is missing`);
  }
  const given = Object.entries(flags).flatMap(([flag, of]) => {
    const value = values[flag] ?? environment(of) ?? of.fallback;
    return value === undefined ? [] : [[flag, value] as const];
  });
  return { given: Object.fromEntries(given) as Given<Flags>, operand: first ?? "" };
}

function parsed(
  name: string,
  words: readonly string[],
  options: Record<string, { type: "boolean" | "string" }>,
): ReturnType<typeof parseArgs> {
  try {
    return parseArgs({ args: [...words], options, allowPositionals: true, strict: true });
  } catch (error) {
    const { code, message } = error as Error & { code?: string };
    const unknown = /'(--?[^' ]+)/.exec(message)?.[1];
    if (code === "ERR_PARSE_ARGS_UNKNOWN_OPTION" && unknown !== undefined) {
      throw misused(`Cannot use ${unknown}: errand ${name} has no such flag`);
    }
    throw misused(`Cannot run errand ${name}: ${message.split(/\.? ?\n/)[0]}`);
  }
}

function environment({ env }: Flag): string | undefined {
  return env === undefined ? undefined : process.env[env] || undefined;
}

function quoted(word: string): string {
  return JSON.stringify(word);
}
