/**
 * Reading a request's body within a bound.
 *
 * @module
 */

/** The body as text; `undefined` when it has more than `mostBytes`. */
export async function boundedText(
  request: Request,
  mostBytes: number,
): Promise<string | undefined> {
  const reader = request.body?.getReader();
  const decoder = new TextDecoder();
  let text = "";
  for (let bytes = 0; reader !== undefined;) {
    const { done, value } = await reader.read();
    if (done) break;
    bytes += value.byteLength;
    if (bytes > mostBytes) {
      await reader.cancel();
      return undefined;
    }
    text += decoder.decode(value, { stream: true });
  }
  return text + decoder.decode();
}
