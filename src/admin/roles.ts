/** Role: a viewer sees, an operator also changes clients and messages, an admin also the configuration. */
export type Role = "viewer" | "operator" | "admin";

/** Roles, each of which may do what the ones before it may. */
export const ROLES: readonly Role[] = ["viewer", "operator", "admin"];

/** Whether a role includes another. */
export function includes(role: Role, needed: Role): boolean {
  return ROLES.indexOf(role) >= ROLES.indexOf(needed);
}

/** Person or program that is signed in, by a cookie, a token or the app. */
export interface SignedIn {
  /** Name for logs and events, such as a user name or that of a token. */
  readonly name: string;
  readonly role: Role;
  /** Way by which it is signed in. */
  readonly by: "cookie" | "token" | "app";
  /** Epoch milliseconds at which it ends by itself; `undefined`: never. */
  readonly untilMs: number | undefined;
  /** Aborts when it ends, and its streams with it. */
  readonly ended: AbortSignal;
  /** Number of streams that it has now. */
  streams: number;
}

/** Caller of the API. */
export interface Caller {
  readonly name: string;
  readonly role: Role;
  /** Address with port that the request came from, where it is known. */
  readonly address: string | undefined;
  /** `undefined`: not signed in, on a route that is open. */
  readonly signedIn: SignedIn | undefined;
}
