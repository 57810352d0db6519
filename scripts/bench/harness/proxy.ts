/**
 * Adds time to each round trip to a server: `proxy.ts http://127.0.0.1:8080 30`. Bytes wait half
 * of it on each way, so connections are kept and requests overlap as they would on a real network.
 */
import { connect, createServer, type Socket } from "node:net";
import process from "node:process";

const [target = "", roundTripMs = "0"] = process.argv.slice(2);
const { hostname, port } = new URL(target);

const server = createServer((near) => {
  const far = connect(Number(port), hostname);
  pass(near, far);
  pass(far, near);
});
server.listen(0, "127.0.0.1", () => {
  console.log(
    `http://127.0.0.1:${(server.address() as { port: number }).port}`,
  );
});

function pass(from: Socket, to: Socket): void {
  const later = (what: () => void): void => void setTimeout(what, Number(roundTripMs) / 2);
  from.setNoDelay(true);
  from.on("data", (chunk) => later(() => to.write(chunk)));
  from.on("end", () => later(() => to.end()));
  from.on("error", () => to.destroy());
  from.on("close", () => later(() => to.destroy()));
}
