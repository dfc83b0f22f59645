import { certificatePath } from "../certificates/certificates.ts";

/** The root that signed what the broker shows; clients trust it and no other. */
export const AUTHORITY = certificatePath("authority.pem");

/** Options of the program for one listener of each kind, each at a port that the system picks. */
export const TLS = [
  ...["--cert", certificatePath("server.pem"), "--key", certificatePath("server.key")],
  ...["--listen", "mqtts://127.0.0.1:0"],
] as const;
export const WEB_SOCKET = ["--listen", "ws://127.0.0.1:0"] as const;
export const SECURE_WEB_SOCKET = [...TLS, "--listen", "wss://127.0.0.1:0"] as const;

/** What asks clients for a certificate, and lets nobody in without one. */
export const ASK_FOR_CERTIFICATE = ["--cafile", AUTHORITY] as const;
export const REQUIRE_CERTIFICATE = [...ASK_FOR_CERTIFICATE, "--require-certificate"] as const;
