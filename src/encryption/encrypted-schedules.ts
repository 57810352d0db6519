/**
 * Schedules whose payloads are encrypted: each occurrence carries the schedule's payload as it is.
 *
 * @module
 */
import type { Job } from "../job.ts";
import { decode } from "../codec.ts";
import type {
  DueRequest,
  DueSchedules,
  ScheduleBroker,
  ScheduleLook,
  ScheduleMove,
} from "../schedule-broker.ts";
import type { ScheduleRecord } from "../schedule.ts";
import { looksSealed } from "./envelope.ts";
import type { KeyRing } from "./key-ring.ts";
import { isSealed, opening, sealing } from "./look.ts";

/** Wraps the schedules of a broker. */
export class EncryptedSchedules implements ScheduleBroker {
  readonly #schedules: ScheduleBroker;
  readonly #keys: KeyRing | undefined;

  /** Without `keys` nothing is encrypted. */
  constructor(schedules: ScheduleBroker, keys: KeyRing | undefined) {
    this.#schedules = schedules;
    this.#keys = keys;
  }

  async look(name: string): Promise<ScheduleLook> {
    const { record, ...look } = await this.#schedules.look(name);
    return { ...look, ...(record !== undefined && { record: await this.#open(record) }) };
  }

  async list(after: string, limit: number): Promise<readonly ScheduleRecord[]> {
    return await this.#openAll(await this.#schedules.list(after, limit));
  }

  async put({ locked, ...record }: ScheduleRecord, was: string | null): Promise<boolean> {
    if (locked !== undefined) return await this.#schedules.put(record, was);
    const { name } = record;
    const plain = this.#keys === undefined && !looksSealed(record.payload);
    const payload = plain
      ? record.payload
      : await (await sealing()).sealSchedulePayload(this.#keys, name, record.payload);
    return await this.#schedules.put({ ...record, payload }, was);
  }

  async remove(name: string): Promise<ScheduleRecord | undefined> {
    const record = await this.#schedules.remove(name);
    return record && await this.#open(record);
  }

  /** Who moves a schedule does not look at its payload. */
  due(request: DueRequest): Promise<DueSchedules> {
    return this.#schedules.due(request);
  }

  async move(moves: readonly ScheduleMove[], stamp: string): Promise<readonly Job[]> {
    const jobs = await this.#schedules.move(moves, stamp);
    return await Promise.all(jobs.map((job) => this.#openJob(job)));
  }

  async run(name: string, id: string): Promise<Job | undefined> {
    const job = await this.#schedules.run(name, id);
    return job && await this.#openJob(job);
  }

  async #openJob(job: Job): Promise<Job> {
    return isSealed(job) ? await (await opening()).openJob(this.#keys, job) : job;
  }

  #openAll(records: readonly ScheduleRecord[]): Promise<readonly ScheduleRecord[]> {
    return Promise.all(records.map((record) => this.#open(record)));
  }

  /** A payload that cannot be opened stays closed: the schedule itself can still be managed. */
  async #open(record: ScheduleRecord): Promise<ScheduleRecord> {
    if (!looksSealed(record.payload)) return record;
    const { value, lock } = await (await opening()).openSchedulePayload(
      this.#keys,
      record.name,
      decode(record.payload),
    );
    if (lock !== undefined) return { ...record, locked: lock };
    return { ...record, payload: JSON.stringify(value) };
  }
}
