import type { ByteReader } from "../../codec/byte_reader.ts";
import type { ByteWriter } from "../../codec/byte_writer.ts";
import { type AccessAttributes, type Grant, GRANT_ACCESS } from "../../protocol/access.ts";
import { readNumber, readText, writeNumber, writeText } from "./record_fields.ts";

/** Access attributes of a client as a record: of the publisher of a retained message, or of the owner of a Will. */

const HAS_PRINCIPAL = 0x01;
const HAS_LISTENER = 0x02;
const MOST_REMEMBERED = 1024;

export function writeTraits(writer: ByteWriter, { principal, roles, grants, listener }: AccessAttributes): void {
  writer.byte((principal === undefined ? 0 : HAS_PRINCIPAL) | (listener === undefined ? 0 : HAS_LISTENER));
  if (principal !== undefined) writeText(writer, principal);
  if (listener !== undefined) writeText(writer, listener);
  writeNumber(writer, roles.length);
  for (const role of roles) writeText(writer, role);
  writeNumber(writer, grants.length);
  for (const { access, topicFilter } of grants) {
    writer.byte(GRANT_ACCESS.indexOf(access));
    writeText(writer, topicFilter);
  }
}

/** Reads access attributes; publishers with equal attributes, as most messages have, share one object. */
export class TraitsReader {
  readonly #known = new Map<string, AccessAttributes>();

  read(reader: ByteReader): AccessAttributes {
    const traits = readTraits(reader);
    const key = JSON.stringify(traits);
    const known = this.#known.get(key);
    if (known !== undefined) return known;
    if (this.#known.size >= MOST_REMEMBERED) this.#known.clear();
    this.#known.set(key, traits);
    return traits;
  }
}

function readTraits(reader: ByteReader): AccessAttributes {
  const flags = reader.byte("Flags");
  const principal = (flags & HAS_PRINCIPAL) === 0 ? undefined : readText(reader);
  const listener = (flags & HAS_LISTENER) === 0 ? undefined : readText(reader);
  const roles = readList(reader, readText);
  const grants = readList(reader, readGrant);
  return { principal, roles, grants, listener };
}

/** Reads a list. A cut record ends it: each item takes at least a byte. */
function readList<Item>(reader: ByteReader, read: (reader: ByteReader) => Item): Item[] {
  const items: Item[] = [];
  for (let left = readNumber(reader); left > 0; left--) items.push(read(reader));
  return items;
}

function readGrant(reader: ByteReader): Grant {
  const access = GRANT_ACCESS[reader.byte("Access")];
  if (access === undefined) throw new RangeError("Cannot read a right: it is none");
  return { access, topicFilter: readText(reader) };
}
