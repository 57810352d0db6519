/**
 * A driver that tells of its commits.
 *
 * @module
 */
import type { FeedBroker } from "../feed-broker.ts";
import type { Driver } from "./driver/driver.ts";

/** What tells, and to whom. */
export interface Telling extends Required<Pick<FeedBroker, "onWrite">> {
  /** The same driver; it tells those who listen of its commits. */
  readonly driver: Driver;
}

/** Makes `driver` tell. */
export function telling(driver: Driver): Telling {
  const listeners = new Set<() => void>();
  const onWrite = (listener: () => void): () => void => {
    listeners.add(listener);
    return () => void listeners.delete(listener);
  };
  return { driver: tellingDriver(driver, listeners), onWrite };
}

function tellingDriver(driver: Driver, listeners: ReadonlySet<() => void>): Driver {
  return {
    sameClock: driver.sameClock,
    read: (statements) => driver.read(statements),
    write: (statements, options) => {
      const written = driver.write(statements, options);
      const tell = (): void => listeners.forEach((listener) => listener());
      if (listeners.size > 0) written.then(tell, () => {}); // the caller hears of a failure
      return written;
    },
    close: () => driver.close(),
    ...(driver.version !== undefined && { version: driver.version }),
    ...(driver.onCommit !== undefined && { onCommit: driver.onCommit }),
    ...(driver.usage !== undefined && { usage: driver.usage }),
    ...(driver.silent !== undefined && { silent: driver.silent }),
  };
}
