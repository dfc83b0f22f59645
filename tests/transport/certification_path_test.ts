import { assertEquals } from "@std/assert";
import { X509Certificate } from "node:crypto";
import { isPathValid } from "../../src/transport/tls/certification_path.ts";
import { programTests } from "../interop/interop_tests.ts";
import { OpensslAuthority } from "./openssl_authority.ts";

const AUTHORITY = "basicConstraints=critical,CA:TRUE";
const CLIENT = "basicConstraints=critical,CA:FALSE\nextendedKeyUsage=clientAuth";

/** A chain of certificates, each signed by the one before it, and what is said of the last one. */
interface Row {
  readonly name: string;
  /** Algorithm of the root. @default "P-256" */
  readonly algorithm?: string;
  readonly between?: readonly { readonly extensions: string; readonly days?: number }[];
  readonly client?: string;
  readonly signing?: readonly string[];
  /** What the list of authorities holds. @default the root */
  readonly authorities?: "between" | "client" | "foreign";
  readonly isValid: boolean;
}

const ROWS: readonly Row[] = [
  { name: "signed by the root with P-256", isValid: true },
  { name: "signed by the root with P-384", algorithm: "P-384", isValid: true },
  { name: "signed by the root with RSA", algorithm: "RSA-2048", isValid: true },
  { name: "signed by the root with Ed25519", algorithm: "ED25519", isValid: true },
  { name: "of any use", client: "basicConstraints=CA:FALSE", isValid: true },
  { name: "without a word about its use", client: "subjectKeyIdentifier=hash", isValid: true },
  { name: "by one between", between: [{ extensions: AUTHORITY }], isValid: true },
  { name: "by two between", between: [{ extensions: AUTHORITY }, { extensions: AUTHORITY }], isValid: true },
  {
    name: "by one between that is an authority here",
    between: [{ extensions: AUTHORITY }],
    authorities: "between",
    isValid: true,
  },
  { name: "that is an authority itself", authorities: "client", isValid: true },
  { name: "by one that leaves no room between", between: [{ extensions: `${AUTHORITY},pathlen:0` }], isValid: true },
  { name: "for servers", client: "extendedKeyUsage=serverAuth", isValid: false },
  { name: "of an authority", client: AUTHORITY, isValid: false },
  { name: "of another authority", authorities: "foreign", isValid: false },
  { name: "with SHA-1", signing: ["-sha1"], isValid: false },
  { name: "by a key of RSA that is too short", algorithm: "RSA-1024", isValid: false },
  { name: "by one that is no authority", between: [{ extensions: CLIENT }], isValid: false },
  { name: "by one that may not sign", between: [{ extensions: `${AUTHORITY}\nkeyUsage=cRLSign` }], isValid: false },
  { name: "by one between that has expired", between: [{ extensions: AUTHORITY, days: -1 }], isValid: false },
  {
    name: "by one between that is for servers",
    between: [{ extensions: `${AUTHORITY}\nextendedKeyUsage=serverAuth` }],
    isValid: false,
  },
  {
    name: "by two, where there is room for one",
    between: [{ extensions: `${AUTHORITY},pathlen:0` }, { extensions: AUTHORITY }],
    isValid: false,
  },
  {
    name: "with constraints of names, which are not verified here",
    between: [{ extensions: `${AUTHORITY}\nnameConstraints=permitted;DNS:example.com` }],
    isValid: false,
  },
  { name: "with a critical extension that nobody knows", client: "1.2.3.4=critical,ASN1:NULL", isValid: false },
];

programTests(["openssl"])("isPathValid() verifies a certificate of a client as a handshake does", async () => {
  await using openssl = await OpensslAuthority.open();
  await openssl.root("foreign", "P-256");
  for (const { name, algorithm = "P-256", between = [], client = CLIENT, signing, authorities, isValid } of ROWS) {
    const root = await openssl.root(`root ${algorithm}`, algorithm);
    let issuer = root;
    for (const [index, { extensions, days }] of between.entries()) {
      await openssl.certificate(`between ${index}`, issuer, extensions, { days });
      issuer = `between ${index}`;
    }
    await openssl.certificate("client", issuer, client, { signing });
    const read = (file: string) => new X509Certificate(openssl.pem(file));
    const sent = between.map((_, index) => read(`between ${index}`));
    const known = authorities === "between" ? sent : [read(authorities ?? root)];
    assertEquals(isPathValid(read("client"), sent, known, Date.now()), isValid, name);
    assertEquals(
      isPathValid(read("client"), sent.toReversed(), [...known, read("foreign")], Date.now()),
      isValid,
      name,
    );
  }
});
