import { assertEquals } from "@std/assert";
import { ConfigurationFolder } from "./written_file.ts";

/** What stands behind a listener, in YAML, and all that is wrong with it. */
interface Row {
  readonly name: string;
  readonly yaml: string;
  readonly complaints: readonly string[];
}

const LOCAL = "listeners: [{ url: 'mqtt://127.0.0.1:0' }]\n";
const HASH = `$7$1$c2FsdA==$${new Uint8Array(64).toBase64()}`;
const ONE_OF_KEYS =
  'a.yaml:2:24: "authentication.jwt" needs one of "secret", "publicKeyFile", "jwksFile" and "jwksUrl"';
const TOGETHER = 'a.yaml:2:24: "authentication.jwt" needs "publicKeyFile" and "algorithm" together, or neither';

const ROWS: readonly Row[] = [
  {
    name: "a plain password",
    yaml: "authentication: { users: [{ name: ann, passwordHash: secret }] }\n",
    complaints: ['a.yaml:2:54: "authentication.users[0].passwordHash" is not a hash: "brooklet passwd -n" makes one'],
  },
  {
    name: "a plain password under another name",
    yaml: "authentication: { users: [{ name: ann, password: secret }] }\n",
    complaints: [
      'a.yaml:2:27: "authentication.users[0].passwordHash" is missing',
      'a.yaml:2:40: Unknown key "authentication.users[0].password": did you mean "passwordHash"?',
    ],
  },
  {
    name: "a user that is there twice, and one without a name",
    yaml: `authentication:
  users: [{ name: a, passwordHash: ${HASH} }, { name: a, passwordHash: ${HASH} }, { name: "", passwordHash: ${HASH} }]
`,
    complaints: [
      'a.yaml:3:281: "authentication.users[2].name" is empty',
      'a.yaml:3:150: "authentication.users[1].name" is there twice',
    ],
  },
  {
    name: "what was printed in place of secrets",
    yaml: `authentication:
  users: [{ name: ann, passwordHash: (hidden) }]
  jwt: { secret: (hidden) }
  webhook: { url: "https://(hidden)@a/?(hidden)", headers: { Authorization: (hidden) } }
`,
    complaints: [
      'a.yaml:3:38: "authentication.users[0].passwordHash"',
      'a.yaml:4:18: "authentication.jwt.secret"',
      'a.yaml:5:19: "authentication.webhook.url"',
      'a.yaml:5:77: "authentication.webhook.headers.Authorization"',
    ].map((place) =>
      `${place} has "(hidden)", which --print-config prints in place of a secret: write the secret itself`
    ),
  },
  {
    name: "a secret for tokens that is too short",
    yaml: "authentication: { jwt: { secret: short } }\n",
    complaints: [
      'a.yaml:2:34: "authentication.jwt.secret" has less than 32 bytes: "openssl rand -hex 32" makes a secret',
    ],
  },
  {
    name: "a token with two kinds of keys",
    yaml: "authentication: { jwt: { jwksUrl: 'https://a/', jwksFile: b } }\n",
    complaints: [ONE_OF_KEYS],
  },
  { name: "a token without keys", yaml: "authentication: { jwt: {} }\n", complaints: [ONE_OF_KEYS] },
  {
    name: "a public key without its algorithm",
    yaml: "authentication: { jwt: { publicKeyFile: a } }\n",
    complaints: [TOGETHER],
  },
  {
    name: "an algorithm without a public key",
    yaml: "authentication: { jwt: { jwksFile: a, algorithm: ES256 } }\n",
    complaints: [TOGETHER],
  },
  {
    name: "algorithms that public keys are not for",
    yaml: "authentication: { jwt: { publicKeyFile: a, algorithm: none } }\n",
    complaints: ['a.yaml:2:55: "authentication.jwt.algorithm" is not "RS256", "ES256" or "EdDSA"'],
  },
  {
    name: "nobody who may sign tokens, and nobody they are for",
    yaml: "authentication: { jwt: { jwksFile: a, issuer: [], audience: [''], claims: { roles: '' } } }\n",
    complaints: [
      'a.yaml:2:47: "authentication.jwt.issuer" is empty',
      'a.yaml:2:62: "authentication.jwt.audience[0]" is empty',
      'a.yaml:2:84: "authentication.jwt.claims.roles" is empty',
    ],
  },
  {
    name: "servers that are not asked with HTTP",
    yaml: "authentication: { jwt: { jwksUrl: 'ftp://a/' }, webhook: { url: nowhere } }\n",
    complaints: [
      'a.yaml:2:35: "authentication.jwt.jwksUrl" is not a URL such as https://example.com/',
      'a.yaml:2:65: "authentication.webhook.url" is not a URL such as https://example.com/',
    ],
  },
  {
    name: "a webhook with what is no header, and with a time that no timer can wait for",
    yaml: `authentication:
  webhook: { url: "https://a/", headers: { "X Y": a, X: "a\\nb" }, timeoutMs: 2147483648 }
`,
    complaints: [
      'a.yaml:3:51: "authentication.webhook.headers.X Y" is not a header of HTTP',
      'a.yaml:3:57: "authentication.webhook.headers.X" is not a header of HTTP',
      'a.yaml:3:78: "authentication.webhook.timeoutMs" is more than 2147483647',
    ],
  },
  {
    name: "a rule with a topic and a pattern, and one without any",
    yaml: "access:\n  everyone: [{ access: read, topic: a, pattern: b }, { access: deny }]\n",
    complaints: [
      'a.yaml:3:14: "access.everyone[0]" needs either "topic" or "pattern"',
      'a.yaml:3:54: "access.everyone[1]" needs either "topic" or "pattern"',
    ],
  },
  {
    name: "rules about what is no Topic Filter",
    yaml: "access:\n  everyone: [{ access: read, topic: 'a#' }, { access: deny, pattern: 'a/%c/#/b' }]\n",
    complaints: [
      'a.yaml:3:37: "access.everyone[0].topic" is not a Topic Filter',
      'a.yaml:3:70: "access.everyone[1].pattern" is not a Topic Filter',
    ],
  },
  {
    name: "names in a topic that is no pattern",
    yaml: "access: { everyone: [{ access: deny, topic: 'a/%u/#' }] }\n",
    complaints: ['a.yaml:2:45: "access.everyone[0].topic" has %c or %u, which stand for names in "pattern" alone'],
  },
  {
    name: "a word that is no access",
    yaml: "access: { everyone: [{ access: all, topic: a }] }\n",
    complaints: ['a.yaml:2:32: "access.everyone[0].access" is not "read", "write", "readwrite" or "deny"'],
  },
  {
    name: "roles that are not there",
    yaml: `access:
  users: [{ name: ann, roles: [bos, xylophone] }]
  groups: [{ name: a, users: [ann], roles: [bos] }]
  roles: [{ name: boss }]
`,
    complaints: [
      'a.yaml:3:32: "access.users[0].roles[0]" is not one of the roles: did you mean "boss"?',
      'a.yaml:3:37: "access.users[0].roles[1]" is not one of the roles: there is boss',
      'a.yaml:4:45: "access.groups[0].roles[0]" is not one of the roles: did you mean "boss"?',
    ],
  },
  {
    name: "a role where there are none",
    yaml: "access: { users: [{ name: ann, roles: [boss] }] }\n",
    complaints: ['a.yaml:2:40: "access.users[0].roles[0]" is not one of the roles: there is none'],
  },
  {
    name: "names that are there twice",
    yaml: `access:
  users: [{ name: a }, { name: a }]
  groups: [{ name: a, users: [] }, { name: a, users: [] }]
  roles: [{ name: a }, { name: a }]
`,
    complaints: [
      'a.yaml:3:32: "access.users[1].name" is there twice',
      'a.yaml:4:44: "access.groups[1].name" is there twice',
      'a.yaml:5:32: "access.roles[1].name" is there twice',
    ],
  },
  {
    name: "rules beside an ACL file",
    yaml: "access:\n  file: acl\n  everyone: [{ access: read, topic: a }]\n",
    complaints: ['a.yaml:3:3: "access" has "file" and rules, which do not go together'],
  },
];

for (const { name, yaml, complaints } of ROWS) {
  Deno.test(`a configuration in YAML with ${name} is told as it is`, () => {
    using folder = new ConfigurationFolder();
    assertEquals(folder.complaints("a.yaml", LOCAL + yaml), [...complaints]);
  });
}
