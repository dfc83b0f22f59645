import { ByteWriter } from "../../codec/byte_writer.ts";
import { readerOf, readNumber, readText, writeNumber, writeText, written } from "../records/record_fields.ts";
import { JOURNAL_KEY, journalPartKey } from "./keys.ts";
import { deleted, type Key, type KvRows, LARGEST_ROW_BYTES, type Mutation, sealed } from "./rows.ts";

/**
 * Journal for a change that is larger than an atomic. Its rows are first written as a journal, which one more row makes
 * valid; then they are written to their places in several atomics; then the journal is deleted. A crash in between
 * leaves a journal that is not valid and is ignored, or a valid one that the next start writes out, if need be again.
 */

export async function writeJournal(rows: KvRows, mutations: readonly Mutation[]): Promise<void> {
  const bytes = encode(mutations);
  const parts: Mutation[] = [];
  for (let start = 0; start < bytes.length; start += LARGEST_ROW_BYTES) {
    parts.push(sealed(journalPartKey(parts.length), bytes.subarray(start, start + LARGEST_ROW_BYTES)));
  }
  const writer = new ByteWriter();
  writeNumber(writer, parts.length);
  await rows.writeCut(parts);
  await rows.write([sealed(JOURNAL_KEY, written(writer))]);
  await writeOut(rows, mutations, parts.length);
}

/** Writes out a valid journal after a crash. */
export async function recoverJournal(rows: KvRows): Promise<void> {
  const valid = await rows.get(JOURNAL_KEY);
  const parts: Uint8Array[] = [];
  for await (const { bytes } of rows.list({ prefix: JOURNAL_KEY }, { batchSize: 8 })) parts.push(bytes);
  if (valid === undefined) {
    await rows.writeCut(parts.map((_, index) => deleted(journalPartKey(index))));
    return;
  }
  const mutations = rows.decode(JOURNAL_KEY, () => {
    const count = readNumber(readerOf(valid));
    if (count > parts.length) throw new RangeError("Cannot read a journal: it has lost a part");
    return decode(parts.slice(0, count));
  });
  await writeOut(rows, mutations, parts.length);
}

/** Writes out a journal, which stays valid until all is written and is invalid before its first part is deleted. */
async function writeOut(rows: KvRows, mutations: readonly Mutation[], parts: number): Promise<void> {
  await rows.writeCut(mutations);
  const garbage = [deleted(JOURNAL_KEY)];
  for (let index = 0; index < parts; index++) garbage.push(deleted(journalPartKey(index)));
  await rows.writeCut(garbage);
}

function encode(mutations: readonly Mutation[]): Uint8Array {
  const writer = new ByteWriter(LARGEST_ROW_BYTES, true);
  for (const { key, value } of mutations) {
    writeText(writer, JSON.stringify(key));
    writeNumber(writer, value === undefined ? 0 : value.length + 1);
    if (value !== undefined) writer.raw(value);
  }
  return written(writer);
}

function decode(parts: readonly Uint8Array[]): Mutation[] {
  const writer = new ByteWriter(LARGEST_ROW_BYTES, true);
  for (const part of parts) writer.raw(part);
  const reader = readerOf(written(writer));
  const mutations: Mutation[] = [];
  while (reader.remaining > 0) {
    const key = JSON.parse(readText(reader)) as Key; // Encoded above, and the checksums matched.
    const length = readNumber(reader);
    mutations.push({ key, value: length === 0 ? undefined : reader.view(length - 1, "A value") });
  }
  return mutations;
}
