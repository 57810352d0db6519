// Keys and tokens for a server that asks for them: JWTs that are signed with Ed25519.
import { generateKeyPairSync, sign } from "node:crypto";

/** Makes tokens that a server with this public key knows. */
export interface Tokens {
  readonly publicPem: string;
  /** A token that says so: `{ a: "ro", exp }`, `{ p: { rw: { ns: ["a"] } } }` … */
  token(claims: Readonly<Record<string, unknown>>): string;
}

/** New keys. */
export function newTokens(): Tokens {
  const { publicKey, privateKey } = generateKeyPairSync("ed25519");
  const part = (of: unknown): string => Buffer.from(JSON.stringify(of)).toString("base64url");
  return {
    publicPem: publicKey.export({ type: "spki", format: "pem" }) as string,
    token(claims) {
      const signed = `${part({ alg: "EdDSA", typ: "JWT" })}.${part(claims)}`;
      return `${signed}.${sign(null, Buffer.from(signed), privateKey).toString("base64url")}`;
    },
  };
}
