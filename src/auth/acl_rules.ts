/**
 * Access rules for clients, as values and as a file of mosquitto. Among the rules of a client itself a `deny` precedes
 * all others; the rules of everyone count when those have neither allowed nor denied.
 *
 * ```text
 * topic read a/#                 a/b and a, not $SYS/a
 * topic read $SYS/#              a rule for topics with `$` begins with `$` itself
 * pattern write dev/%c/#         %c: the Client Identifier, %u: the principal
 * ```
 */

import { coversFilter, matchesTopic, overlapsFilter, parseTopicFilter } from "../protocol/topic_filter.ts";
import { type AccessRequest, type Grant, GRANT_ACCESS } from "../protocol/access.ts";
import type { Authorizer } from "./authentication.ts";

/** Access to topics: to those of a Topic Filter, or of a pattern that contains `%c` and `%u`. */
export type AccessRule =
  & { readonly access: Grant["access"] }
  & ({ readonly topic: string } | { readonly pattern: string });

/** Rules for all clients of a broker; omitted lists are empty. Anything that no rule allows is denied. */
export interface AccessRules {
  /** Rules for clients without a principal. */
  readonly anonymous?: readonly AccessRule[];
  /** Rules and roles of single principals. */
  readonly users?: readonly UserRules[];
  /** Rules and roles that several principals share. */
  readonly groups?: readonly GroupRules[];
  /** Rules by the names that users, groups and authenticators give. */
  readonly roles?: readonly RoleRules[];
  /** Rules for all clients, used when the rules above do not decide. */
  readonly everyone?: readonly AccessRule[];
  /**
   * Access that a Client Identifier or principal with a `/` gets from a pattern that contains it: none, or the levels
   * that it forms, as in mosquitto, which lets `a/b` take the place of `a`.
   *
   * @default {"refuse"}
   */
  readonly slashInNames?: "refuse" | "allow";
  /**
   * Whether SUBSCRIBE is refused if no rule could allow any message, or always granted, as in mosquitto. Each message
   * is checked in both cases.
   *
   * @default {"refuse"}
   */
  readonly uselessSubscriptions?: "refuse" | "grant";
}

/** See {@linkcode AccessRules}. */
export interface UserRules {
  /** The principal. */
  readonly name: string;
  /** Rules of this user alone. */
  readonly rules?: readonly AccessRule[];
  /** Names of the roles of this user. */
  readonly roles?: readonly string[];
}

/** See {@linkcode AccessRules}. */
export interface GroupRules {
  /** Name of the group, for errors. */
  readonly name: string;
  /** Principals of the group. */
  readonly users: readonly string[];
  /** Rules of each member. */
  readonly rules?: readonly AccessRule[];
  /** Names of the roles of each member. */
  readonly roles?: readonly string[];
}

/** See {@linkcode AccessRules}. */
export interface RoleRules {
  /** Name of the role. */
  readonly name: string;
  /** Rules of each client that has the role. */
  readonly rules: readonly AccessRule[];
}

/**
 * Authorizer that decides by rules. A client whose Client Identifier or principal contains a `+` or `#` gets nothing
 * from any pattern.
 *
 * @example
 * ```ts
 * import { Broker } from "@brooklet/brooklet";
 * import { AccessControl } from "@brooklet/brooklet/auth";
 *
 * const authorizer = new AccessControl({
 *   users: [{ name: "ann", roles: ["operator"] }],
 *   roles: [{ name: "operator", rules: [{ access: "readwrite", topic: "plant/#" }] }],
 *   everyone: [{ access: "write", pattern: "devices/%c/#" }],
 * });
 * await using broker = await Broker.open({ authorizer });
 * ```
 */
export class AccessControl implements Authorizer {
  #rules: CompiledRules;
  #version = 0;
  readonly #grants = new WeakMap<readonly Grant[], readonly CompiledRule[]>();
  #last: LastClient | undefined;

  /** Puts rules in force. @throws RangeError for an invalid Topic Filter, a duplicate name, or an unknown role */
  constructor(rules: AccessRules) {
    this.#rules = compileRules(rules);
  }

  /** Number of times that other rules were put in force. */
  get version(): number {
    return this.#version;
  }

  /** Puts other rules in force, also for connected clients. Changes nothing if it throws. */
  replace(rules: AccessRules): void {
    this.#rules = compileRules(rules);
    this.#last = undefined;
    this.#version += 1;
  }

  /** Decides about a PUBLISH, a Will, a Topic Filter of SUBSCRIBE or a delivery. */
  authorize(request: AccessRequest): boolean {
    const { topic, action } = request;
    const { grantsUselessSubscriptions, allowsSlash } = this.#rules;
    if (action === "subscribe") {
      return grantsUselessSubscriptions || mayEverReceive(this.#rulesFor(request), request, allowsSlash);
    }
    if (topic.startsWith("$share")) return false; // Nothing is published there.
    const rule = this.#decidingRule(request, allowsSlash);
    return rule !== undefined && rule.access !== "deny";
  }

  /** Gives the rule that decides about a PUBLISH, a Will or a delivery, such as `readwrite plant/#`. */
  explain(request: AccessRequest): string | undefined {
    if (request.action === "subscribe") return undefined; // Several rules decide together.
    const rule = this.#decidingRule(request, this.#rules.allowsSlash);
    return rule && `${rule.access} ${rule.text}`;
  }

  #decidingRule(request: AccessRequest, allowsSlash: boolean): CompiledRule | undefined {
    const wanted = request.action === "publish" ? "write" : "read";
    const levels = request.topic.split("/");
    for (const rules of this.#rulesFor(request)) {
      const rule = decide(rules, request, levels, wanted, allowsSlash);
      if (rule !== undefined) return rule;
    }
    return undefined;
  }

