/**
 * What the routes of work share: what was handed out, who waits, and who keeps time.
 *
 * @module
 */
import { announce, attemptRef, type EndedAttempt, signalEnded } from "../announce.ts";
import type { ApiBroker, ClaimedJob, ClaimRequest, ExchangeAnswer, Standing } from "../broker.ts";
import { ErrandError } from "../errors.ts";
import { newId } from "../id.ts";
import { thisProcess } from "../runtime.ts";
import { stateAfter } from "../outcome.ts";
import { type Parts, partsOf } from "../parts.ts";
import type { ErrandVerbs } from "../verbs.ts";
import { Keeper } from "./keeper.ts";
import { Ledger } from "./ledger.ts";
import { type Handed, holderOf } from "./outcomes.ts";
import { Parking } from "./parking.ts";
import type { Call } from "./route.ts";
import type { OutcomeAnswer } from "./wire.ts";

/** What a worker hands in and wants. */
export interface Exchange {
  readonly worker: string;
  readonly handed: readonly Handed[];
  readonly close: readonly string[];
  readonly claim?: ClaimRequest | undefined;
}

/** What came of it. */
export interface Exchanged extends ExchangeAnswer {
  readonly outcomes: readonly OutcomeAnswer[];
}

/** A claim under an id of the client's own, while it is being answered. */
interface OwnClaim {
  readonly overtaken: AbortController;
  readonly ended: Promise<void>;
}

/** Some runtimes end what a request has begun with the request. */
const BRIEF = /^(Cloudflare-Workers|Edge-Runtime)/;

/** The work of one API. */
export class Work {
  readonly parts: Parts;
  readonly api: ApiBroker;
  readonly ledger: Ledger = new Ledger();
  readonly #claims = new Map<string, OwnClaim>();
  readonly #keeper: Keeper;
  readonly #parking: Parking;
  readonly #brief: boolean = BRIEF.test(thisProcess().runtime ?? "");

