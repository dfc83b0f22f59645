/** Rules by which Ann may use what is hers and read what is public, in each form that rules have. */

import type { Acceptance, AccessRule, AccessRules } from "../../src/auth/mod.ts";

/** Each user has a place; Sue sees everything. */
const RULES: AccessRules = {
  users: [{ name: "sue", rules: [{ access: "readwrite", topic: "#" }, { access: "readwrite", topic: "$data/#" }] }],
  everyone: [{ access: "readwrite", pattern: "home/%u/#" }],
};
/** Ann also reads what is public. */
const OF_ANN = [{ access: "read", topic: "public/#" }, { access: "deny", topic: "public/secret" }] as const;
/** Rules when Ann has lost her rights. */
export const WITHOUT_ANN: AccessRules = { ...RULES, everyone: [] };

/** How Ann comes to her rights. */
export interface Way {
  readonly name: string;
  readonly rules: AccessRules;
  readonly without?: AccessRules;
  /** Answer of the authenticator. */
  readonly acceptance?: Acceptance;
}

/** Ways, each with the same rights. */
export const WAYS: readonly Way[] = [
  { name: "of a user", rules: withUsers({ name: "ann", rules: OF_ANN }) },
  { name: "of a group", rules: { ...RULES, groups: [{ name: "g", users: ["ann"], rules: OF_ANN }] } },
  {
    name: "of a role",
    rules: { ...withUsers({ name: "ann", roles: ["r"] }), roles: [{ name: "r", rules: OF_ANN }] },
  },
  {
    name: "of a role that a token names",
    rules: { ...RULES, roles: [{ name: "r", rules: OF_ANN }] },
    acceptance: { roles: ["r"] },
  },
  {
    name: "of a token",
    rules: RULES,
    // Rules can only deny what a token grants.
    without: { ...withUsers({ name: "ann", rules: [{ access: "deny", topic: "#" }] }), everyone: [] },
    acceptance: { grants: OF_ANN.map(({ access, topic }) => ({ access, topicFilter: topic })) },
  },
];

function withUsers(ann: { name: string; rules?: readonly AccessRule[]; roles?: readonly string[] }): AccessRules {
  return { ...RULES, users: [...RULES.users ?? [], ann] };
}
