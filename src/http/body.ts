/**
 * Reading a request's body within a bound.
 *
 * @module
 */
import { ErrandError } from "../errors.ts";

/** A body of a length that is told and small is read at once: servers hold clients to it. */
const AT_ONCE_BYTES = 1024 * 1024;

/**
 * The body; `undefined` when it has more than `mostBytes`, of which no more is read then.
 *
 * @throws {ErrandError} `INVALID_INPUT` when who sent it has gone before its end.
 */
export async function boundedBytes(
  request: Request,
  mostBytes: number,
): Promise<ArrayBuffer | Uint8Array | undefined> {
  const { headers } = request;
  const length = headers.get("content-length");
  const told = length !== null && /^\d+$/.test(length) && !headers.has("transfer-encoding");
  if (told && Number(length) > mostBytes) return undefined;
  try {
    if (!told || Number(length) > AT_ONCE_BYTES) return await streamed(request, mostBytes);
    const bytes = await request.arrayBuffer();
    return bytes.byteLength > mostBytes ? undefined : bytes;
  } catch (cause) {
    const message = "Cannot read the body: it did not come to its end";
    throw new ErrandError("INVALID_INPUT", message, { cause });
  }
}

async function streamed(request: Request, mostBytes: number): Promise<Uint8Array | undefined> {
  const reader = request.body?.getReader();
  const chunks: Uint8Array[] = [];
  let size = 0;
  while (reader !== undefined) {
    const { done, value } = await reader.read();
    if (done) break;
    size += value.byteLength;
    if (size > mostBytes) {
      await reader.cancel();
      return undefined;
    }
    chunks.push(value);
  }
  const all = new Uint8Array(size);
  let at = 0;
  for (const chunk of chunks) {
    all.set(chunk, at);
    at += chunk.byteLength;
  }
  return all;
}
