/**
 * Contents of a storage as lines of JSON. The first and the last line frame it, so that a truncated dump is recognised:
 *
 *   {"kind":"dump","version":1}
 *   {"kind":"sessionStarted","clientId":"c"}
 *   {"kind":"end","changes":1}
 */

import type { Change } from "../protocol/change.ts";
import { changeFromJson, changeToJson } from "../storage/records/change_json.ts";
import type { Storage } from "../storage/storage.ts";

const FIRST_LINE = '{"kind":"dump","version":1}';
const LAST_LINE = /^\{"kind":"end","changes":(\d+)\}$/;
const BATCH_CHANGES = 1_000;
const BATCH_CHARACTERS = 4_194_304;

/** Counts of a dump's contents. */
export class DumpCounts {
  sessions = 0;
  messages = 0;
  retained = 0;

  count({ kind }: Change): void {
    if (kind === "sessionStarted") this.sessions += 1;
    else if (kind === "queued") this.messages += 1;
    else if (kind === "retained") this.retained += 1;
  }

  toString(): string {
    const { sessions, messages, retained } = this;
    return `${sessions} sessions, ${messages} messages that wait and ${retained} retained messages`;
  }
}

/** Lines of a dump, without their line ends. */
export async function* dumpLines(storage: Storage, counts: DumpCounts): AsyncIterable<string> {
  yield FIRST_LINE;
  let changes = 0;
  const clientIds: string[] = [];
  const line = (change: Change) => {
    changes += 1;
    counts.count(change);
    return changeToJson(change);
  };
  for await (const change of storage.restore()) {
    if (change.kind === "backlog") continue; // It follows from the rest.
    if (change.kind === "sessionStarted") clientIds.push(change.clientId);
    yield line(change);
  }
  for (const clientId of clientIds) {
    for await (const change of storage.restoreSession(clientId)) yield line(change);
  }
  yield `{"kind":"end","changes":${changes}}`;
}

/**
 * Changes of a dump, in lists to be stored.
 *
 * @throws SyntaxError for a damaged dump, at the latest after the last list
 */
export async function* dumpedChanges(
  lines: AsyncIterable<string>,
  counts: DumpCounts,
): AsyncIterable<readonly Change[]> {
  const sessions = new Set<string>();
  let number = 0;
  let list: Change[] = [];
  let characters = 0;
  let hasEnded = false;
  for await (const line of lines) {
    number += 1;
    if (hasEnded) throw new SyntaxError(`Cannot read line ${number}: the dump ends before it`);
    if (number === 1) {
      if (line !== FIRST_LINE) throw new SyntaxError(`Cannot read line 1: it is not ${FIRST_LINE}`);
      continue;
    }
    const [, changes] = LAST_LINE.exec(line) ?? [];
    if (changes !== undefined) {
      const has = number - 2;
      if (Number(changes) !== has) throw new SyntaxError(`The dump has ${has} changes, its last line says ${changes}`);
      hasEnded = true;
      continue;
    }
    const change = dumpedChange(line, number, sessions);
    counts.count(change);
    list.push(change);
    characters += line.length;
    if (list.length < BATCH_CHANGES && characters < BATCH_CHARACTERS) continue;
    yield list;
    list = [];
    characters = 0;
  }
  if (!hasEnded) {
    throw new SyntaxError(`The dump is cut behind line ${number}: its last line is not {"kind":"end",...}`);
  }
  if (list.length > 0) yield list;
}

function dumpedChange(line: string, number: number, sessions: Set<string>): Change {
  const change = changeFromJson(line, number);
  if (change.kind === "transaction") throw new SyntaxError(`Cannot read line ${number}: a dump has no "transaction"`);
  if (change.kind === "sessionStarted") sessions.add(change.clientId);
  else if ("clientId" in change && !sessions.has(change.clientId)) {
    throw new SyntaxError(`Cannot read line ${number}: its session does not begin before it`);
  }
  return change;
}
