// What Vercel puts around an edge function.
import handler from "../../examples/vercel.ts";

interface FetchEvent extends Event {
  readonly request: Request;
  respondWith(answer: Promise<Response>): void;
  waitUntil(work: Promise<unknown>): void;
}

addEventListener("fetch", (event) => {
  const of = event as FetchEvent;
  of.respondWith(handler(of.request, { waitUntil: (work) => of.waitUntil(work) }));
});
