import { type AccessAttributes, type Grant, GRANT_ACCESS } from "../../protocol/access.ts";
import { FieldError, JsonFields, textOf } from "./json_fields.ts";

/** Access attributes of a client in JSON. */

/**
 * Access attributes without the Client Identifier, which is stored elsewhere, and without other fields of the object.
 */
export function plainTraits(traits: AccessAttributes | undefined): AccessAttributes | undefined {
  if (traits === undefined) return undefined;
  const { principal, roles, grants, listener } = traits;
  return { principal, roles, grants, listener };
}

/** Reads access attributes; throws {@linkcode FieldError} for anything else. */
export function readTraits(outer: JsonFields, name: string): AccessAttributes {
  const fields = new JsonFields(outer.take(name), outer.path(name));
  const traits: AccessAttributes = {
    principal: fields.optional("principal", (name) => fields.text(name)),
    roles: fields.list("roles", textOf),
    grants: fields.list("grants", readGrant),
    listener: fields.optional("listener", (name) => fields.text(name)),
  };
  fields.end();
  return traits;
}

function readGrant(value: unknown, path: string): Grant {
  const fields = new JsonFields(value, path);
  const access = fields.take("access");
  const known = GRANT_ACCESS.find((name) => name === access);
  if (known === undefined) throw new FieldError(fields.path("access"), "read, write, readwrite or deny");
  const grant: Grant = { access: known, topicFilter: fields.text("topicFilter") };
  fields.end();
  return grant;
}
