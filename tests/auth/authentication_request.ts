import type { AuthenticationRequest } from "../../src/auth/mod.ts";
import { NO_PROPERTIES } from "../../src/codec/mod.ts";

/** Request of a client, as an authenticator gets it. */
export interface Said {
  readonly userName?: string;
  readonly password?: string | Uint8Array;
  readonly clientId?: string;
  readonly address?: string;
  readonly certificateName?: string;
  readonly certificateSubject?: string;
}

/** A request to an authenticator. */
export function authenticationRequest(
  { userName, password, clientId = "c", address = "192.0.2.1:4711", certificateName, certificateSubject }: Said,
): AuthenticationRequest {
  return {
    connect: {
      type: "connect",
      protocolVersion: 5,
      isBridge: false,
      cleanStart: true,
      keepAliveSeconds: 0,
      clientId,
      will: undefined,
      userName,
      password: typeof password === "string" ? new TextEncoder().encode(password) : password,
      properties: NO_PROPERTIES,
    },
    clientId,
    address,
    listener: "mqtt://127.0.0.1:1883",
    certificateName,
    certificateSubject,
    request: undefined,
  };
}
