/**
 * What the text of a statement is, as far as it can be told without a database.
 *
 * @module
 */

/** What a text holds. */
export interface SqlText {
  /** Its first word, in capitals; empty when there is none. */
  readonly verb: string;
  /** Whether more follows after the end of its first statement. */
  readonly more: boolean;
  /** How many values its `?` and `?1` stand for. */
  readonly parameters: number;
  /** A parameter with a name, such as `:id`, if there is one. */
  readonly named?: string;
}

/** Texts in quotes, comments, parameters, words; anything else is a token of one character. */
const TOKENS = new RegExp(
  [
    /'(?:[^']|'')*'|"(?:[^"]|"")*"|`(?:[^`]|``)*`|\[[^\]]*\]/,
    /--[^\n]*|\/\*[\s\S]*?(?:\*\/|$)/,
    /\?\d*|[:@$][A-Za-z_]\w*|[A-Za-z_][\w$]*|[\s\S]/,
  ].map(({ source }) => source).join("|"),
  "g",
);

/** Reads the text of a statement: not whether it is right, only what it is made of. */
export function readSql(text: string): SqlText {
  let [verb, ended, more, parameters] = ["", false, false, 0];
  let named: string | undefined;
  for (const [token] of text.matchAll(TOKENS)) {
    if (/^(?:\s|--|\/\*)/.test(token)) continue;
    if (token === ";") {
      ended = true;
      continue;
    }
    more ||= ended;
    verb ||= token.toUpperCase();
    if (token[0] === "?") {
      parameters = Math.max(parameters, Number(token.slice(1)) || parameters + 1);
    } else if (/^[:@$]\w/.test(token)) named ??= token;
  }
  return { verb, more, parameters, ...(named !== undefined && { named }) };
}
