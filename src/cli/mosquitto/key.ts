import type { MosquittoDraft } from "./draft.ts";
import type { MosquittoLine } from "./line.ts";

/** Puts a line into the draft; gives differences to mosquitto, and throws ConfigError for impossible settings. */
export type MosquittoKey = (line: MosquittoLine, draft: MosquittoDraft) => string | undefined | void;

export const NO_PSK = "is about pre-shared keys, which TLS has not here: use certificates";

export const refuse = (why: string): MosquittoKey => (line) => {
  throw line.error(why);
};

export const warn = (why: string): MosquittoKey => (line) => {
  line.text();
  return why;
};

/** Largest integer of mosquitto. */
export const MOST = 2_147_483_647;

/** Limit of connections; `undefined`: none. */
export function mostConnections(line: MosquittoLine): number | undefined {
  const value = line.integer(-MOST, MOST);
  if (value === 0) throw line.error("has no meaning with 0: -1 is no limit");
  return value < 0 ? undefined : value;
}

/** Switch of which one position is Brooklet's behaviour. */
export const only = (fitting: boolean, why: string): MosquittoKey => (line) =>
  line.boolean() === fitting ? undefined : why;

/** Switch that would be dangerous to ignore. */
export const refuseTrue = (why: string): MosquittoKey => (line) => {
  if (line.boolean()) throw line.error(why);
};

/** Text that mosquitto accepts only once. */
export const once = <Name extends string>(
  holderOf: (draft: MosquittoDraft) => { [name in Name]?: string | undefined },
  name: Name,
): MosquittoKey =>
(line, draft) => {
  const holder = holderOf(draft);
  if (holder[name] !== undefined) throw line.error("is there already");
  holder[name] = line.text();
};
