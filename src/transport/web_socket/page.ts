/** A page, and the policy that allows its own script and no other. */
export interface ConnectTestPage {
  readonly body: string;
  readonly contentSecurityPolicy: string;
}

/** Page for a browser that opens the endpoint: says what it is, and tests a connection to it. */
export function connectTestPage(nonce: string): ConnectTestPage {
  return {
    body: PAGE.replaceAll("NONCE", nonce),
    contentSecurityPolicy: `default-src 'none'; script-src 'nonce-${nonce}'; style-src 'nonce-${nonce}'; ` +
      "connect-src 'self' ws: wss:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  };
}

const PAGE = `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>MQTT over WebSocket</title>
<style nonce="NONCE">body { font: 1rem/1.5 system-ui, sans-serif; max-width: 42rem; margin: 2rem auto; padding: 0 1rem }
pre { background: #f3f3f3; padding: 0.75rem; overflow-x: auto }</style>
<h1>MQTT over WebSocket</h1>
<p>This address is not a page but an MQTT broker. MQTT clients connect to it with WebSocket and the subprotocol
<code>mqtt</code>. Clients of Socket.IO speak another protocol and cannot connect.</p>
<pre id="example"></pre>
<p><button id="connect">Connect test</button> <output id="result"></output></p>
<script nonce="NONCE">
const url = location.href.replace(/^http/, "ws").replace(/#.*/, "");
const show = (text) => document.getElementById("result").textContent = text;
document.getElementById("example").textContent =
  'const socket = new WebSocket("' + url + '", "mqtt");\\nsocket.binaryType = "arraybuffer";';
document.getElementById("connect").onclick = () => {
  show("connecting ...");
  const socket = new WebSocket(url, "mqtt");
  socket.binaryType = "arraybuffer";
  // CONNECT of MQTT 3.1.1: Clean Session, Keep Alive 60, an empty client identifier.
  socket.onopen = () => socket.send(new Uint8Array([16, 12, 0, 4, 77, 81, 84, 84, 4, 2, 0, 60, 0, 0]));
  socket.onmessage = ({ data }) => {
    const code = new Uint8Array(data)[3];
    show(code === 0 ? "connected: CONNACK 0" : "the broker answers, but lets nobody in like this: CONNACK " + code);
    socket.onclose = null;
    if (code === 0) socket.send(new Uint8Array([224, 0]));
    socket.close();
  };
  socket.onclose = ({ code, reason }) => show("not connected: close code " + code + " " + reason);
};
</script>
</html>
`;