  /** Decides about a delivery, by the `read` rules. */
  mayReceive(request: AccessRequest): boolean {
    return this.authorize(request);
  }

  /** Decides whether the publisher of a retained message may still publish it, by the `write` rules of now. */
  mayStillPublish(request: AccessRequest): boolean {
    return this.authorize(request);
  }

  #own({ principal, roles, grants }: AccessRequest): readonly CompiledRule[] {
    const { anonymous, users, roles: known } = this.#rules;
    const own = (principal === undefined ? anonymous : users.get(principal)) ?? [];
    if (roles.length === 0 && grants.length === 0) return own;
    return [
      ...own,
      ...roles.flatMap((role) => known.get(role) ?? []),
      ...this.#compiled(grants),
    ];
  }

  /** Compiles grants, once: those of a client stay the same while it is connected. */
  #compiled(grants: readonly Grant[]): readonly CompiledRule[] {
    const known = this.#grants.get(grants);
    if (known !== undefined) return known;
    const compiled = grants.map(({ access, topicFilter }) => compileRule({ access, topic: topicFilter }));
    this.#grants.set(grants, compiled);
    return compiled;
  }

  /**
   * Rules of the client itself, and those of everyone. One packet asks about up to 65,535 Topic Filters, and a flood of
   * PUBLISH about as many topics: for a client that asks twice in a row the names are inserted into the patterns only
   * once.
   */
  #rulesFor(request: AccessRequest): readonly (readonly CompiledRule[])[] {
    const { everyone, hasPatterns, allowsSlash } = this.#rules;
    const { clientId, principal, roles, grants } = request;
    const last = this.#last;
    const isSame = last !== undefined && last.clientId === clientId && last.principal === principal &&
      last.roles === roles && last.grants === grants;
    if (isSame && last.rules !== undefined) return last.rules;
    const rules = [this.#own(request), everyone];
    if (!hasPatterns) return rules;
    if (!isSame) {
      this.#last = { clientId, principal, roles, grants, rules: undefined };
      return rules;
    }
    return last.rules = rules.map((rules) => rules.flatMap((rule) => withoutPattern(rule, request, allowsSlash)));
  }
}

/** Client of the last request. */
interface LastClient extends Pick<AccessRequest, "clientId" | "principal" | "roles" | "grants"> {
  /** Rules for it; `undefined` until its second request. */
  rules: readonly (readonly CompiledRule[])[] | undefined;
}

/** Finds the rule that decides; `undefined`: none does. */
function decide(
  rules: readonly CompiledRule[],
  request: AccessRequest,
  topicLevels: readonly string[],
  wanted: "read" | "write",
  allowsSlash: boolean,
): CompiledRule | undefined {
  let allowing: CompiledRule | undefined;
  const isOfServer = request.topic.startsWith("$");
  for (const rule of rules) {
    const isDeny = rule.access === "deny";
    if (!isDeny && (allowing !== undefined || (rule.access !== wanted && rule.access !== "readwrite"))) continue;
    if (isOfServer && !isDeny && !rule.isOfServer) continue;
    const filter = filterFor(rule, request, allowsSlash);
    if (filter === undefined || !matchesTopic(filter, topicLevels)) continue;
    if (isDeny) return rule;
    allowing = rule;
  }
  return allowing;
}

/** Whether any message that the Topic Filter matches could be read. */
function mayEverReceive(
  all: readonly (readonly CompiledRule[])[],
  request: AccessRequest,
  allowsSlash: boolean,
): boolean {
  const levels = request.topic.split("/");
  for (const rules of all) {
    let isRead = false;
    for (const rule of rules) {
      if (rule.access === "write" || (isRead && rule.access !== "deny")) continue;
      const filter = filterFor(rule, request, allowsSlash);
      if (filter === undefined || (filter[0]?.startsWith("$") && !rule.isOfServer)) continue;
      if (rule.access !== "deny") isRead = overlapsFilter(filter, levels);
      else if (coversFilter(filter, levels)) return false;
    }
    if (isRead) return true;
  }
  return false;
}

/** Rule for one client; empty: it does not apply to the client. */
function withoutPattern(rule: CompiledRule, request: AccessRequest, allowsSlash: boolean): CompiledRule[] {
  if (!rule.isPattern) return [rule];
  const levels = filterFor(rule, request, allowsSlash);
  return levels === undefined ? [] : [{ ...rule, levels, isPattern: false }];
}

