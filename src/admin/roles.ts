/** Roles, each of which may do what the ones before it may. */
export const ROLES = ["viewer", "operator", "admin"] as const;

/** Role of someone who uses the API. */
export type Role = typeof ROLES[number];

/** Whether a role includes another. */
export function includes(role: Role, needed: Role): boolean {
  return ROLES.indexOf(role) >= ROLES.indexOf(needed);
}

/** Caller of the API, signed in. */
export interface Caller {
  /** Name for logs and events, such as a user name or that of a token. */
  readonly name: string;
  readonly role: Role;
  /** Address with port that the request came from, where it is known. */
  readonly address: string | undefined;
}
