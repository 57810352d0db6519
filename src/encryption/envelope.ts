/**
 * How an encrypted value looks in a column of JSON: `{"$enc":[1,key id,key check,base64]}`. An
 * ordinary value cannot be mistaken for one: where encryption is off, a value that begins like an
 * envelope is stored quoted, as `{"$enc":[0,value]}`, and where it is on, all are encrypted.
 *
 * @module
 */

/** What is in an envelope: its version, and what that version has. */
export type EnvelopeBody = readonly [version: number, ...parts: unknown[]];

/** An object that carries an envelope, alone or beside fields that stay plain. */
export interface Envelope {
  readonly $enc: EnvelopeBody;
}

/** The body of a value that stands as it is: `[0, value]`. */
export const QUOTED_VERSION = 0;

const MARK = "$enc";
const START = `{"${MARK}":`;
const DOLLAR = 0x24;

/** Whether JSON text begins as an envelope does; the database stores JSON without spaces. */
export function looksSealed(text: string): boolean {
  return text.charCodeAt(2) === DOLLAR && text.startsWith(START); // nearly none gets past that
}

/** JSON text that will not be taken for an envelope. */
export function quoted(text: string): string {
  return looksSealed(text) ? `${START}[${QUOTED_VERSION},${text}]}` : text;
}

/** Whether a decoded value is an envelope and nothing else. */
export function isEnvelope(value: unknown): value is Envelope {
  return carriesEnvelope(value) && Object.keys(value).length === 1;
}

/** Whether a record has an encrypted part. */
export function carriesEnvelope(value: unknown): value is Envelope {
  if (typeof value !== "object" || value === null || !Object.hasOwn(value, MARK)) return false;
  const body = (value as Envelope).$enc;
  return Array.isArray(body) && typeof body[0] === "number";
}
