/** The payload of every job in every subject: about 120 bytes of JSON. */
export interface Payload {
  readonly to: string;
  readonly subject: string;
  readonly template: string;
  readonly order: number;
  /** When it was sent, on the wall clock with fractions of a millisecond; for latency alone. */
  readonly sent: number;
}

/** A payload that differs from job to job. */
export function payload(order: number, sent: number = 0): Payload {
  return {
    to: `customer-${order % 1_000}@example.com`,
    subject: "Your order is on its way to you",
    template: "order-sent",
    order,
    sent,
  };
}

/** Payloads in lists of at most `perCall`. */
export function payloads(jobs: number, perCall: number): Payload[][] {
  const lists: Payload[][] = [];
  for (let from = 0; from < jobs; from += perCall) {
    const length = Math.min(perCall, jobs - from);
    lists.push(Array.from({ length }, (_, at) => payload(from + at)));
  }
  return lists;
}
