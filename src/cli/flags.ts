/**
 * The flags that several commands have.
 *
 * @module
 */

/** Which database. */
export const databaseFlags = {
  "url": {
    value: "URL",
    group: "Database",
    fallback: "file:errand.db",
    help: "a file, or the address of a libSQL server",
  },
  "auth-token": {
    value: "TOKEN",
    group: "Database",
    env: "ERRAND_AUTH_TOKEN",
    help: "what the libSQL server asks for",
  },
} as const;

/** How the worker works. */
export const workerFlags = {
  "queues": {
    value: "a=4,b",
    group: "Worker",
    help: "the queues it serves, and how many of their jobs at once; without it those of the tasks",
  },
  "concurrency": { value: "N", group: "Worker", help: "jobs at once in all; 10 unless said" },
  "lease": {
    value: "TIME",
    group: "Worker",
    help: "how long others wait for its jobs when it vanishes; 30s unless said",
  },
  "grace": {
    value: "TIME",
    group: "Worker",
    fallback: "10s",
    help: "how long running jobs may go on when it is asked to end",
  },
} as const;

/** What is told. */
export const logFlags = {
  "log-level": {
    value: "LEVEL",
    group: "Messages",
    fallback: "info",
    help: "silent, error, warn, info or debug; never payloads",
  },
} as const;
