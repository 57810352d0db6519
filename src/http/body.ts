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
export function boundedBytes(
  request: Request,
  mostBytes: number,
): Promise<ArrayBuffer | Uint8Array | undefined> {
  const { headers } = request;
  const length = headers.get("content-length");
  const told = length !== null && /^\d+$/.test(length) && !headers.has("transfer-encoding");
  if (told && Number(length) > mostBytes) return Promise.resolve(undefined);
  const reading = told && Number(length) <= AT_ONCE_BYTES
    ? atOnce(request)
    : streamed(request, mostBytes);
  return reading.then((bytes) => sized(bytes, mostBytes), brokenOff);
}

/** Runtimes are faster with bytes, which a request that somebody else's class made may not have. */
function atOnce(request: Request): Promise<ArrayBuffer | Uint8Array> {
  const native = Object.hasOwn(Object.getPrototypeOf(request), "bytes");
  return native ? request.bytes() : request.arrayBuffer();
}

function sized<Bytes extends ArrayBuffer | Uint8Array>(
  bytes: Bytes | undefined,
  mostBytes: number,
): Bytes | undefined {
  return bytes !== undefined && bytes.byteLength <= mostBytes ? bytes : undefined;
}

function brokenOff(cause: unknown): never {
  const message = "Cannot read the body: it did not come to its end";
  throw new ErrandError("INVALID_INPUT", message, { cause });
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
