/** Ways to authenticate clients, to the extent needed to know whether there is any. */
export interface Ways {
  readonly anonymous?: boolean | undefined;
  readonly passwordFile?: string | undefined;
  readonly users: readonly unknown[];
  readonly certificateNames: boolean;
  readonly certificateSubjects: boolean;
  readonly jwt?: object | undefined;
  readonly webhook?: object | undefined;
}

/** Whether clients can authenticate. */
export function isWayIn(ways: Ways): boolean {
  const { passwordFile, users, certificateNames, certificateSubjects, jwt, webhook } = ways;
  return users.length > 0 || certificateNames || certificateSubjects ||
    [passwordFile, jwt, webhook].some((way) => way !== undefined);
}

/** Whether clients get in without authentication. @param isLocal whether no other machine can reach the listener */
export function isOpen(ways: Ways, isLocal: boolean): boolean {
  return ways.anonymous ?? (isLocal && !isWayIn(ways));
}

/** Words about who gets in, for the line that says where the broker listens. */
export function entryWords(ways: Ways, isLocal: boolean): string {
  if (isOpen(ways, isLocal)) return "anonymous access allowed";
  return isWayIn(ways) ? "clients are authenticated" : "nobody can connect: no authentication is set";
}
