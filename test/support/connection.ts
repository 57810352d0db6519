// A connection that sends what it is told byte by byte, and reads answers of HTTP/1.1.
import { connect, type Socket } from "node:net";

/** An answer. */
export interface Answer {
  readonly status: number;
  readonly headers: ReadonlyMap<string, string>;
  readonly body: Uint8Array;
}

/** It is kept for the next request, as far as the server does that. */
export class Connection {
  readonly #socket: Socket;
  #buffer: Buffer = Buffer.alloc(0);
  #ended = false;
  #heard = (): void => {};

  /** Resolves when it is there. */
  static async open(port: number): Promise<Connection> {
    const socket = connect(port, "127.0.0.1");
    await new Promise<void>((resolve, reject) => {
      socket.once("connect", resolve);
      socket.once("error", reject);
    });
    return new Connection(socket);
  }

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.setNoDelay(true);
    socket.on("data", (chunk: Buffer) => {
      this.#buffer = this.#buffer.length === 0 ? chunk : Buffer.concat([this.#buffer, chunk]);
      this.#heard();
    });
    const end = (): void => {
      this.#ended = true;
      this.#heard();
    };
    socket.on("end", end).on("close", end).on("error", end);
  }

  /** Whether nothing more comes of it. */
  get ended(): boolean {
    return this.#ended;
  }

  write(bytes: Uint8Array): void {
    if (!this.#ended) this.#socket.write(bytes);
  }

  close(): void {
    this.#ended = true;
    this.#socket.destroy();
  }

  /** The next answer; `undefined` when the connection ended before it. */
  async answer(method: string): Promise<Answer | undefined> {
    const end = await this.#find("\r\n\r\n");
    if (end === undefined) return undefined;
    const [first = "", ...lines] = this.#take(end + 4).toString("latin1").trimEnd().split("\r\n");
    const headers = new Map(lines.map((line): [string, string] => {
      const colon = line.indexOf(":");
      return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()];
    }));
    const status = Number(first.split(" ")[1]);
    if (status === 100) return await this.answer(method);
    const bodyless = method === "HEAD" || status === 204 || status === 304;
    const body = bodyless ? new Uint8Array() : await this.#body(headers);
    if (body === undefined) return undefined;
    if (headers.get("connection") === "close") this.close();
    return { status, headers, body };
  }

  async #body(headers: ReadonlyMap<string, string>): Promise<Uint8Array | undefined> {
    if (headers.get("content-type")?.startsWith("text/event-stream")) {
      this.close(); // it would go on for ever
      return new Uint8Array();
    }
    const length = headers.get("content-length");
    if (length !== undefined) return await this.#exactly(Number(length));
    if (headers.get("transfer-encoding") !== "chunked") {
      while (!this.#ended) await this.#more();
      return this.#take(this.#buffer.length);
    }
    const chunks: Uint8Array[] = [];
    for (;;) {
      const line = await this.#find("\r\n");
      if (line === undefined) return undefined;
      const size = parseInt(this.#take(line + 2).toString("latin1"), 16);
      const chunk = await this.#exactly(size + 2);
      if (chunk === undefined) return undefined;
      if (size === 0) return Buffer.concat(chunks);
      chunks.push(chunk.subarray(0, size));
    }
  }

  async #find(text: string): Promise<number | undefined> {
    for (;;) {
      const at = this.#buffer.indexOf(text, 0, "latin1");
      if (at !== -1) return at;
      if (this.#ended) return undefined;
      await this.#more();
    }
  }

  async #exactly(length: number): Promise<Uint8Array | undefined> {
    while (this.#buffer.length < length) {
      if (this.#ended) return undefined;
      await this.#more();
    }
    return this.#take(length);
  }

  #take(length: number): Buffer {
    const taken = this.#buffer.subarray(0, length);
    this.#buffer = this.#buffer.subarray(length);
    return taken;
  }

  #more(): Promise<void> {
    return new Promise((resolve) => this.#heard = resolve);
  }
}
