// Every promise, by what it needs of a place.
import type { Promises } from "../place.ts";
import { encrypting, encryptingShared } from "./encryption.ts";
import { enqueueing } from "./enqueue.ts";
import { sharing } from "./handles.ts";
import { history } from "./history.ts";
import { scheduling } from "./schedules.ts";
import { transactions } from "./transactions.ts";
import { working } from "./work.ts";

/** Those that one Errand keeps, by their subject. */
export const alone: Readonly<Record<string, Promises>> = {
  enqueueing,
  working,
  scheduling,
  history,
  encryption: encrypting,
};

/** Those that hold through a server, where nobody has a transaction of the database. */
export const overHttp: Readonly<Record<string, Promises>> = {
  ...alone,
  "several Errands": sharing,
  "encryption beside others": encryptingShared,
};

/** Those that several keep on one database, or one beside the user's own client. */
export const shared: Readonly<Record<string, Promises>> = {
  "several Errands": sharing,
  transactions,
  "encryption beside others": encryptingShared,
};
