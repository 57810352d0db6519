/**
 * `errand token`: makes a token for the HTTP API.
 *
 * @module
 */
import process from "node:process";
import { type Caller, type Scope, SCOPES } from "../http/auth.ts";
import { checkName } from "../task.ts";
import { type Command, command, misused } from "./command.ts";
import { styleOf } from "./style.ts";
import { addToken, newToken } from "./tokens.ts";
import { names } from "./values.ts";

/** `errand token`. */
export const token: Command = command({
  name: "token",
  operand: "NAME",
  summary: "a token for the HTTP API, which is shown once and stored as a hash",
  flags: {
    "scopes": {
      value: "LIST",
      group: "What it may do",
      help: `one or more of ${SCOPES.join(", ")}, parted by commas; admin may do everything`,
    },
    "queues": {
      value: "LIST",
      group: "What it may do",
      help: "the only queues that it reaches; without it all of them",
    },
    "token-file": {
      value: "FILE",
      group: "Where it goes",
      help: "adds its hash to this file, which `errand serve --token-file` takes up by itself",
    },
  },
  about: [
    "The token is all that goes to standard output. To change it, add one of another name, give " +
    "it to those who use the old one, and delete the line of the old one from the file.",
  ],
  examples: [
    [
      "errand token shop --scopes enqueue,read --token-file tokens.json",
      "make a token that may enqueue and look",
    ],
    [
      "errand token printer --scopes work --queues print --token-file tokens.json",
      "make one for the workers of one queue",
    ],
  ],
  async run({ scopes, queues, "token-file": file }, name) {
    const { token, entry } = await newToken(
      {
        name: checkedName(name),
        scopes: checkedScopes(scopes),
        ...(queues !== undefined && { queues: names(queues, "queues") }),
      } satisfies Caller,
    );
    if (file !== undefined) await addToken(file, entry);
    const { dim } = styleOf(process.stderr);
    process.stderr.write(dim(
      file === undefined
        ? `The entry of a token file, or of the list in ERRAND_TOKENS:\n${JSON.stringify(entry)}\n`
        : `Added "${name}" to ${file}. `,
    ));
    process.stderr.write(dim("The token, which is not shown again:\n"));
    process.stdout.write(`${token}\n`);
    return 0;
  },
});

function checkedName(name: string): string {
  try {
    return checkName(name, "the name of a token");
  } catch (error) {
    throw misused((error as Error).message);
  }
}

function checkedScopes(text: string | undefined): readonly Scope[] {
  const known = SCOPES.join(", ");
  if (text === undefined) throw misused(`Cannot make a token: --scopes is missing, of ${known}`);
  return names(text, "scopes").map((scope) => {
    if ((SCOPES as readonly string[]).includes(scope)) return scope as Scope;
    throw misused(`Cannot use "${scope}" as a scope: there are ${known}`);
  });
}
