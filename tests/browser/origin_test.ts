import { assertEquals } from "@std/assert";
import { RouteApp } from "../broker/route_app.ts";
import { CONNACK, connect } from "../interop/raw_client.ts";
import { browserTests, PageApp } from "./chromium.ts";
import { openWebSocket } from "./page_web_socket.ts";

const browserTest = browserTests();
const NOT_ALLOWED =
  "the origin is not allowed, as the request has cookies, which a browser sends to all ports of their host";

interface Row {
  readonly name: string;
  /** Where the page is that connects; cookies know hosts but no ports. */
  readonly page: "the app" | "another port" | "another host";
  /** Puts the origin of that page on the list. */
  readonly isListed?: boolean;
  /** The cookie that the authenticator sees; `undefined` when the page is refused before. */
  readonly cookie: string | undefined;
}

const ROWS: readonly Row[] = [
  { name: "the page of the app with its cookie is let in", page: "the app", cookie: "session=ann" },
  { name: "a page of another origin with the cookie is refused", page: "another port", cookie: undefined },
  {
    name: "a page of another origin on the list is let in with the cookie",
    page: "another port",
    isListed: true,
    cookie: "session=ann",
  },
  { name: "a page of another site has no cookie, and is let in without", page: "another host", cookie: "" },
];

for (const { name, page: where, isListed = false, cookie } of ROWS) {
  browserTest(`${name} [RFC 6455, 10.2]`, async (chromium) => {
    await using pages = new PageApp();
    const hostname = where === "another host" ? "localhost" : "127.0.0.1";
    const cookies: string[] = [];
    const authenticator = {
      authenticate({ request }: { readonly request: { readonly headers: Headers } | undefined }) {
        cookies.push(request?.headers.get("cookie") ?? "");
        return { isAccepted: true } as const;
      },
    };
    await using app = await RouteApp.start({
      broker: { authenticator },
      handlerOf: (broker) => (request, { remoteAddr }) => {
        if (new URL(request.url).pathname === "/mqtt") {
          return broker.upgrade(request, { remoteAddr, ...isListed && { origins: [pages.origin(hostname)] } });
        }
        return new Response("logged in", {
          headers: { "set-cookie": "session=ann; HttpOnly; SameSite=Strict; Path=/" },
        });
      },
    });
    const page = await chromium.tab();
    await page.goto(`http://127.0.0.1:${app.port}/`);
    if (where !== "the app") await page.goto(pages.url(hostname));
    const message = { hex: connect({ clientId: "page" }) };
    const { answer } = await openWebSocket(page, `ws://127.0.0.1:${app.port}/mqtt`, "mqtt", message);
    assertEquals(answer, cookie === undefined ? undefined : CONNACK.replaceAll(" ", ""));
    assertEquals(cookies, cookie === undefined ? [] : [cookie]);
    const refusals = app.events.flatMap((event) => event.kind === "connectionRefused" ? [event.reason] : []);
    assertEquals(refusals, cookie === undefined ? [NOT_ALLOWED] : []);
  });
}