  /** Does nothing until asked. */
  constructor(parts: Parts) {
    const { api } = parts.broker;
    if (api === undefined) {
      throw new ErrandError(
        "CONFLICT",
        "Cannot hand out work: this Errand is connected to another API; ask that one",
      );
    }
    this.parts = parts;
    this.api = api;
    this.#keeper = new Keeper(parts);
    this.#parking = new Parking({ ...parts, api });
    parts.closers.add(async () => {
      await Promise.all([this.#parking.close(), this.#keeper.close()]);
    });
  }

  /** Where requests wait: together, where the process outlives them. */
  parking(): Parking {
    return this.#brief ? new Parking({ ...this.parts, api: this.api }) : this.#parking;
  }

  /** Somebody asks for work, or has got some under a lease of so long. */
  asked(leaseMs?: number): void {
    if (!this.#brief) this.#keeper.asked(leaseMs);
  }

  /**
   * Answers a claim under an id of the client's own by `answer`. A claim that is made again has
   * overtaken the one before, which ends first: nobody hears its answer any more, and what it would
   * take later would be nobody's.
   */
  async claiming<Answer>(
    id: string,
    answer: (overtaken: AbortSignal) => Promise<Answer>,
  ): Promise<Answer> {
    for (let other = this.#claims.get(id); other; other = this.#claims.get(id)) {
      other.overtaken.abort();
      await other.ended;
    }
    const overtaken = new AbortController();
    let end = (): void => {};
    const ended = new Promise<void>((resolve) => end = resolve);
    this.#claims.set(id, { overtaken, ended });
    try {
      return await answer(overtaken.signal);
    } finally {
      this.#claims.delete(id);
      end();
    }
  }

  /** Hands in outcomes and claims, in one transaction, and says what became of each outcome. */
  async exchange({ worker, handed, close, claim }: Exchange): Promise<Exchanged> {
    const { broker, clock, events, wake } = this.parts;
    const sinceMs = clock.elapsedMs();
    const settlements = handed.map(({ ended }) => ended);
    const emptied = this.ledger.emptiedBy(settlements);
    const closedLeases = [...new Set([...close, ...emptied])];
    const request = { worker, settlements, closedLeases };
    const answer = await broker.exchange(claim === undefined ? request : { ...request, claim });
    const outcomes = await this.#settled(handed, answer.lost);
    if (claim !== undefined) {
      this.ledger.hold(claim.lease, answer.jobs, { worker, sinceMs });
      wake.heed(answer);
      this.asked(claim.leaseMs);
      if (!answer.repeated && events.heard("started")) {
        for (const job of answer.jobs) events.emit("started", attemptRef(job, worker));
      }
    }
    return { ...answer, outcomes };
  }

  /** Gives back what nobody has heard of: it was not begun. */
  async giveBack(worker: string, lease: string, jobs: readonly ClaimedJob[]): Promise<void> {
    const handed = jobs.map(({ id, task, queue, attempt }): Handed => ({
      worker,
      ended: {
        ...{ id, lease, queue, job: { id, task, queue, attempt }, tookMs: 0 },
        ...{ outcome: { kind: "release" }, retentionMs: null },
      },
    }));
    await this.exchange({ worker, handed, close: [] });
  }

  async #settled(
    handed: readonly Handed[],
    lost: ReadonlySet<string>,
  ): Promise<readonly OutcomeAnswer[]> {
    const { wake } = this.parts;
    const others = handed.filter(({ ended }) => this.ledger.wasStored(ended) === "another");
    const ids = new Set([...lost, ...others.map(({ ended }) => ended.id)]);
    const standing = ids.size === 0 ? NOBODY : await this.#standing([...ids]);
    const done: EndedAttempt[] = [];
    const outcomes = handed.map((each): OutcomeAnswer => {
      const { ended } = each;
      const { id: job } = ended;
      const told = this.ledger.wasStored(ended);
      const before = told === "this";
      const stored = before || told === undefined && isStored(ended, lost, standing);
      if (!before) this.#tell(each, stored, standing);
      this.ledger.letGo(ended);
      if (!stored) return { job, stored, holder: holderOf(standing.get(job)) };
      if (!before) this.ledger.stored(ended);
      done.push(ended);
      return { job, stored };
    });
    signalEnded(wake, done);
    return outcomes;
  }

  /** Tells those who listen, once: a repeated outcome is no news. */
  #tell(
    { ended, worker }: Handed,
    stored: boolean,
    standing: ReadonlyMap<string, Standing>,
  ): void {
    const { events } = this.parts;
    if (worker === undefined) return;
    if (stored) return announce(events, worker, ended);
    const { job } = ended;
    const cancelled = standing.get(job.id)?.state === "cancelled";
    const reason = cancelled ? "CANCELLED" : "LEASE_LOST";
    events.emit("lost", { ...attemptRef(job, worker), reason });
  }

  async #standing(ids: readonly string[]): Promise<ReadonlyMap<string, Standing>> {
    return new Map((await this.api.standing(ids)).map((job) => [job.id, job]));
  }
}

/** One job may be told of under several leases: then it says itself which of them ended it. */
function isStored(
  { id, lease, outcome }: EndedAttempt,
  lost: ReadonlySet<string>,
  standing: ReadonlyMap<string, Standing>,
): boolean {
  if (!lost.has(id)) return true;
  const job = standing.get(id);
  if (job?.lease !== lease) return false;
  return stateAfter(outcome) === (job.state === "scheduled" ? "available" : job.state);
}

const NOBODY: ReadonlyMap<string, Standing> = new Map();

function makeWork(errand: ErrandVerbs): Work {
  return new Work(partsOf(errand));
}

/** What the routes of an API's work share. */
export function workOf({ shared }: Pick<Call, "shared">): Work {
  return shared.of(makeWork);
}

/** The lease id of a caller who has none of their own. */
export function leaseId(own: string | undefined): string {
  return own ?? newId();
}
