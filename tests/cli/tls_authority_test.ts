/** Certificates of clients, where the program listens. */

import { assertEquals } from "@std/assert";
import { authority, certificatePath, identity } from "../certificates/certificates.ts";
import { programTests } from "../interop/interop_tests.ts";
import { OpensslSession } from "../transport/openssl_session.ts";
import { ConfigurationFolder } from "./config/written_file.ts";
import { ProgramInProcess } from "./program_in_process.ts";

const CONNECT = String.fromCharCode(16, 12, 0, 4, 77, 81, 84, 84, 4, 2, 0, 60, 0, 0);
const CONNACK = String.fromCharCode(32, 2, 0, 0);
const UPGRADE = "GET /mqtt HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n" +
  "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Protocol: mqtt\r\n\r\n";

programTests(["openssl"])(
  "Each listener verifies certificates by its own authority, in resumed sessions too, and by another one after SIGHUP",
  async () => {
    using folder = new ConfigurationFolder();
    const path = folder.write("authority.pem", authority());
    const foreign = certificatePath("client_foreign.pem"); // It has signed nothing that tests use.
    const yaml = `tls: { certificate: ${certificatePath("server.pem")}, key: ${certificatePath("server.key")} }
listeners:
${
      [["mqtts", path], ["wss", path], ["wss", foreign]].map(([scheme, file]) => `
  - url: ${scheme}://127.0.0.1:0
    tls: { certificate: ${certificatePath("server.pem")}, key: ${
        certificatePath("server.key")
      }, authority: ${file}, requireCertificate: true }`)
        .join("")
    }
`;
    await using program = new ProgramInProcess(["--config", folder.write("a.yaml", yaml)]);
    const lines = await program.stderr.matching(/.*listening on /, 3, 15_000);
    const [mqtts = 0, wss = 0, other = 0] = lines.map((line) => Number(/127\.0\.0\.1:(\d+)/.exec(line)?.[1]));
    await using session = await OpensslSession.open("1.2", "client");
    const connect = () => session.connect(mqtts, CONNECT, CONNACK);
    assertEquals(await connect(), "new, echo");
    assertEquals(await session.connect(wss, UPGRADE, " 101 "), "reused, echo");
    assertEquals(await session.connect(other, UPGRADE, " 101 "), "reused, closed");
    await program.stderr.matching(/refused: the client certificate does not lead to the authority/);

    folder.write("authority.pem", "nothing");
    program.kill("SIGHUP");
    await program.stderr.matching(
      /everything stays as it was: Cannot use the authority of clients "[^"]*": Cannot use/,
    );
    assertEquals(await connect(), "reused, echo");

    folder.write("authority.pem", identity("client_foreign").certificate);
    program.kill("SIGHUP");
    await program.stderr.matching(/were read again$/);
    assertEquals(await connect(), "reused, closed");
    session.forget();
    assertEquals(await connect(), "new, closed");
    await using another = await OpensslSession.open("1.2", "client_foreign");
    assertEquals(await another.connect(mqtts, CONNECT, CONNACK), "new, echo");
  },
);
