/**
 * Bytes to base64 and back, by what every runtime has.
 *
 * @module
 */

/** Arguments of one call: engines take no unlimited number of them. */
const STRETCH = 0x8000;

/** Base64 of the standard alphabet, padded. */
export function toBase64(bytes: Uint8Array): string {
  let text = "";
  for (let at = 0; at < bytes.length; at += STRETCH) {
    text += String.fromCharCode(...bytes.subarray(at, at + STRETCH));
  }
  return btoa(text);
}

/** The bytes, or `undefined` when `text` is no padded base64 of the standard alphabet. */
export function fromBase64(text: string): Uint8Array<ArrayBuffer> | undefined {
  if (text.length % 4 !== 0 || !/^[A-Za-z0-9+/]*={0,2}$/.test(text)) return undefined;
  const binary = atob(text);
  const bytes = new Uint8Array(binary.length);
  for (let at = 0; at < binary.length; at++) bytes[at] = binary.charCodeAt(at);
  return bytes;
}