interface CompiledRule {
  readonly access: Grant["access"];
  /** Text of the rule. */
  readonly text: string;
  /** Levels of a rule that is the same for all clients. */
  readonly levels: readonly string[];
  readonly isPattern: boolean;
  readonly hasClientId: boolean;
  readonly hasPrincipal: boolean;
  /** Whether it is for topics that begin with `$`. */
  readonly isOfServer: boolean;
}

interface CompiledRules {
  readonly anonymous: readonly CompiledRule[];
  readonly users: ReadonlyMap<string, readonly CompiledRule[]>;
  readonly roles: ReadonlyMap<string, readonly CompiledRule[]>;
  readonly everyone: readonly CompiledRule[];
  /** Whether any rule differs between clients. */
  readonly hasPatterns: boolean;
  readonly allowsSlash: boolean;
  readonly grantsUselessSubscriptions: boolean;
}

function compileRules(rules: AccessRules): CompiledRules {
  const { users = [], groups = [], roles = [], anonymous = [], everyone = [] } = rules;
  for (const named of [users, groups, roles]) refuseTwice(named.map(({ name }) => name));
  const known = new Map(roles.map(({ name, rules }) => [name, rules.map(compileRule)]));
  const own = new Map<string, CompiledRule[]>();
  const give = (user: string, from: { readonly rules?: readonly AccessRule[]; readonly roles?: readonly string[] }) => {
    const given = own.get(user) ?? [];
    own.set(user, given);
    given.push(...(from.rules ?? []).map(compileRule));
    for (const role of from.roles ?? []) {
      const rulesOfRole = known.get(role);
      if (rulesOfRole === undefined) throw new RangeError(`Cannot use the role "${role}": there is none of this name`);
      given.push(...rulesOfRole);
    }
  };
  for (const user of users) give(user.name, user);
  for (const group of groups) for (const user of group.users) give(user, group);
  const compiled = { anonymous: anonymous.map(compileRule), everyone: everyone.map(compileRule) };
  const all = [...Object.values(compiled), ...own.values(), ...known.values()];
  return {
    ...compiled,
    users: own,
    roles: known,
    hasPatterns: all.some((rules) => rules.some(({ isPattern }) => isPattern)),
    allowsSlash: rules.slashInNames === "allow",
    grantsUselessSubscriptions: rules.uselessSubscriptions === "grant",
  };
}

function refuseTwice(names: readonly string[]): void {
  const seen = new Set<string>();
  for (const name of names) {
    if (seen.has(name)) throw new RangeError(`Cannot use the rules: "${name}" is there twice`);
    seen.add(name);
  }
}

function compileRule(rule: AccessRule): CompiledRule {
  const isPattern = "pattern" in rule;
  const text = isPattern ? rule.pattern : rule.topic;
  if (!GRANT_ACCESS.includes(rule.access)) { // "Deny", for example, would deny nothing.
    throw new RangeError(`Cannot use the rule: "${rule.access}" is not one of ${GRANT_ACCESS.join(", ")}`);
  }
  if (!isTopicFilter(text)) throw new RangeError(`Cannot use the rule: "${text}" is not a Topic Filter`);
  return {
    access: rule.access,
    text,
    levels: text.split("/"),
    isPattern,
    hasClientId: isPattern && text.includes("%c"),
    hasPrincipal: isPattern && text.includes("%u"),
    isOfServer: text.startsWith("$"),
  };
}

/** Whether it is a Topic Filter, also if it begins with `$share`, which has no meaning in a rule. */
export function isTopicFilter(text: string): boolean {
  return text !== "" && parseTopicFilter(`/${text}`) !== undefined;
}

/** Levels to match for this client; `undefined`: the rule does not apply to it. */
function filterFor(
  rule: CompiledRule,
  { clientId, principal }: AccessRequest,
  allowsSlash: boolean,
): readonly string[] | undefined {
  if (!rule.isPattern) return rule.levels;
  // Names come from the client: one that contains a wildcard would stand for the names of others.
  if (rule.access !== "deny" && (isWildcard(clientId) || isWildcard(principal ?? ""))) return undefined;
  if (!rule.hasClientId && !rule.hasPrincipal) return rule.levels;
  if (rule.hasPrincipal && principal === undefined) return undefined;
  const names = (rule.hasClientId ? clientId : "") + (rule.hasPrincipal ? principal ?? "" : "");
  if (isWildcard(names)) return undefined; // No topic contains these characters.
  if (!names.includes("/")) return rule.levels.map((level) => withNames(level, clientId, principal));
  // A rule that denies `a` denies `a/b` as well. A rule that allows `a` must not allow `a/b`.
  return rule.access === "deny" || allowsSlash ? withNames(rule.text, clientId, principal).split("/") : undefined;
}

function withNames(text: string, clientId: string, principal: string | undefined): string {
  if (text === "%c") return clientId; // Mostly a level is a name or contains none.
  if (!text.includes("%")) return text;
  return text.replace(/%[cu]/g, (name) => name === "%c" ? clientId : principal ?? name);
}

function isWildcard(name: string): boolean {
  return name.includes("+") || name.includes("#");
}
