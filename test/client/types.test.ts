// A client stands wherever an Errand is expected: `tsc` and `deno check` hold this file to it.
import { expect, expectTypeOf, it } from "vitest";
import {
  defineTask,
  type EnqueuedJob,
  type Enqueuer,
  type Errand,
  type Worker,
} from "../../mod.ts";
import { connect, type ErrandClient } from "../../src/client/mod.ts";
import { createApi } from "../../src/http/mod.ts";

const measure = defineTask<string, string, number>({ name: "measure", run: () => 1 });

it("a client is an Errand to whoever takes one", async () => {
  expectTypeOf<ErrandClient>().toExtend<Errand>();
  expectTypeOf<ErrandClient>().toExtend<Enqueuer>();
  expectTypeOf(createApi).parameter(0).extract<ErrandClient>().not.toBeNever();
  await using client = connect({ url: "http://api.test", tasks: [measure] });
  expectTypeOf(client.worker()).toEqualTypeOf<Worker>();
  expectTypeOf(() => measure.enqueue(client, "a")).returns.toEqualTypeOf<
    Promise<EnqueuedJob<string, number>>
  >();
  // @ts-expect-error: the task takes a text
  void (() => client.enqueue(measure, 1));
  // @ts-expect-error: keys belong to those who open the database
  void (() => connect({ url: "http://api.test", encryption: { keys: {}, current: "k" } }));
  expect(client.worker().name).toBeTypeOf("string");
});
