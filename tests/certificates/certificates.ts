/** What a client or a server shows of itself, in PEM. */
export interface Identity {
  readonly certificate: string;
  readonly key: string;
}

export type IdentityName =
  | "server"
  | "server_renewed"
  | "client"
  | "client_utf8"
  | "client_without_name"
  | "client_control_character"
  | "client_expired"
  | "client_foreign"
  | "client_wrong_usage";

/** Path of a file in this directory, for other programs. */
export function certificatePath(name: string): string {
  return new URL(name, import.meta.url).pathname;
}

export function identity(name: IdentityName): Identity {
  return { certificate: read(`${name}.pem`), key: read(`${name}.key`) };
}

/** The root that tests trust. */
export function authority(): string {
  return read("authority.pem");
}

function read(name: string): string {
  return Deno.readTextFileSync(certificatePath(name));
}
