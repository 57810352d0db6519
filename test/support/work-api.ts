// An API in memory whose clock a test moves, and requests to it as workers of any language send them.
import type { ApiOptions } from "../../src/http/options.ts";
import type { BeatenBody, ClaimedBody, OutcomesAnswer } from "../../src/http/wire.ts";
import {
  type TestErrand,
  testErrand,
  type TestErrandOptions,
} from "../../src/testing/test-errand.ts";
import { partsOf } from "../../src/parts.ts";
import { caller } from "./api.ts";

/** What a request came to. */
export interface Answered<Body = Record<string, unknown>> {
  readonly status: number;
  readonly body: Body;
}

/** How a request is sent. */
export interface Sending {
  readonly method?: string;
  readonly token?: string;
  readonly signal?: AbortSignal;
  readonly headers?: Readonly<Record<string, string>>;
}

/** An API with its Errand. */
export interface WorkApi extends AsyncDisposable {
  readonly errand: TestErrand;
  readonly parts: ReturnType<typeof partsOf>;
  /** GET without a body, else POST. */
  send<Body = Record<string, unknown>>(
    path: string,
    body?: unknown,
    sending?: Sending,
  ): Promise<Answered<Body>>;
  /** Claims as worker "w" from queue "default" unless told otherwise; the answer's body. */
  claim(more?: object, sending?: Sending): Promise<ClaimedBody>;
  /** Hands in outcomes of one lease. */
  settle(lease: string, outcomes: unknown): Promise<Answered<OutcomesAnswer>>;
  beat(lease: string, body?: unknown): Promise<Answered<BeatenBody>>;
}

/** Opens one. */
export async function openWorkApi(
  options: TestErrandOptions = {},
  api: ApiOptions = { open: true },
): Promise<WorkApi> {
  const errand = await testErrand(options);
  const request = caller(errand, api);
  const send: WorkApi["send"] = async (path, body, { method, ...sending } = {}) => {
    const verb = method ?? (body === undefined ? "GET" : "POST");
    const answered = await request(`${verb} ${path}`, { ...sending, body });
    return { status: answered.status, body: answered.body === "" ? {} : answered.body };
  };
  return {
    errand,
    parts: partsOf(errand),
    send,
    claim: async (more = {}, sending = {}) => {
      const body = { worker: "w", queues: ["default"], ...more };
      return (await send<ClaimedBody>("/v1/claims", body, sending)).body;
    },
    settle: (lease, outcomes) => send(`/v1/leases/${lease}/outcomes`, outcomes),
    beat: (lease, body = {}) => send(`/v1/leases/${lease}/heartbeat`, body),
    [Symbol.asyncDispose]: () => errand[Symbol.asyncDispose](),
  };
}
