import { Errand, type Task } from "../../../mod.ts";
import type { Params } from "../harness/types.ts";
import type { Payload } from "./payload.ts";

/** Opens the measure's server with one task. */
export function openRemote(
  params: Params,
  task: Task<Payload>,
): Promise<Errand> {
  return Errand.open({ url: serverOf(params), tasks: [task] });
}

/** The address of the measure's server. */
export function serverOf({ url }: Params): string {
  if (url === undefined) throw new Error("Error: this subject needs a server");
  return url;
}
