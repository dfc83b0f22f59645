/** ACL files of mosquitto: `user`, `topic [read|write|readwrite|deny] filter`, `pattern ...`, and comments. */

import { type AccessRule, type AccessRules, isTopicFilter } from "./acl_rules.ts";
import { LineError, readLines } from "./line_error.ts";

const ACCESS = /^(?:read|write|readwrite|deny)$/;
const HAS_TAB = "has a tab where a space belongs: words are delimited by spaces";

/**
 * Parses an ACL file of mosquitto into rules that decide as mosquitto 2.0.11 does, with one exception: a name never
 * stands for the `$` that a topic begins with.
 *
 * @throws LineError for lines that mosquitto refuses
 */
export function parseAclFile(text: string): AccessRules {
  const anonymous: AccessRule[] = [];
  const everyone: AccessRule[] = [];
  const users = new Map<string, AccessRule[]>();
  let own = anonymous; // Until the first `user` line.
  readLines(text, (line, number) => {
    if (line.startsWith("#")) return;
    const [keyword = "", rest] = firstWord(line.trimEnd());
    switch (keyword) {
      case "":
        break;
      case "user":
        if (rest.trim() === "") throw new LineError(number, "names no user");
        own = users.get(rest.trim()) ?? [];
        users.set(rest.trim(), own);
        break;
      case "topic":
        own.push({ ...accessAndFilter(rest, number, (topic) => ({ topic })) });
        break;
      case "pattern":
        everyone.push({ ...accessAndFilter(rest, number, (pattern) => ({ pattern })) });
        break;
      default:
        if (keyword.includes("\t")) throw new LineError(number, HAS_TAB);
        throw new LineError(number, `does not begin with "user", "topic", "pattern" or "#"`);
    }
  });
  return {
    anonymous,
    users: Array.from(users, ([name, rules]) => ({ name, rules })),
    everyone,
    slashInNames: "allow",
    uselessSubscriptions: "grant",
  };
}

function accessAndFilter<Filter>(rest: string, line: number, filterOf: (text: string) => Filter) {
  const [first, second] = firstWord(rest);
  if (first === "") throw new LineError(line, "names no topic");
  const hasAccess = second !== ""; // A single word is a topic, even if it is "read".
  const filter = hasAccess ? second.trim() : first;
  const access = hasAccess ? first : "readwrite";
  if (`${access}${filter}`.includes("\t")) throw new LineError(line, HAS_TAB);
  if (!ACCESS.test(access)) throw new LineError(line, `has "${access}" where read, write, readwrite or deny belongs`);
  if (!isTopicFilter(filter)) throw new LineError(line, `has "${filter}", which is not a Topic Filter`);
  return { access: access as AccessRule["access"], ...filterOf(filter) }; // One of the four.
}

/** First word, delimited by spaces only, and the text after the space that ends it. */
function firstWord(text: string): [word: string, rest: string] {
  const begun = text.replace(/^ +/, "");
  const end = begun.indexOf(" ");
  return end === -1 ? [begun, ""] : [begun.slice(0, end), begun.slice(end + 1)];
}
