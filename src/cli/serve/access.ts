import { parseAclFile } from "../../auth/acl_file.ts";
import { AccessControl, type AccessRule, type AccessRules } from "../../auth/acl_rules.ts";
import type { Authenticator, Authorizer } from "../../auth/authentication.ts";
import { LineError } from "../../auth/line_error.ts";
import type { AccessRequest, Authentication, AuthenticationRequest } from "../../protocol/access.ts";
import type { AccessConfiguration, Configuration } from "../config/settings.ts";
import { ConfigError } from "../config_error.ts";
import { readText } from "../files.ts";
import { authenticatorFor, type ListenerAuthenticator, ofLines } from "./authenticators.ts";
import { listenersOf } from "./dashboard_listener.ts";

/** Passwords and rules as they were read at one time, for each listener of the configuration. */
interface AccessState {
  readonly authenticators: readonly ListenerAuthenticator[];
  /** `undefined`: all clients may do everything. */
  readonly authorizers: readonly (AccessControl | undefined)[];
}

/** Client attributes that decide about its access. */
interface AccessSubject {
  readonly principal: string | undefined;
  readonly listener: string;
}

/** Access control by a configuration, which another one may replace. */
export class Access {
  readonly authenticator: Authenticator;
  /** `undefined` without rules: requests then need no check. */
  readonly authorizer: Authorizer | undefined;
  #state: AccessState;
  #version = 0;
  /** Index in the configuration by the URL of a listener. */
  readonly #indices = new Map<string, number>();

  private constructor(state: AccessState) {
    this.#state = state;
    this.authenticator = { authenticate: (request) => this.#authenticate(request) };
    if (this.#state.authorizers.some((authorizer) => authorizer !== undefined)) {
      this.authorizer = this.#makeAuthorizer();
    }
  }

  /** Reads the files; rejects with {@linkcode ConfigError}. */
  static async read(configuration: Configuration): Promise<Access> {
    return new Access(await readState(configuration));
  }

  /** Reads of the files, each on its own; they throw {@linkcode ConfigError}, or reject with it. */
  static checks(configuration: Configuration): (() => unknown)[] {
    const { listeners } = configuration;
    const rules = [configuration, ...listeners].flatMap(({ access }) => access === undefined ? [] : [access]);
    return [
      ...listeners.map((listener) => () => authenticatorFor(listener, configuration)),
      ...rules.map((access) => () => accessControl(access)),
    ];
  }

  /** Assigns the URL of an open listener to its index. */
  bind(url: string, index: number): void {
    this.#indices.set(url, index);
  }

  /**
   * Reads the files again; gives a function that puts them in force, which in turn gives one that says whether a
   * connected client could still come in. Rejects with {@linkcode ConfigError}.
   */
  async prepareReload(configuration: Configuration): Promise<() => (client: AccessSubject) => boolean> {
    const state = await readState(configuration);
    const hasRules = state.authorizers.some((authorizer) => authorizer !== undefined);
    if (hasRules !== (this.authorizer !== undefined)) {
      throw new ConfigError("Cannot begin or end to use access rules while the broker runs: start it again");
    }
    return () => {
      const before = this.#state;
      this.#state = state;
      this.#version += 1;
      return ({ principal, listener }) => {
        const { users } = this.#authenticatorAt(listener, before);
        return this.#authenticatorAt(listener).isStillWelcome(principal, users);
      };
    };
  }

  /**
   * Authenticates, again if the files were reloaded meanwhile. Without a promise unless something has to be awaited.
   */
  #authenticate(request: AuthenticationRequest): Authentication | Promise<Authentication> {
    const state = this.#state;
    const result = this.#authenticatorAt(request.listener).authenticate(request);
    if (!(result instanceof Promise)) return result;
    return result.then((result) => result.isAccepted && state !== this.#state ? this.#authenticate(request) : result);
  }

  #authenticatorAt(listener: string, state = this.#state): ListenerAuthenticator {
    const authenticator = state.authenticators[this.#indices.get(listener) ?? 0];
    if (authenticator === undefined) throw new RangeError(`Cannot authenticate: "${listener}" is not a listener`);
    return authenticator;
  }

  #makeAuthorizer(): Authorizer {
    const decide = (action: "authorize" | "mayReceive" | "mayStillPublish", request: AccessRequest) => {
      const { authorizers } = this.#state;
      const index = this.#indices.get(request.listener ?? "");
      if (index !== undefined) return authorizers[index]?.[action](request) ?? true;
      // A client of a listener that no longer exists may do what the rules of all listeners allow.
      return authorizers.every((authorizer) => authorizer?.[action](request) ?? true);
    };
    const version = () => this.#version;
    return {
      get version() {
        return version();
      },
      authorize: (request) => decide("authorize", request),
      mayReceive: (request) => decide("mayReceive", request),
      mayStillPublish: (request) => decide("mayStillPublish", request),
    };
  }
}

async function readState(configuration: Configuration): Promise<AccessState> {
  const { access } = configuration;
  const listeners = listenersOf(configuration);
  const shared = access === undefined ? undefined : accessControl(access);
  return {
    authenticators: await Promise.all(listeners.map((listener) => authenticatorFor(listener, configuration))),
    authorizers: listeners.map((listener) => listener.access === undefined ? shared : accessControl(listener.access)),
  };
}

function accessControl(configuration: AccessConfiguration): AccessControl {
  const { file } = configuration;
  if (file === undefined) return controlOf(rulesOf(configuration), "access rules");
  try {
    return controlOf(parseAclFile(readText("ACL file", file)), file);
  } catch (error) {
    throw error instanceof LineError ? ofLines(file, error) : error;
  }
}

function controlOf(rules: AccessRules, from: string): AccessControl {
  try {
    return new AccessControl(rules);
  } catch (error) {
    throw error instanceof RangeError ? new ConfigError(`${from}: ${error.message}`) : error;
  }
}

function rulesOf({ anonymous, users, groups, roles, everyone }: AccessConfiguration): AccessRules {
  const withRules = <Owner extends { readonly rules: readonly WrittenRule[] }>(owner: Owner) => ({
    ...owner,
    rules: owner.rules.map(ruleOf),
  });
  return {
    anonymous: anonymous.map(ruleOf),
    users: users.map(withRules),
    groups: groups.map(withRules),
    roles: roles.map(withRules),
    everyone: everyone.map(ruleOf),
  };
}

type WrittenRule = AccessConfiguration["everyone"][number];

function ruleOf({ access, topic, pattern }: WrittenRule): AccessRule {
  // The schema requires one of the two.
  return topic === undefined ? { access, pattern: pattern ?? "" } : { access, topic };
}
