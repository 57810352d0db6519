import { alone, shared } from "./promises/all.ts";
import { conformance, file, memory } from "./stores.ts";

conformance(":memory:", [alone], memory);
conformance("a file", [alone, shared], file("url"));
conformance("a user's client of a file", [alone, shared], file("client"));
